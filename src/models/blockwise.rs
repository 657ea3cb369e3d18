//! Heads that go over the labels block by block, and how their gradients reach the rest of a model.

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use crate::device::Precision;

/// Labels at a time whose rows stay in a CPU's caches.
pub const CPU_BLOCK: usize = 256;

/// A head whose memory does not grow with tokens times labels: each label's loss depends on the token
/// states and on that label's own rows only, so a block of labels at a time is scored and
/// backpropagated to the states.
pub trait BlockwiseHead {
    /// The cross-entropy averaged over rows and codes, `[1]`, with the gradients of the head's
    /// parameters registered in `gradients`, and the loss's gradient at `states`, all untracked.
    ///
    /// `states` is `[note, token, dimension]`, of which the first `lengths[note]` tokens are real, `targets`
    /// is `[note, code]`.
    fn loss(
        &self,
        states: &Tensor<3>,
        lengths: &[usize],
        targets: &Tensor<2>,
        precision: Precision,
        gradients: &mut GradientsParams,
    ) -> (Tensor<1>, Tensor<3>);
}

/// The loss and every gradient of a model that ends in such a head: the head's block by block, the
/// others by one pass back from the states' summed gradient. `penalty` is a tracked addition to the loss.
pub fn gradients_through<M: Module>(
    model: &M,
    head: &impl BlockwiseHead,
    states: Tensor<3>,
    lengths: &[usize],
    targets: &Tensor<2>,
    precision: Precision,
    penalty: Option<Tensor<1>>,
) -> (Tensor<1>, GradientsParams) {
    let mut of_head = GradientsParams::new();
    let (loss, at_states) = head.loss(&states, lengths, targets, precision, &mut of_head);
    // The gradient of this product at the encoder's parameters is that of the loss.
    let mut through = (states * Tensor::from_inner(at_states)).sum();
    if let Some(penalty) = &penalty {
        through = through + penalty.clone();
    }
    let mut gradients = GradientsParams::from_grads(through.backward(), model);
    merge(&mut gradients, of_head, model);
    let loss = match penalty {
        Some(penalty) => loss + penalty.inner(),
        None => loss,
    };
    (loss, gradients)
}

/// Ranges of `block` labels that cover all.
pub(super) fn blocks(codes: usize, block: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let block = block.min(codes).max(1);
    (0..codes)
        .step_by(block)
        .map(move |start| start..(start + block).min(codes))
}

/// The sum of what is there.
pub(super) fn add<const D: usize>(sum: Option<Tensor<D>>, part: Option<Tensor<D>>) -> Option<Tensor<D>> {
    match (sum, part) {
        (Some(sum), Some(part)) => Some(sum + part),
        (sum, part) => sum.or(part),
    }
}

/// Registers a gradient that came in blocks of rows.
pub(super) fn register<const D: usize>(gradients: &mut GradientsParams, id: ParamId, parts: Vec<Tensor<D>>) {
    if !parts.is_empty() {
        gradients.register(id, Tensor::cat(parts, 0));
    }
}

/// Adds the gradients in `from` (of `module`'s parameters) to those in `into`.
pub(super) fn merge<M: Module>(into: &mut GradientsParams, from: GradientsParams, module: &M) {
    struct Merge<'a>(&'a mut GradientsParams, GradientsParams);
    impl ModuleVisitor for Merge<'_> {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            let Some(part) = self.1.remove::<D>(parameter.id) else {
                return;
            };
            let sum = match self.0.remove::<D>(parameter.id) {
                Some(other) => other + part,
                None => part,
            };
            self.0.register(parameter.id, sum);
        }
    }
    module.visit(&mut Merge(into, from));
}
