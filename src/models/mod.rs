//! The models behind one trait, and the table of them.
//!
//! To add a model: write `src/models/<name>.rs` with a type that implements [`CodingModel`], then
//! name the file and the type below (one `mod` line, one line in the table). That alone gives it
//! TOML settings with precise errors, `icdbench list`, the contract tests and a row in every report.
//!
//! This file holds the table only and is left out of the code hash that a cell's key is made of
//! (the model's own file is in it): adding a model does not make the others run again.

pub mod batch;
pub mod bert;
pub mod blockwise;
pub mod coding_model;
pub mod cross_attention;
pub mod dropout;
pub mod evidence;
pub mod evidence_loss;
#[cfg(feature = "gpu")]
mod gpu;
pub mod gru;
pub mod initialise;
pub mod label_attention;
mod label_documents;
pub mod layers;
mod note_tokens;
pub mod ops;
pub mod parameters;
pub mod pretrained_encoder;
pub mod projected_attention;
mod settings;
pub mod shared_attention;
mod table;
pub mod word_vectors;
pub mod work;

pub mod bert_hier;
pub mod bert_trun;
pub mod bert_xml;
pub mod bigru_attention;
pub mod caml;
pub mod evidence_dictionary;
pub mod logistic_regression;
pub mod long_bert;
pub mod plm_icd;

pub use crate::device::Precision;
pub use batch::{Batch, Pass};
pub use coding_model::{CodingModel, Depth, Task, Tokens};
pub use initialise::Initialiser;
pub use pretrained_encoder::PretrainedEncoder;
pub use work::{NoteSize, Work};

table::models! {
    logistic_regression::LogisticRegression,
    caml::Caml,
    evidence_dictionary::EvidenceDictionary,
    bert_trun::BertTrun,
    bert_hier::BertHier,
    bert_xml::BertXml,
    long_bert::LongBert,
    plm_icd::PlmIcd,
    bigru_attention::BigruAttention,
}
