//! BERT-XML's multi-label attention (Zhang et al. 2020, equations 2-4; AttentionXML, You et al. 2019): a
//! vector for each label, then two layers that all labels share. Block by block over the labels.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, activation, s};

use super::blockwise::BlockwiseHead;
use super::initialise::Initialiser;
use super::label_documents::Documents;
use super::layers::Linear;
use super::work::Work;
use crate::device::Precision;

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
        let documents = Documents::new(states, lengths, precision, self.block);
        documents.logits(self.labels.val(), |documents| self.score(documents, precision))
    }

    /// Attention of one label over the tokens, `[note, token]`.
    pub fn attention(&self, states: Tensor<3>, lengths: &[usize], code: usize) -> Tensor<2> {
        let label = self.labels.val().slice(s![code..code + 1, ..]);
        let documents = Documents::new(states, lengths, Precision::F32, 1);
        documents.attention(label).squeeze_dim(1)
    }

    /// Equation 4 before the sigmoid: `[note, code]` from document vectors `[note, code, dimension]`.
    fn score(&self, documents: Tensor<3>, precision: Precision) -> Tensor<2> {
        let [notes, codes, dimension] = documents.dims();
        let rows = documents.reshape([notes * codes, dimension]);
        let hidden = activation::relu(self.shared.forward(rows, precision));
        self.output.forward(hidden, precision).reshape([notes, codes])
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
        let documents = Documents::new(states.clone().inner(), lengths, precision, self.block);
        let labels = self.labels.val().inner();
        let score = |documents| self.score(documents, precision);
        let back = documents.loss(labels, targets, self, score, gradients);
        gradients.register(self.labels.id, back.at_labels);
        (back.loss, back.at_states)
    }
}
