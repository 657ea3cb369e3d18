//! Scores that another system made: from its file of predictions to the metrics of a record.

use std::path::Path;

use super::record::{Judged, Scored, sizes};
use super::scores::{Facts, Scores};
use super::weights::Facts as TrainingFacts;
use super::{Error, Notes, Stop, Workshop};
use crate::data::predictions::{Nameable, Predictions, read};
use crate::plan::{Cell, ExternalSystem};
use crate::record::{External, StageName, Status};
use crate::train::{Effort, Select, Selection, ThresholdRule, TrainedFacts};

/// The decision of a system that only decides is a score of 1, or of 0.
const BETWEEN_DECISIONS: f32 = 0.5;

/// Where the predictions of an external system lie.
#[derive(Clone, Copy, Debug)]
pub struct PredictionFiles<'a> {
    /// Of the notes that the suite scores.
    pub evaluation: &'a Path,
    /// Of those that it chooses thresholds on.
    pub validation: Option<&'a Path>,
    /// Greatest share of notes without a prediction, and of predictions of unknown codes, 0 to 1.
    pub most_left_out: f64,
}

impl Workshop<'_> {
    /// The result of an external system; its scores and rows by note are kept like a model's.
    ///
    /// # Errors
    /// A file of predictions cannot be used, there is no threshold, or the store cannot be written.
    pub fn external(&self, cell: &Cell, asked: &ExternalSystem, files: PredictionFiles<'_>) -> Result<Scored, Stop> {
        let notes = self.notes(cell)?;
        let texts = self.texts()?;
        let nameable = Nameable::new(&texts.corpus, &texts.division.evaluation, &notes.codes);
        let predictions = read(files.evaluation, &nameable, files.most_left_out).map_err(Error::Data)?;
        for sentence in predictions.left_out.sentences() {
            self.observer.notice(&sentence);
        }
        let validation = match files.validation {
            Some(path) => {
                let nameable = Nameable::new(&texts.corpus, &texts.division.validation, &notes.codes);
                let found = read(path, &nameable, files.most_left_out).map_err(Error::Data)?;
                for sentence in found.left_out.sentences() {
                    self.observer.notice(&format!("validation: {sentence}"));
                }
                Some(found)
            }
            None => None,
        };
        let selection = Selection::of(&self.plan.suite.evaluation, &Select::Last);
        let (threshold, threshold_source) =
            self.threshold(&selection, &notes, asked, (&predictions, validation.as_ref()))?;
        let trained = TrainedFacts {
            parameters: 0,
            epochs: Vec::new(),
            best_epoch: 0,
            stopped: "made by another system".into(),
            unfinished: None,
            threshold,
            effort: Effort::default(),
        };
        let scores = Scores {
            evaluation: predictions.scores,
            validation: validation.map(|found| found.scores).unwrap_or_default(),
            facts: Facts {
                training: TrainingFacts {
                    trained: trained.clone(),
                    peak_memory_bytes: None,
                },
                weights_sha256: asked.predictions.clone(),
                evaluation_seconds: 0.0,
                peak_memory_bytes: None,
            },
        };
        self.runner
            .keep(self.wanted(cell, StageName::Scores), &scores.facts, |draft| {
                scores.write(draft)
            })?;
        let judged = Judged {
            codes: notes.codes.len(),
            threshold,
            threshold_source,
            selection,
            // Of the system's own tokens and vocabulary nothing is known.
            task: sizes(&notes),
            trained,
            sha256: asked.predictions.clone(),
            evaluation: scores.evaluation,
            validation: scores.validation,
            evidence: None,
            pretraining: None,
            external: Some(External {
                system: asked.system.clone(),
                trained_on: asked.trained_on.clone(),
                scored: predictions.scored,
                predictions: predictions.left_out,
            }),
        };
        let (outcome, degenerate) = self.judged(cell, judged)?;
        Ok(Scored {
            outcome,
            timings: None,
            degenerate,
        })
    }

    /// What a score must be above, and who said so.
    fn threshold(
        &self,
        selection: &Selection,
        notes: &Notes,
        asked: &ExternalSystem,
        (predictions, validation): (&Predictions, Option<&Predictions>),
    ) -> Result<(f32, String), Stop> {
        if !predictions.scored {
            if asked.threshold.is_some() {
                self.observer.notice(
                    "the predictions are decisions without scores: the threshold that was given moves none of them",
                );
            }
            return Ok((BETWEEN_DECISIONS, "the system decides".into()));
        }
        if let Some(threshold) = asked.threshold {
            return Ok((threshold, "given with the predictions".into()));
        }
        match (selection.threshold, validation) {
            (ThresholdRule::Fixed(threshold), _) => Ok((threshold, "fixed by the suite".into())),
            (ThresholdRule::Tuned { .. }, Some(found)) => {
                let judged = selection.judge(&found.scores, &notes.validation_gold, notes.codes.len());
                let verdict = judged.map_err(|error| Stop::Cell(Status::Failed, error.to_string()))?;
                Ok((verdict.threshold, "tuned on the validation notes".into()))
            }
            (ThresholdRule::Tuned { .. }, None) => Err(Error::NoThreshold.into()),
        }
    }
}
