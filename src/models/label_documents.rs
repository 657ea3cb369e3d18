//! What each label reads of a note, as a vector, for heads that go on from it with layers that all labels share. Block by
//! block over the labels.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData, s};

use super::blockwise::{add, blocks, merge};
use super::coding_model::{cross_entropy_cells, ordered_sum};
use super::note_tokens::{NoteTokens, softmax_back};
use super::ops::{self, product};
use super::parameters::host;
use crate::device::Precision;
use crate::kernels::label_attention::Notes;
use crate::kernels::label_documents as kernel;

/// The states of a batch's notes, as labels read them: a label's document vector is the mean of a note's states, each by
/// the softmax over the note's tokens of its product with the label's vector.
pub(super) struct Documents<'a> {
    /// `[note, token, dimension]`, of which the first `lengths[note]` tokens are real.
    states: Tensor<3>,
    lengths: &'a [usize],
    tokens: NoteTokens,
    precision: Precision,
    /// Labels at a time.
    block: usize,
}

/// A loss and its gradients, all untracked.
pub(super) struct Back {
    /// `[1]`.
    pub loss: Tensor<1>,
    /// `[code, dimension]`.
    pub at_labels: Tensor<2>,
    /// `[note, token, dimension]`.
    pub at_states: Tensor<3>,
}

impl<'a> Documents<'a> {
    /// Documents of token states `[note, token, dimension]`, of which the first `lengths[note]` are real.
    pub fn new(states: Tensor<3>, lengths: &'a [usize], precision: Precision, block: usize) -> Self {
        Self {
            tokens: NoteTokens::new(lengths, states.dims()[1], &states.device()),
            states,
            lengths,
            precision,
            block,
        }
    }

    /// Logits `[note, code]` for label vectors `[code, dimension]`, where `score` makes them of document vectors
    /// `[note, code, dimension]`.
    pub fn logits(&self, labels: Tensor<2>, score: impl Fn(Tensor<3>) -> Tensor<2>) -> Tensor<2> {
        let device = self.states.device();
        let all = (ops::has_kernels(&device) && !device.is_autodiff()).then(|| self.on_cpu(labels.clone()));
        let blocks = blocks(labels.dims()[0], self.block).map(|range| {
            let documents = match &all {
                Some(all) => all.clone().slice(s![.., range, ..]),
                None => {
                    let weights = self.attention(labels.clone().slice(s![range, ..]));
                    product(weights, self.states.clone(), self.precision)
                }
            };
            score(documents)
        });
        Tensor::cat(blocks.collect(), 1)
    }

    /// The cross-entropy of such logits against `targets`, `[note, code]`, averaged over both; untracked, as the states and
    /// the label vectors must be. The gradients of `layers`, whose parameters `score` uses, are registered in `gradients`.
    pub fn loss<M: Module>(
        &self,
        labels: Tensor<2>,
        targets: &Tensor<2>,
        layers: &M,
        score: impl Fn(Tensor<3>) -> Tensor<2>,
        gradients: &mut GradientsParams,
    ) -> Back {
        let [notes, codes] = targets.dims();
        let share = 1.0 / (notes * codes) as f64;
        let mut total: Option<Tensor<1>> = None;
        let mut at_states: Option<Tensor<3>> = None;
        let mut at_labels: Vec<Tensor<2>> = Vec::new();
        // On the CPU the kernel goes over the labels in blocks of its own, before and after the shared layers.
        let all = ops::has_kernels(&self.states.device()).then(|| self.on_cpu(labels.clone()));
        let mut at_all: Vec<Tensor<3>> = Vec::new();
        for range in blocks(codes, self.block) {
            let block = labels.clone().slice(s![range.clone(), ..]);
            // Weights are [note, code, token].
            let (weights, documents) = match &all {
                Some(all) => (None, all.clone().slice(s![.., range.clone(), ..])),
                None => {
                    let weights = self.attention(block.clone());
                    (
                        Some(weights.clone()),
                        product(weights, self.states.clone(), self.precision),
                    )
                }
            };
            // The shared layers are small: Burn's autodiff does them, from a leaf.
            let leaf = Tensor::from_inner(documents.clone()).require_grad();
            let wanted = targets.clone().slice(s![.., range]);
            let loss = ordered_sum(cross_entropy_cells(score(leaf.clone()), wanted)) * share;
            let mut tape = loss.backward();
            // OK because the loss depends on every document vector.
            let at_documents = leaf.grad_remove(&mut tape).expect("a gradient");
            merge(gradients, GradientsParams::from_grads(tape, layers), layers);
            total = add(total, Some(loss.inner()));
            let Some(weights) = weights else {
                at_all.push(at_documents);
                continue;
            };
            // Back through documents = weights . states and the softmax, by hand.
            let turned = self.states.clone().swap_dims(1, 2);
            let at_weights = product(at_documents.clone(), turned, self.precision);
            let through = || (at_documents.clone() * documents).sum_dim(2);
            let at_scores = softmax_back(at_weights, weights.clone(), through);
            let of_labels = product(at_scores.clone(), self.states.clone(), self.precision);
            at_labels.push(of_labels.sum_dim(0).squeeze_dim(0));
            let part = product(weights.swap_dims(1, 2), at_documents, self.precision)
                + product(at_scores.swap_dims(1, 2), block.unsqueeze::<3>(), self.precision);
            at_states = add(at_states, Some(part));
        }
        if all.is_some() {
            let (of_labels, at) = self.back_on_cpu(labels, Tensor::cat(at_all, 1));
            at_labels.push(of_labels);
            at_states = Some(at);
        }
        // OK because there is at least one code, hence one block.
        Back {
            loss: total.expect("a block"),
            at_labels: Tensor::cat(at_labels, 0),
            at_states: at_states.expect("a block"),
        }
    }

    /// Softmax over the tokens of label . state, `[note, code, token]`, for label vectors `[code, dimension]`.
    pub fn attention(&self, labels: Tensor<2>) -> Tensor<3> {
        let turned = self.states.clone().swap_dims(1, 2);
        self.tokens
            .softmax(product(labels.unsqueeze::<3>(), turned, self.precision))
    }

    /// Document vectors of all labels, `[note, code, dimension]`.
    fn on_cpu(&self, labels: Tensor<2>) -> Tensor<3> {
        let [notes, width, dimension] = self.states.dims();
        let device = self.states.device();
        let shape = [notes, labels.dims()[0], dimension];
        let states = host(self.states.clone());
        let notes = Notes {
            states: &states,
            width,
            dimension,
            lengths: self.lengths,
        };
        let documents = kernel::forward(notes, &host(labels.inner()));
        Tensor::from_data(TensorData::new(documents, shape), &device)
    }

    /// The gradients at the label vectors and at the states, from that at the document vectors.
    fn back_on_cpu(&self, labels: Tensor<2>, at_documents: Tensor<3>) -> (Tensor<2>, Tensor<3>) {
        let shape = self.states.dims();
        let [_, width, dimension] = shape;
        let device = self.states.device();
        let of_labels = labels.dims();
        let states = host(self.states.clone());
        let notes = Notes {
            states: &states,
            width,
            dimension,
            lengths: self.lengths,
        };
        let (labels, states) = kernel::backward(notes, &host(labels), &host(at_documents), self.block);
        let labels = Tensor::from_data(TensorData::new(labels, of_labels), &device);
        (labels, Tensor::from_data(TensorData::new(states, shape), &device))
    }
}
