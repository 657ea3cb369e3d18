//! LAAT's label attention (Vu, Nguyen and Nguyen 2020), also PLM-ICD's head: labels look at tanh of the projected token
//! states and read the states themselves, with one linear classifier a label. Block by block over the labels.
//!
//! It is [`label_attention`](super::label_attention) with other keys than values; a label's logit, its loss and their
//! gradients depend on keys, states and that label's own rows only. Memory is O(tokens x block).

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
use crate::kernels::label_attention::Notes;
use crate::kernels::projected_attention as kernel;

/// Deviation of all matrices at the start, in LAAT's code and in Edin et al.'s of PLM-ICD.
const DEVIATION: f64 = 0.03;

/// The head: a projection that all labels share; a query, a weight row and a bias for each label.
#[derive(Module, Debug)]
pub struct ProjectedAttention {
    /// `[dimension, key]`.
    projection: Param<Tensor<2>>,
    /// What each label looks for, `[code, key]`.
    queries: Param<Tensor<2>>,
    /// Each label's classifier, `[code, dimension]`.
    weight: Param<Tensor<2>>,
    /// `[code]`.
    bias: Param<Tensor<1>>,
    #[module(skip)]
    block: usize,
}

impl ProjectedAttention {
    /// A head for token states of length `dimension`, looked at as keys of length `key` (`sizes`). Matrices are normal with
    /// deviation 0.03, as in the authors' code, the bias is uniform in `1 / sqrt(dimension)`, PyTorch's default.
    pub fn init(codes: usize, sizes: [usize; 2], block: usize, initialiser: &mut Initialiser) -> Self {
        Self::with_deviation(codes, sizes, DEVIATION, block, initialiser)
    }

    /// The same with matrices of another deviation at the start.
    pub fn with_deviation(
        codes: usize,
        [dimension, key]: [usize; 2],
        deviation: f64,
        block: usize,
        initialiser: &mut Initialiser,
    ) -> Self {
        Self {
            projection: initialiser.normal([dimension, key], deviation),
            queries: initialiser.normal([codes, key], deviation),
            weight: initialiser.normal([codes, dimension], deviation),
            bias: initialiser.uniform([codes], 1.0 / (dimension as f64).sqrt()),
            block,
        }
    }

    /// The work on notes with so many states each of length `dimension`: their keys, every label's scores, its document
    /// vector, and the product of that with its classifier. The gradient reaches the states.
    pub fn work(codes: usize, [dimension, key]: [usize; 2], states: &[usize]) -> Work {
        let read = |&states: &usize| {
            Work::product([states, dimension, key])
                + Work::product([codes, key, states])
                + Work::product([codes, states, dimension])
                + Work::product([codes, dimension, 1])
        };
        states.iter().map(read).sum()
    }

    /// Logits `[note, code]` from token states `[note, token, dimension]`, of which the first
    /// `lengths[note]` are real. Not tracked: [`loss`](BlockwiseHead::loss) backpropagates by hand.
    pub fn logits(&self, states: Tensor<3>, lengths: &[usize], precision: Precision) -> Tensor<2> {
        let states = states.inner();
        let device = states.device();
        if !ops::has_kernels(&device) {
            return self.portable_logits(states, lengths, precision);
        }
        let shape = [states.dims()[0], self.bias.dims()[0]];
        let logits = self.on_cpu(states, lengths, kernel::logits);
        Tensor::from_data(TensorData::new(logits, shape), &device)
    }

    fn portable_logits(&self, states: Tensor<3>, lengths: &[usize], precision: Precision) -> Tensor<2> {
        let tokens = NoteTokens::new(lengths, states.dims()[1], &states.device());
        let keys = self.keys(&states, precision);
        let block = |range: std::ops::Range<usize>| {
            let (queries, weight) = self.rows(&range);
            let both = both(queries, weight, &keys, &states, precision);
            tokens.read(both).means + self.bias.val().inner().slice(s![range]).unsqueeze::<2>()
        };
        Tensor::cat(self.blocks().map(block).collect(), 1)
    }

    /// Attention of each of some labels over the tokens, `[note, token]`; not tracked.
    pub fn attention(&self, states: Tensor<3>, lengths: &[usize], codes: &[usize]) -> Vec<Tensor<2>> {
        let states = states.inner();
        let tokens = NoteTokens::new(lengths, states.dims()[1], &states.device());
        let keys = self.keys(&states, Precision::F32).swap_dims(1, 2);
        let of_code = |&code: &usize| {
            let (queries, _) = self.rows(&(code..code + 1));
            let scores = product(queries, keys.clone(), Precision::F32);
            tokens.softmax(scores).squeeze_dim(1)
        };
        codes.iter().map(of_code).collect()
    }

    /// What labels look at, `[note, token, key]`.
    fn keys(&self, states: &Tensor<3>, precision: Precision) -> Tensor<3> {
        let [notes, width, _] = states.dims();
        let projection = self.projection.val().inner();
        let key = projection.dims()[1];
        let keys = product(flat(states.clone()), projection, precision).tanh();
        keys.reshape([notes, width, key])
    }

    fn blocks(&self) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        blocks(self.bias.dims()[0], self.block)
    }

    /// The queries and the weights of some labels, `[1, code, _]`, untracked.
    fn rows(&self, range: &std::ops::Range<usize>) -> (Tensor<3>, Tensor<3>) {
        let rows = |of: &Param<Tensor<2>>| of.val().inner().slice(s![range.clone(), ..]).unsqueeze();
        (rows(&self.queries), rows(&self.weight))
    }

    /// What the kernel makes of token states `[note, token, dimension]` and this head, both on the host.
    fn on_cpu<T>(&self, states: Tensor<3>, lengths: &[usize], work: impl FnOnce(Notes, kernel::Head) -> T) -> T {
        let [_, width, dimension] = states.dims();
        let states = host(states);
        let [projection, queries, weight] =
            [&self.projection, &self.queries, &self.weight].map(|of| host(of.val().inner()));
        let notes = Notes {
            states: &states,
            width,
            dimension,
            lengths,
        };
        let head = kernel::Head {
            projection: &projection,
            queries: &queries,
            weight: &weight,
            bias: &host(self.bias.val().inner()),
        };
        work(notes, head)
    }

    fn loss_on_cpu(
        &self,
        states: Tensor<3>,
        lengths: &[usize],
        targets: Tensor<2>,
        gradients: &mut GradientsParams,
    ) -> (Tensor<1>, Tensor<3>) {
        let shape = states.dims();
        let device = states.device();
        let targets = host(targets);
        let found = self.on_cpu(states, lengths, |notes, head| {
            kernel::loss_and_gradients(notes, head, &targets, self.block)
        });
        let parts = [
            (&self.projection, found.projection),
            (&self.queries, found.queries),
            (&self.weight, found.weight),
        ];
        for (parameter, values) in parts {
            let gradient = Tensor::<2>::from_data(TensorData::new(values, parameter.dims()), &device);
            gradients.register(parameter.id, gradient);
        }
        let bias = Tensor::<1>::from_data(TensorData::new(found.bias, self.bias.dims()), &device);
        gradients.register(self.bias.id, bias);
        let loss = Tensor::from_data(TensorData::new(vec![found.loss as f32], [1]), &device);
        (loss, Tensor::from_data(TensorData::new(found.states, shape), &device))
    }
}

impl BlockwiseHead for ProjectedAttention {
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
        match ops::has_kernels(&states.device()) {
            true => self.loss_on_cpu(states, lengths, targets, gradients),
            false => self.portable_loss(states, lengths, targets, precision, gradients),
        }
    }
}

impl ProjectedAttention {
    fn portable_loss(
        &self,
        states: Tensor<3>,
        lengths: &[usize],
        targets: Tensor<2>,
        precision: Precision,
        gradients: &mut GradientsParams,
    ) -> (Tensor<1>, Tensor<3>) {
        let [notes, codes] = targets.dims();
        let share = 1.0 / (notes * codes) as f64;
        let shape = states.dims();
        let tokens = NoteTokens::new(lengths, shape[1], &states.device());
        let keys = self.keys(&states, precision);
        let mut total: Option<Tensor<1>> = None;
        let [mut at_keys, mut at_states]: [Option<Tensor<3>>; 2] = [None, None];
        let mut parts: [Vec<Tensor<2>>; 2] = Default::default();
        let mut bias_parts: Vec<Tensor<1>> = Vec::new();
        for range in self.blocks() {
            let size = range.len();
            let bias = self.bias.val().inner().slice(s![range.clone()]);
            let (queries, weight) = self.rows(&range);
            let both = both(queries.clone(), weight.clone(), &keys, &states, precision);
            let reading = tokens.read(both);
            let logits = reading.means.clone() + bias.unsqueeze::<2>();
            let wanted = targets.clone().slice(s![.., range]);
            let loss = ordered_sum(cross_entropy_cells(logits.clone(), wanted.clone())) * share;
            let at_logits = (activation::sigmoid(logits) - wanted) * share;
            bias_parts.push(at_logits.clone().sum_dim(0).squeeze_dim(0));
            let back = reading.back(at_logits); // [note, 2 code, token]
            let [at_scores, at_read] = [0, size].map(|first| back.clone().narrow(1, first, size));
            let rows = [(&at_scores, &keys), (&at_read, &states)];
            for (parts, (at, of)) in parts.iter_mut().zip(rows) {
                let at_rows = product(at.clone(), of.clone(), precision);
                parts.push(at_rows.sum_dim(0).squeeze_dim(0));
            }
            at_keys = add(at_keys, Some(product(at_scores.swap_dims(1, 2), queries, precision)));
            at_states = add(at_states, Some(product(at_read.swap_dims(1, 2), weight, precision)));
            total = add(total, Some(loss));
        }
        // OK because there is at least one code, hence one block.
        let [at_keys, at_states] = [at_keys, at_states].map(|at| at.expect("a block"));
        let at_projected = flat(at_keys * (-keys.square() + 1.0));
        let projection = self.projection.val().inner().swap_dims(0, 1);
        let through = product(at_projected.clone(), projection, precision).reshape(shape);
        let at_projection = product(flat(states).swap_dims(0, 1), at_projected, precision);
        let [queries, weight] = parts;
        register(gradients, self.projection.id, vec![at_projection]);
        register(gradients, self.queries.id, queries);
        register(gradients, self.weight.id, weight);
        register(gradients, self.bias.id, bias_parts);
        (total.expect("a block"), at_states + through)
    }
}

/// The rows of all notes one after another.
fn flat(tensor: Tensor<3>) -> Tensor<2> {
    let [notes, width, dimension] = tensor.dims();
    tensor.reshape([notes * width, dimension])
}

/// The labels' scores of keys, and below them what they would read of each state, `[note, 2 code, token]`.
fn both(
    queries: Tensor<3>,
    weight: Tensor<3>,
    keys: &Tensor<3>,
    states: &Tensor<3>,
    precision: Precision,
) -> Tensor<3> {
    let scores = product(queries, keys.clone().swap_dims(1, 2), precision);
    let read = product(weight, states.clone().swap_dims(1, 2), precision);
    Tensor::cat(vec![scores, read], 1)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// The gradients at states, projection, queries, weight and bias.
    fn all(head: &ProjectedAttention, at_states: Tensor<3>, gradients: &GradientsParams) -> Vec<Vec<f32>> {
        let matrices = [&head.projection, &head.queries, &head.weight];
        let mut found = vec![host(at_states)];
        found.extend(matrices.map(|of| host(gradients.get::<2>(of.id).unwrap())));
        found.push(host(gradients.get::<1>(head.bias.id).unwrap()));
        found
    }

    #[test]
    fn the_kernel_has_the_logits_loss_and_gradients_of_the_portable_path() {
        let device = Device::flex();
        let (lengths, width, sizes, codes) = ([5, 9, 1, 7], 9, [6, 4], 7);
        let mut initialiser = Initialiser::new(3, &device);
        let mut head = ProjectedAttention::init(codes, sizes, 3, &mut initialiser);
        // Larger than at the start, so that no label reads all tokens alike.
        for parameter in [&mut head.projection, &mut head.queries, &mut head.weight] {
            *parameter = initialiser.normal(parameter.dims(), 1.0);
        }
        let shape = [lengths.len(), width, sizes[0]];
        let values = initialiser.normal_values(shape.iter().product(), 1.0);
        let states = Tensor::<3>::from_data(TensorData::new(values, shape), &device);
        let targets: Vec<f32> = (0..lengths.len() * codes)
            .map(|cell| f32::from(cell % 3 == 1))
            .collect();
        let targets = Tensor::<2>::from_data(TensorData::new(targets, [lengths.len(), codes]), &device);

        let close = |found: &[f32], expected: &[f32], what: &str| {
            assert_eq!(found.len(), expected.len(), "{what}");
            for (found, expected) in found.iter().zip(expected) {
                let error = (found - expected).abs();
                assert!(
                    error <= 1e-5 * (1.0 + expected.abs()),
                    "{what}: {found} against {expected}"
                );
            }
        };
        let logits = head.logits(states.clone(), &lengths, Precision::F32);
        let portable = head.portable_logits(states.clone(), &lengths, Precision::F32);
        close(&host(logits), &host(portable), "logits");
        let [mut by_kernel, mut by_tensors] = [GradientsParams::new(), GradientsParams::new()];
        let (loss, at_states) = head.loss(&states, &lengths, &targets, Precision::F32, &mut by_kernel);
        let found = all(&head, at_states, &by_kernel);
        let (portable, at_states) = head.portable_loss(states, &lengths, targets, Precision::F32, &mut by_tensors);
        close(&host(loss), &host(portable), "loss");
        for (which, (found, expected)) in found.iter().zip(&all(&head, at_states, &by_tensors)).enumerate() {
            close(found, expected, &format!("gradient {which}"));
            assert!(found.iter().any(|value| value.abs() > 1e-3), "gradient {which}");
        }
    }
}
