//! BERT-XML's multi-label attention (Zhang et al. 2020, equations 2-4; AttentionXML, You et al. 2019): a
//! vector for each label, then two layers that all labels share. Block by block over the labels.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData, activation, s};

use super::blockwise::{BlockwiseHead, add, blocks, register};
use super::coding_model::{cross_entropy_cells, ordered_sum};
use super::initialise::Initialiser;
use super::layers::Linear;
use super::note_tokens::{NoteTokens, softmax_back};
use super::ops::{self, product};
use super::parameters::host;
use super::work::Work;
use crate::device::Precision;
use crate::kernels::label_attention::Notes;
use crate::kernels::label_documents as kernel;

/// A vector for each label, and two layers that score what a label read.
#[derive(Module, Debug)]
pub struct SharedAttention {
    /// What each label looks for, l_j: `[code, dimension]`.
    labels: Param<Tensor<2>>,
    /// W_b: `[dimension, hidden]`.
    shared: Linear,
    /// W_a: `[hidden, 1]`.
    output: Linear,
    #[module(skip)]
    block: usize,
}

impl SharedAttention {
    /// A head with the given label vectors. The shared layers are Xavier uniform with PyTorch's bias.
    pub fn init(labels: Param<Tensor<2>>, hidden: usize, block: usize, initialiser: &mut Initialiser) -> Self {
        let dimension = labels.dims()[1];
        let mut linear = |fan_in: usize, fan_out: usize| Linear {
            weight: initialiser.xavier_uniform([fan_in, fan_out], fan_in, fan_out),
            bias: initialiser.uniform([fan_out], 1.0 / (fan_in as f64).sqrt()),
        };
        Self {
            labels,
            shared: linear(dimension, hidden),
            output: linear(hidden, 1),
            block,
        }
    }

    /// The work on sequences with so many states each of length `dimension`: every label's scores, its document vector,
    /// and the two layers on it, of which the first gives `hidden` numbers.
    pub fn work(codes: usize, [dimension, hidden]: [usize; 2], states: &[usize]) -> Work {
        let read = |&states: &usize| {
            Work::product([codes, dimension, states])
                + Work::product([codes, states, dimension])
                + Linear::work(codes, [dimension, hidden])
                + Linear::work(codes, [hidden, 1])
        };
        states.iter().map(read).sum()
    }

    /// What each label looks for, `[code, dimension]`.
    pub fn queries(&self) -> Tensor<2> {
        self.labels.val()
    }

    /// Logits `[note, code]` from token states `[note, token, dimension]`, of which the first
    /// `lengths[note]` are real.
    pub fn logits(&self, states: Tensor<3>, lengths: &[usize], precision: Precision) -> Tensor<2> {
        let device = states.device();
        let tokens = NoteTokens::new(lengths, states.dims()[1], &device);
        let codes = self.labels.dims()[0];
        let all = (ops::has_kernels(&device) && !device.is_autodiff())
            .then(|| self.documents_on_cpu(states.clone(), lengths));
        let blocks = blocks(codes, self.block).map(|range| {
            let documents = match &all {
                Some(all) => all.clone().slice(s![.., range, ..]),
                None => {
                    let labels = self.labels.val().slice(s![range, ..]);
                    let weights = attention(labels, &states, &tokens, precision);
                    product(weights, states.clone(), precision)
                }
            };
            score(
                documents,
                self.shared.weight.val(),
                self.shared.bias.val(),
                self.output.weight.val(),
                self.output.bias.val(),
                precision,
            )
        });
        Tensor::cat(blocks.collect(), 1)
    }

    /// What the kernel makes of token states `[note, token, dimension]` and the label vectors, both on the host.
    fn on_cpu<T>(&self, states: Tensor<3>, lengths: &[usize], work: impl FnOnce(Notes, &[f32]) -> T) -> T {
        let [_, width, dimension] = states.dims();
        let states = host(states);
        let notes = Notes {
            states: &states,
            width,
            dimension,
            lengths,
        };
        work(notes, &host(self.labels.val().inner()))
    }

    /// Document vectors of all labels, `[note, code, dimension]`.
    fn documents_on_cpu(&self, states: Tensor<3>, lengths: &[usize]) -> Tensor<3> {
        let [notes, _, dimension] = states.dims();
        let shape = [notes, self.labels.dims()[0], dimension];
        let device = states.device();
        let documents = self.on_cpu(states, lengths, kernel::forward);
        Tensor::from_data(TensorData::new(documents, shape), &device)
    }

    /// The gradients at the label vectors and at the states, from that at the document vectors.
    fn back_on_cpu(&self, states: Tensor<3>, lengths: &[usize], at_documents: Tensor<3>) -> (Tensor<2>, Tensor<3>) {
        let shape = states.dims();
        let device = states.device();
        let at_documents = host(at_documents);
        let (labels, states) = self.on_cpu(states, lengths, |notes, labels| {
            kernel::backward(notes, labels, &at_documents, self.block)
        });
        let labels = Tensor::from_data(TensorData::new(labels, self.labels.dims()), &device);
        (labels, Tensor::from_data(TensorData::new(states, shape), &device))
    }

    /// Attention of one label over the tokens, `[note, token]`.
    pub fn attention(&self, states: Tensor<3>, lengths: &[usize], code: usize) -> Tensor<2> {
        let tokens = NoteTokens::new(lengths, states.dims()[1], &states.device());
        let labels = self.labels.val().slice(s![code..code + 1, ..]);
        attention(labels, &states, &tokens, Precision::F32).squeeze_dim(1)
    }
}

impl BlockwiseHead for SharedAttention {
    fn loss(
        &self,
        states: &Tensor<3>,
        lengths: &[usize],
        targets: &Tensor<2>,
        precision: Precision,
        gradients: &mut GradientsParams,
    ) -> (Tensor<1>, Tensor<3>) {
        let [notes, codes] = targets.dims();
        let share = 1.0 / (notes * codes) as f64;
        let states = states.clone().inner();
        let tokens = NoteTokens::new(lengths, states.dims()[1], &states.device());
        let mut total: Option<Tensor<1>> = None;
        let mut at_states: Option<Tensor<3>> = None;
        let mut at_labels: Vec<Tensor<2>> = Vec::new();
        // On the CPU the kernel goes over the labels in blocks of its own, before and after the shared layers.
        let all = ops::has_kernels(&states.device()).then(|| self.documents_on_cpu(states.clone(), lengths));
        let mut at_all: Vec<Tensor<3>> = Vec::new();
        let mut at_matrices: [Option<Tensor<2>>; 2] = [None, None];
        let mut at_biases: [Option<Tensor<1>>; 2] = [None, None];
        for range in blocks(codes, self.block) {
            let labels = self.labels.val().inner().slice(s![range.clone(), ..]);
            // Weights are [note, code, token].
            let (weights, documents) = match &all {
                Some(all) => (None, all.clone().slice(s![.., range.clone(), ..])),
                None => {
                    let weights = attention(labels.clone(), &states, &tokens, precision);
                    (Some(weights.clone()), product(weights, states.clone(), precision))
                }
            };
            // The two shared layers are small: Burn's autodiff does them, from leaves of their own.
            let leaf = Tensor::from_inner(documents.clone()).require_grad();
            let matrices = [&self.shared.weight, &self.output.weight]
                .map(|parameter| Tensor::from_inner(parameter.val().inner()).require_grad());
            let biases = [&self.shared.bias, &self.output.bias]
                .map(|parameter| Tensor::from_inner(parameter.val().inner()).require_grad());
            let logits = score(
                leaf.clone(),
                matrices[0].clone(),
                biases[0].clone(),
                matrices[1].clone(),
                biases[1].clone(),
                precision,
            );
            let wanted = targets.clone().slice(s![.., range]);
            let loss = ordered_sum(cross_entropy_cells(logits, wanted)) * share;
            let mut tape = loss.backward();
            for (sum, matrix) in at_matrices.iter_mut().zip(&matrices) {
                *sum = add(sum.take(), matrix.grad_remove(&mut tape));
            }
            for (sum, bias) in at_biases.iter_mut().zip(&biases) {
                *sum = add(sum.take(), bias.grad_remove(&mut tape));
            }
            total = add(total, Some(loss.inner()));
            // OK because the loss depends on every document vector.
            let at_documents = leaf.grad_remove(&mut tape).expect("a gradient");
            let Some(weights) = weights else {
                at_all.push(at_documents);
                continue;
            };
            // Back through documents = weights . states and the softmax, by hand.
            let at_weights = product(at_documents.clone(), states.clone().swap_dims(1, 2), precision);
            let through = || (at_documents.clone() * documents).sum_dim(2);
            let at_scores = softmax_back(at_weights, weights.clone(), through);
            let of_labels = product(at_scores.clone(), states.clone(), precision);
            at_labels.push(of_labels.sum_dim(0).squeeze_dim(0));
            let part = product(weights.swap_dims(1, 2), at_documents, precision)
                + product(at_scores.swap_dims(1, 2), labels.unsqueeze::<3>(), precision);
            at_states = add(at_states, Some(part));
        }
        if all.is_some() {
            let (labels, at) = self.back_on_cpu(states, lengths, Tensor::cat(at_all, 1));
            at_labels.push(labels);
            at_states = Some(at);
        }
        register(gradients, self.labels.id, at_labels);
        let [shared, output] = at_matrices;
        let [shared_bias, output_bias] = at_biases;
        register(gradients, self.shared.weight.id, shared.into_iter().collect());
        register(gradients, self.output.weight.id, output.into_iter().collect());
        register(gradients, self.shared.bias.id, shared_bias.into_iter().collect());
        register(gradients, self.output.bias.id, output_bias.into_iter().collect());
        // OK because there is at least one code, hence one block.
        (total.expect("a block"), at_states.expect("a block"))
    }
}

/// Softmax over the tokens of label . state, `[note, code, token]`.
fn attention(labels: Tensor<2>, states: &Tensor<3>, tokens: &NoteTokens, precision: Precision) -> Tensor<3> {
    tokens.softmax(product(
        labels.unsqueeze::<3>(),
        states.clone().swap_dims(1, 2),
        precision,
    ))
}

/// Equation 4 before the sigmoid: `[note, code]` from document vectors `[note, code, dimension]`.
fn score(
    documents: Tensor<3>,
    shared: Tensor<2>,
    shared_bias: Tensor<1>,
    output: Tensor<2>,
    output_bias: Tensor<1>,
    precision: Precision,
) -> Tensor<2> {
    let [notes, codes, dimension] = documents.dims();
    let rows = documents.reshape([notes * codes, dimension]);
    let hidden = activation::relu(ops::linear(rows, shared, shared_bias, precision));
    ops::linear(hidden, output, output_bias, precision).reshape([notes, codes])
}
