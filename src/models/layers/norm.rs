//! Layer normalisation.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::models::dropout::Noise;
use crate::models::initialise::Initialiser;
use crate::models::ops::{self, NormParameters};

/// Layer normalisation (Ba et al. 2016) over the last dimension, with the biased variance.
#[derive(Module, Debug)]
pub struct Norm {
    /// `[dimension]`.
    pub weight: Param<Tensor<1>>,
    /// `[dimension]`.
    pub bias: Param<Tensor<1>>,
    #[module(skip)]
    epsilon: f64,
}

impl Norm {
    /// Starts as the plain normalisation.
    pub fn init(dimension: usize, epsilon: f64, initialiser: &mut Initialiser) -> Self {
        Self {
            weight: initialiser.constant([dimension], 1.0),
            bias: initialiser.constant([dimension], 0.0),
            epsilon,
        }
    }

    /// Each row of `[row, dimension]` to mean 0 and variance 1, then scaled and shifted.
    pub fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        ops::norm(rows, self.parameters())
    }

    /// `norm(residual + dropout(rows))`.
    pub fn add(&self, rows: Tensor<2>, residual: Tensor<2>, noise: Option<&Noise>, probability: f64) -> Tensor<2> {
        ops::add_norm(rows, residual, self.parameters(), noise, probability)
    }

    fn parameters(&self) -> NormParameters {
        NormParameters {
            weight: self.weight.val(),
            bias: self.bias.val(),
            epsilon: self.epsilon,
        }
    }
}
