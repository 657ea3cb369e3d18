//! What is known by note: private, and never beside records.
//!
//! Rows and columns of the gold codes could be put together again from the sums by code in a record and the sums by
//! note here, so that whoever has both can tell which patient has which code. Records may be shown; these rows stay
//! in the `private` folder of the results directory, with the salt that names their notes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Record, Resamples};

/// One note's counts, the ranks of its gold codes, the gold codes and what was predicted for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NoteRow {
    /// Salted hash of the note's identifier.
    pub note: String,
    /// Salted hash of the patient's identifier: the cluster of a cluster bootstrap.
    pub patient: String,
    /// True positives.
    pub tp: u32,
    /// False positives.
    pub fp: u32,
    /// False negatives.
    #[serde(rename = "fn")]
    pub fn_: u32,
    /// Ranks (from 1) of the gold codes among all codes by score, ascending.
    pub gold_ranks: Vec<u32>,
    /// Columns of the gold codes, ascending; columns are those of the record's rows by code.
    pub gold: Vec<u32>,
    /// Columns of the codes predicted, ascending.
    pub predicted: Vec<u32>,
}

/// The file of one cell's rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NoteRows {
    /// [`super::SCHEMA_VERSION`] of the program that wrote the rows.
    pub schema: u32,
    /// The key of the cell's record.
    pub key: String,
    /// One row an evaluation note, in the order of the data set.
    pub notes: Vec<NoteRow>,
}

/// A record as reports and comparisons take it: with its rows by note where these are at hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Reported {
    /// With scores, or with the reason why there are none.
    pub record: Record,
    /// Its rows by note; absent where the private folder is not here, as with records that were handed on.
    pub notes: Option<Vec<NoteRow>>,
    /// Its metrics in the redraws of its notes, where they are at hand.
    pub resamples: Option<Resamples>,
    /// What two scored cells must have in common to stand in one table, in words that a reader is shown, such as
    /// `icdbench 0.1.0, data 1a2b3c`.
    pub made_by: String,
}
