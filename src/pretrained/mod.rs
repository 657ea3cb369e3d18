//! Pretrained encoders from disk: a Hugging Face BERT or RoBERTa directory (`config.json`, the weights,
//! the vocabulary) as plain numbers under icdbench's own parameter names. Knows files and formats; models
//! get a [`PretrainedEncoder`](crate::models::PretrainedEncoder) and never see a file.

mod bert;
mod config;
mod error;
mod fault;
mod names;
mod pickle;
mod report;
mod stored;
mod torch;
mod vocabulary;
mod weights;
mod zip;

pub use bert::PretrainedBert;
pub use config::{Architecture, BertConfig};
pub use error::Error;
pub use report::LoadReport;
