//! How long notes are in a suite's tokens, and what a vocabulary lacks: for `data stats`.

use std::collections::HashSet;

use rayon::prelude::*;

use super::{Error, Stop, Workshop};
use crate::plan::Cell;
use crate::text::words_outside;

/// Words of the notes that a vocabulary lacks.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outside {
    /// Notes that were looked at.
    pub notes: usize,
    /// Words that are not in the vocabulary, a note on average, repeated ones counted.
    pub words_per_note: f64,
    /// Share of the notes that have such a word, 0 to 1.
    pub notes_with_some: f64,
}

impl Workshop<'_> {
    /// Tokens of every training, validation and evaluation note, in the way that a cell's run cuts them.
    ///
    /// # Errors
    /// The notes or the tokenizer cannot be had.
    pub fn token_lengths(&self, cell: &Cell) -> Result<[Vec<usize>; 3], Stop> {
        let tokens = self.tokens(cell)?;
        Ok([&tokens.training, &tokens.validation, &tokens.evaluation].map(|store| store.lengths()))
    }

    /// Words that a vocabulary lacks, over the notes of all roles.
    ///
    /// # Errors
    /// The notes cannot be had.
    pub fn words_outside(&self, vocabulary: &HashSet<String>, lowercase: bool) -> Result<Outside, Error> {
        let division = &self.texts()?.division;
        let notes: Vec<_> = [division.fit.notes(), &division.validation, &division.evaluation].concat();
        let counts = notes
            .par_iter()
            .map(|note| words_outside(&note.text, vocabulary, lowercase));
        let counts: Vec<usize> = counts.collect();
        let all = counts.len().max(1) as f64;
        Ok(Outside {
            notes: counts.len(),
            words_per_note: counts.iter().sum::<usize>() as f64 / all,
            notes_with_some: counts.iter().filter(|&&count| count > 0).count() as f64 / all,
        })
    }
}
