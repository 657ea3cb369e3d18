//! Stage `scores`: the model's probabilities for the validation and evaluation notes. They are kept where the suite says
//! so, and computed again from the weights otherwise.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::made::Tokens;
use super::weights::{Facts as TrainingFacts, Weights};
use super::{Error, Stop, Workshop};
use crate::machine;
use crate::models::Task;
use crate::plan::Cell;
use crate::record::StageName;
use crate::results::kept::{Draft, Kept, Trouble};
use crate::results::runner::{Found, Interrupted};
use crate::text::TokenStore;
use crate::train::probabilities;

const VALIDATION: &str = "validation.f32";
/// The file of the evaluation notes' probabilities.
pub const EVALUATION: &str = "evaluation.f32";

/// Probabilities and how they came about.
pub(super) struct Scores {
    /// Of the validation notes, row-major `[note, code]`.
    pub(super) validation: Vec<f32>,
    /// Of the evaluation notes.
    pub(super) evaluation: Vec<f32>,
    pub(super) facts: Facts,
}

/// What the list of the stage says beside its files.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Facts {
    pub(super) training: TrainingFacts,
    pub(super) weights_sha256: String,
    /// Seconds scoring the evaluation notes.
    pub(super) evaluation_seconds: f64,
    pub(super) peak_memory_bytes: Option<u64>,
}

impl Workshop<'_> {
    /// The scores of a cell. Where they were kept, neither model nor weights are read.
    pub(super) fn scores(&self, cell: &Cell, tokens: &Tokens, task: &Task) -> Result<Scores, Stop> {
        let wanted = self.wanted(cell, StageName::Scores);
        if let Found::Whole(kept) = self.runner.look(wanted, read)? {
            return Ok(kept);
        }
        let task = self.with_encoder(cell, task.clone())?;
        let weights = self.weights(cell, tokens, &task)?;
        if !self.plan.suite.keep.scores {
            return self.score(cell, tokens, &task, weights);
        }
        self.runner.obtain(wanted, &self.patience(), read, || {
            let scores = self.score(cell, tokens, &task, weights)?;
            self.runner.keep(wanted, &scores.facts, |draft| scores.write(draft))?;
            Ok(scores)
        })
    }

    fn score(&self, cell: &Cell, tokens: &Tokens, task: &Task, weights: Weights) -> Result<Scores, Stop> {
        let reading = self.reading(cell, task);
        let score = |store: &TokenStore| {
            let scores = probabilities(&weights.model, store, reading, task.codes, self.device, self.observer);
            scores.ok_or(Interrupted)
        };
        let validation = score(&tokens.validation)?;
        let started = Instant::now();
        let evaluation = score(&tokens.evaluation)?;
        Ok(Scores {
            validation,
            evaluation,
            facts: Facts {
                evaluation_seconds: started.elapsed().as_secs_f64(),
                peak_memory_bytes: machine::peak_memory(),
                weights_sha256: weights.sha256,
                training: weights.facts,
            },
        })
    }
}

impl Scores {
    /// Writes the files of the stage.
    pub(super) fn write(&self, draft: &mut Draft) -> Result<(), Error> {
        draft.write(VALIDATION, &bytes(&self.validation))?;
        Ok(draft.write(EVALUATION, &bytes(&self.evaluation))?)
    }
}

pub(super) fn read(kept: &Kept) -> Result<Scores, Trouble> {
    Ok(Scores {
        validation: numbers(&kept.read(VALIDATION)?),
        evaluation: numbers(&kept.read(EVALUATION)?),
        facts: kept.facts()?,
    })
}

/// Numbers as little-endian bytes.
pub(super) fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Little-endian bytes as numbers.
pub fn numbers(bytes: &[u8]) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks::<4>();
    chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
}
