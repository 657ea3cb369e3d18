//! What a pretraining is asked to do, what it gives back, and why it may not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::documents::{Documents, FitDocuments};
use super::model::{PretrainedStart, PretrainingModel};
use super::pieces::Pieces;
use super::settings::Pretraining;
use crate::device::Precision;
use crate::models::bert::EncoderConfig;
use crate::results::files;
use crate::train::Effort;

/// One pretraining: what goes in, and where its files lie.
pub struct Fit<'a> {
    /// All settings, which passed [`Pretraining::check`].
    pub settings: &'a Pretraining,
    /// The vocabulary of the documents.
    pub pieces: &'a Pieces,
    /// What it starts from; `None` to draw all parameters.
    pub start: Option<&'a PretrainedStart>,
    /// What is learned from; never a held-out note.
    pub training: &'a FitDocuments,
    /// What it is looked at on how far learning has come.
    pub development: &'a Documents,
    /// The device, without autodiff.
    pub device: &'a Device,
    /// In which numbers matrices are multiplied.
    pub precision: Precision,
    /// The folder of its checkpoints.
    pub directory: &'a Path,
    /// Time between two checkpoints.
    pub checkpoint_every: Duration,
}

/// How a pretraining ended.
pub enum End {
    /// With the encoder after the last step.
    Finished(Box<Pretrained>),
    /// On request, after a checkpoint; the same call goes on from there.
    Interrupted,
}

/// A pretrained encoder and how it came about.
pub struct Pretrained {
    /// The encoder with its heads, without autodiff.
    pub model: PretrainingModel,
    /// How it came about.
    pub facts: Facts,
    pub(super) encoder: EncoderConfig,
    pub(super) padding: u32,
}

/// How a pretrained encoder came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Facts {
    /// How many numbers the parameters hold, those of the heads included.
    pub parameters: u64,
    /// Optimiser steps taken.
    pub steps: u64,
    /// Notes that were trained on.
    pub documents: u64,
    /// Tokens in them.
    pub tokens: u64,
    /// Sequences that were looked at.
    pub development_sequences: u64,
    /// Why it ended, such as `all epochs done`.
    pub stopped: String,
    /// How far learning had come, in order: the first before any step, the last after the last.
    pub looks: Vec<Look>,
    /// Time, sequences (as notes) and tokens that it took.
    pub effort: Effort,
}

/// A look at the development sequences.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Look {
    /// The running epoch, from 1; 0 before any step.
    pub epoch: u32,
    /// Optimiser steps taken so far.
    pub step: u64,
    /// Mean loss of the sequences trained on since the last look; `None` before any step.
    pub training_loss: Option<f64>,
    /// Mean cross-entropy of the masked tokens.
    pub mlm_loss: f64,
    /// `e^mlm_loss`.
    pub perplexity: f64,
    /// Share of the masked tokens that are the likeliest at their place.
    pub mlm_accuracy: f64,
    /// Mean cross-entropy of the next sentences, where they are told.
    pub nsp_loss: Option<f64>,
    /// Share of the next sentences that are told right.
    pub nsp_accuracy: Option<f64>,
    /// Masked tokens that were looked at.
    pub masked: u64,
    /// Sequences that were looked at.
    pub sequences: u64,
}

/// Why a pretraining could not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A checkpoint could not be read or written.
    #[error(transparent)]
    Disk(#[from] files::Error),
    /// A checkpoint is of another model.
    #[error(
        "{path}: the checkpoint {problem}. `icdbench clean --unfinished` removes it; the encoder is then pretrained from its start"
    )]
    Mismatch {
        /// The checkpoint.
        path: PathBuf,
        /// What does not fit, in words that `the checkpoint` begins.
        problem: String,
    },
    /// The loss, or a parameter, is no longer a number.
    #[error(
        "pretraining diverged: {what} is not finite at step {step} of epoch {epoch}; a lower learning-rate or a clip-norm may help"
    )]
    Diverged {
        /// `the loss`, or a parameter by its name.
        what: String,
        /// From 1; 0 before any step.
        epoch: u32,
        /// Optimiser step, from 1; 0 before any.
        step: u64,
    },
    /// The notes, the vocabulary or the start do not fit the settings.
    #[error("{0}")]
    Unfit(String),
}

impl Fit<'_> {
    /// What of the notes, the vocabulary and the start does not fit the settings, in words. Nothing is computed for it.
    ///
    /// # Errors
    /// The first problem: what was found, what was expected.
    pub fn check(&self) -> Result<(), String> {
        let training = self.training.documents();
        let least = if self.settings.objective.next_sentence { 2 } else { 1 };
        for (which, documents, least) in [
            ("notes to pretrain on", training, least),
            ("notes to look at", self.development, 1),
        ] {
            if documents.len() < least {
                return Err(format!(
                    "{} {which} hold a token: expected at least {least}",
                    documents.len()
                ));
            }
            let (found, most) = (documents.vocabulary(), self.pieces.size());
            if found > most {
                return Err(format!(
                    "the {which} have token {}, the vocabulary has {most} tokens: cut them with its own tokenizer",
                    found - 1
                ));
            }
        }
        PretrainingModel::check(self.settings, self.pieces.size(), self.start)
    }
}
