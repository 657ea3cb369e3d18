//! How a training run tells how it goes on.

use serde::{Deserialize, Serialize};

use crate::record::EpochRow;

/// Told how a run goes on; decides when it stops.
pub trait Observer {
    /// A run starts, or goes on from a checkpoint at `step` of `steps`.
    fn started(&self, _step: u64, _steps: u64) {}
    /// An optimiser step is done.
    fn stepped(&self, _step: &StepReport) {}
    /// `done` of `all` notes are scored.
    fn scored(&self, _done: usize, _all: usize) {}
    /// An epoch of at most `epochs` is trained and validated.
    fn epoch(&self, _row: &EpochRow, _epochs: u32) {}
    /// A checkpoint is on disk.
    fn checkpointed(&self) {}
    /// A sentence for the user.
    fn notice(&self, _sentence: &str) {}
    /// Whether to checkpoint and end now.
    fn interrupted(&self) -> bool {
        false
    }
}

/// One optimiser step; of L-BFGS, one epoch of iterations.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct StepReport {
    /// From 1.
    pub epoch: u32,
    /// Steps done in all epochs.
    pub step: u64,
    /// Steps of all epochs.
    pub steps: u64,
    /// Notes that went through, each as often as it did: L-BFGS passes over all of them several times.
    pub notes: usize,
    /// Seconds of this step.
    pub seconds: f64,
    /// Mean loss of its notes before the step; of L-BFGS, after it.
    pub loss: f64,
}
