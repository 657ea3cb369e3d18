//! What recurrent layers share, whatever their gates: the rows of the notes, the parameters of a direction, the products
//! with the inputs and their way back.
//!
//! The products with the inputs are one product for all tokens, before the steps. There is no padding: the notes' rows lie
//! one after another.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor};

use super::initialise::Initialiser;
use super::ops::product;
use super::work::Work;
use crate::device::Precision;

pub use rows::Rows;

mod rows;
pub(super) mod steps;
#[cfg(test)]
pub(super) mod testing;

/// One direction of a layer with so many gates, one gate's columns after another's.
#[derive(Module, Debug)]
pub struct Direction<const GATES: usize> {
    /// `[input, GH]`.
    pub(super) input_weight: Param<Tensor<2>>,
    /// `[GH]`.
    pub(super) input_bias: Param<Tensor<1>>,
    /// `[H, GH]`.
    pub(super) recurrent_weight: Param<Tensor<2>>,
    /// `[GH]`.
    pub(super) recurrent_bias: Param<Tensor<1>>,
}

/// The parameters of the steps without their autodiff association.
#[derive(Clone)]
pub(super) struct Plain {
    /// `[H, GH]`.
    pub recurrent_weight: Tensor<2>,
    /// `[GH]`.
    pub input_bias: Tensor<1>,
    /// `[GH]`.
    pub recurrent_bias: Tensor<1>,
}

/// The gradients at what the steps of one direction read.
pub(super) struct Gradients {
    /// At the input projections, `[row, GH]`.
    pub projections: Tensor<2>,
    /// `[H, GH]`.
    pub recurrent_weight: Tensor<2>,
    /// `[GH]`.
    pub input_bias: Tensor<1>,
    /// `[GH]`.
    pub recurrent_bias: Tensor<1>,
}

impl<const GATES: usize> Direction<GATES> {
    /// All parameters uniform in `1 / sqrt(H)`, PyTorch's default.
    pub fn init(input: usize, hidden: usize, initialiser: &mut Initialiser) -> Self {
        let bound = 1.0 / (hidden as f64).sqrt();
        Self {
            input_weight: initialiser.uniform([input, GATES * hidden], bound),
            input_bias: initialiser.uniform([GATES * hidden], bound),
            recurrent_weight: initialiser.uniform([hidden, GATES * hidden], bound),
            recurrent_bias: initialiser.uniform([GATES * hidden], bound),
        }
    }

    /// The work of one direction on so many tokens of vectors of length `input`, at which the gradient is needed where
    /// they are `trained`. A note's first step multiplies its zero state as every other step does.
    pub fn work(tokens: usize, [input, hidden]: [usize; 2], trained: bool) -> Work {
        let of_inputs = match trained {
            true => Work::product([tokens, input, GATES * hidden]),
            false => Work::product_of_given([tokens, input, GATES * hidden]),
        };
        of_inputs + Work::product([tokens, hidden, GATES * hidden])
    }

    pub(super) fn plain(&self) -> Plain {
        Plain {
            recurrent_weight: self.recurrent_weight.val().inner(),
            input_bias: self.input_bias.val().inner(),
            recurrent_bias: self.recurrent_bias.val().inner(),
        }
    }
}

/// Each direction's products with `inputs`, `[row, GH]`, without their bias. They follow `precision`; the steps after
/// them stay in f32, where rounding does not add up over thousands of them.
pub(super) fn projections<const GATES: usize>(
    directions: [&Direction<GATES>; 2],
    inputs: &Tensor<2>,
    precision: Precision,
) -> [Tensor<2>; 2] {
    directions.map(|direction| product(inputs.clone(), direction.input_weight.val().inner(), precision))
}

/// Registers the gradients of both directions' parameters, from those that their steps gave, and returns that at
/// `inputs` where `at_inputs` asks for it.
pub(super) fn register<const GATES: usize>(
    directions: [&Direction<GATES>; 2],
    inputs: &Tensor<2>,
    found: [Gradients; 2],
    at_inputs: bool,
    precision: Precision,
    registered: &mut GradientsParams,
) -> Option<Tensor<2>> {
    let mut sum: Option<Tensor<2>> = None;
    for (direction, gradients) in directions.into_iter().zip(found) {
        if at_inputs {
            let weight = direction.input_weight.val().inner();
            let part = product(gradients.projections.clone(), weight.swap_dims(0, 1), precision);
            sum = Some(match sum {
                Some(sum) => sum + part,
                None => part,
            });
        }
        let weight = product(inputs.clone().swap_dims(0, 1), gradients.projections, precision);
        registered.register(direction.input_weight.id, weight);
        registered.register(direction.recurrent_weight.id, gradients.recurrent_weight);
        registered.register(direction.input_bias.id, gradients.input_bias);
        registered.register(direction.recurrent_bias.id, gradients.recurrent_bias);
    }
    sum
}

/// Whether a kernel on slices serves: the CPU backend, in f32.
pub(super) fn on_slices(tensor: &Tensor<2>) -> bool {
    tensor.device() == Device::flex() && tensor.dtype() == DType::F32
}

/// A tensor's elements, row-major, without a copy where nothing else holds them.
pub(super) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.into_data();
    // OK because `on_slices` saw f32.
    data.try_into_vec::<f32>().expect("f32 data")
}
