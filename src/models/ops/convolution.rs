//! A convolution over word positions, with tanh or without.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Tensor, activation, module};

use super::cpu::{Values, back_through, has_kernels, plain, slice, tensor};
#[cfg(feature = "gpu")]
use super::linear::linear;
use crate::device::Precision;
use crate::kernels::convolution::{self as kernel, Filters, Notes, Padded};
use crate::models::batch::mask;
#[cfg(feature = "gpu")]
use crate::models::gpu;

/// What of each note of a batch a convolution reads and what is wanted of it.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Words that are real; those past them are read as zero vectors.
    pub lengths: Arc<Vec<usize>>,
    /// Positions whose states are wanted; what stands at others is of no meaning.
    pub positions: Arc<Vec<usize>>,
}

/// `tanh(W * words + b)` at each position, for `words` `[note, word, dimension]`, a weight `[filter, dimension, width]`
/// and a bias `[filter]`: `[note, position, filter]`. Zero vectors of half the width stand on both sides.
pub fn convolution(
    words: Tensor<3>,
    extent: Extent,
    weight: Tensor<3>,
    bias: Tensor<1>,
    precision: Precision,
) -> Tensor<3> {
    if !has_kernels(&words.device()) {
        let half = weight.dims()[2] / 2;
        return activation::tanh(portable(words, &extent.lengths, weight, bias, (half, precision)));
    }
    let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::word_convolution(
        words.into_dispatch(),
        weight,
        bias,
        extent,
        true,
    ))
}

/// [`convolution`] without bias and tanh: `W * words`.
pub fn plain_convolution(words: Tensor<3>, extent: Extent, weight: Tensor<3>, precision: Precision) -> Tensor<3> {
    let [filters, _, width] = weight.dims();
    // Not tracked: its gradient goes nowhere.
    let zeros = Tensor::zeros([filters], &words.device());
    if !has_kernels(&words.device()) {
        return portable(words, &extent.lengths, weight, zeros, (width / 2, precision));
    }
    let (weight, zeros) = (weight.into_dispatch(), zeros.into_dispatch());
    Tensor::from_dispatch(Dispatch::word_convolution(
        words.into_dispatch(),
        weight,
        zeros,
        extent,
        false,
    ))
}

/// `W * words + b` as plain tensor operations, with so many zero vectors on both sides of a note.
pub(super) fn portable(
    words: Tensor<3>,
    lengths: &[usize],
    weight: Tensor<3>,
    bias: Tensor<1>,
    (zeros, precision): (usize, Precision),
) -> Tensor<3> {
    // Zero vectors at padding: what is read past a note's end is what is read past the end of the batch.
    let real = mask(lengths, words.dims()[1], &words.device());
    let words = words * real.unsqueeze_dim(2);
    #[cfg(feature = "gpu")]
    if gpu::has_kernels(&words.device()) {
        return in_one_product(words, weight, bias, (zeros, precision));
    }
    let options = ConvOptions::new([1], [zeros], [1], 1);
    let words = words.swap_dims(1, 2);
    let convolved = match precision {
        Precision::F32 => module::conv1d(words, weight, Some(bias), options),
        Precision::Bf16 => {
            let convolved = module::conv1d(words.cast(DType::BF16), weight.cast(DType::BF16), None, options);
            convolved.cast(DType::F32) + bias.reshape([1, -1, 1])
        }
    };
    convolved.swap_dims(1, 2)
}

/// The same with all that each position reads side by side: one product of matrices, forward and back. Without tuning by
/// trial, Burn has slow convolutions only on GPUs.
#[cfg(feature = "gpu")]
fn in_one_product(
    words: Tensor<3>,
    weight: Tensor<3>,
    bias: Tensor<1>,
    (zeros, precision): (usize, Precision),
) -> Tensor<3> {
    let [notes, row, dimension] = words.dims();
    let [filters, _, width] = weight.dims();
    let words = match zeros {
        // No empty tensor beside others: see `models/gru/portable.rs`.
        0 => words,
        count => {
            let zeros = Tensor::zeros([notes, count, dimension], &words.device());
            Tensor::cat(vec![zeros.clone(), words, zeros], 1)
        }
    };
    let positions = row + 2 * zeros + 1 - width;
    let read = (0..width).map(|place| words.clone().narrow(1, place, positions));
    let read = Tensor::cat(read.collect(), 2).reshape([notes * positions, width * dimension]);
    let weight = weight.permute([2, 1, 0]).reshape([width * dimension, filters]);
    linear(read, weight, bias, precision).reshape([notes, positions, filters])
}

/// Burn's extension point for the kernel.
#[backend_extension(Flex, Autodiff)]
pub trait ConvolutionOps: Backend {
    /// See [`convolution`]; without its tanh where that is not wanted.
    fn word_convolution(
        words: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        extent: Extent,
        tanh: bool,
    ) -> FloatTensor<Self>;
}

/// What the way back needs.
#[derive(Clone, Debug)]
struct Convolved {
    /// Notes and words of each.
    shape: [usize; 2],
    weight: Values,
    bias: Values,
    states: Values,
    padded: Arc<Padded>,
    extent: Extent,
    tanh: bool,
}

impl Convolved {
    fn new(words: Values, weight: Values, bias: Values, extent: Extent, tanh: bool) -> Self {
        let (words, weight, bias) = (plain(words), plain(weight), plain(bias));
        let [notes, row, _]: [usize; 3] = words.shape().dims();
        let (read, filters) = parts(row, [&weight, &bias], &extent, tanh);
        let shape = [notes, kernel::positions(row, filters.width), filters.bias.len()];
        let (states, padded) = kernel::forward(slice(&words), read, filters);
        Self {
            states: tensor(states, shape),
            padded: Arc::new(padded),
            shape: [notes, row],
            weight,
            bias,
            extent,
            tanh,
        }
    }

    /// The gradients at words, weight and bias.
    fn back(self, gradient: Values) -> [Values; 3] {
        let [notes, row] = self.shape;
        let (read, filters) = parts(row, [&self.weight, &self.bias], &self.extent, self.tanh);
        let found = kernel::backward(read, filters, slice(&self.states), &self.padded, slice(&gradient));
        let weight: [usize; 3] = self.weight.shape().dims();
        [
            tensor(found.words, [notes, row, weight[1]]),
            tensor(found.weight, weight),
            tensor(found.bias, [weight[0]]),
        ]
    }
}

fn parts<'a>(row: usize, [weight, bias]: [&'a Values; 2], extent: &'a Extent, tanh: bool) -> (Notes<'a>, Filters<'a>) {
    let [_, dimension, width]: [usize; 3] = weight.shape().dims();
    let notes = Notes {
        row,
        dimension,
        lengths: &extent.lengths,
        positions: &extent.positions,
    };
    let filters = Filters {
        weight: slice(weight),
        bias: slice(bias),
        width,
        tanh,
    };
    (notes, filters)
}

impl ConvolutionOps for Flex {
    fn word_convolution(words: Values, weight: Values, bias: Values, extent: Extent, tanh: bool) -> Values {
        Convolved::new(words, weight, bias, extent, tanh).states
    }
}

#[derive(Debug)]
struct WordConvolution;

impl Backward<Flex, 3> for WordConvolution {
    type State = Convolved;

    fn backward(self, ops: Ops<Convolved, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        back_through(ops, gradients, Convolved::back);
    }
}

impl<C: CheckpointStrategy> ConvolutionOps for Autodiff<Flex, C> {
    fn word_convolution(
        words: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        extent: Extent,
        tanh: bool,
    ) -> FloatTensor<Self> {
        let (words, of_words) = words.into_parts();
        let (weight, of_weight) = weight.into_parts();
        let (bias, of_bias) = bias.into_parts();
        let state = Convolved::new(words, weight, bias, extent, tanh);
        let states = state.states.clone();
        match WordConvolution
            .prepare::<C>([of_words, of_weight, of_bias])
            .compute_bound()
            .stateful()
        {
            OpsKind::UnTracked(step) => step.finish(states),
            OpsKind::Tracked(step) => step.finish(state, states),
        }
    }
}
