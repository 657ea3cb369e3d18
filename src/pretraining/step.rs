//! The losses and gradients of one optimiser step.

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Device;

use super::model::{PretrainingModel, Sequences};
use super::sequence::Sequence;
use crate::device::Precision;
use crate::models::Pass;
use crate::models::dropout::Noise;
use crate::models::parameters::host;

/// How the sequences of a step are computed.
#[derive(Clone, Copy, Debug)]
pub struct Batches<'a> {
    /// Sequences at a time.
    pub size: usize,
    /// The token id that fills rows up.
    pub padding: u32,
    /// In which numbers matrices are multiplied.
    pub precision: Precision,
    /// The device, without autodiff.
    pub device: &'a Device,
    /// Seed of the dropout and the step that it is drawn for; `None` for no dropout.
    pub noise: Option<(u64, u64)>,
}

/// What a step found.
#[derive(Debug)]
pub struct Found {
    /// Mean cross-entropy of the masked tokens of all sequences.
    pub masked: f64,
    /// Mean cross-entropy of the next sentences, where they are told.
    pub next: Option<f64>,
    /// Tokens that went through.
    pub tokens: u64,
    /// The gradients of the sum of both.
    pub gradients: GradientsParams,
}

impl Found {
    /// Both losses together.
    pub fn loss(&self) -> f64 {
        self.masked + self.next.unwrap_or(0.0)
    }
}

/// The losses of a model, on the autodiff device, over some sequences, and their gradients, a batch at a time. They are those
/// of all sequences at once: means over all masked tokens and all pairs.
pub fn gradients(model: &PretrainingModel, sequences: &[Sequence], batches: Batches) -> Found {
    let device = batches.device.clone().autodiff();
    let all: usize = sequences.iter().map(|sequence| sequence.masked.len()).sum();
    let mut gradients = GradientsAccumulator::new();
    let (mut masked, mut next, mut tokens) = (0.0, None, 0);
    for (place, part) in sequences.chunks(batches.size).enumerate() {
        let batch = Sequences::new(part, batches.padding, &device);
        // Each batch of a step has noise of its own; a resumed run draws what the undisturbed one drew.
        let noise = batches
            .noise
            .map(|(seed, step)| Noise::new(seed, (step << 12) + place as u64));
        let pass = Pass {
            noise: noise.as_ref(),
            precision: batches.precision,
        };
        let losses = model.losses(&batch, pass);
        let of_masked = losses.masked / all as f64;
        masked += f64::from(host(of_masked.clone().inner())[0]);
        let loss = match losses.next {
            None => of_masked,
            Some(of_next) => {
                let of_next = of_next / sequences.len() as f64;
                *next.get_or_insert(0.0) += f64::from(host(of_next.clone().inner())[0]);
                of_masked + of_next
            }
        };
        gradients.accumulate(model, GradientsParams::from_grads(loss.backward(), model));
        tokens += batch.tokens;
    }
    Found {
        masked,
        next,
        tokens,
        gradients: gradients.grads(),
    }
}
