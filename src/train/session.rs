//! What every training run does between its steps, whatever its optimiser: validation after each epoch, the choice of the
//! best epoch, early stopping, checkpoints, resume.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use burn::module::Module;
use serde::{Deserialize, Serialize};

use super::checkpoint::{self, Checkpoint, Damaged};
use super::course::Course;
use super::ended::Ended;
use super::evaluation::Verdict;
use super::fit::{Effort, Error, Fit, Trained, TrainedFacts};
use super::observer::{Observer, StepReport};
use super::recipe::Select;
use super::score::probabilities;
use crate::models::Model;
use crate::models::parameters::{self, Parameters};
use crate::record::EpochRow;

/// Everything that moves beside weights and moments: what a checkpoint says in JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Epochs finished.
    pub(super) epoch: u32,
    /// Batches of the current epoch that are done.
    pub(super) batches: usize,
    /// Optimiser steps taken.
    pub(super) steps: u64,
    /// Sum of the current epoch's losses, weighted by notes.
    loss: f64,
    /// Notes that it was summed over.
    notes: usize,
    rows: Vec<EpochRow>,
    best: Option<Best>,
    /// Whether the optimiser has nothing left to do.
    pub(super) converged: bool,
    /// Whether there is no optimiser: the model was fitted as it was built.
    #[serde(default)]
    fitted: bool,
    ended: Option<Ended>,
    effort: Effort,
    /// Steps of each parameter's moments.
    pub(super) times: BTreeMap<String, usize>,
}

/// The best epoch so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Best {
    epoch: u32,
    /// `None` where the metric was undefined on the validation notes, which any value is better than.
    value: Option<f64>,
    verdict: Verdict,
    /// Checksum of the file that holds the epoch's weights.
    checksum: String,
}

impl Progress {
    /// Whether this training can have come so far.
    fn is_of(&self, fit: &Fit) -> bool {
        let best = self
            .best
            .as_ref()
            .is_none_or(|best| (1..=self.epoch).contains(&best.epoch));
        let epochs = u64::from(self.epoch) + 1;
        best && self.epoch <= fit.recipe.epochs
            && self.rows.len() == self.epoch as usize
            && self.batches <= fit.training.gold.len()
            // No step is without a note.
            && self.steps <= epochs.saturating_mul(fit.training.gold.len() as u64)
    }
}

/// A training run in progress.
pub(super) struct Session<'j, 'a> {
    pub(super) fit: &'j Fit<'a>,
    pub(super) observer: &'j dyn Observer,
    pub(super) progress: Progress,
    course: Course,
    saved: Instant,
}

/// The weights and moments of a checkpoint, by name.
pub(super) struct Resumed {
    pub(super) weights: Parameters,
    pub(super) moments: Parameters,
}

impl<'j, 'a> Session<'j, 'a> {
    /// A session at its start, or where the last checkpoint left it; its epochs have `steps` optimiser steps in all. A
    /// damaged checkpoint is named and the training starts over.
    pub(super) fn open(
        fit: &'j Fit<'a>,
        steps: u64,
        observer: &'j dyn Observer,
    ) -> Result<(Self, Option<Resumed>), Error> {
        let path = last_path(fit);
        let fitting = |found: Checkpoint<Progress>| match found.progress.is_of(fit) {
            true => Ok((found.parameters, found.progress)),
            false => Err(Damaged("its numbers are not those of this training".into())),
        };
        let found = match checkpoint::read::<Progress>(&path)?.map(|found| found.and_then(fitting)) {
            None => None,
            Some(Ok(found)) => Some(found),
            Some(Err(Damaged(problem))) => {
                observer.notice(&format!(
                    "{}: not used: {problem}. The cell is trained from its start",
                    path.display()
                ));
                None
            }
        };
        let (all, mut progress) = found.unzip();
        let session = |progress| Self {
            fit,
            observer,
            progress,
            course: Course::of(fit, steps),
            saved: Instant::now(),
        };
        if let Some(progress) = &mut progress {
            progress.effort.sittings = progress.effort.sittings.saturating_add(1);
        }
        let started = || {
            let mut progress = Progress::default();
            progress.effort.sittings = 1;
            progress
        };
        let session = session(progress.unwrap_or_else(started));
        observer.started(session.progress.steps, session.course.steps());
        Ok((session, all.map(split)))
    }

    /// The learning rate of the next step.
    pub(super) fn rate(&self) -> f64 {
        let recipe = self.fit.recipe;
        let progress = &self.progress;
        recipe.learning_rate * self.course.factor(&recipe.schedule, progress.steps, &progress.effort)
    }

    /// Whether a budget is spent: no step follows.
    pub(super) fn is_spent(&self) -> bool {
        self.course.spent(self.progress.steps, &self.progress.effort).is_some()
    }

    /// Whether training has ended.
    pub(super) fn is_over(&self) -> bool {
        self.progress.ended.is_some()
    }

    /// A checkpoint that does not fit the cell.
    pub(super) fn mismatch(&self, problem: String) -> Error {
        Error::Mismatch {
            path: last_path(self.fit),
            problem,
        }
    }

    /// Books a step: its loss, its time, and the notes and tokens that went through.
    pub(super) fn stepped(
        &mut self,
        loss: f64,
        started: Instant,
        (notes, tokens): (u64, u64),
        weight: usize,
    ) -> Result<(), Error> {
        let epoch = self.progress.epoch + 1;
        if !loss.is_finite() {
            let step = self.progress.steps + 1;
            return Err(Error::Diverged { epoch, step, loss });
        }
        let seconds = started.elapsed().as_secs_f64();
        let progress = &mut self.progress;
        progress.steps += 1;
        progress.loss += loss * weight as f64;
        progress.notes += weight;
        progress.effort.training_seconds += seconds;
        progress.effort.notes += notes;
        progress.effort.tokens += tokens;
        self.observer.stepped(&StepReport {
            epoch,
            step: progress.steps,
            steps: self.course.steps(),
            notes: notes as usize,
            seconds,
            loss,
        });
        Ok(())
    }

    /// Books what a model that takes no step took to be built from so many notes and tokens.
    pub(super) fn built(&mut self, started: Instant, notes: u64, tokens: u64) {
        let effort = &mut self.progress.effort;
        effort.training_seconds += started.elapsed().as_secs_f64();
        effort.notes += notes;
        effort.tokens += tokens;
    }

    /// Books the mean loss over the training notes of a model that takes no step.
    pub(super) fn looked(&mut self, loss: f64) -> Result<(), Error> {
        if !loss.is_finite() {
            return Err(Error::Diverged {
                epoch: 1,
                step: 0,
                loss,
            });
        }
        self.progress.loss = loss;
        self.progress.notes = 1;
        self.progress.fitted = true;
        Ok(())
    }

    /// Scores the validation notes, adds the epoch's row, keeps the weights when they are the best so far and decides
    /// whether training goes on. `false` when the observer asked to stop.
    pub(super) fn validate(&mut self, model: &Model) -> Result<bool, Error> {
        let started = Instant::now();
        let fit = self.fit;
        let epoch = self.progress.epoch + 1;
        let model = model.valid();
        let codes = fit.task.codes;
        let scored = probabilities(
            &model,
            fit.validation.tokens,
            fit.reading,
            codes,
            fit.device,
            self.observer,
        );
        let Some(scores) = scored else {
            return Ok(false);
        };
        let verdict = fit
            .selection
            .judge(&scores, fit.validation.gold, codes)
            .map_err(|source| Error::Metrics { epoch, source })?;
        let row = EpochRow {
            epoch,
            steps: self.progress.steps,
            training_loss: self.progress.loss / self.progress.notes as f64,
            validation: verdict.scores.clone(),
        };
        self.observer.epoch(&row, fit.recipe.epochs);
        self.progress.rows.push(row);
        self.progress.epoch = epoch;
        self.progress.batches = 0;
        self.progress.loss = 0.0;
        self.progress.notes = 0;
        self.select(&model, verdict)?;
        self.progress.effort.validation_seconds += started.elapsed().as_secs_f64();
        Ok(true)
    }

    fn select(&mut self, model: &Model, verdict: Verdict) -> Result<(), Error> {
        let epoch = self.progress.epoch;
        let spent = self.course.spent(self.progress.steps, &self.progress.effort);
        let mut ended = match spent {
            _ if self.progress.fitted => Some(Ended::Fitted),
            _ if self.progress.converged => Some(Ended::Converged),
            Some(budget) => Some(Ended::Budget(budget)),
            None => (epoch >= self.fit.recipe.epochs).then_some(Ended::Epochs),
        };
        match &self.fit.recipe.select {
            Select::Last if ended.is_some() => self.keep(model, None, verdict)?,
            Select::Last => {}
            Select::Best { metric, patience } => {
                let value = verdict.scores.get(metric).copied();
                if self.progress.best.as_ref().is_none_or(|best| value > best.value) {
                    self.keep(model, value, verdict)?;
                }
                let best_epoch = self.progress.best.as_ref().map_or(epoch, |best| best.epoch);
                // An epoch that a budget cut short is no epoch to be patient for.
                if epoch - best_epoch >= *patience && spent.is_none() {
                    ended = Some(Ended::Patience {
                        metric: metric.clone(),
                        patience: *patience,
                    });
                }
            }
        }
        self.progress.ended = ended;
        Ok(())
    }

    /// Keeps the weights of this epoch as the best.
    fn keep(&mut self, model: &Model, value: Option<f64>, verdict: Verdict) -> Result<(), Error> {
        // Before the checkpoint that refers to it: a run killed in between writes it again, equal.
        let checksum = checkpoint::write(self.fit.best, &parameters::read(model), &())?;
        self.progress.best = Some(Best {
            epoch: self.progress.epoch,
            value,
            verdict,
            checksum,
        });
        Ok(())
    }

    /// Whether it is time for a checkpoint.
    pub(super) fn is_checkpoint_due(&self) -> bool {
        self.saved.elapsed() >= self.fit.checkpoint_every
    }

    /// Writes a checkpoint.
    pub(super) fn save(&mut self, model: &Model, moments: Parameters) -> Result<(), Error> {
        let all = checkpoint::joined(parameters::read(model), moments);
        checkpoint::write(&last_path(self.fit), &all, &self.progress)?;
        self.saved = Instant::now();
        self.observer.checkpointed();
        Ok(())
    }

    /// The selected epoch's model, read back from the file that holds it.
    pub(super) fn finish(self, model: &Model) -> Result<Trained, Error> {
        let path = self.fit.best.to_owned();
        let mismatch = |problem: &str| Error::Mismatch {
            path: path.clone(),
            problem: problem.into(),
        };
        let best = self
            .progress
            .best
            .ok_or_else(|| mismatch("is missing its best epoch"))?;
        let Checkpoint {
            parameters, checksum, ..
        } = checkpoint::read::<()>(&path)?
            .ok_or_else(|| mismatch("is missing, though the last one refers to it"))?
            .map_err(|Damaged(problem)| mismatch(&problem))?;
        if checksum != best.checksum {
            return Err(mismatch("is of another epoch than the last one refers to"));
        }
        let ended = self.progress.ended.unwrap_or(Ended::Epochs);
        let count = parameters.values().map(|values| values.values.len() as u64).sum();
        let model = parameters::write(model.valid(), parameters).map_err(|problem| mismatch(&problem))?;
        Ok(Trained {
            model,
            facts: TrainedFacts {
                parameters: count,
                best_epoch: best.epoch,
                stopped: ended.to_string(),
                unfinished: ended.unfinished(&self.progress.rows, best.epoch, &self.fit.recipe.select),
                epochs: self.progress.rows,
                threshold: best.verdict.threshold,
                effort: self.progress.effort,
            },
        })
    }
}

fn last_path(fit: &Fit) -> PathBuf {
    fit.directory.join("last.safetensors")
}

fn split(all: Parameters) -> Resumed {
    let (weights, moments) = checkpoint::split(all);
    Resumed { weights, moments }
}
