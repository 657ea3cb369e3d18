//! From note text to token ids: normalising, vocabularies, WordPiece, byte-level BPE, word vectors, files of tokens and
//! the order in which notes are batched. Knows nothing of labels, models or tensors.
//!
//! Vocabularies, trained tokenizers and cached tokens all derive from note text. Keep them where the data
//! may be kept: they are under the same data use agreement.

mod artifact;
mod batches;
mod bpe;
mod bpe_files;
mod bpe_folder;
mod bpe_said;
mod companions;
mod encoding;
mod error;
mod files;
mod kind;
mod normalise;
mod offsets;
mod outside;
mod published;
mod saying;
mod specials;
mod store;
mod store_file;
mod tokenizer;
mod vectors;
mod vocabulary;
mod wordpiece;
mod wordpiece_files;
mod wordpiece_folder;
mod wordpiece_said;
mod wordpiece_training;
mod words;

pub use batches::{BatchSettings, evaluation_order, training_order};
pub use error::Error;
pub use files::{read_small, require_sha256, stand_in};
pub use kind::TokenizerKind;
pub use normalise::{NORMALISE_VERSION, Normalisation};
pub use offsets::LocatedToken;
pub use outside::words_outside;
pub use published::{Published, Said, published};
pub use store::TokenStore;
pub use tokenizer::{TextSettings, Tokenizer, TokenizerSettings};
pub use vectors::{VectorScale, WordVectors};
