//! Batch normalisation over the positions of notes that are real.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use super::cpu::{Values, back_through, has_kernels, plain, slice, tensor};
use super::norm::NormParameters;
use super::product::column_sums;
use crate::kernels::batch_norm::{self as kernel, Scale, Shape};
use crate::models::batch::mask;

/// The mean and the biased variance of each column, `[column]`, untracked.
#[derive(Clone, Debug)]
pub struct ColumnMoments {
    /// `[column]`.
    pub mean: Tensor<1>,
    /// `[column]`.
    pub variance: Tensor<1>,
}

/// Which positions of each note count.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The first so many of each note.
    pub counts: Arc<Vec<usize>>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Whether the moments are those of the states themselves, so that they move with them.
    pub own: bool,
}

/// The moments of the columns of `states` `[note, position, column]`, over the first `counts[note]` positions of each
/// note, at least one in all. They are untracked: [`batch_norm`] knows how states move them.
pub fn column_moments(states: &Tensor<3>, counts: &Arc<Vec<usize>>) -> ColumnMoments {
    let states = states.clone().inner();
    let device = states.device();
    let [_, _, dimension] = states.dims();
    if has_kernels(&device) {
        let both = Dispatch::moments_of_columns(states.into_dispatch(), counts.clone());
        let both = Tensor::<2>::from_dispatch(both);
        let [mean, variance] = [0, 1].map(|of| both.clone().narrow(0, of, 1).reshape([dimension]));
        return ColumnMoments { mean, variance };
    }
    portable_moments(states, counts)
}

/// As plain tensor operations.
pub(super) fn portable_moments(states: Tensor<3>, counts: &[usize]) -> ColumnMoments {
    let [_, row, dimension] = states.dims();
    let real: Tensor<3> = mask(counts, row, &states.device()).unsqueeze_dim(2);
    let rows = counts.iter().sum::<usize>() as f64;
    let over = |column: &Tensor<1>| -> Tensor<3> { column.clone().reshape([1, 1, dimension]) };
    // Far from 0 a sum in f32 has lost what the deviations are made of: what is left of the mean after it is added.
    let near = over_rows(states.clone() * real.clone(), rows);
    let left = over_rows((states.clone() - over(&near)) * real.clone(), rows);
    let mean = near + left;
    let centred = (states - over(&mean)) * real;
    ColumnMoments {
        variance: over_rows(centred.square(), rows),
        mean,
    }
}

/// The sum of each column of `[note, position, column]` over a number of rows.
fn over_rows(states: Tensor<3>, rows: f64) -> Tensor<1> {
    let [notes, row, dimension] = states.dims();
    column_sums(states.reshape([notes * row, dimension])) / rows
}

/// Batch normalisation (Ioffe and Szegedy 2015) of `states` `[note, position, column]` by `moments`. What stands at
/// positions that do not count is of no meaning.
pub fn batch_norm(
    states: Tensor<3>,
    counts: Arc<Vec<usize>>,
    parameters: NormParameters,
    moments: ColumnMoments,
    own: bool,
) -> Tensor<3> {
    let NormParameters { weight, bias, epsilon } = parameters;
    let counted = Counted { counts, epsilon, own };
    if !has_kernels(&states.device()) {
        return portable(states, weight, bias, moments, &counted);
    }
    let tracked = states.device().is_autodiff();
    let [mean, variance] = [moments.mean, moments.variance].map(|moment| match tracked {
        true => Tensor::from_inner(moment.inner()).into_dispatch(),
        false => moment.into_dispatch(),
    });
    let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
    let states = states.into_dispatch();
    Tensor::from_dispatch(Dispatch::column_norm(states, weight, bias, mean, variance, counted))
}

/// As plain tensor operations, by which own moments are found once more: so states move them.
pub(super) fn portable(
    states: Tensor<3>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    moments: ColumnMoments,
    counted: &Counted,
) -> Tensor<3> {
    let [_, row, dimension] = states.dims();
    let device = states.device();
    let over = |column: Tensor<1>| column.reshape([1, 1, dimension]);
    let [mean, variance] = [moments.mean, moments.variance].map(|moment| match device.is_autodiff() {
        true => over(Tensor::from_inner(moment.inner())),
        false => over(moment),
    });
    let (mean, variance) = match counted.own && device.is_autodiff() {
        true => {
            let real: Tensor<3> = mask(&counted.counts, row, &device).unsqueeze_dim(2);
            let rows = counted.counts.iter().sum::<usize>() as f64;
            let average = |states: Tensor<3>| states.sum_dim(1).sum_dim(0) / rows;
            // Its value is the given one's but for rounding; it has the gradient.
            let left = average((states.clone() - mean.clone()) * real.clone());
            let mean = mean + left;
            let centred = (states.clone() - mean.clone()) * real;
            (mean, average(centred.square()))
        }
        false => (mean, variance),
    };
    let unit = (states - mean) / (variance + counted.epsilon).sqrt();
    unit * over(weight) + over(bias)
}

/// Burn's extension point for the kernel that finds moments.
#[backend_extension(Flex)]
pub trait ColumnMomentsOps: Backend {
    /// See [`column_moments`]: `[2, column]`, the means first.
    fn moments_of_columns(states: FloatTensor<Self>, counts: Arc<Vec<usize>>) -> FloatTensor<Self>;
}

impl ColumnMomentsOps for Flex {
    fn moments_of_columns(states: Values, counts: Arc<Vec<usize>>) -> Values {
        let states = plain(states);
        let [_, row, dimension]: [usize; 3] = states.shape().dims();
        let shape = Shape {
            row,
            dimension,
            counts: &counts,
        };
        let mut found = kernel::moments(slice(&states), shape);
        found.mean.append(&mut found.variance);
        tensor(found.mean, [2, dimension])
    }
}

/// Burn's extension point for the kernel.
#[backend_extension(Flex, Autodiff)]
pub trait BatchNormOps: Backend {
    /// See [`batch_norm`].
    fn column_norm(
        states: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        counted: Counted,
    ) -> FloatTensor<Self>;
}

/// What the way back needs.
#[derive(Clone, Debug)]
struct Normed {
    states: Values,
    weight: Values,
    bias: Values,
    mean: Values,
    inverse: Arc<Vec<f32>>,
    counted: Counted,
}

impl Normed {
    fn new([states, weight, bias, mean, variance]: [Values; 5], counted: Counted) -> Self {
        let inverse = |variance: &f32| (1.0 / (f64::from(*variance) + counted.epsilon).sqrt()) as f32;
        Self {
            states: plain(states),
            weight: plain(weight),
            bias: plain(bias),
            mean: plain(mean),
            inverse: Arc::new(slice(&plain(variance)).iter().map(inverse).collect()),
            counted,
        }
    }

    fn parts(&self) -> (Shape<'_>, Scale<'_>) {
        let [_, row, dimension]: [usize; 3] = self.states.shape().dims();
        let shape = Shape {
            row,
            dimension,
            counts: &self.counted.counts,
        };
        let scale = Scale {
            mean: slice(&self.mean),
            inverse: &self.inverse,
            weight: slice(&self.weight),
            bias: slice(&self.bias),
        };
        (shape, scale)
    }

    fn normalised(&self) -> Values {
        let (shape, scale) = self.parts();
        let normalised = kernel::forward(slice(&self.states), shape, scale);
        tensor(normalised, self.states.shape().dims::<3>())
    }

    /// The gradients at states, weight and bias.
    fn back(self, gradient: Values) -> [Values; 3] {
        let (shape, scale) = self.parts();
        let found = kernel::backward(slice(&self.states), shape, scale, self.counted.own, slice(&gradient));
        let [weight, bias] = [found.weight, found.bias].map(|values| tensor(values, [shape.dimension]));
        [tensor(found.states, self.states.shape().dims::<3>()), weight, bias]
    }
}

impl BatchNormOps for Flex {
    fn column_norm(
        states: Values,
        weight: Values,
        bias: Values,
        mean: Values,
        variance: Values,
        counted: Counted,
    ) -> Values {
        Normed::new([states, weight, bias, mean, variance], counted).normalised()
    }
}

#[derive(Debug)]
struct ColumnNorm;

impl Backward<Flex, 3> for ColumnNorm {
    type State = Normed;

    fn backward(self, ops: Ops<Normed, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        back_through(ops, gradients, Normed::back);
    }
}

impl<C: CheckpointStrategy> BatchNormOps for Autodiff<Flex, C> {
    fn column_norm(
        states: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        counted: Counted,
    ) -> FloatTensor<Self> {
        let (states, of_states) = states.into_parts();
        let (weight, of_weight) = weight.into_parts();
        let (bias, of_bias) = bias.into_parts();
        let [(mean, _), (variance, _)] = [mean.into_parts(), variance.into_parts()];
        let state = Normed::new([states, weight, bias, mean, variance], counted);
        let normalised = state.normalised();
        match ColumnNorm
            .prepare::<C>([of_states, of_weight, of_bias])
            .compute_bound()
            .stateful()
        {
            OpsKind::UnTracked(step) => step.finish(normalised),
            OpsKind::Tracked(step) => step.finish(state, normalised),
        }
    }
}
