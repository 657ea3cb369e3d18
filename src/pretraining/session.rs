//! The loop: steps over the sequences of each epoch, looks at the development sequences, checkpoints, resume.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use burn::module::Module;
use serde::{Deserialize, Serialize};

use super::epoch::Epoch;
use super::fit::{End, Error, Facts, Fit, Look, Pretrained};
use super::look::{development, look};
use super::model::PretrainingModel;
use super::sequence::{Maker, Sequence};
use super::step::{Batches, gradients};
use crate::models::parameters;
use crate::record::EpochRow;
use crate::train::checkpoint::{self, Checkpoint, Damaged};
use crate::train::{Effort, Observer, StepReport, Stepper};

/// Everything that moves beside weights and moments: what a checkpoint says in JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Progress {
    /// Epochs finished.
    epoch: u32,
    /// Sequences of the current epoch that are done.
    done: usize,
    /// Optimiser steps taken.
    steps: u64,
    /// Sum of the losses since the last look, weighted by sequences.
    loss: f64,
    /// Sequences that it was summed over.
    sequences: u64,
    looks: Vec<Look>,
    effort: Effort,
    /// Steps of each parameter's moments.
    times: BTreeMap<String, usize>,
}

/// A pretraining in progress.
struct Session<'j, 'a> {
    fit: &'j Fit<'a>,
    observer: &'j dyn Observer,
    progress: Progress,
    /// Optimiser steps of all epochs, or as many as there may be.
    steps: u64,
    /// What is looked at.
    development: Vec<Sequence>,
    /// On the autodiff device. A step takes it and gives another: the optimiser writes in its place.
    model: Option<PretrainingModel>,
    stepper: Stepper,
    saved: Instant,
}

/// Pretrains an encoder, or goes on where an interrupted run left off.
///
/// # Errors
/// See [`Error`]; the last checkpoint stays on disk in every case.
pub fn pretrain(fit: &Fit, observer: &dyn Observer) -> Result<End, Error> {
    fit.check().map_err(Error::Unfit)?;
    let mut session = Session::open(fit, observer)?;
    let mut epoch = None;
    loop {
        if session.is_look_due() && !session.look()? {
            return session.pause();
        }
        if session.is_over() {
            return session.finish();
        }
        session.step(&mut epoch)?;
        if observer.interrupted() {
            return session.pause();
        }
        if session.saved.elapsed() >= fit.checkpoint_every {
            session.save()?;
        }
    }
}

impl<'j, 'a> Session<'j, 'a> {
    /// A session at its start, or where the last checkpoint left it. A damaged checkpoint is named and pretraining starts
    /// over.
    fn open(fit: &'j Fit<'a>, observer: &'j dyn Observer) -> Result<Self, Error> {
        let settings = fit.settings;
        let unfit = || Error::Unfit("optimiser: expected adam or adamw".into());
        let mut stepper = Stepper::new(&settings.optimiser, settings.clip_norm).ok_or_else(unfit)?;
        let device = fit.device.clone().autodiff();
        let model = PretrainingModel::init(settings, fit.pieces.size(), fit.start, &device);
        let mut model = model.map_err(Error::Unfit)?;
        let steps = steps(fit);
        let path = last_path(fit);
        let is_of = |progress: &Progress| {
            let looked = progress.looks.last().is_none_or(|last| last.step <= progress.steps);
            looked && progress.steps <= steps && progress.epoch <= settings.epochs
        };
        let fitting = |found: Checkpoint<Progress>| match is_of(&found.progress) {
            true => Ok(found),
            false => Err(Damaged("its numbers are not those of this pretraining".into())),
        };
        let mut progress = Progress::default();
        match checkpoint::read::<Progress>(&path)?.map(|found| found.and_then(fitting)) {
            None => {}
            Some(Err(Damaged(problem))) => observer.notice(&format!(
                "{}: not used: {problem}. The encoder is pretrained from its start",
                path.display()
            )),
            Some(Ok(found)) => {
                let mismatch = |problem| Error::Mismatch {
                    path: path.clone(),
                    problem,
                };
                progress = found.progress;
                let (weights, moments) = checkpoint::split(found.parameters);
                model = parameters::write(model, weights).map_err(mismatch)?;
                let loaded = stepper.load(&model, moments, &progress.times, fit.device);
                loaded.map_err(mismatch)?;
            }
        }
        progress.effort.sittings = progress.effort.sittings.saturating_add(1);
        observer.started(progress.steps, steps);
        Ok(Self {
            fit,
            observer,
            progress,
            steps,
            development: development(fit),
            model: Some(model),
            stepper,
            saved: Instant::now(),
        })
    }

    fn model(&self) -> &PretrainingModel {
        // OK because a step that took it has put another in its place.
        self.model.as_ref().expect("a model between steps")
    }

    fn is_over(&self) -> bool {
        self.progress.steps >= self.steps
    }

    /// The running epoch, from 1; 0 before any step.
    fn epoch(&self) -> u32 {
        self.progress.epoch + u32::from(self.progress.done > 0)
    }

    /// Whether it is time to look: before any step, after each epoch, after the last step, and as often as the settings say.
    fn is_look_due(&self) -> bool {
        let progress = &self.progress;
        let every = self.fit.settings.development.every;
        let is_time = progress.done == 0 || self.is_over() || (every > 0 && progress.steps.is_multiple_of(every));
        is_time && progress.looks.last().is_none_or(|last| last.step != progress.steps)
    }

    /// Looks at the development sequences. `false` when the observer asked to stop.
    fn look(&mut self) -> Result<bool, Error> {
        let started = Instant::now();
        let Some(found) = look(self.model(), &self.development, self.fit, self.observer) else {
            return Ok(false);
        };
        let (epoch, step) = (self.epoch(), self.progress.steps);
        // A perplexity that is infinite could not be written down.
        let losses = found.perplexity + found.nsp_loss.unwrap_or(0.0);
        if !losses.is_finite() {
            return Err(self.diverged("the loss on the notes to look at".into()));
        }
        let progress = &mut self.progress;
        let training_loss = (step > 0).then(|| progress.loss / progress.sequences as f64);
        let look = Look {
            epoch,
            step,
            training_loss,
            ..found
        };
        (progress.loss, progress.sequences) = (0.0, 0);
        progress.looks.push(look);
        progress.effort.validation_seconds += started.elapsed().as_secs_f64();
        if let Some(training_loss) = training_loss {
            let row = EpochRow {
                epoch,
                steps: step,
                training_loss,
                validation: look.named(),
            };
            self.observer.epoch(&row, self.fit.settings.epochs);
        }
        Ok(true)
    }

    fn diverged(&self, what: String) -> Error {
        Error::Diverged {
            what,
            epoch: self.epoch(),
            step: self.progress.steps,
        }
    }

    /// One optimiser step. `epoch` is the one that was last gone through.
    fn step(&mut self, epoch: &mut Option<Epoch>) -> Result<(), Error> {
        let started = Instant::now();
        let (fit, settings) = (self.fit, self.fit.settings);
        let number = self.progress.epoch + 1;
        let drawn = epoch.take().filter(|epoch| epoch.number == number);
        let current = drawn.unwrap_or_else(|| Epoch::new(fit.training.documents(), settings, number));
        let maker = Maker {
            documents: fit.training.documents(),
            pieces: fit.pieces,
            settings,
        };
        let all = current.spans.len();
        let first = self.progress.done;
        let end = (first + settings.batch_size * settings.accumulate).min(all);
        let sequences: Vec<Sequence> = (first..end).map(|place| maker.sequence(&current, place)).collect();
        *epoch = Some(current);
        let batches = Batches {
            size: settings.batch_size,
            padding: fit.pieces.padding,
            precision: fit.precision,
            device: fit.device,
            noise: Some((settings.seed, self.progress.steps)),
        };
        let found = gradients(self.model(), &sequences, batches);
        let (count, loss) = (sequences.len(), found.loss());
        let (steps, rate) = (self.progress.steps + 1, self.rate());
        if !loss.is_finite() {
            (self.progress.steps, self.progress.done) = (steps, end);
            return Err(self.diverged("the loss".into()));
        }
        if let Some(model) = self.model.take() {
            self.model = Some(self.stepper.step(rate, model, found.gradients));
        }
        let seconds = started.elapsed().as_secs_f64();
        let progress = &mut self.progress;
        progress.steps = steps;
        progress.loss += loss * count as f64;
        progress.sequences += count as u64;
        progress.done = end;
        if end == all {
            (progress.epoch, progress.done) = (number, 0);
        }
        progress.effort.training_seconds += seconds;
        progress.effort.notes += count as u64;
        progress.effort.tokens += found.tokens;
        self.observer.stepped(&StepReport {
            epoch: number,
            step: steps,
            steps: self.steps,
            notes: count,
            seconds,
            loss,
        });
        Ok(())
    }

    /// The learning rate of the next step.
    fn rate(&self) -> f64 {
        let settings = self.fit.settings;
        settings.learning_rate * settings.schedule.factor(self.progress.steps, self.steps)
    }

    /// Writes a checkpoint.
    fn save(&mut self) -> Result<(), Error> {
        let (moments, times) = self.stepper.save(self.model());
        self.progress.times = times;
        let all = checkpoint::joined(parameters::read(self.model()), moments);
        checkpoint::write(&last_path(self.fit), &all, &self.progress)?;
        self.saved = Instant::now();
        self.observer.checkpointed();
        Ok(())
    }

    fn pause(&mut self) -> Result<End, Error> {
        self.save()?;
        Ok(End::Interrupted)
    }

    fn finish(mut self) -> Result<End, Error> {
        let all = parameters::read(self.model());
        let is_broken = |values: &parameters::Values| values.values.iter().any(|value| !value.is_finite());
        if let Some((name, _)) = all.iter().find(|(_, values)| is_broken(values)) {
            return Err(self.diverged(name.clone()));
        }
        self.save()?;
        let fit = self.fit;
        let documents = fit.training.documents();
        let stopped = match fit.settings.most_steps {
            Some(most) if self.progress.epoch < fit.settings.epochs => format!("its {most} steps are done"),
            _ => "all epochs done".into(),
        };
        let facts = Facts {
            parameters: all.values().map(|values| values.values.len() as u64).sum(),
            steps: self.progress.steps,
            documents: documents.len() as u64,
            tokens: documents.tokens() as u64,
            development_sequences: self.development.len() as u64,
            stopped,
            looks: std::mem::take(&mut self.progress.looks),
            effort: self.progress.effort,
        };
        Ok(End::Finished(Box::new(Pretrained {
            model: self.model().valid(),
            facts,
            encoder: fit.settings.encoder.clone(),
            padding: fit.pieces.padding,
        })))
    }
}

impl Look {
    /// What was found, by name.
    fn named(&self) -> BTreeMap<String, f64> {
        let found = [
            ("mlm-loss", Some(self.mlm_loss)),
            ("perplexity", Some(self.perplexity)),
            ("mlm-accuracy", Some(self.mlm_accuracy)),
            ("nsp-loss", self.nsp_loss),
            ("nsp-accuracy", self.nsp_accuracy),
        ];
        let named = found
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        named.collect()
    }
}

/// Optimiser steps of all epochs, or as many as there may be.
fn steps(fit: &Fit) -> u64 {
    let settings = fit.settings;
    let of_step = settings.batch_size * settings.accumulate;
    let of_epoch = |epoch| Epoch::sequences(fit.training.documents(), settings, epoch).div_ceil(of_step) as u64;
    let all: u64 = (1..=settings.epochs).map(of_epoch).sum();
    all.min(settings.most_steps.unwrap_or(u64::MAX))
}

fn last_path(fit: &Fit) -> PathBuf {
    fit.directory.join("last.safetensors")
}
