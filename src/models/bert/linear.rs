//! Linear layers and layer norms as BERT has them.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::models::dropout::Noise;
use crate::models::ops::{self, NormParameters};
use crate::models::{Initialiser, Precision};

/// `y = x W + b`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[in, out]`.
    pub weight: Param<Tensor<2>>,
    /// `[out]`.
    pub bias: Param<Tensor<1>>,
}

impl Linear {
    /// BERT's start: normal with the given deviation, bias 0.
    pub fn init([fan_in, fan_out]: [usize; 2], deviation: f64, initialiser: &mut Initialiser) -> Self {
        Self {
            weight: initialiser.normal([fan_in, fan_out], deviation),
            bias: initialiser.constant([fan_out], 0.0),
        }
    }

    /// Rows `[row, in]` to `[row, out]`.
    pub fn forward(&self, rows: Tensor<2>, precision: Precision) -> Tensor<2> {
        ops::linear(rows, self.weight.val(), self.bias.val(), precision)
    }
}

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
