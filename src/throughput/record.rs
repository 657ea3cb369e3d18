//! Timings on disk: a file of each model at each length, all engines side by side.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::bench::protocol::{Failure, Kind, Memory};
use crate::models::work::Work;
use crate::record::Provenance;

/// The version of the form of these files.
pub const VERSION: u32 = 2;

/// A model at a length in several engines, run in turns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Group {
    /// [`VERSION`].
    pub version: u32,
    /// Hash of what was asked for, of the program and of the machine: the file's name.
    pub key: String,
    /// The model.
    pub model: String,
    /// Its settings, as a suite writes them.
    pub settings: Map<String, Value>,
    /// Tokens of the longest note.
    pub length: usize,
    /// Tokens of a batch that the model reads.
    pub tokens: usize,
    /// The same with what fills every note up to the longest.
    pub padded_tokens: usize,
    /// Tokens of a batch, those that the model does not read included.
    pub given_tokens: usize,
    /// Notes of a batch.
    pub batch: usize,
    /// Codes to predict.
    pub codes: usize,
    /// f32 or bf16.
    pub precision: String,
    /// Floating-point operations of a batch, where the model counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
    /// What each engine took.
    pub timings: Vec<Timing>,
    /// What timed and where.
    pub provenance: Provenance,
}

/// One kind of run in one engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Timing {
    /// The engine as the suite names it.
    pub engine: String,
    /// Its framework with its version.
    pub version: String,
    /// The CPU or the device, in the engine's words.
    pub machine: String,
    /// What was run.
    pub kind: Kind,
    /// Numbers in all parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// Memory of the process before the model was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_rss_bytes: Option<u64>,
    /// Seconds of each timed run, in the order in which they ran.
    pub seconds: Vec<f64>,
    /// Seconds of the runs before these, which are not counted.
    pub warm_up_seconds: Vec<f64>,
    /// Median seconds of the parts of a run that the engine tells apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, f64>,
    /// Most memory, and what was held after the last run.
    pub memory: Memory,
    /// Joules of a timed run, their mean: of all processor packages, others' work on them included, or of the GPU's board.
    /// Absent where the machine does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joules: Option<f64>,
    /// The largest batch that fits into memory, where it was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest: Option<Largest>,
    /// The loss of the last training step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Why there are no more runs, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// The largest batch that fits, as far as it was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Largest {
    /// Notes of the largest batch that ran; 0 where one note does not fit.
    pub notes: usize,
    /// Notes of the smallest batch that did not fit; `None` where all fitted that were tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub too_many: Option<usize>,
}

impl Group {
    /// What an engine took for a kind of run.
    pub fn timing(&self, engine: &str, kind: Kind) -> Option<&Timing> {
        self.timings
            .iter()
            .find(|timing| timing.engine == engine && timing.kind == kind)
    }
}
