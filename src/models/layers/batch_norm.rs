//! Batch normalisation with running moments.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::models::batch::Batch;
use crate::models::initialise::Initialiser;
use crate::models::ops::{ColumnMoments, NormParameters, batch_norm, column_moments};
use crate::models::running::Seen;

/// Added to the variance, as PyTorch's `BatchNorm1d` and all published systems do.
const EPSILON: f64 = 1e-5;

/// How far the running moments go to those of a batch, as PyTorch's `BatchNorm1d` and all published systems have it.
const SHARE: f64 = 0.1;

/// Batch normalisation (Ioffe and Szegedy 2015) of each column of notes' states over the positions that are real. While
/// training, a column's mean and biased variance are the batch's, and the running moments follow the mean and the
/// unbiased variance; at inference the running moments take their place, so that no note moves another's scores.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// `[column]`.
    pub weight: Param<Tensor<1>>,
    /// `[column]`.
    pub bias: Param<Tensor<1>>,
    /// `[column]`; not trained.
    running_mean: Param<Tensor<1>>,
    /// `[column]`; not trained.
    running_variance: Param<Tensor<1>>,
}

impl BatchNorm {
    /// Starts as the plain normalisation, with the running moments of a standard normal.
    pub fn init(dimension: usize, initialiser: &mut Initialiser) -> Self {
        let mut column = |value| initialiser.constant([dimension], value);
        Self {
            weight: column(1.0),
            bias: column(0.0),
            running_mean: column(0.0).set_require_grad(false),
            running_variance: column(1.0).set_require_grad(false),
        }
    }

    /// States `[note, position, column]` normalised over the first `counts[note]` positions of each note; what stands at
    /// the others is of no meaning. The batch says whether it is one of training, and is told what was seen.
    pub fn forward(&self, states: Tensor<3>, counts: &Arc<Vec<usize>>, batch: &Batch) -> Tensor<3> {
        let parameters = NormParameters {
            weight: self.weight.val(),
            bias: self.bias.val(),
            epsilon: EPSILON,
        };
        let rows: usize = counts.iter().sum();
        // A single position has no variance to learn from: its state would be the bias whatever it was.
        if batch.noise.is_none() || rows < 2 {
            let moments = ColumnMoments {
                mean: self.running_mean.val(),
                variance: self.running_variance.val(),
            };
            return batch_norm(states, counts.clone(), parameters, moments, false);
        }
        let moments = column_moments(&states, counts);
        let unbiased = rows as f64 / (rows - 1) as f64;
        for (running, value) in [
            (&self.running_mean, moments.mean.clone()),
            (&self.running_variance, moments.variance.clone() * unbiased),
        ] {
            batch.see(Seen {
                id: running.id,
                value,
                share: SHARE,
            });
        }
        batch_norm(states, counts.clone(), parameters, moments, true)
    }
}
