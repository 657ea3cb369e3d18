//! What one cell leaves behind: the schema on disk, versioned, and how it is read and written.
//!
//! A record holds no note text, no token, no note identifier and nothing about a single note, so that
//! records of credentialed data can be looked at beside those of public data: what is known by note
//! lies apart, see [`NoteRows`]. Everything that two runs of the same cell must agree on stands in
//! [`Outcome`]; what differs from run to run (times, the machine) stands in [`Timings`] and
//! [`Provenance`].

mod bounds;
mod codes;
mod curves;
mod digits;
mod external;
mod limits;
mod notes;
mod pretraining;
mod provenance;
mod resamples;
mod small_counts;
mod stage;
mod store;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use codes::CodeRow;
pub use curves::{AreaBinRow, CalibrationBinRow, CalibrationFacts, Curves, PrecisionRow, ThresholdRow};
pub use digits::hex;
pub use external::{External, LeftOut};
pub use limits::{MOST_EPOCHS, MOST_TOKENS};
pub use notes::{NoteRow, NoteRows, Reported};
pub use pretraining::{LookRow, PretrainingFacts, PretrainingTimings};
pub use provenance::Provenance;
pub use resamples::{Resamples, of_bin};
pub use small_counts::SmallCounts;
pub use stage::{Chain, Stage, StageName, StagePool, identity, short};
pub use store::{Error, Listed, RecordStore};

/// Version of the record schema. A record of a newer version is refused with a clear error.
pub const SCHEMA_VERSION: u32 = 3;

/// One cell's result, whatever its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// [`SCHEMA_VERSION`] of the program that wrote the record.
    pub schema: u32,
    /// SHA-256 of the file's bytes with this value as 64 zeros; empty in memory, and in records of schema 1.
    #[serde(default)]
    pub checksum: String,
    /// The key of the last of the [`stages`](Self::stages), and the file's name: same key, same outcome.
    pub key: String,
    /// How the cell ended.
    pub status: Status,
    /// Why the cell is not `ok`; absent when it is.
    pub reason: Option<String>,
    /// What was asked for, in the words of the suite.
    pub cell: CellDescription,
    /// What the cell was made from, stage by stage: every setting, the keys of the stages that each read, and hashes of
    /// files and sources. The keys hash these.
    pub stages: Chain,
    /// What came out; present when the status is `ok`.
    pub outcome: Option<Outcome>,
    /// How long it took on this machine; present when the notes were scored.
    pub timings: Option<Timings>,
    /// Where, when and by what program it was made.
    pub provenance: Provenance,
}

/// How the reason of a cell with a degenerate result starts.
pub const DEGENERATE: &str = "degenerate result: ";

impl Record {
    /// Which cell it is of, where it was made and how it ended, without what came out: little memory.
    pub fn without_outcome(self) -> Self {
        Self {
            outcome: None,
            timings: None,
            ..self
        }
    }

    /// Greater for the later of two records: of several of one cell, the last that was made counts.
    pub fn age(&self) -> (&str, &str) {
        (&self.provenance.ended, &self.key)
    }

    /// Whether another system than this program made the scores.
    pub fn is_external(&self) -> bool {
        self.outcome.as_ref().is_some_and(|outcome| outcome.external.is_some())
    }

    /// Whether the cell failed because its result says nothing about the notes.
    pub fn is_degenerate(&self) -> bool {
        self.reason
            .as_deref()
            .is_some_and(|reason| reason.starts_with(DEGENERATE))
    }
}

/// How a cell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Scores are in the outcome.
    Ok,
    /// The cell ended with an error or a degenerate result.
    Failed,
    /// The device could not hold the cell.
    OutOfMemory,
    /// The model or the device does not offer what the cell asks for.
    Unsupported,
    /// The cell needs what is not here: data (such as test codes that are not public), an encoder, word vectors.
    Skipped,
}

impl Status {
    /// In a sentence or a table, such as `out of memory`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::OutOfMemory => "out of memory",
            Self::Unsupported => "unsupported",
            Self::Skipped => "skipped",
        }
    }

    /// As the record files spell it, such as `out-of-memory`.
    pub fn spelled(self) -> String {
        self.word().replace(' ', "-")
    }
}

/// What a cell was asked to do, in the words of its suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CellDescription {
    /// The suite's name.
    pub suite: String,
    /// The data set's name, such as `codiesp`.
    pub dataset: String,
    /// The label set, such as `top 50`.
    pub labels: String,
    /// The part of the data set that was scored, such as `test`.
    pub evaluation_part: String,
    /// The model's name, as in `icdbench list`.
    pub model: String,
    /// The run's own name where a suite runs one model in several settings; the model's name otherwise.
    pub run: String,
    /// Sequence length: the model reads the first N tokens of a note.
    pub length: u32,
    /// What parameters, dropout and the order of the notes are drawn from.
    pub seed: u64,
    /// Device class, such as `flex` or `cuda`.
    pub device: String,
    /// Numeric precision, such as `f32`.
    pub precision: String,
}

impl CellDescription {
    /// What tells a cell from the others of its task, in words: `caml at length 512 with seed 1`.
    pub fn title(&self) -> String {
        match self.length {
            MOST_TOKENS => format!("{} on whole notes, run {}", self.run, self.seed),
            length => format!("{} at length {length} with seed {}", self.run, self.seed),
        }
    }
}

/// What came out of a cell: equal to the last byte for two runs of the same key on one kind of device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// Sizes of what the model was trained and scored on.
    pub task: TaskFacts,
    /// Number of parameters, those that are not trained (a frozen embedding) too.
    pub parameters: u64,
    /// The decision threshold: a code is predicted when its probability is above it.
    pub threshold: f32,
    /// How the threshold was chosen, such as `fixed by the suite` or `tuned on the validation notes`.
    pub threshold_source: String,
    /// Metric name to value on the evaluation part. A metric that is undefined there is absent.
    pub scores: BTreeMap<String, f64>,
    /// Metric name to what other notes might have shown; absent for metrics that are not resampled or mostly undefined, and
    /// in records of programs before intervals.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub intervals: BTreeMap<String, ScoreInterval>,
    /// What the intervals were drawn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrawn: Option<Redrawn>,
    /// Scores on the validation notes, at the same threshold.
    pub validation_scores: BTreeMap<String, f64>,
    /// The same for a predictor that gives every note the codes' training frequencies: the floor.
    pub prior_scores: BTreeMap<String, f64>,
    /// One row an epoch.
    pub epochs: Vec<EpochRow>,
    /// The epoch (from 1) whose weights were scored.
    pub best_epoch: u32,
    /// Why training ended, such as `all epochs done` or `no better validation map in 5 epochs`.
    pub stopped: String,
    /// Why the model had not finished learning by then; absent when it had.
    pub unfinished: Option<Unfinished>,
    /// F1 by how often a code occurs in training.
    pub frequency_bins: Vec<FrequencyBinRow>,
    /// What stands behind single scores: thresholds, precision against recall, calibration, areas of the codes; absent in
    /// records of programs before curves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curves: Option<Curves>,
    /// One row a code (column), in column order, but for those that the rule for small counts withholds.
    pub codes: Vec<CodeRow>,
    /// What became of codes that few notes have.
    pub small_counts: SmallCounts,
    /// SHA-256 of the scored weights; of an external system, of its file of predictions.
    pub weights_sha256: String,
    /// What came out of the pretraining that the cell's encoder is from, where it is from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<PretrainingFacts>,
    /// What made the scores, where this program did not; all that is said of training is then empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
}

impl Outcome {
    /// Takes the intervals out of it.
    pub fn without_intervals(&mut self) {
        self.intervals.clear();
        for bin in &mut self.frequency_bins {
            bin.micro_f1_interval = None;
            bin.macro_f1_present_interval = None;
        }
    }
}

/// A 95 % interval of a score over the evaluation notes, from a bootstrap over their patients: it says what other notes, as
/// many and of the same kind, might have shown, and nothing about another training seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ScoreInterval {
    /// Least value inside.
    pub low: f64,
    /// Greatest value inside.
    pub high: f64,
    /// Standard deviation of the score over the redraws.
    pub standard_error: f64,
}

/// What intervals were drawn from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Redrawn {
    /// How many redraws.
    pub redraws: u32,
    /// Patients that are drawn, with all their notes.
    pub patients: u32,
    /// Fingerprint of the draws: two cells with the same were redrawn alike.
    pub draws: String,
}

/// Sizes of what a model was trained and scored on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TaskFacts {
    /// Codes the model can predict.
    pub codes: u32,
    /// Codes that occur in the evaluation part only; they count as missed where the suite says so.
    pub unseen_codes: u32,
    /// Notes trained on.
    pub training_notes: u32,
    /// Notes the threshold and the best epoch were chosen on.
    pub validation_notes: u32,
    /// Notes scored.
    pub evaluation_notes: u32,
    /// Entries of the text vocabulary.
    pub vocabulary: u32,
    /// Words of a training note that it does not have whole, on average; absent where it is of words, and in records of
    /// programs before it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words_outside: Option<f64>,
    /// Words of it that have a pretrained vector; absent where the suite names no word vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words_with_vector: Option<u32>,
    /// Tokens per evaluation note before truncation: the quantiles 0 %, 1 %, ..., 100 % (101 values).
    pub token_length_quantiles: Vec<u32>,
    /// Notes left out because they have no code at all, of all roles.
    pub notes_without_codes: u32,
    /// Notes left out because no code of theirs is in the label set, of all roles.
    pub notes_outside_labels: u32,
    /// Notes of the evaluation part that are not scored, as they have no code, at all or in the label set.
    #[serde(default)]
    pub evaluation_notes_left_out: u32,
    /// Share of the evaluation notes' tokens that lie beyond the sequence length, 0 to 1.
    pub truncated_tokens: f64,
}

/// Why a model had not finished learning when its training ended: with more of it the scores might be others, so that a
/// comparison with models that had finished compares budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unfinished {
    /// All epochs were done, and the best of them is among the last (the last of every four).
    BestAmongLast,
    /// The recipe's budget of steps, notes, tokens or seconds ended it before early stopping did.
    BudgetSpent,
}

impl Unfinished {
    /// As the record files spell it.
    pub fn word(self) -> &'static str {
        match self {
            Self::BestAmongLast => "best-among-last",
            Self::BudgetSpent => "budget-spent",
        }
    }
}

/// One epoch of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct EpochRow {
    /// From 1.
    pub epoch: u32,
    /// Optimiser steps taken so far.
    pub steps: u64,
    /// Mean training loss of the epoch (binary cross-entropy per note and code, plus penalties); of L-BFGS the loss at
    /// its end.
    pub training_loss: f64,
    /// The validation metrics watched while training, where they are defined: the one that chooses the best epoch,
    /// `micro-f1` and `map`, at the threshold of this epoch.
    pub validation: BTreeMap<String, f64>,
}

/// F1 of the codes whose training frequency lies in one bin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FrequencyBinRow {
    /// Least training frequency (notes) in the bin; 0 for the zero-shot bin.
    pub lower: u32,
    /// Greatest training frequency in the bin; absent for the last, open bin.
    pub upper: Option<u32>,
    /// Codes in the bin.
    pub codes: u32,
    /// Codes of the bin with a gold positive in the evaluation part.
    pub codes_present: u32,
    /// Gold (note, code) pairs of the bin.
    pub gold: u64,
    /// F1 over the bin's pooled decisions.
    pub micro_f1: f64,
    /// Mean of the per-code F1 over the codes present; absent when there is none.
    pub macro_f1_present: Option<f64>,
    /// Interval of `micro-f1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_f1_interval: Option<ScoreInterval>,
    /// Interval of `macro-f1-present`; absent where most redraws have none of the codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub macro_f1_present_interval: Option<ScoreInterval>,
}

/// How long a cell took and how much memory it held, on the machine of the provenance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Timings {
    /// Seconds in training steps, over all sittings of an interrupted run.
    pub training_seconds: f64,
    /// Seconds scoring validation notes.
    pub validation_seconds: f64,
    /// Seconds scoring the evaluation notes.
    pub evaluation_seconds: f64,
    /// Notes a second in training steps.
    pub training_notes_per_second: f64,
    /// Real (unpadded) tokens a second in training steps.
    pub training_tokens_per_second: f64,
    /// Notes a second in evaluation.
    pub evaluation_notes_per_second: f64,
    /// Real (unpadded) tokens a second in evaluation.
    pub evaluation_tokens_per_second: f64,
    /// Peak resident memory of the process while the cell ran, in bytes; absent where the system does not say.
    pub peak_memory_bytes: Option<u64>,
    /// Sittings: 1 for a run that was never interrupted.
    pub sittings: u32,
    /// Of the pretraining that the cell's encoder is from, which is no part of the numbers above: other cells may share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<PretrainingTimings>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_the_one_the_types_give() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/record/schema.json");
        let generated = serde_json::to_string_pretty(&schemars::schema_for!(Record)).unwrap() + "\n";
        if std::env::var_os("ICDBENCH_UPDATE_SCHEMA").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == generated,
            "src/record/schema.json is stale: raise SCHEMA_VERSION if old records no longer read, \
             then run this test once with ICDBENCH_UPDATE_SCHEMA=1"
        );
    }

    #[test]
    fn a_status_is_spelled_as_in_the_record_files() {
        use Status::{Failed, Ok, OutOfMemory, Skipped, Unsupported};
        for status in [Ok, Failed, OutOfMemory, Unsupported, Skipped] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.spelled());
        }
        assert_eq!(OutOfMemory.word(), "out of memory");
    }

    #[test]
    fn no_row_by_note_is_in_the_schema_of_records() {
        let schema = serde_json::to_string(&schemars::schema_for!(Record)).unwrap();
        for by_note in ["\"NoteRow\"", "\"note\"", "\"patient\""] {
            assert!(!schema.contains(by_note), "{by_note}");
        }
    }
}
