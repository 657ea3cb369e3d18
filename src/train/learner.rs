//! One training step: what trains is what `plan` estimates and `bench` times.

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::{Device, Tensor, TensorData};

use super::optimiser::{Stepper, scaled};
use crate::models::running::{Seen, follow};
use crate::models::{Batch, Model, parameters};

/// A batch and its gold codes, `[note, code]`, 1 where a note has the code.
pub struct Part {
    /// As token ids.
    pub batch: Batch,
    /// `[note, code]`.
    pub targets: Tensor<2>,
}

/// What a model makes of the notes of a step.
pub struct MeanGradients {
    /// The mean loss over all of them.
    pub loss: f64,
    /// Its gradients.
    pub gradients: GradientsParams,
    /// What the model's running values are to follow.
    pub seen: Vec<Seen>,
}

/// A model and its optimiser.
pub struct Learner {
    /// On the autodiff device. A step takes it and gives another: the optimiser writes in its place.
    model: Option<Model>,
    stepper: Stepper,
}

impl Learner {
    /// A model about to be trained.
    pub fn new(model: Model, stepper: Stepper) -> Self {
        Self {
            model: Some(model),
            stepper,
        }
    }

    /// The model between two steps.
    pub fn model(&self) -> &Model {
        // OK because a step that took it has put another in its place.
        self.model.as_ref().expect("a model between steps")
    }

    /// The optimiser between two steps.
    pub fn stepper(&self) -> &Stepper {
        &self.stepper
    }

    /// One optimiser step at a learning rate over all `notes` of the `parts`. Returns their mean loss before the step;
    /// where that is not finite, nothing was moved.
    pub fn step(&mut self, rate: f64, notes: usize, parts: impl Iterator<Item = Part>) -> f64 {
        let found = self.gradients(notes, parts);
        let loss = found.loss;
        self.apply(rate, found);
        loss
    }

    /// The first half of a [`step`](Self::step): the mean loss over all `notes` of the `parts`, and its gradients.
    pub fn gradients(&self, notes: usize, parts: impl Iterator<Item = Part>) -> MeanGradients {
        mean_gradients(self.model(), notes, parts)
    }

    /// [`gradients`](Self::gradients) of parts that count by shares given with them.
    pub(super) fn weighted(&self, parts: impl Iterator<Item = (f64, Part)>) -> MeanGradients {
        weighted(self.model(), parts)
    }

    /// The second half: moves the parameters and the running values, unless the loss is not finite.
    pub fn apply(&mut self, rate: f64, found: MeanGradients) {
        if found.loss.is_finite()
            && let Some(model) = self.model.take()
        {
            let model = self.stepper.step(rate, model, found.gradients);
            self.model = Some(follow(model, found.seen));
        }
    }
}

/// The loss averaged over all `notes` of the `parts`, its gradients, and what was seen part by part.
pub fn mean_gradients(model: &Model, notes: usize, parts: impl Iterator<Item = Part>) -> MeanGradients {
    weighted(
        model,
        parts.map(|part| (part.batch.notes() as f64 / notes as f64, part)),
    )
}

/// The sum of the parts' losses and gradients, each times the share that it comes with.
fn weighted(model: &Model, parts: impl Iterator<Item = (f64, Part)>) -> MeanGradients {
    let mut sum = GradientsAccumulator::new();
    let mut total = 0.0;
    let mut seen = Vec::new();
    for (share, Part { batch, targets }) in parts {
        let (loss, gradients) = model.gradients(&batch, targets);
        total += share * f64::from(parameters::host(loss)[0]);
        seen.append(&mut batch.take_seen());
        let gradients = match share == 1.0 {
            true => gradients,
            false => scaled(model, gradients, share),
        };
        sum.accumulate(model, gradients);
    }
    MeanGradients {
        loss: total,
        gradients: sum.grads(),
        seen,
    }
}

/// 1 where a note has the code, `[note, code]`.
pub fn targets(gold: &[Vec<u32>], notes: &[usize], codes: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0f32; notes.len() * codes];
    for (row, &note) in values.chunks_mut(codes).zip(notes) {
        // Columns beyond the model's codes are unseen ones, which nothing is trained for.
        for &column in gold[note].iter().filter(|&&column| (column as usize) < codes) {
            row[column as usize] = 1.0;
        }
    }
    Tensor::from_data(TensorData::new(values, [notes.len(), codes]), device)
}
