//! Word vectors trained here: word2vec (Mikolov et al. 2013) as gensim trains it, and StarSpace (Wu et al. 2018) in the mode of
//! BERT-XML, a note's words beside one of its codes.
//!
//! Both take one step after another, so that the result does not depend on threads: a second thread draws what the next steps
//! need while the first computes. Numbers are drawn by (seed, epoch, place) alone. Knows plain slices, no files and no notes.

mod corpus;
mod draws;
mod error;
mod huffman;
mod network;
mod progress;
mod sampling;
mod settings;
mod sigmoid;
mod starspace;
mod stepping;
mod table;
mod word2vec;

pub use corpus::{Corpus, Labels};
pub use draws::Draws;
pub use error::Error;
pub use huffman::Tree;
pub use network::{Drawn, Network};
pub use progress::{Listener, Progress};
pub use sampling::{Negatives, kept_up_to};
pub use settings::{Architecture, Loss, Sigmoid, Similarity, StarSpace, Word2Vec};
pub use starspace::{Batch, Space, starspace};
pub use word2vec::word2vec;
