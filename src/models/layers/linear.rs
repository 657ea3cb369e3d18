//! The linear layer.

use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::device::Precision;
use crate::models::initialise::Initialiser;
use crate::models::ops;
use crate::models::work::Work;

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

    /// The work on so many rows.
    pub fn work(rows: usize, [fan_in, fan_out]: [usize; 2]) -> Work {
        Work::product([rows, fan_in, fan_out])
    }

    /// Rows `[row, in]` to `[row, out]`.
    pub fn forward(&self, rows: Tensor<2>, precision: Precision) -> Tensor<2> {
        ops::linear(rows, self.weight.val(), self.bias.val(), precision)
    }
}
