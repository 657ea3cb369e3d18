//! Numbers beyond which a record is not believed: whatever reads it may count up to them.

use super::Record;

/// Most epochs of a training.
pub const MOST_EPOCHS: u32 = 100_000;

/// Greatest sequence length.
pub const MOST_TOKENS: u32 = 1 << 20;

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
        let Some(outcome) = &self.outcome else { return Ok(()) };
        within("the best epoch", outcome.best_epoch, MOST_EPOCHS)?;
        for row in &outcome.epochs {
            within("the epoch", row.epoch, MOST_EPOCHS)?;
        }
        if !outcome.epochs.is_sorted_by(|a, b| a.epoch < b.epoch) {
            return Err("its epochs are not in order".into());
        }
        Ok(())
    }
}
