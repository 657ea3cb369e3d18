//! A linear layer, and layer normalisation.

use candle_core::{Result, Tensor};

use super::pass::Pass;
use super::rows::{Normalise, add_row, by_row, multiply_row};
use super::weights::{Parameter, Start, Weights};
use crate::bench::protocol::Failure;

/// `x W + b`.
pub struct Linear {
    /// `[in, out]`.
    weight: Parameter,
    /// `[out]`.
    bias: Parameter,
}

impl Linear {
    /// The layer whose parameters have names that begin with `path`.
    ///
    /// # Errors
    /// The weights lack it or have it in another shape.
    pub fn take(
        weights: &mut Weights,
        path: &str,
        inputs: usize,
        outputs: usize,
    ) -> std::result::Result<Self, Failure> {
        let bound = (6.0 / (inputs + outputs) as f64).sqrt();
        Ok(Self {
            weight: weights.take(&format!("{path}.weight"), &[inputs, outputs], Start::Uniform(bound))?,
            bias: weights.take(&format!("{path}.bias"), &[outputs], Start::Constant(0.0))?,
        })
    }

    /// `[row, in]` to `[row, out]`.
    pub fn forward(&self, rows: &Tensor, pass: &Pass) -> Result<Tensor> {
        add_row(&rows.matmul(&self.weight.on(pass))?, &self.bias.on(pass))
    }
}

/// Layer normalisation.
pub struct Norm {
    /// `[width]`.
    weight: Parameter,
    /// `[width]`.
    bias: Parameter,
    epsilon: f32,
}

impl Norm {
    /// The norm whose parameters have names that begin with `path`.
    ///
    /// # Errors
    /// The weights lack it or have it in another shape.
    pub fn take(weights: &mut Weights, path: &str, width: usize, epsilon: f32) -> std::result::Result<Self, Failure> {
        Ok(Self {
            weight: weights.take(&format!("{path}.weight"), &[width], Start::Constant(1.0))?,
            bias: weights.take(&format!("{path}.bias"), &[width], Start::Constant(0.0))?,
            epsilon,
        })
    }

    /// `[row, width]` to the same.
    pub fn forward(&self, rows: &Tensor, pass: &Pass) -> Result<Tensor> {
        let epsilon = self.epsilon;
        let scaled = multiply_row(&by_row(Normalise { epsilon }, rows)?, &self.weight.on(pass))?;
        add_row(&scaled, &self.bias.on(pass))
    }
}
