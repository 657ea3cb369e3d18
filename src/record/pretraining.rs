//! What a record says of the pretraining that its encoder came from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What came out of a pretraining on the notes' texts. Cells that share it say the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PretrainingFacts {
    /// Number of parameters, those of the heads of pretraining too.
    pub parameters: u64,
    /// Training notes whose texts were read.
    pub training_notes: u64,
    /// Notes of parts without a role whose texts were read.
    pub unlabelled_notes: u64,
    /// Notes of such parts that were left out, as they have the text of a held-out note.
    pub left_out_notes: u64,
    /// Notes that were trained on: those that were read without those that only show how far learning has come.
    pub notes: u64,
    /// Tokens in them.
    pub tokens: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// Why it ended, such as `all epochs done`.
    pub stopped: String,
    /// Sequences that show how far learning has come.
    pub development_sequences: u64,
    /// Each look at them, in order; the first before any step.
    pub looks: Vec<LookRow>,
}

/// How far pretraining had come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LookRow {
    /// The running epoch, from 1; 0 before any step.
    pub epoch: u32,
    /// Optimiser steps taken so far.
    pub step: u64,
    /// Mean training loss since the last look, both tasks together; absent before any step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_loss: Option<f64>,
    /// Mean cross-entropy of the masked tokens; perplexity is e to that.
    pub mlm_loss: f64,
    /// Share of the masked tokens that were guessed, 0 to 1.
    pub mlm_accuracy: f64,
    /// Mean cross-entropy of whether the second part follows the first; absent without next sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nsp_loss: Option<f64>,
    /// Share of the pairs that were told right, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nsp_accuracy: Option<f64>,
}

/// How long a pretraining took and how much memory it held, on the machine that did it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PretrainingTimings {
    /// Seconds in training steps, over all sittings.
    pub training_seconds: f64,
    /// Seconds looking at the development sequences.
    pub development_seconds: f64,
    /// Sequences a second in training steps.
    pub sequences_per_second: f64,
    /// Real (unpadded) tokens a second in training steps.
    pub tokens_per_second: f64,
    /// Peak resident memory of its process, in bytes; absent where the system does not say.
    pub peak_memory_bytes: Option<u64>,
    /// Sittings: 1 for a pretraining that was never interrupted.
    pub sittings: u32,
}
