//! A convolution over word positions, of each filter its largest value through a tanh.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Tensor, activation};

use super::convolution::{Extent, portable as convolved};
use super::cpu::{Values, back_through, has_kernels, plain, slice, tensor};
use crate::device::Precision;
use crate::kernels::convolution::{Filters, Notes};
use crate::kernels::pooled_convolution::{self as kernel, Pooled};
use crate::models::batch::mask;

/// What stands in the place of a position that is not wanted: it is never the largest.
const LEAST: f64 = -1e30;

/// `max(tanh(W * words + b))` over the positions of `words` `[note, word, dimension]` that are wanted, for a weight
/// `[filter, dimension, width]` and a bias `[filter]`: `[note, filter]`. Windows lie inside a note, which is filled up
/// with zero vectors where it has fewer words than the width; at least one position is wanted of each.
pub fn pooled_convolution(
    words: Tensor<3>,
    extent: Extent,
    weight: Tensor<3>,
    bias: Tensor<1>,
    precision: Precision,
) -> Tensor<2> {
    if !has_kernels(&words.device()) {
        return portable(words, &extent, weight, bias, precision);
    }
    let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::pooled_words(words.into_dispatch(), weight, bias, extent))
}

/// As plain tensor operations.
pub(super) fn portable(
    words: Tensor<3>,
    extent: &Extent,
    weight: Tensor<3>,
    bias: Tensor<1>,
    precision: Precision,
) -> Tensor<2> {
    let [notes, row, dimension] = words.dims();
    let [filters, _, width] = weight.dims();
    let device = words.device();
    let words = match width.saturating_sub(row) {
        // No empty tensor beside others: see `models/gru/portable.rs`.
        0 => words,
        lacking => Tensor::cat(vec![words, Tensor::zeros([notes, lacking, dimension], &device)], 1),
    };
    let found = convolved(words, &extent.lengths, weight, bias, (0, precision));
    let positions = found.dims()[1];
    let outside = mask(&extent.positions, positions, &device).equal_elem(0);
    let outside = outside.unsqueeze_dim::<3>(2).repeat_dim(2, filters);
    let largest: Tensor<2> = found.mask_fill(outside, LEAST).max_dim(1).squeeze_dim(1);
    activation::tanh(largest)
}

/// Burn's extension point for the kernel.
#[backend_extension(Flex, Autodiff)]
pub trait PooledConvolutionOps: Backend {
    /// See [`pooled_convolution`].
    fn pooled_words(
        words: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        extent: Extent,
    ) -> FloatTensor<Self>;
}

/// What the way back needs.
#[derive(Clone, Debug)]
struct Found {
    words: Values,
    weight: Values,
    bias: Values,
    pooled: Arc<Pooled>,
    extent: Extent,
}

impl Found {
    fn new(words: Values, weight: Values, bias: Values, extent: Extent) -> Self {
        let (words, weight, bias) = (plain(words), plain(weight), plain(bias));
        let (notes, filters) = parts([&words, &weight, &bias], &extent);
        Self {
            pooled: Arc::new(kernel::forward(slice(&words), notes, filters)),
            words,
            weight,
            bias,
            extent,
        }
    }

    fn states(&self) -> Values {
        let shape = [self.words.shape()[0], self.bias.shape()[0]];
        tensor(self.pooled.states.clone(), shape)
    }

    /// The gradients at words, weight and bias.
    fn back(self, gradient: Values) -> [Values; 3] {
        let (notes, filters) = parts([&self.words, &self.weight, &self.bias], &self.extent);
        let found = kernel::backward(slice(&self.words), notes, filters, &self.pooled, slice(&gradient));
        [
            tensor(found.words, self.words.shape().dims::<3>()),
            tensor(found.weight, self.weight.shape().dims::<3>()),
            tensor(found.bias, self.bias.shape().dims::<1>()),
        ]
    }
}

fn parts<'a>([words, weight, bias]: [&'a Values; 3], extent: &'a Extent) -> (Notes<'a>, Filters<'a>) {
    let [_, row, dimension]: [usize; 3] = words.shape().dims();
    let notes = Notes {
        row,
        dimension,
        lengths: &extent.lengths,
        positions: &extent.positions,
    };
    let filters = Filters {
        weight: slice(weight),
        bias: slice(bias),
        width: weight.shape()[2],
        tanh: true,
    };
    (notes, filters)
}

impl PooledConvolutionOps for Flex {
    fn pooled_words(words: Values, weight: Values, bias: Values, extent: Extent) -> Values {
        Found::new(words, weight, bias, extent).states()
    }
}

#[derive(Debug)]
struct PooledWords;

impl Backward<Flex, 3> for PooledWords {
    type State = Found;

    fn backward(self, ops: Ops<Found, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        back_through(ops, gradients, Found::back);
    }
}

impl<C: CheckpointStrategy> PooledConvolutionOps for Autodiff<Flex, C> {
    fn pooled_words(
        words: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        extent: Extent,
    ) -> FloatTensor<Self> {
        let (words, of_words) = words.into_parts();
        let (weight, of_weight) = weight.into_parts();
        let (bias, of_bias) = bias.into_parts();
        let state = Found::new(words, weight, bias, extent);
        let states = state.states();
        match PooledWords
            .prepare::<C>([of_words, of_weight, of_bias])
            .compute_bound()
            .stateful()
        {
            OpsKind::UnTracked(step) => step.finish(states),
            OpsKind::Tracked(step) => step.finish(state, states),
        }
    }
}
