//! What icdbench and an engine tell each other: one JSON object a line, each question with one answer, in order.
//!
//! An engine is a process that runs models on its own: it reads questions from its standard input, writes answers to its
//! standard output, says what it likes on its standard error, and ends when its input does. It runs one job and is
//! started anew for the next. All engines read the same weights and the same inputs from files, so that what they answer
//! can be compared.
//!
//! What a suite trains before its cells is timed in the same way, with a stage's name in the place of a model's, its settings,
//! inputs of its own and 0 codes: `examples/stage_engine.rs` says which, `scripts/engines/stages.py` has other programs'.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::task_sizes::TaskSizes;

/// What an engine is asked, as `{"ask": "load", ...}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Ask {
    /// Who it is. Answered by [`About`].
    About,
    /// Make a model ready. Answered by [`Loaded`].
    Load(Box<Load>),
    /// The logits of a set of the inputs, without dropout. Answered by [`Logits`].
    Logits {
        /// Number of the set.
        set: usize,
    },
    /// Run once, and say how long it took. Answered by [`Ran`].
    Run {
        /// What to run.
        kind: Kind,
        /// Number of the set.
        set: usize,
    },
    /// How much memory there was. Answered by [`Memory`].
    Memory {
        /// Let go of what is not needed and count the peak from here on.
        reset: bool,
    },
}

/// What can be timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Logits and sigmoid on the host, without gradients or dropout.
    Inference,
    /// A training step with dropout: loss, gradients of all trained parameters, AdamW (rate 1e-4, betas 0.9 and 0.999, epsilon
    /// 1e-8, decay 0.01 of all). Its gradients are not kept.
    Step,
}

/// A model and what it is to read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// As the table of models names it.
    pub model: String,
    /// Its settings, as a suite writes them.
    pub settings: Map<String, Value>,
    /// Sizes of its vocabulary. Padding is token 0.
    pub task: TaskSizes,
    /// Codes to predict.
    pub codes: usize,
    /// Most tokens of a note.
    pub length: usize,
    /// `cpu`, or a device's name with its number, such as `cuda:0`.
    pub device: String,
    /// What it computes in: `f32` or `bf16`.
    pub precision: String,
    /// One of the engine's modes, such as `compiled`; none is its usual way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Computing threads.
    pub threads: usize,
    /// A file in the format safetensors with all parameters (f32) by icdbench's names and layouts: a linear layer's
    /// weight is `[in, out]`, the three projections of self-attention lie side by side. Where none is given, the
    /// engine draws its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<PathBuf>,
    /// A file in the format safetensors with `tokens` (i32, `[set, note, length]`, filled up with 0), `lengths` (i32,
    /// `[set, note]`) and `targets` (u8, `[set, note, code]`, 1 where the note has the code).
    pub inputs: PathBuf,
    /// Fail with `out-of-memory` beyond so much memory of the process or device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

/// Who an engine is and what it can do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Its name.
    pub engine: String,
    /// The framework's version, in words.
    pub version: String,
    /// Names of the models that it has.
    pub models: Vec<String>,
    /// Its modes beside the usual one.
    pub modes: Vec<String>,
}

/// What is known of a model that is ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loaded {
    /// Numbers in all its parameters, those that are not trained included.
    pub parameters: u64,
    /// The CPU or the device, in words.
    pub machine: String,
    /// Memory of the process before the model was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_rss_bytes: Option<u64>,
}

/// Logits of a set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logits {
    /// `[note, code]`.
    pub logits: Vec<Vec<f32>>,
}

/// How one run went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ran {
    /// Seconds by the engine's clock, from the set on the host to the result (the probabilities; the loss) on the host, with
    /// the device at rest.
    pub seconds: f64,
    /// Seconds of its parts, where the engine can tell them: `data`, `forward`, `backward`, `optimiser`; `gradients` for
    /// forward and backward together.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, f64>,
    /// The loss of a training step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
}

/// Memory in bytes; what an engine cannot tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Held by the process now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_bytes: Option<u64>,
    /// Most held by the process since the peak was reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_rss_bytes: Option<u64>,
    /// Held by the device's allocator now, with what it keeps for reuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_bytes: Option<u64>,
    /// Most held by the device's allocator since the peak was reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_device_bytes: Option<u64>,
}

/// An answer that is none, as `{"error": {"kind": "unsupported", "words": "..."}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{words}")]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What was found, what was expected, what to do.
    pub words: String,
}

/// Kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The engine or what it needs is not here.
    Unavailable,
    /// The engine has no such model, mode, device or precision, or cannot do what was asked with it.
    Unsupported,
    /// Memory did not suffice.
    OutOfMemory,
    /// Anything else.
    Failed,
}

/// An answer or a failure, as it stands in a line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer<T> {
    /// A failure.
    Error {
        /// What went wrong.
        error: Failure,
    },
    /// What was asked for.
    Given(T),
}
