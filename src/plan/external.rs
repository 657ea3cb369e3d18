//! An external system, as a cell names it.

use crate::record::External;

/// The setting of the stage `scores` that names an external system; also what its records have for a model.
pub(super) const EXTERNAL: &str = External::SETTING;

/// An external system and the file of its predictions.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalSystem {
    /// What it is called.
    pub system: String,
    /// What is said of the data that it was trained on.
    pub trained_on: Option<String>,
    /// How many tokens of a note it reads at most.
    pub length: u32,
    /// Which of several runs of the system this is.
    pub seed: u64,
    /// What a score must be above, where that was given with the predictions.
    pub threshold: Option<f32>,
    /// SHA-256 of the file of predictions.
    pub predictions: String,
    /// SHA-256 of that of the validation notes, if there is one.
    pub validation: Option<String>,
}

impl ExternalSystem {
    /// What tables call it.
    pub fn run(&self) -> String {
        format!("{}{}", self.system, External::MARK)
    }
}
