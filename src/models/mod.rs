//! The models behind one trait, and the table of them.
//!
//! To add a model: write `src/models/<name>.rs` with a type that implements [`CodingModel`], then
//! name the file and the type below (one `mod` line, one line in the table). That alone gives it
//! TOML settings with precise errors, `icdbench list`, the contract tests and a row in every report.
//!
//! This file holds the table only and is left out of the code hash that a cell's key is made of
//! (the model's own file is in it): adding a model does not make the others run again.

pub mod batch;
pub mod coding_model;
pub mod dropout;
pub mod gru;
pub mod initialise;
pub mod label_attention;
pub mod parameters;
mod table;

pub mod bigru_attention;
pub mod caml;
pub mod logistic_regression;

pub use batch::Batch;
pub use coding_model::{CodingModel, Task};
pub use initialise::Initialiser;

table::models! {
    logistic_regression::LogisticRegression,
    caml::Caml,
    bigru_attention::BigruAttention,
}
