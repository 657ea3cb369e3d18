//! Comparing records: what changed between two cells that were scored on the same notes, and how sure that is.
//!
//! Everything is computed from the records and their rows by note; nothing here trains or scores.

mod bootstrap;
mod pairing;

pub use bootstrap::{Change, RESAMPLES};

use crate::record::{Record, Reported};
use pairing::pairs;

/// Why two records cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A record without scores.
    #[error("{cell} has no scores: run it to its end first")]
    NotScored {
        /// Which record.
        cell: String,
    },
    /// A record without its rows by note.
    #[error(
        "the per-note rows of {cell} are not here, so that there is no interval: they are private and lie in the results directory in which the cell was run"
    )]
    NoRows {
        /// Which record.
        cell: String,
    },
    /// A record names one note twice, so that its notes cannot be paired.
    #[error("{cell} has note {note} more than once: the record is damaged; delete it and run the cell again")]
    RepeatedNote {
        /// Which record.
        cell: String,
        /// The note's salted hash.
        note: String,
    },
    /// The two were scored on different notes.
    #[error(
        "{first} ({first_notes} notes) and {second} ({second_notes} notes) were scored on different notes: {shared} are in both. Only records of the same evaluation notes can be paired; records of credentialed data must also come from one results directory, as its salt names the notes"
    )]
    DifferentNotes {
        /// One record.
        first: String,
        /// Its notes.
        first_notes: usize,
        /// The other record.
        second: String,
        /// Its notes.
        second_notes: usize,
        /// Notes in both.
        shared: usize,
    },
    /// The two were scored against different codes.
    #[error(
        "{first} and {second} were scored against different codes: note {note} has {first_gold} gold codes in one and {second_gold} in the other. Compare records of one label set"
    )]
    DifferentCodes {
        /// One record.
        first: String,
        /// The other record.
        second: String,
        /// The note's salted hash.
        note: String,
        /// Its gold codes in the one.
        first_gold: u32,
        /// Its gold codes in the other.
        second_gold: u32,
    },
}

/// The change of micro-F1 from one record to another, with its interval from a paired bootstrap over the
/// evaluation notes: see [`Change`].
///
/// # Errors
/// When a record has no scores or its rows are not here, or the two were not scored on the same notes and codes.
pub fn micro_f1_change(from: &Reported, to: &Reported) -> Result<Change, Error> {
    Ok(bootstrap::change(&pairs(from, to)?))
}

/// How far a record's micro-F1 lies above that of the frequency prior: the predictor that gives every note the
/// codes' training frequencies. A plain difference: records hold no counts of the prior by note to resample.
/// `None` where the record lacks either score.
pub fn margin_over_prior(record: &Record) -> Option<f64> {
    let outcome = record.outcome.as_ref()?;
    Some(outcome.scores.get(MICRO_F1)? - outcome.prior_scores.get(MICRO_F1)?)
}

/// The metric's name in the records.
pub const MICRO_F1: &str = "micro-f1";
