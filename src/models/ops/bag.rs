//! A linear layer over bags of words.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Tensor, TensorData};

use super::cpu::{Values, back_through, has_kernels, plain, slice, tensor};
use super::linear::linear;
use crate::device::Precision;
use crate::kernels::bag::{self as kernel, Bags};

/// `sum over words of value * weight[word] + bias` of each note, `[note, code]`, for a weight `[word, code]` and a bias
/// `[code]`.
pub fn bag_linear(bags: Arc<Bags>, weight: Tensor<2>, bias: Tensor<1>, precision: Precision) -> Tensor<2> {
    let device = weight.device();
    if has_kernels(&device) {
        return Tensor::from_dispatch(Dispatch::bag_linear(weight.into_dispatch(), bias.into_dispatch(), bags));
    }
    let words = weight.dims()[0];
    let mut dense = vec![0.0; bags.notes() * words];
    for (note, row) in dense.chunks_mut(words.max(1)).enumerate() {
        bags.note(note).for_each(|(word, value)| row[word as usize] = value);
    }
    let dense = Tensor::from_data(TensorData::new(dense, [bags.notes(), words]), &device);
    linear(dense, weight, bias, precision)
}

/// Burn's extension point for the kernel.
#[backend_extension(Flex, Autodiff)]
pub trait BagOps: Backend {
    /// See [`bag_linear`].
    fn bag_linear(weight: FloatTensor<Self>, bias: FloatTensor<Self>, bags: Arc<Bags>) -> FloatTensor<Self>;
}

impl BagOps for Flex {
    fn bag_linear(weight: Values, bias: Values, bags: Arc<Bags>) -> Values {
        let (weight, bias) = (plain(weight), plain(bias));
        let [_, codes]: [usize; 2] = weight.shape().dims();
        tensor(
            kernel::forward(&bags, slice(&weight), slice(&bias)),
            [bags.notes(), codes],
        )
    }
}

#[derive(Debug)]
struct BagLinear;

impl Backward<Flex, 2> for BagLinear {
    /// The bags, and the shape of the weight.
    type State = (Arc<Bags>, [usize; 2]);

    fn backward(self, ops: Ops<Self::State, 2>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        back_through(ops, gradients, |(bags, [words, codes]), gradient| {
            let (weight, bias) = kernel::backward(&bags, words, slice(&gradient));
            [tensor(weight, [words, codes]), tensor(bias, [codes])]
        });
    }
}

impl<C: CheckpointStrategy> BagOps for Autodiff<Flex, C> {
    fn bag_linear(weight: FloatTensor<Self>, bias: FloatTensor<Self>, bags: Arc<Bags>) -> FloatTensor<Self> {
        let (weight, of_weight) = weight.into_parts();
        let (bias, of_bias) = bias.into_parts();
        let shape = weight.shape().dims();
        let logits = Flex::bag_linear(weight, bias, bags.clone());
        match BagLinear.prepare::<C>([of_weight, of_bias]).compute_bound().stateful() {
            OpsKind::UnTracked(step) => step.finish(logits),
            OpsKind::Tracked(step) => step.finish((bags, shape), logits),
        }
    }
}
