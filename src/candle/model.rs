//! What all models do.

use candle_core::{Result, Tensor};

use super::inputs::Notes;
use super::pass::Pass;

/// A model with its weights.
pub trait Model {
    /// Logits `[note, code]`. A note's do not depend on the others.
    fn logits(&self, notes: &Notes, pass: &Pass) -> Result<Tensor>;

    /// What training makes small, from 1 where a note has the code, `[note, code]`.
    fn loss(&self, notes: &Notes, targets: &Tensor, pass: &Pass) -> Result<Tensor> {
        cross_entropy(&self.logits(notes, pass)?, targets)
    }
}

/// Binary cross-entropy of logits, averaged over notes and codes.
pub fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    // max(x, 0) - x t + ln(1 + exp(-|x|)) does not overflow.
    let tail = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    ((logits.relu()? - (logits * targets)?)? + tail)?.mean_all()
}
