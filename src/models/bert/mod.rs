//! What the BERT models share: the encoder and its settings, sequences packed without padding, and
//! the heads' plumbing.

pub mod config;
pub mod depth;
pub mod encoder;
pub mod head;
pub mod input;
pub mod layer;
pub mod linear;
pub mod packing;
mod pretrained;

pub use config::EncoderConfig;
pub use depth::depth;
pub use encoder::Encoder;
pub use head::HeadConfig;
pub use input::{Input, Sequences};
pub use linear::{Linear, Norm};
pub use packing::{Gather, Layout, Packed};
