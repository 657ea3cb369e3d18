//! Label-wise attention with one linear classifier a label (Mullenbach et al. 2018, equations 2-4;
//! also LongBERT's head), computed block by block over the labels.
//!
//! Each label's attention, logit and loss depend on the token states and on that label's own rows
//! only. So a block of labels at a time is scored and backpropagated to the states, whose summed
//! gradient then goes through the encoder once. Scores, loss and gradients are those of the whole;
//! memory is O(tokens x block) and not O(tokens x labels).

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData, activation, s};

use super::blockwise::{BlockwiseHead, add, blocks, register};
use super::coding_model::{cross_entropy_cells, ordered_sum};
use super::initialise::Initialiser;
use super::note_tokens::NoteTokens;
use super::ops::{self, product};
use super::parameters::host;
use super::work::Work;
use crate::device::Precision;
use crate::kernels::label_attention as kernel;

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

    /// The work on notes with so many states each of length `dimension`: every label's scores, its document vector,
    /// and the product of that with its classifier. The gradient reaches the states.
    pub fn work(codes: usize, dimension: usize, states: &[usize]) -> Work {
        let read = |&states: &usize| {
            Work::product([codes, dimension, states])
                + Work::product([codes, states, dimension])
                + Work::product([codes, dimension, 1])
        };
        states.iter().map(read).sum()
    }

    /// Each label's classifier row, `[code, dimension]`.
    pub fn weight(&self) -> &Param<Tensor<2>> {
        &self.weight
    }

    /// What each label looks for, `[code, dimension]`.
    pub fn queries(&self) -> Tensor<2> {
        self.queries.val()
    }

    /// Logits `[note, code]` from token states `[note, token, dimension]`, of which the first
    /// `lengths[note]` are real.
    pub fn logits(&self, states: Tensor<3>, lengths: &[usize], precision: Precision) -> Tensor<2> {
        let device = states.device();
        if ops::has_kernels(&device) && !device.is_autodiff() {
            return self.logits_on_cpu(states, lengths);
        }
        let tokens = NoteTokens::new(lengths, states.dims()[1], &device);
        let block = |range| match device.is_autodiff() {
            true => self.rows(range).logits(&states, &tokens, precision),
            false => {
                let both = product(self.stacked(&range), states.clone().swap_dims(1, 2), precision);
                tokens.read(both).means + self.bias.val().slice(s![range]).unsqueeze::<2>()
            }
        };
        Tensor::cat(self.blocks().map(block).collect(), 1)
    }

    /// Attention of one label over the tokens, `[note, token]`.
    pub fn attention(&self, states: Tensor<3>, lengths: &[usize], code: usize) -> Tensor<2> {
        let rows = self.rows(code..code + 1);
        let tokens = NoteTokens::new(lengths, states.dims()[1], &states.device());
        rows.attention(&states, &tokens, Precision::F32).squeeze_dim(1)
    }

    fn blocks(&self) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        blocks(self.bias.dims()[0], self.block)
    }

    /// The queries of some labels on top of their weights, `[1, 2 code, dimension]`, untracked.
    fn stacked(&self, range: &std::ops::Range<usize>) -> Tensor<3> {
        let rows = [&self.queries, &self.weight].map(|of| of.val().inner().slice(s![range.clone(), ..]));
        Tensor::cat(rows.into(), 0).unsqueeze()
    }

    fn rows(&self, range: std::ops::Range<usize>) -> Block {
        Block {
            queries: self.queries.val().slice(s![range.clone(), ..]),
            weight: self.weight.val().slice(s![range.clone(), ..]),
            bias: self.bias.val().slice(s![range]),
        }
    }
}

impl LabelAttention {
    /// What the kernel makes of token states `[note, token, dimension]` and this head, both on the host.
    fn on_cpu<T>(
        &self,
        states: Tensor<3>,
        lengths: &[usize],
        work: impl FnOnce(kernel::Notes, kernel::Head) -> T,
    ) -> T {
        let [_, width, dimension] = states.dims();
        let states = host(states);
        let queries = host(self.queries.val().inner());
        let weight = host(self.weight.val().inner());
        let bias = host(self.bias.val().inner());
        let notes = kernel::Notes {
            states: &states,
            width,
            dimension,
            lengths,
        };
        let head = kernel::Head {
            queries: &queries,
            weight: &weight,
            bias: &bias,
        };
        work(notes, head)
    }

    fn logits_on_cpu(&self, states: Tensor<3>, lengths: &[usize]) -> Tensor<2> {
        let shape = [states.dims()[0], self.bias.dims()[0]];
        let device = states.device();
        let logits = self.on_cpu(states, lengths, kernel::logits);
        Tensor::from_data(TensorData::new(logits, shape), &device)
    }

    fn loss_on_cpu(
        &self,
        states: Tensor<3>,
        lengths: &[usize],
        targets: Tensor<2>,
        gradients: &mut GradientsParams,
    ) -> (Tensor<1>, Tensor<3>) {
        let shape = states.dims();
        let (codes, dimension) = (self.bias.dims()[0], shape[2]);
        let device = states.device();
        let targets = host(targets);
        let found = self.on_cpu(states, lengths, |notes, head| {
            kernel::loss_and_gradients(notes, head, &targets, self.block)
        });
        let matrix = |values| Tensor::<2>::from_data(TensorData::new(values, [codes, dimension]), &device);
        gradients.register(self.queries.id, matrix(found.queries));
        gradients.register(self.weight.id, matrix(found.weight));
        let bias = Tensor::<1>::from_data(TensorData::new(found.bias, [codes]), &device);
        gradients.register(self.bias.id, bias);
        let loss = Tensor::from_data(TensorData::new(vec![found.loss as f32], [1]), &device);
        (loss, Tensor::from_data(TensorData::new(found.states, shape), &device))
    }
}

impl BlockwiseHead for LabelAttention {
    fn loss(
        &self,
        states: &Tensor<3>,
        lengths: &[usize],
        targets: &Tensor<2>,
        precision: Precision,
        gradients: &mut GradientsParams,
    ) -> (Tensor<1>, Tensor<3>) {
        let states = states.clone().inner();
        let targets = targets.clone().inner();
        if ops::has_kernels(&states.device()) {
            return self.loss_on_cpu(states, lengths, targets, gradients);
        }
        let [notes, codes] = targets.dims();
        let share = 1.0 / (notes * codes) as f64;
        let tokens = NoteTokens::new(lengths, states.dims()[1], &states.device());
        let mut total: Option<Tensor<1>> = None;
        let mut at_states: Option<Tensor<3>> = None;
        let mut parts: [Vec<Tensor<2>>; 2] = Default::default();
        let mut bias_parts: Vec<Tensor<1>> = Vec::new();
        for range in self.blocks() {
            // What a label reads of a token is its state times the label's weight, so the logit is the attention's
            // mean of that, and queries and weights share each of three products.
            let size = range.len();
            let bias = self.bias.val().inner().slice(s![range.clone()]);
            let stacked = self.stacked(&range);
            let both = product(stacked.clone(), states.clone().swap_dims(1, 2), precision); // [note, 2 code, token]
            let reading = tokens.read(both);
            let logits = reading.means.clone() + bias.unsqueeze::<2>();
            let wanted = targets.clone().slice(s![.., range]);
            let loss = ordered_sum(cross_entropy_cells(logits.clone(), wanted.clone())) * share;
            let at_logits = (activation::sigmoid(logits) - wanted) * share;
            bias_parts.push(at_logits.clone().sum_dim(0).squeeze_dim(0));
            let back = reading.back(at_logits); // [note, 2 code, token]
            let at_rows = product(back.clone(), states.clone(), precision);
            let at_rows: Tensor<2> = at_rows.sum_dim(0).squeeze_dim(0);
            parts[0].push(at_rows.clone().narrow(0, 0, size));
            parts[1].push(at_rows.narrow(0, size, size));
            at_states = add(at_states, Some(product(back.swap_dims(1, 2), stacked, precision)));
            total = add(total, Some(loss));
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
    fn attention(&self, states: &Tensor<3>, tokens: &NoteTokens, precision: Precision) -> Tensor<3> {
        let queries = self.queries.clone().unsqueeze::<3>();
        tokens.softmax(product(queries, states.clone().swap_dims(1, 2), precision))
    }

    fn logits(&self, states: &Tensor<3>, tokens: &NoteTokens, precision: Precision) -> Tensor<2> {
        let attention = self.attention(states, tokens, precision);
        let documents = product(attention, states.clone(), precision); // [note, code, dimension]
        let products = documents * self.weight.clone().unsqueeze::<3>();
        let sums: Tensor<2> = products.sum_dim(2).squeeze_dim(2);
        sums + self.bias.clone().unsqueeze::<2>()
    }
}
