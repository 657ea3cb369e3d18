//! The linear layer.

use burn::backend::Dispatch;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{DType, Tensor, module};

use super::cpu::{Values, has_kernels, plain, slice, tensor};
use super::product::{add_row, sums_columns};
use crate::device::Precision;
use crate::kernels::linear as kernel;

/// `rows W + b` for rows `[row, in]`, a weight `[in, out]` and a bias `[out]`.
pub fn linear(rows: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, precision: Precision) -> Tensor<2> {
    if has_kernels(&rows.device()) {
        let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
        return Tensor::from_dispatch(Dispatch::linear_rows(rows.into_dispatch(), weight, bias));
    }
    let product = match precision {
        Precision::F32 if !sums_columns(&rows) => return module::linear(rows, weight, Some(bias)),
        Precision::F32 => module::linear(rows, weight, None),
        Precision::Bf16 => module::linear(rows.cast(DType::BF16), weight.cast(DType::BF16), None).cast(DType::F32),
    };
    add_row(product, bias)
}

/// Burn's extension point for the kernel. Its own layer on the CPU sets the result to zero, copies that for its alignment,
/// multiplies, and adds the bias in one thread: five passes over the memory for two.
#[backend_extension(Flex, Autodiff)]
pub trait LinearOps: Backend {
    /// See [`linear`].
    fn linear_rows(rows: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;
}

fn layer(rows: &Values, weight: &Values, bias: &Values) -> Values {
    let shape = [rows.shape()[0], bias.shape()[0]];
    tensor(kernel::forward(slice(rows), slice(weight), slice(bias)), shape)
}

impl LinearOps for Flex {
    fn linear_rows(rows: Values, weight: Values, bias: Values) -> Values {
        layer(&plain(rows), &plain(weight), &plain(bias))
    }
}

#[derive(Debug)]
struct LinearRows;

impl Backward<Flex, 3> for LinearRows {
    /// Rows and weight.
    type State = [Values; 2];

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [rows, weight] = ops.state;
        let gradient = plain(gradients.consume::<Flex>(&ops.node));
        let [inner, outer]: [usize; 2] = weight.shape().dims();
        let [at_rows, at_weight, at_bias] = ops.parents;
        if let Some(parent) = at_bias {
            let found = kernel::at_bias(slice(&gradient), outer);
            gradients.register::<Flex>(parent.id, tensor(found, [outer]));
        }
        if let Some(parent) = at_weight {
            let found = kernel::at_weight(slice(&gradient), slice(&rows), [inner, outer]);
            gradients.register::<Flex>(parent.id, tensor(found, [inner, outer]));
        }
        if let Some(parent) = at_rows {
            let found = kernel::at_rows(slice(&gradient), slice(&weight), outer);
            gradients.register::<Flex>(parent.id, tensor(found, rows.shape().dims::<2>()));
        }
    }
}

impl<C: CheckpointStrategy> LinearOps for Autodiff<Flex, C> {
    fn linear_rows(rows: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self> {
        let (rows, of_rows) = rows.into_parts();
        let (weight, of_weight) = weight.into_parts();
        let (bias, of_bias) = bias.into_parts();
        let (rows, weight) = (plain(rows), plain(weight));
        let out = layer(&rows, &weight, &plain(bias));
        match LinearRows
            .prepare::<C>([of_rows, of_weight, of_bias])
            .compute_bound()
            .stateful()
        {
            OpsKind::UnTracked(step) => step.finish(out),
            OpsKind::Tracked(step) => step.finish([rows, weight], out),
        }
    }
}
