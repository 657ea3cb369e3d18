//! What one replica computes of an optimiser step.

use burn::tensor::Device;

use super::fit::Fit;
use super::learner::{Part, targets};
use crate::models::dropout::Noise;
use crate::models::evidence::{Evidence, EvidenceSpan};

/// The batches of one optimiser step.
pub(super) struct Order {
    /// The step's learning rate.
    pub(super) rate: f64,
    /// The notes of each batch.
    pub(super) batches: Vec<Vec<usize>>,
    /// The number of the noise of the step's first share.
    pub(super) noise: u64,
}

impl Order {
    /// Notes of all batches.
    pub(super) fn notes(&self) -> usize {
        self.batches.iter().map(Vec::len).sum()
    }

    /// What a replica computes of each batch, and its share of the step's mean. Notes are dealt out in turns: a batch is
    /// sorted by length, and so each replica has short and long ones. Where an epoch's last batch has none left for a
    /// replica, it computes one that does not count: whoever sums waits for gradients of all.
    pub(super) fn share<'o>(
        &'o self,
        fit: &'o Fit,
        rank: usize,
        device: &'o Device,
    ) -> impl Iterator<Item = (f64, Part)> + 'o {
        let replicas = fit.recipe.replicas;
        let all = self.notes() as f64;
        self.batches.iter().enumerate().map(move |(micro, batch)| {
            let mut notes: Vec<usize> = batch.iter().skip(rank).step_by(replicas).copied().collect();
            let share = notes.len() as f64 / all;
            if notes.is_empty() {
                notes.push(batch[0]);
            }
            // Each share has noise of its own; a resumed run draws what the undisturbed one drew.
            let noise = self.noise + (micro * replicas + rank) as u64;
            (share, part(fit, &notes, noise, device))
        })
    }
}

/// Some training notes as a step reads them, on a device with autodiff, with the noise of that number.
fn part(fit: &Fit, notes: &[usize], noise: u64, device: &Device) -> Part {
    let batch = fit.reading.batch(fit.training.tokens, notes, device);
    Part {
        batch: batch
            .with_noise(Noise::new(fit.seed, noise))
            .with_marks(marks(fit, notes)),
        targets: targets(fit.training.gold, notes, fit.task.codes, device),
    }
}

/// What annotators marked in some training notes; nothing where the data set has no marks.
fn marks(fit: &Fit, notes: &[usize]) -> Vec<Vec<EvidenceSpan>> {
    let of_note = |evidence: &Evidence| notes.iter().map(|&note| evidence.notes[note].spans.clone()).collect();
    fit.task.evidence.as_deref().map_or_else(Vec::new, of_note)
}
