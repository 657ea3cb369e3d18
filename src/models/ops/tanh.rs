//! The hyperbolic tangent.

use burn::backend::Dispatch;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, backend_extension};
use burn::tensor::{Tensor, activation};

use super::cpu::{Values, back_through, has_kernels, plain, slice, slice_mut};
use crate::kernels::tanh as kernel;

/// The hyperbolic tangent of each element.
pub fn tanh<const D: usize>(states: Tensor<D>) -> Tensor<D> {
    match has_kernels(&states.device()) {
        true => Tensor::from_dispatch(Dispatch::each_tanh(states.into_dispatch())),
        false => activation::tanh(states),
    }
}

/// Burn's extension point for the kernel. Its own on the CPU computes one element after another, in one thread.
#[backend_extension(Flex, Autodiff)]
pub trait TanhOps: Backend {
    /// See [`tanh`].
    fn each_tanh(states: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl TanhOps for Flex {
    fn each_tanh(states: Values) -> Values {
        let mut states = plain(states);
        kernel::in_place(slice_mut(&mut states));
        states
    }
}

#[derive(Debug)]
struct EachTanh;

impl Backward<Flex, 1> for EachTanh {
    /// The result.
    type State = Values;

    fn backward(self, ops: Ops<Values, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        back_through(ops, gradients, |found, mut gradient| {
            kernel::backward(slice(&found), slice_mut(&mut gradient));
            [gradient]
        });
    }
}

impl<C: CheckpointStrategy> TanhOps for Autodiff<Flex, C> {
    fn each_tanh(states: FloatTensor<Self>) -> FloatTensor<Self> {
        let (states, of_states) = states.into_parts();
        let found = Flex::each_tanh(states);
        match EachTanh.prepare::<C>([of_states]).compute_bound().stateful() {
            OpsKind::UnTracked(step) => step.finish(found),
            OpsKind::Tracked(step) => step.finish(found.clone(), found),
        }
    }
}
