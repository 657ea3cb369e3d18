//! What a training run is asked to do, what it gives back, and why it may not.

use std::path::Path;
use std::time::Duration;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::evaluation::Selection;
use super::others::Others;
use super::recipe::Recipe;
use super::score::Reading;
use crate::metrics;
use crate::models::{Model, ModelConfig, Task};
use crate::record::{EpochRow, Unfinished};
use crate::results::files;
use crate::text::TokenStore;

/// Greatest model for L-BFGS: it keeps many copies of all parameters, and Burn's CPU backend adds up
/// longer vectors in an order that depends on the threads.
pub(super) const LBFGS_PARAMETERS: u64 = 4_000_000;

/// Notes with their gold codes.
#[derive(Clone, Copy)]
pub struct Examples<'a> {
    /// Token ids of the notes.
    pub tokens: &'a TokenStore,
    /// Columns of each note's gold codes, in the order of `tokens`.
    pub gold: &'a [Vec<u32>],
}

/// One training run: what goes in, and where its files lie.
pub struct Fit<'a> {
    /// The model and its settings.
    pub model: &'a ModelConfig,
    /// What it is built for.
    pub task: &'a Task,
    /// How it is trained.
    pub recipe: &'a Recipe,
    /// What is looked at after each epoch.
    pub selection: &'a Selection,
    /// What is fitted on; never a held-out note.
    pub training: Examples<'a>,
    /// The notes that choose the epoch and the threshold.
    pub validation: Examples<'a>,
    /// How notes reach the model.
    pub reading: Reading,
    /// Seed of the weights, the order of the notes and the dropout.
    pub seed: u64,
    /// The device, without autodiff.
    pub device: &'a Device,
    /// What trains together with it; as many as the recipe's replicas, less one.
    pub others: &'a Others,
    /// The folder of its checkpoints.
    pub directory: &'a Path,
    /// The file of the best epoch's weights so far, and of the selected one's in the end.
    pub best: &'a Path,
    /// Time between two checkpoints.
    pub checkpoint_every: Duration,
}

/// How a training run ended.
pub enum End {
    /// With the model of the selected epoch.
    Finished(Box<Trained>),
    /// On request, after a checkpoint; the same call goes on from there.
    Interrupted,
}

/// A trained model and how it came about.
pub struct Trained {
    /// The selected epoch's model. Its weights lie in [`Fit::best`].
    pub model: Model,
    /// How it came about.
    pub facts: TrainedFacts,
}

/// How a trained model came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrainedFacts {
    /// How many numbers the model's parameters hold.
    pub parameters: u64,
    /// One row a finished epoch, in their order.
    pub epochs: Vec<EpochRow>,
    /// The selected epoch, from 1.
    pub best_epoch: u32,
    /// Why training ended, such as `all epochs done`.
    pub stopped: String,
    /// Why the model had not finished learning by then, if it had not.
    pub unfinished: Option<Unfinished>,
    /// The decision threshold of the selected epoch.
    pub threshold: f32,
    /// Time and notes that it took.
    pub effort: Effort,
}

/// What training took, over all sittings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Effort {
    /// Seconds in training steps.
    pub training_seconds: f64,
    /// Seconds scoring validation notes.
    pub validation_seconds: f64,
    /// Notes that went through training steps.
    pub notes: u64,
    /// Real tokens that went through training steps.
    pub tokens: u64,
    /// 1 for a start without a checkpoint, and 1 more each time that training went on from one.
    pub sittings: u32,
}

/// Why a training run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A checkpoint could not be read or written.
    #[error(transparent)]
    Disk(#[from] files::Error),
    /// A checkpoint is of another model, or the weights beside it are not those that it refers to.
    #[error(
        "{path}: the checkpoint {problem}. `icdbench clean --unfinished` removes it; the cell is then trained from its start"
    )]
    Mismatch {
        /// The checkpoint, or the file of the best weights.
        path: std::path::PathBuf,
        /// What does not fit, in words that `the checkpoint` begins.
        problem: String,
    },
    /// The loss is no longer a number.
    #[error(
        "training diverged: the loss is {loss} at step {step} of epoch {epoch}; a lower learning-rate or a clip-norm may help"
    )]
    Diverged {
        /// From 1.
        epoch: u32,
        /// Optimiser step, from 1.
        step: u64,
        /// Infinite, or not a number.
        loss: f64,
    },
    /// More parameters than L-BFGS is offered for.
    #[error("optimiser lbfgs is for up to {LBFGS_PARAMETERS} parameters, this model has {parameters}; use adam")]
    TooLarge {
        /// How many the model has.
        parameters: u64,
    },
    /// The scores cannot be evaluated.
    #[error("evaluating epoch {epoch}: {source}")]
    Metrics {
        /// From 1.
        epoch: u32,
        /// What is wrong with them.
        source: metrics::Error,
    },
}
