//! Label-wise attention with one linear classifier a label (Mullenbach et al. 2018, equations 2-4;
//! also LongBERT's head), computed block by block over the labels.
//!
//! Each label's attention, logit and loss depend on the token states and on that label's own rows
//! only. So a block of labels at a time is scored and backpropagated to the states, whose summed
//! gradient then goes through the encoder once. Scores, loss and gradients are those of the whole;
//! memory is O(tokens x block) and not O(tokens x labels).

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, activation, s};

use super::Initialiser;
use super::blockwise::{BlockwiseHead, add, blocks, padding_bias, register};
use super::coding_model::{cross_entropy_cells, ordered_sum};

/// The head: a query, a weight row and a bias for each label.
#[derive(Module, Debug)]
pub struct LabelAttention {
    /// What each label looks for, `[code, dimension]`.
    queries: Param<Tensor<2>>,
    /// Each label's classifier, `[code, dimension]`.
    weight: Param<Tensor<2>>,
    /// `[code]`.
    bias: Param<Tensor<1>>,
    #[module(skip)]
    block: usize,
}

/// The rows of one block of labels.
struct Block {
    queries: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
}

impl LabelAttention {
    /// A head for token states of length `dimension`. Queries and weights are Xavier uniform, as
    /// in CAML's code, the bias is uniform in `1 / sqrt(dimension)`, PyTorch's default.
    pub fn init(codes: usize, dimension: usize, block: usize, initialiser: &mut Initialiser) -> Self {
        Self {
            queries: initialiser.xavier_uniform([codes, dimension], dimension, codes),
            weight: initialiser.xavier_uniform([codes, dimension], dimension, codes),
            bias: initialiser.uniform([codes], 1.0 / (dimension as f64).sqrt()),
            block,
        }
    }

    /// Each label's classifier row, `[code, dimension]`.
    pub fn weight(&self) -> &Param<Tensor<2>> {
        &self.weight
    }

    /// Logits `[note, code]` from token states `[note, token, dimension]` and a mask `[note, token]`
    /// that is 1 at real positions.
    pub fn logits(&self, states: Tensor<3>, mask: Tensor<2>) -> Tensor<2> {
        let bias = padding_bias(mask);
        let blocks = self
            .blocks()
            .map(|range| self.rows(range).logits(&states, &bias))
            .collect();
        Tensor::cat(blocks, 1)
    }

    /// Attention of one label over the tokens, `[note, token]`.
    pub fn attention(&self, states: Tensor<3>, mask: Tensor<2>, code: usize) -> Tensor<2> {
        let rows = self.rows(code..code + 1);
        rows.attention(&states, &padding_bias(mask)).squeeze_dim(1)
    }

    fn blocks(&self) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        blocks(self.bias.dims()[0], self.block)
    }

    /// The rows as leaves of their own: their gradients have the block's size and not the table's. Cut
    /// from the plain values: a tracked cut that is never backpropagated stays in the tape's books,
    /// and looking through those came to take most of a step.
    fn leaves(&self, range: std::ops::Range<usize>) -> Block {
        Block {
            queries: Tensor::from_inner(self.queries.val().inner().slice(s![range.clone(), ..])).require_grad(),
            weight: Tensor::from_inner(self.weight.val().inner().slice(s![range.clone(), ..])).require_grad(),
            bias: Tensor::from_inner(self.bias.val().inner().slice(s![range])).require_grad(),
        }
    }

    fn rows(&self, range: std::ops::Range<usize>) -> Block {
        Block {
            queries: self.queries.val().slice(s![range.clone(), ..]),
            weight: self.weight.val().slice(s![range.clone(), ..]),
            bias: self.bias.val().slice(s![range]),
        }
    }
}

impl BlockwiseHead for LabelAttention {
    fn loss(
        &self,
        states: &Tensor<3>,
        mask: Tensor<2>,
        targets: &Tensor<2>,
        gradients: &mut GradientsParams,
    ) -> (Tensor<1>, Tensor<3>) {
        let [notes, codes] = targets.dims();
        let share = 1.0 / (notes * codes) as f64;
        let bias = padding_bias(mask);
        let mut total: Option<Tensor<1>> = None;
        let mut at_states: Option<Tensor<3>> = None;
        let mut parts: [Vec<Tensor<2>>; 2] = Default::default();
        let mut bias_parts = Vec::new();
        for range in self.blocks() {
            let leaf = Tensor::from_inner(states.clone().inner()).require_grad();
            let rows = self.leaves(range.clone());
            let logits = rows.logits(&leaf, &bias);
            let wanted = targets.clone().slice(s![.., range]);
            let loss = ordered_sum(cross_entropy_cells(logits, wanted)) * share;
            let mut tape = loss.backward();
            at_states = add(at_states, leaf.grad_remove(&mut tape));
            parts[0].extend(rows.queries.grad_remove(&mut tape));
            parts[1].extend(rows.weight.grad_remove(&mut tape));
            bias_parts.extend(rows.bias.grad_remove(&mut tape));
            total = add(total, Some(loss.inner()));
        }
        let [queries, weight] = parts;
        register(gradients, self.queries.id, queries);
        register(gradients, self.weight.id, weight);
        register(gradients, self.bias.id, bias_parts);
        // OK because there is at least one code, hence one block.
        (total.expect("a block"), at_states.expect("a block"))
    }
}

impl Block {
    /// Softmax over the tokens of query . state, `[note, code, token]`: the reduction runs along
    /// the last dimension, where it is contiguous.
    fn attention(&self, states: &Tensor<3>, padding: &Tensor<3>) -> Tensor<3> {
        let scores = self
            .queries
            .clone()
            .unsqueeze::<3>()
            .matmul(states.clone().swap_dims(1, 2));
        activation::softmax(scores + padding.clone(), 2)
    }

    fn logits(&self, states: &Tensor<3>, padding: &Tensor<3>) -> Tensor<2> {
        let documents = self.attention(states, padding).matmul(states.clone()); // [note, code, dimension]
        let products = documents * self.weight.clone().unsqueeze::<3>();
        let sums: Tensor<2> = products.sum_dim(2).squeeze_dim(2);
        sums + self.bias.clone().unsqueeze::<2>()
    }
}
