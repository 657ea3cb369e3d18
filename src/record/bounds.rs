//! Numbers beyond which a record is not believed: whatever reads it may count up to them.

use super::limits::{MOST_EPOCHS, MOST_TOKENS};
use super::{Curves, PretrainingFacts, Record, Timings};

/// The quantiles of note lengths: 0 %, 1 %, ..., 100 %.
const QUANTILES: usize = 101;

impl Timings {
    fn check_numbers(&self) -> Result<(), String> {
        let mut numbers = vec![
            self.training_seconds,
            self.validation_seconds,
            self.evaluation_seconds,
            self.training_notes_per_second,
            self.training_tokens_per_second,
            self.evaluation_notes_per_second,
            self.evaluation_tokens_per_second,
        ];
        if let Some(pretraining) = &self.pretraining {
            numbers.extend([
                pretraining.training_seconds,
                pretraining.development_seconds,
                pretraining.sequences_per_second,
                pretraining.tokens_per_second,
            ]);
        }
        // More than any clock or machine comes to.
        match numbers.iter().find(|number| !(0.0..=1e15).contains(*number)) {
            None => Ok(()),
            Some(number) => Err(format!("it has a time or a rate of {number}: expected 0 to 1e15")),
        }
    }
}

impl PretrainingFacts {
    fn check_numbers(&self) -> Result<(), String> {
        if !self.looks.is_sorted_by(|a, b| a.step <= b.step) {
            return Err("its looks at the pretraining are not in order".into());
        }
        let shares = self
            .looks
            .iter()
            .flat_map(|look| [Some(look.mlm_accuracy), look.nsp_accuracy]);
        match shares.flatten().find(|share| !(0.0..=1.0).contains(share)) {
            None => Ok(()),
            Some(share) => Err(format!("its pretraining has an accuracy of {share}: expected 0 to 1")),
        }
    }
}

impl Record {
    /// The first number that no run of this program can have written.
    ///
    /// # Errors
    /// In words: which, and what was expected.
    pub(super) fn check_numbers(&self) -> Result<(), String> {
        let within = |what: &str, found: u32, most: u32| match (1..=most).contains(&found) {
            true => Ok(()),
            false => Err(format!("it has {what} {found}: expected 1 to {most}")),
        };
        within("the sequence length", self.cell.length, MOST_TOKENS)?;
        if let Some(timings) = &self.timings {
            timings.check_numbers()?;
        }
        let Some(outcome) = &self.outcome else { return Ok(()) };
        if let Some(share) = outcome
            .curves
            .iter()
            .flat_map(Curves::shares)
            .find(|share| !(0.0..=1.0).contains(share))
        {
            return Err(format!("a curve has the value {share}: expected 0 to 1"));
        }
        let quantiles = outcome.task.token_length_quantiles.len();
        // Nobody knows the tokens of a system that is not this program's.
        let expected_quantiles = if outcome.external.is_some() { 0 } else { QUANTILES };
        if quantiles != expected_quantiles {
            return Err(format!(
                "it has {quantiles} token-length-quantiles: expected {expected_quantiles}"
            ));
        }
        if outcome.external.is_none() {
            within("the best epoch", outcome.best_epoch, MOST_EPOCHS)?;
        }
        for row in &outcome.epochs {
            within("the epoch", row.epoch, MOST_EPOCHS)?;
        }
        if !outcome.epochs.is_sorted_by(|a, b| a.epoch < b.epoch) {
            return Err("its epochs are not in order".into());
        }
        outcome
            .pretraining
            .as_ref()
            .map_or(Ok(()), PretrainingFacts::check_numbers)
    }
}
