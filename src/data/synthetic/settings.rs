//! What a suite says about the synthetic data, and what it may say.

use serde::{Deserialize, Serialize};

/// Fewest notes that fill the three parts.
pub const FEWEST_NOTES: u32 = 30;
/// Most notes that the six-digit identifiers can name.
pub const MOST_NOTES: u32 = 999_999;
/// Longest median; the longest note has about seven times as many words.
pub const LONGEST_MEDIAN: u32 = 20_000;

/// What a suite says about the synthetic data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SyntheticSettings {
    /// Everything random follows from it.
    pub seed: u64,
    /// Notes in all three parts together, [`FEWEST_NOTES`] to [`MOST_NOTES`].
    pub notes: u32,
    /// Median length of a note in words; 1,600 is that of real discharge summaries, 60 makes quick tests. Notes are
    /// never shorter than the sentences that name their codes.
    pub median_words: u32,
}

/// Why synthetic data could not be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntheticError {
    /// Too few notes to fill three parts, or more than the identifiers can name.
    #[error("synthetic data: `notes` is {0}, expected {FEWEST_NOTES} to {MOST_NOTES}; change it in the suite")]
    Notes(u32),
    /// No words, or notes of an absurd length.
    #[error("synthetic data: `median-words` is {0}, expected 1 to {LONGEST_MEDIAN}; change it in the suite")]
    MedianWords(u32),
}

impl SyntheticSettings {
    /// Whether data can be generated from these settings.
    ///
    /// # Errors
    /// [`SyntheticError`] when the notes or the median length are out of range.
    pub fn validate(&self) -> Result<(), SyntheticError> {
        if !(FEWEST_NOTES..=MOST_NOTES).contains(&self.notes) {
            return Err(SyntheticError::Notes(self.notes));
        }
        if !(1..=LONGEST_MEDIAN).contains(&self.median_words) {
            return Err(SyntheticError::MedianWords(self.median_words));
        }
        Ok(())
    }
}
