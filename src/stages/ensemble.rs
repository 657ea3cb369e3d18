//! Scores of an ensemble: those of its members put together, with weights that are fitted on the validation notes.

use sha2::{Digest, Sha256};

use super::record::Scored;
use super::scores::{self, Facts, Scores};
use super::weights::Facts as TrainingFacts;
use super::{Error, Stop, Workshop};
use crate::metrics::weights;
use crate::plan::Cell;
use crate::record::{DEGENERATE, StageName, Status, hex};
use crate::suite::Ensemble;
use crate::train::{Effort, Select, Selection, TrainedFacts, fitted};

impl Workshop<'_> {
    /// Runs the stages of an ensemble's cell that are missing, those of its members included.
    pub(super) fn combine(&self, cell: &Cell, ensemble: &Ensemble, members: &[usize]) -> Result<Scored, Stop> {
        let first = &self.plan.cells[members[0]];
        let tokens = self.tokens(first)?;
        let task = self.task(first, &tokens)?;
        let wanted = self.wanted(cell, StageName::Scores);
        let scores = match self.plan.suite.keep.scores {
            true => self.runner.obtain(wanted, &self.patience(), scores::read, || {
                let scores = self.put_together(cell, ensemble, members)?;
                self.keep_scores(cell, &scores)?;
                Ok::<_, Stop>(scores)
            })?,
            false => self.put_together(cell, ensemble, members)?,
        };
        self.record(cell, &tokens, &task, (scores, None))
    }

    pub(super) fn put_together(&self, cell: &Cell, ensemble: &Ensemble, members: &[usize]) -> Result<Scores, Stop> {
        let mut all = Vec::new();
        for &member in members {
            let of_member = &self.plan.cells[member];
            // What has ended without scores would end so again.
            let ended = self.runner.store().records().find(&of_member.key);
            if let Ok(Some(record)) = ended
                && record.status != Status::Ok
            {
                let reason = record.reason.unwrap_or_else(|| record.status.word().to_owned());
                let run = &of_member.description.run;
                return Err(Stop::Cell(
                    Status::Failed,
                    format!("its run {run:?} has no scores: {reason}"),
                ));
            }
            let tokens = self.tokens(of_member)?;
            let task = self.task(of_member, &tokens)?;
            all.push(self.scores(of_member, &tokens, &task)?);
        }
        let notes = self.notes(cell)?;
        let codes = notes.fitted();
        let gold = fitted(&notes.validation_gold, codes);
        let evaluation = &self.plan.suite.evaluation;
        let of = |part: fn(&Scores) -> &Vec<f32>| -> Vec<&[f32]> {
            all.iter().map(|scores| part(scores).as_slice()).collect()
        };
        let validation = of(|scores| &scores.validation);
        let failed = |error: crate::metrics::Error| {
            let reason = match error {
                crate::metrics::Error::Degenerate(_) => format!("{DEGENERATE}{error}"),
                _ => format!("putting scores together: {error}"),
            };
            Stop::Cell(Status::Failed, reason)
        };
        let chosen = weights(
            ensemble.rule,
            &validation,
            (&gold, codes),
            (&ensemble.metric, evaluation.ties),
            &ensemble.weights,
        );
        let chosen = chosen.map_err(failed)?;
        let told: Vec<String> = ensemble
            .runs
            .iter()
            .zip(&chosen)
            .map(|(run, weight)| format!("{run} {weight}"))
            .collect();
        self.observer
            .notice(&format!("ensemble {:?}: weights {}", ensemble.name, told.join(", ")));
        let validation = ensemble.rule.of(&validation, &chosen, codes);
        let judged = Selection::of(evaluation, &Select::Last).judge(&validation, &notes.validation_gold, codes);
        let threshold = judged.map_err(failed)?.threshold;
        let unfinished = all.iter().find_map(|scores| scores.facts.training.trained.unfinished);
        let facts = |part: fn(&TrainedFacts) -> u64| {
            all.iter()
                .map(|scores| part(&scores.facts.training.trained))
                .sum::<u64>()
        };
        let mut sha256 = Sha256::new();
        for (scores, weight) in all.iter().zip(&chosen) {
            sha256.update(format!("{} {weight}\n", scores.facts.weights_sha256));
        }
        let seconds = |part: fn(&Effort) -> f64| {
            let efforts = all.iter().map(|scores| &scores.facts.training.trained.effort);
            efforts.map(part).sum::<f64>()
        };
        Ok(Scores {
            evaluation: ensemble.rule.of(&of(|scores| &scores.evaluation), &chosen, codes),
            validation,
            facts: Facts {
                training: TrainingFacts {
                    trained: TrainedFacts {
                        parameters: facts(|trained| trained.parameters),
                        epochs: Vec::new(),
                        best_epoch: 1,
                        stopped: format!("weights fitted on the validation notes: {}", told.join(", ")),
                        unfinished,
                        threshold,
                        effort: Effort {
                            training_seconds: seconds(|effort| effort.training_seconds),
                            validation_seconds: seconds(|effort| effort.validation_seconds),
                            notes: facts(|trained| trained.effort.notes),
                            tokens: facts(|trained| trained.effort.tokens),
                            sittings: 1,
                        },
                    },
                    peak_memory_bytes: all
                        .iter()
                        .filter_map(|scores| scores.facts.training.peak_memory_bytes)
                        .max(),
                },
                weights_sha256: hex(&sha256.finalize()),
                evaluation_seconds: all.iter().map(|scores| scores.facts.evaluation_seconds).sum(),
                peak_memory_bytes: None,
            },
        })
    }

    fn keep_scores(&self, cell: &Cell, scores: &Scores) -> Result<(), Error> {
        self.runner
            .keep(self.wanted(cell, StageName::Scores), &scores.facts, |draft| {
                scores.write(draft)
            })
    }
}
