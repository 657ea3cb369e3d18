//! What the BERT models share: the encoder and its settings, notes as its input, and Ji et al.'s heads.

mod check;
pub mod config;
pub mod depth;
pub mod encoder;
pub mod head;
pub mod input;
mod pretrained;

pub use config::EncoderConfig;
pub use depth::depth;
pub use encoder::Encoder;
pub use head::HeadConfig;
pub use input::{Input, Sequences, tokens_of_sequences, with_specials};
pub use pretrained::blank;
