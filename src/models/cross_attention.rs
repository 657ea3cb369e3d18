//! Labels attend to tokens as queries (PLM-CA; Edin et al. 2024, "An Unsupervised Approach to Achieve Supervised-Level
//! Explainability in Healthcare Records"): one head of cross-attention over projected states, then a norm and a linear layer
//! that all labels share. Block by block over the labels.
//!
//! With H the states of a note, K = H W_k, V = H W_v + b and a label's query q, the label reads `y = softmax(K q)' V` and its
//! logit is `w . norm(y) + c`. Scores are not divided by the root of the dimension, as in the authors' code (where a scale of 1
//! is said). K q is H (W_k q), and weights sum to 1, so that y is `(softmax(H (W_k q))' H) W_v + b`: labels whose vectors are
//! W_k q read the states themselves, and only what they read is projected.

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, s};

use super::blockwise::BlockwiseHead;
use super::initialise::Initialiser;
use super::label_documents::Documents;
use super::layers::{Linear, Norm};
use super::ops::product;
use super::work::Work;
use crate::device::Precision;

/// What the norm adds to the variance: PyTorch's default.
const EPSILON: f64 = 1e-5;

/// A query for each label, and what all labels share.
#[derive(Module, Debug)]
pub struct CrossAttention {
    /// What each label looks for, `[code, dimension]`.
    queries: Param<Tensor<2>>,
    /// W_k, without a bias: `[dimension, dimension]`.
    key: Param<Tensor<2>>,
    /// W_v and its bias: `[dimension, dimension]`.
    value: Linear,
    norm: Norm,
    /// `[dimension, 1]`.
    output: Linear,
    #[module(skip)]
    block: usize,
}

impl CrossAttention {
    /// A head for token states of length `dimension`. Matrices and queries are normal with that deviation, in the authors'
    /// code 0.03; biases are uniform in `1 / sqrt(dimension)`, PyTorch's default.
    pub fn init(codes: usize, dimension: usize, deviation: f64, block: usize, initialiser: &mut Initialiser) -> Self {
        let bound = 1.0 / (dimension as f64).sqrt();
        let mut linear = |outputs: usize| Linear {
            weight: initialiser.normal([dimension, outputs], deviation),
            bias: initialiser.uniform([outputs], bound),
        };
        let (value, output) = (linear(dimension), linear(1));
        Self {
            queries: initialiser.normal([codes, dimension], deviation),
            key: initialiser.normal([dimension, dimension], deviation),
            value,
            norm: Norm::init(dimension, EPSILON, initialiser),
            output,
            block,
        }
    }

    /// The work on notes with so many states each of length `dimension`, as it is defined: keys and values of the states,
    /// every label's scores, what it reads, and the layer on that.
    pub fn work(codes: usize, dimension: usize, states: &[usize]) -> Work {
        let read = |&states: &usize| {
            Linear::work(states, [dimension, dimension])
                + Linear::work(states, [dimension, dimension])
                + Work::product([codes, dimension, states])
                + Work::product([codes, states, dimension])
                + Linear::work(codes, [dimension, 1])
        };
        states.iter().map(read).sum()
    }

    /// Logits `[note, code]` from token states `[note, token, dimension]`, of which the first
    /// `lengths[note]` are real.
    pub fn logits(&self, states: Tensor<3>, lengths: &[usize], precision: Precision) -> Tensor<2> {
        let documents = Documents::new(states, lengths, precision, self.block);
        let labels = labels(self.queries.val(), self.key.val(), precision);
        documents.logits(labels, |documents| self.score(documents, precision))
    }

    /// Attention of each of some labels over the tokens, `[note, token]`.
    pub fn attention(&self, states: Tensor<3>, lengths: &[usize], codes: &[usize]) -> Vec<Tensor<2>> {
        let documents = Documents::new(states, lengths, Precision::F32, 1);
        let of_code = |&code: &usize| {
            let query = self.queries.val().slice(s![code..code + 1, ..]);
            documents
                .attention(labels(query, self.key.val(), Precision::F32))
                .squeeze_dim(1)
        };
        codes.iter().map(of_code).collect()
    }

    /// `[note, code]` from what labels read of the states, `[note, code, dimension]`.
    fn score(&self, documents: Tensor<3>, precision: Precision) -> Tensor<2> {
        let [notes, codes, dimension] = documents.dims();
        let rows = documents.reshape([notes * codes, dimension]);
        let normed = self.norm.forward(self.value.forward(rows, precision));
        self.output.forward(normed, precision).reshape([notes, codes])
    }
}

/// W_k q of each label, `[code, dimension]`: what its query is for the states themselves.
fn labels(queries: Tensor<2>, key: Tensor<2>, precision: Precision) -> Tensor<2> {
    product(queries, key.swap_dims(0, 1), precision)
}

impl BlockwiseHead for CrossAttention {
    fn loss(
        &self,
        states: &Tensor<3>,
        lengths: &[usize],
        targets: &Tensor<2>,
        precision: Precision,
        gradients: &mut GradientsParams,
    ) -> (Tensor<1>, Tensor<3>) {
        let (queries, key) = (self.queries.val().inner(), self.key.val().inner());
        let documents = Documents::new(states.clone().inner(), lengths, precision, self.block);
        let labels = labels(queries.clone(), key.clone(), precision);
        let score = |documents| self.score(documents, precision);
        let back = documents.loss(labels, targets, self, score, gradients);
        // Back through the product of queries and W_k.
        gradients.register(self.queries.id, product(back.at_labels.clone(), key, precision));
        gradients.register(self.key.id, product(back.at_labels.swap_dims(0, 1), queries, precision));
        (back.loss, back.at_states)
    }
}
