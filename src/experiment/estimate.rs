//! What a cell would take: one training step and one inference on its longest batch, timed, and
//! scaled to its tokens.

use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor, activation};

use super::cell::Cell;
use super::prepare::{Plan, Prepared};
use crate::machine;
use crate::models::dropout::Noise;
use crate::models::{Initialiser, Model, parameters};
use crate::text::{BatchSettings, evaluation_order};
use crate::train::{Optimiser, Reading, Stepper};

/// Time and memory a cell would take on this machine.
#[derive(Clone, Copy, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// Seconds with every epoch trained: early stopping can only make it less.
    pub seconds: f64,
    /// Peak resident memory of the process, in bytes, where the system says.
    pub memory_bytes: Option<u64>,
}

/// Measures one step of a cell. Costs a few steps' time; changes nothing on disk.
pub fn estimate(plan: &Plan, prepared: &Prepared, cell: &Cell, device: &Device) -> Estimate {
    let run = &plan.suite.runs[cell.run];
    let text = &prepared.text[&run.text];
    let reading = Reading {
        length: run.model.reads(cell.length as usize),
        batch_size: run.training.batch_size,
        padding: text.task.padding,
        multiple_of: 1,
        precision: plan.suite.precision,
    };
    machine::reset_peak_memory();
    let autodiff = device.clone().autodiff();
    let mut initialiser = Initialiser::new(cell.seed, &autodiff);
    let model = run.model.init(&prepared.tasks[cell.run], &mut initialiser);
    let mut stepper = Stepper::new(&run.training.optimiser, run.training.clip_norm);
    let settings = BatchSettings {
        batch_size: reading.batch_size,
        max_length: reading.length,
        bucket: 1,
    };
    // Longest first: the batch that decides the memory.
    let order = evaluation_order(&text.training.lengths(), settings);
    let notes = &order[0];
    let tokens: usize = notes
        .iter()
        .map(|&note| text.training.note(note, reading.length).len())
        .sum();
    let mut step = |model: Model| {
        let batch = reading
            .batch(&text.training, notes, &autodiff)
            .with_noise(Noise::new(cell.seed, 0));
        let targets = Tensor::zeros([notes.len(), text.task.codes], &autodiff);
        let started = Instant::now();
        let (loss, gradients) = model.gradients(&batch, targets);
        let model = match &mut stepper {
            Some(stepper) => stepper.step(run.training.learning_rate, model, gradients),
            None => model,
        };
        parameters::host(loss);
        (model, started.elapsed().as_secs_f64())
    };
    let (model, _) = step(model); // The first step pays for fresh memory and caches.
    let (model, seconds) = step(model);
    let training = seconds / tokens as f64;
    let valid = model.valid();
    let started = Instant::now();
    parameters::host(activation::sigmoid(valid.logits(&reading.batch(
        &text.training,
        notes,
        device,
    ))));
    let inference = started.elapsed().as_secs_f64() / tokens as f64;
    let epochs = f64::from(run.training.epochs);
    let passes = match run.training.optimiser {
        // The line search looks at a point or two an iteration.
        Optimiser::Lbfgs { iterations, .. } => 1.25 * iterations as f64,
        Optimiser::Adam(_) | Optimiser::AdamW(_) => 1.0,
    };
    let read = |store| reading.tokens(store) as f64;
    Estimate {
        seconds: epochs * (passes * training * read(&text.training) + inference * read(&text.validation))
            + inference * read(&text.evaluation),
        memory_bytes: machine::peak_memory(),
    }
}
