//! The loop on the page: batches, gradients, one optimiser step, validation after each epoch, early
//! stopping, checkpoints, resume.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use burn::module::Module;
use burn::optim::{GradientsAccumulator, GradientsParams, LBFGSConfig, LineSearchFn};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::job::{Effort, End, Error, Job, LBFGS_PARAMETERS, Trained};
use super::observer::{Observer, StepReport};
use super::recipe::{Optimiser, Select};
use super::{Stepper, Verdict, checkpoint, optimiser, probabilities};
use crate::models::dropout::Noise;
use crate::models::parameters::{self, Parameters};
use crate::models::{Initialiser, Model};
use crate::record::EpochRow;
use crate::text::{BatchSettings, evaluation_order, training_order};

/// L-BFGS iterations between two looks at whether to stop.
const LBFGS_SITTING: usize = 20;

/// Everything that moves beside weights and moments: what a checkpoint says in JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// Epochs finished.
    epoch: u32,
    /// Batches of the current epoch that are done.
    batches: usize,
    /// Optimiser steps taken.
    steps: u64,
    /// Sum of the current epoch's losses, weighted by notes.
    loss: f64,
    rows: Vec<EpochRow>,
    best: Option<Best>,
    stopped: Option<String>,
    effort: Effort,
    times: BTreeMap<String, usize>,
}

/// The best epoch so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Best {
    epoch: u32,
    /// `None` where the metric was undefined on the validation notes, which any value is better than.
    value: Option<f64>,
    verdict: Verdict,
}

/// Trains a model, or goes on where an interrupted run left off.
///
/// # Errors
/// See [`Error`]; the last checkpoint stays on disk in every case.
pub fn train(job: &Job, observer: &dyn Observer) -> Result<End, Error> {
    let mut run = Run::open(job)?;
    let steps = run.steps_an_epoch() * u64::from(job.recipe.epochs);
    observer.started(run.progress.steps, steps);
    while run.progress.stopped.is_none() {
        let going_on = run.epoch(steps, observer)?;
        if !going_on || run.progress.stopped.is_some() || run.is_checkpoint_due() {
            run.save()?;
            observer.checkpointed();
        }
        if !going_on {
            return Ok(End::Interrupted);
        }
    }
    run.finish().map(|trained| End::Finished(Box::new(trained)))
}

/// A training run in progress.
struct Run<'j, 'a> {
    job: &'j Job<'a>,
    /// On the autodiff device. A step takes it and gives another: the optimiser writes in its place.
    model: Option<Model>,
    /// `None` for L-BFGS, which has no state between epochs.
    stepper: Option<Stepper>,
    progress: Progress,
    saved: Instant,
}

impl<'j, 'a> Run<'j, 'a> {
    fn open(job: &'j Job<'a>) -> Result<Self, Error> {
        let device = job.device.clone().autodiff();
        let mut initialiser = Initialiser::new(job.seed, &device);
        let mut model = job.model.init(job.task, &mut initialiser);
        let mut stepper = Stepper::new(&job.recipe.optimiser, job.recipe.clip_norm);
        if let Some(rates) = &job.recipe.encoder {
            stepper = stepper.map(|stepper| stepper.with_encoder_rates(rates, job.recipe.learning_rate, &model));
        }
        let mut progress = Progress::default();
        let path = job.directory.join("last.safetensors");
        if let Some((all, found)) = checkpoint::read::<Progress>(&path)? {
            let mismatch = |problem| Error::Mismatch {
                path: path.clone(),
                problem,
            };
            let (weights, moments) = split(all);
            model = parameters::write(model, weights).map_err(mismatch)?;
            if let Some(stepper) = &mut stepper {
                stepper
                    .load(&model, moments, &found.times, job.device)
                    .map_err(mismatch)?;
            }
            progress = found;
        }
        progress.effort.sittings += 1;
        Ok(Self {
            job,
            model: Some(model),
            stepper,
            progress,
            saved: Instant::now(),
        })
    }

    fn model(&self) -> &Model {
        // OK because a step that took it has put another in its place.
        self.model.as_ref().expect("a model between steps")
    }

    fn steps_an_epoch(&self) -> u64 {
        let recipe = self.job.recipe;
        if self.stepper.is_none() {
            return 1;
        }
        let batches = self.job.training.gold.len().div_ceil(recipe.batch_size);
        batches.div_ceil(recipe.accumulate) as u64
    }

    /// One epoch, or what is left of it. `false` when the observer asked to stop: then the model is
    /// between two steps, or the epoch's steps are done and its validation is not.
    fn epoch(&mut self, steps: u64, observer: &dyn Observer) -> Result<bool, Error> {
        let recipe = self.job.recipe;
        let epoch = self.progress.epoch + 1;
        if let Optimiser::Lbfgs { history, iterations } = recipe.optimiser {
            if self.progress.batches == 0 {
                let Some(report) = self.lbfgs(epoch, steps, history, iterations, observer)? else {
                    return Ok(false);
                };
                observer.stepped(&report);
            }
            return self.validate(epoch, observer);
        }
        let settings = BatchSettings {
            batch_size: recipe.batch_size,
            max_length: self.job.reading.length,
            bucket: recipe.bucket,
        };
        let lengths = self.job.training.tokens.lengths();
        let order = training_order(&lengths, settings, self.job.seed, u64::from(epoch));
        while self.progress.batches < order.len() {
            let end = (self.progress.batches + recipe.accumulate).min(order.len());
            let group = &order[self.progress.batches..end];
            let report = self.step(epoch, steps, group)?;
            observer.stepped(&report);
            if observer.interrupted() {
                return Ok(false);
            }
            if self.is_checkpoint_due() {
                self.save()?;
                observer.checkpointed();
            }
        }
        self.validate(epoch, observer)
    }

    /// One optimiser step over the batches of `group`.
    fn step(&mut self, epoch: u32, steps: u64, group: &[Vec<usize>]) -> Result<StepReport, Error> {
        let started = Instant::now();
        let notes: usize = group.iter().map(Vec::len).sum();
        let noise = Some(self.progress.steps << 12);
        let (loss, gradients) = self.group_gradients(self.model(), group, notes, noise);
        if !loss.is_finite() {
            let step = self.progress.steps + 1;
            return Err(Error::Diverged { epoch, step, loss });
        }
        let rate = self.job.recipe.learning_rate * self.job.recipe.schedule.factor(self.progress.steps, steps);
        if let Some(stepper) = &mut self.stepper {
            self.model = self.model.take().map(|model| stepper.step(rate, model, gradients));
        }
        self.progress.batches += group.len();
        let tokens = self.job.training.tokens;
        let read = |&note: &usize| tokens.note(note, self.job.reading.length).len() as u64;
        let tokens = group.iter().flatten().map(read).sum();
        Ok(self.stepped(epoch, steps, loss, started, (notes as u64, tokens), notes))
    }

    /// One epoch of L-BFGS iterations over all training notes. `None` when the observer asked to stop:
    /// then the model is what it was before the epoch.
    fn lbfgs(
        &mut self,
        epoch: u32,
        steps: u64,
        history: usize,
        iterations: usize,
        observer: &dyn Observer,
    ) -> Result<Option<StepReport>, Error> {
        let parameters = parameters::count(self.model());
        if parameters > LBFGS_PARAMETERS {
            return Err(Error::TooLarge { parameters });
        }
        let started = Instant::now();
        let notes = self.job.training.gold.len();
        let settings = BatchSettings {
            batch_size: self.job.recipe.batch_size,
            max_length: self.job.reading.length,
            bucket: 1,
        };
        let order = evaluation_order(&self.job.training.tokens.lengths(), settings);
        let mut passes = 0;
        let mut optimiser = LBFGSConfig::new()
            .with_history_size(history)
            .with_max_iter(iterations.min(LBFGS_SITTING))
            .with_line_search_fn(LineSearchFn::StrongWolfe)
            .with_tolerance_grad(1e-7)
            .with_tolerance_change(1e-9)
            .init();
        // Summed over notes and codes, not averaged: the optimiser drops gradient pairs whose product is
        // below an absolute 1e-10, which those of a mean soon are.
        let cells = (notes * self.job.task.codes) as f64;
        let mut model = self.model().clone();
        for _ in 0..iterations.div_ceil(LBFGS_SITTING) {
            if observer.interrupted() {
                return Ok(None);
            }
            (model, _) = optimiser.step(self.job.recipe.learning_rate, model, |model: Model| {
                passes += 1;
                let (loss, gradients) = self.group_gradients(&model, &order, notes, None);
                (loss * cells, optimiser::scaled(&model, gradients, cells))
            });
        }
        self.model = Some(model);
        // The loss at the start of the step is what L-BFGS gives back; the epoch's is the one at its end.
        let (loss, _) = self.group_gradients(self.model(), &order, notes, None);
        passes += 1;
        if !loss.is_finite() {
            let step = self.progress.steps + 1;
            return Err(Error::Diverged { epoch, step, loss });
        }
        self.progress.batches = order.len();
        let tokens = self.job.reading.tokens(self.job.training.tokens);
        let passed = (notes as u64 * passes, tokens * passes);
        Ok(Some(self.stepped(epoch, steps, loss, started, passed, notes)))
    }

    /// Books a step: its loss, its time, and the notes and tokens that went through.
    fn stepped(
        &mut self,
        epoch: u32,
        steps: u64,
        loss: f64,
        started: Instant,
        (notes, tokens): (u64, u64),
        weight: usize,
    ) -> StepReport {
        let seconds = started.elapsed().as_secs_f64();
        let progress = &mut self.progress;
        progress.steps += 1;
        progress.loss += loss * weight as f64;
        progress.effort.training_seconds += seconds;
        progress.effort.notes += notes;
        progress.effort.tokens += tokens;
        StepReport {
            epoch,
            step: progress.steps,
            steps,
            notes: notes as usize,
            seconds,
            loss,
        }
    }

    /// The loss averaged over all notes of `group`, and its gradients; without dropout where there is
    /// no `noise` to number the batches from.
    fn group_gradients(
        &self,
        model: &Model,
        group: &[Vec<usize>],
        notes: usize,
        noise: Option<u64>,
    ) -> (f64, GradientsParams) {
        let device = self.job.device.clone().autodiff();
        let mut sum = GradientsAccumulator::new();
        let mut total = 0.0;
        for (micro, batch_notes) in group.iter().enumerate() {
            let mut batch = self.job.reading.batch(self.job.training.tokens, batch_notes, &device);
            if let Some(first) = noise {
                batch = batch.with_noise(Noise::new(self.job.seed, first + micro as u64));
            }
            let targets = targets(self.job.training.gold, batch_notes, self.job.task.codes, &device);
            let (loss, gradients) = model.gradients(&batch, targets);
            let loss = f64::from(parameters::host(loss)[0]);
            if group.len() == 1 {
                return (loss, gradients);
            }
            let share = batch_notes.len() as f64 / notes as f64;
            total += loss * share;
            sum.accumulate(model, optimiser::scaled(model, gradients, share));
        }
        (total, sum.grads())
    }

    /// Scores the validation notes, adds the epoch's row, keeps the weights when they are the best
    /// so far and decides whether training goes on. `false` when the observer asked to stop.
    fn validate(&mut self, epoch: u32, observer: &dyn Observer) -> Result<bool, Error> {
        let started = Instant::now();
        let job = self.job;
        let model = self.model().valid();
        let codes = job.task.codes;
        let Some(scores) = probabilities(&model, job.validation.tokens, job.reading, codes, job.device, observer)
        else {
            return Ok(false);
        };
        let verdict = job
            .evaluation
            .choose(&scores, job.validation.gold, codes)
            .map_err(|source| Error::Metrics { epoch, source })?;
        let notes = job.training.gold.len() as f64;
        let row = EpochRow {
            epoch,
            steps: self.progress.steps,
            training_loss: self.progress.loss / notes,
            validation: verdict.scores.clone(),
        };
        observer.epoch(&row, job.recipe.epochs);
        self.progress.rows.push(row);
        self.progress.epoch = epoch;
        self.progress.batches = 0;
        self.progress.loss = 0.0;
        self.select(epoch, verdict)?;
        self.progress.effort.validation_seconds += started.elapsed().as_secs_f64();
        Ok(true)
    }

    fn select(&mut self, epoch: u32, verdict: Verdict) -> Result<(), Error> {
        let last = epoch >= self.job.recipe.epochs;
        match &self.job.recipe.select {
            Select::Last if last => self.keep(epoch, None, verdict)?,
            Select::Last => {}
            Select::Best { metric, patience } => {
                let value = verdict.scores.get(metric).copied();
                if self.progress.best.as_ref().is_none_or(|best| value > best.value) {
                    self.keep(epoch, value, verdict)?;
                }
                let best_epoch = self.progress.best.as_ref().map_or(epoch, |best| best.epoch);
                if epoch - best_epoch >= *patience {
                    self.progress.stopped = Some(format!("no better validation {metric} in {patience} epochs"));
                }
            }
        }
        if last && self.progress.stopped.is_none() {
            self.progress.stopped = Some("all epochs done".into());
        }
        Ok(())
    }

    /// Keeps the weights of this epoch as the best.
    fn keep(&mut self, epoch: u32, value: Option<f64>, verdict: Verdict) -> Result<(), Error> {
        // Before the checkpoint that refers to it: a run killed in between writes it again, equal.
        checkpoint::write(&self.best_path(), &parameters::read(&self.model().valid()), &epoch)?;
        self.progress.best = Some(Best { epoch, value, verdict });
        Ok(())
    }

    fn is_checkpoint_due(&self) -> bool {
        self.saved.elapsed() >= self.job.checkpoint_every
    }

    fn best_path(&self) -> PathBuf {
        self.job.directory.join("best.safetensors")
    }

    fn save(&mut self) -> Result<(), Error> {
        let (moments, times) = self
            .stepper
            .as_ref()
            .map(|stepper| stepper.save(self.model()))
            .unwrap_or_default();
        self.progress.times = times;
        let weights = parameters::read(self.model());
        let mut all: Parameters = weights
            .into_iter()
            .map(|(name, values)| (format!("weight.{name}"), values))
            .collect();
        all.extend(moments);
        checkpoint::write(&self.job.directory.join("last.safetensors"), &all, &self.progress)?;
        self.saved = Instant::now();
        Ok(())
    }

    fn finish(self) -> Result<Trained, Error> {
        let path = self.best_path();
        let mismatch = |problem: String| Error::Mismatch {
            path: path.clone(),
            problem,
        };
        let model = self.model().valid();
        let best = self
            .progress
            .best
            .ok_or_else(|| mismatch("is missing its best epoch".into()))?;
        let (parameters, epoch) = checkpoint::read::<u32>(&path)?
            .ok_or_else(|| mismatch("is missing, though the last one refers to it".into()))?;
        if epoch != best.epoch {
            return Err(mismatch(format!(
                "is of epoch {epoch}, the last one refers to epoch {}",
                best.epoch
            )));
        }
        let model = parameters::write(model, parameters.clone()).map_err(mismatch)?;
        Ok(Trained {
            model,
            parameters,
            epochs: self.progress.rows,
            best_epoch: best.epoch,
            stopped: self.progress.stopped.unwrap_or_default(),
            validation: best.verdict,
            effort: self.progress.effort,
        })
    }
}

/// 1 where a note has the code, `[note, code]`.
fn targets(gold: &[Vec<u32>], notes: &[usize], codes: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0f32; notes.len() * codes];
    for (row, &note) in values.chunks_mut(codes).zip(notes) {
        // Columns beyond the model's codes are unseen ones, which nothing is trained for.
        for &column in gold[note].iter().filter(|&&column| (column as usize) < codes) {
            row[column as usize] = 1.0;
        }
    }
    Tensor::from_data(TensorData::new(values, [notes.len(), codes]), device)
}

/// Weights and moments of a checkpoint.
fn split(all: Parameters) -> (Parameters, Parameters) {
    let (weights, moments): (Parameters, Parameters) =
        all.into_iter().partition(|(name, _)| name.starts_with("weight."));
    let weights = weights
        .into_iter()
        .map(|(name, values)| (name["weight.".len()..].to_owned(), values))
        .collect();
    (weights, moments)
}
