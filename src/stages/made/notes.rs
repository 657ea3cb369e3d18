//! The notes, with their texts and without.

use serde::{Deserialize, Serialize};

use super::seen::Seen;
use crate::data::{Agreement, Corpus, Division, Dropped, LabelSet};

/// What later stages know of the notes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Notes {
    /// The codes, by column; those that a model predicts come first.
    pub codes: Vec<String>,
    /// Training notes that have the code, by column; 0 for codes of evaluation notes only.
    pub train_frequency: Vec<u32>,
    /// The code's title, by column, where the data set has one.
    pub titles: Vec<Option<String>>,
    /// Columns of each training note's gold codes.
    pub training_gold: Vec<Vec<u32>>,
    /// Of each validation note's.
    pub validation_gold: Vec<Vec<u32>>,
    /// Of each evaluation note's.
    pub evaluation_gold: Vec<Vec<u32>>,
    /// Salted hash of each evaluation note's identifier and of its patient's.
    pub evaluation_names: Vec<[String; 2]>,
    /// What the names were salted with, see [`Salt::fingerprint`](crate::results::salt::Salt::fingerprint).
    pub salt: String,
    /// How the roles go together, before any note was left out for its codes.
    pub agreement: Agreement,
    /// Notes left out because they have no code at all.
    pub without_codes: Dropped,
    /// Notes left out because no code of theirs is in the label set.
    pub outside_labels: Dropped,
    /// Evaluation notes of patients who have a training note, as the published list of the parts has it.
    pub of_training_patients: usize,
    /// What was left out or changed in reading, a sentence each.
    pub remarks: Vec<String>,
    /// The training and validation notes, for whoever scores what they made on others.
    pub seen: Seen,
}

impl Notes {
    /// How many columns a model predicts.
    pub fn fitted(&self) -> usize {
        self.train_frequency.partition_point(|&count| count > 0)
    }
}

/// The notes themselves, in memory only.
pub(in crate::stages) struct Texts {
    pub(in crate::stages) corpus: Corpus,
    pub(in crate::stages) division: Division,
    pub(in crate::stages) agreement: Agreement,
    pub(in crate::stages) labels: LabelSet,
}
