//! The cross-entropy of words that are to be told from states, over a whole vocabulary, a block of it at a time: memory is
//! O(rows x block), forward and back.

use std::ops::Range;
use std::sync::Arc;

use burn::backend::Dispatch;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Int, Tensor, s};

use super::cpu::{Values, back_through, has_kernels, plain, slice, tensor};
use super::layout::ids;
use super::product::{column_sums, product};
use crate::device::Precision;
use crate::kernels::word_loss as kernel;
use crate::models::coding_model::ordered_sum;
use crate::models::parameters::host;

/// The words that can be told, such as a table of embeddings with a bias.
#[derive(Clone, Debug)]
pub struct Words {
    /// `[word, dimension]`.
    pub vectors: Tensor<2>,
    /// `[word]`.
    pub bias: Tensor<1>,
    /// Words computed at a time, at least 1.
    pub block: usize,
}

/// The sum over rows of `-ln softmax(states vectors' + bias)` at the row's target, `[1]`, for states `[row, dimension]`.
pub fn word_loss(states: Tensor<2>, words: Words, targets: &[i32], precision: Precision) -> Tensor<1> {
    if !has_kernels(&states.device()) {
        return portable(states, words, targets, precision);
    }
    let Words { vectors, bias, block } = words;
    let told = Told {
        targets: Arc::new(targets.to_vec()),
        block,
    };
    let (vectors, bias) = (vectors.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::words_told(states.into_dispatch(), vectors, bias, told))
}

/// As plain tensor operations. The gradients are made beside the loss, a block at a time, and the tape gets a sum that has
/// them.
fn portable(states: Tensor<2>, words: Words, targets: &[i32], precision: Precision) -> Tensor<1> {
    let tracked = states.device().is_autodiff();
    let blocks = Blocks::new(&states, &words, precision);
    let targets = ids(targets.to_vec(), &blocks.states.device()).unsqueeze_dim(1);
    let (loss, log_sums) = blocks.forward(&targets);
    if !tracked {
        return loss;
    }
    let (at_states, at_vectors, at_bias) = blocks.backward(&targets, log_sums);
    let through = ordered_sum(states * Tensor::from_inner(at_states))
        + ordered_sum(words.vectors * Tensor::from_inner(at_vectors))
        + ordered_sum(words.bias * Tensor::from_inner(at_bias));
    // Nothing is added to the loss: the sum less itself is 0, and has the gradients.
    let itself = Tensor::from_inner(through.clone().inner());
    Tensor::from_inner(loss) + (through - itself)
}

/// The `count` words of the highest logits for each state `[row, dimension]`, best first; of equals the one of the lower id.
pub fn likely_words(states: Tensor<2>, words: &Words, count: usize, precision: Precision) -> Vec<Vec<(u32, f32)>> {
    let blocks = Blocks::new(&states, words, precision);
    let mut likely: Vec<Vec<(u32, f32)>> = vec![Vec::with_capacity(count + 1); states.dims()[0]];
    for range in blocks.ranges() {
        let width = range.len();
        let logits = host(blocks.logits(range.clone()));
        for (likely, logits) in likely.iter_mut().zip(logits.chunks(width)) {
            for (word, &logit) in range.clone().zip(logits) {
                if likely.len() == count && likely.last().is_some_and(|(_, least)| logit <= *least) {
                    continue;
                }
                let place = likely.partition_point(|(_, better)| *better >= logit);
                likely.insert(place, (word as u32, logit));
                likely.truncate(count);
            }
        }
    }
    likely
}

/// Rows and words without a tape.
struct Blocks {
    states: Tensor<2>,
    vectors: Tensor<2>,
    /// `[1, word]`.
    bias: Tensor<2>,
    block: usize,
    precision: Precision,
}

impl Blocks {
    fn new(states: &Tensor<2>, words: &Words, precision: Precision) -> Self {
        Self {
            states: states.clone().inner(),
            vectors: words.vectors.clone().inner(),
            bias: words.bias.clone().inner().unsqueeze(),
            block: words.block,
            precision,
        }
    }

    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (words, block) = (self.vectors.dims()[0], self.block);
        (0..words)
            .step_by(block)
            .map(move |first| first..words.min(first + block))
    }

    /// `[row, word of the range]`.
    fn logits(&self, range: Range<usize>) -> Tensor<2> {
        let vectors = self.vectors.clone().slice(s![range.clone(), ..]).transpose();
        product(self.states.clone(), vectors, self.precision) + self.bias.clone().slice(s![.., range])
    }

    /// 1 where the word of the range is the row's target, `[row, word of the range]`, for targets `[row, 1]`.
    fn hits(&self, targets: &Tensor<2, Int>, range: Range<usize>) -> Tensor<2> {
        let shape = [self.states.dims()[0], range.len()];
        let words = Tensor::<1, Int>::arange(range.start as i64..range.end as i64, &self.states.device());
        let words = words.unsqueeze::<2>().expand(shape);
        targets.clone().expand(shape).equal(words).float()
    }

    /// The loss, `[1]`, and the logarithms of the rows' sums, `[row, 1]`.
    fn forward(&self, targets: &Tensor<2, Int>) -> (Tensor<1>, Tensor<2>) {
        let rows = [self.states.dims()[0], 1];
        let device = self.states.device();
        let mut largest = Tensor::full(rows, f32::MIN, &device);
        let mut powers = Tensor::zeros(rows, &device);
        let mut at_targets = Tensor::zeros(rows, &device);
        for range in self.ranges() {
            let logits = self.logits(range.clone());
            at_targets = at_targets + (logits.clone() * self.hits(targets, range)).sum_dim(1);
            let now = largest.clone().max_pair(logits.clone().max_dim(1));
            powers = powers * (largest - now.clone()).exp() + (logits - now.clone()).exp().sum_dim(1);
            largest = now;
        }
        let log_sums = largest + powers.log();
        (ordered_sum(log_sums.clone() - at_targets), log_sums)
    }

    /// The loss's gradients at states, vectors and biases.
    fn backward(&self, targets: &Tensor<2, Int>, log_sums: Tensor<2>) -> (Tensor<2>, Tensor<2>, Tensor<1>) {
        let mut at_states = self.states.zeros_like();
        let (mut at_vectors, mut at_bias) = (Vec::new(), Vec::new());
        for range in self.ranges() {
            let shares = (self.logits(range.clone()) - log_sums.clone()).exp();
            let at_logits = shares - self.hits(targets, range.clone());
            let vectors = self.vectors.clone().slice(s![range, ..]);
            at_bias.push(column_sums(at_logits.clone()));
            at_vectors.push(product(
                at_logits.clone().transpose(),
                self.states.clone(),
                self.precision,
            ));
            at_states = at_states + product(at_logits, vectors, self.precision);
        }
        (at_states, Tensor::cat(at_vectors, 0), Tensor::cat(at_bias, 0))
    }
}

/// What is to be told, and how many words at a time.
#[derive(Clone, Debug)]
pub struct Told {
    /// The word of each row.
    pub targets: Arc<Vec<i32>>,
    /// Words computed at a time.
    pub block: usize,
}

/// Burn's extension point for the kernel.
#[backend_extension(Flex, Autodiff)]
pub trait WordLossOps: Backend {
    /// See [`word_loss`].
    fn words_told(
        states: FloatTensor<Self>,
        vectors: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        told: Told,
    ) -> FloatTensor<Self>;
}

/// What the way back needs.
#[derive(Clone, Debug)]
struct Summed {
    states: Values,
    vectors: Values,
    bias: Values,
    told: Told,
    log_sums: Vec<f32>,
}

impl Summed {
    /// The loss, and what it leaves.
    fn new(states: Values, vectors: Values, bias: Values, told: Told) -> (Values, Self) {
        let (states, vectors, bias) = (plain(states), plain(vectors), plain(bias));
        let words = kernel_words(&vectors, &bias, told.block);
        let found = kernel::forward(slice(&states), words, &told.targets);
        let left = Self {
            log_sums: found.log_sums,
            states,
            vectors,
            bias,
            told,
        };
        (tensor(vec![found.loss], [1]), left)
    }

    /// The gradients at states, vectors and biases.
    fn back(self, gradient: Values) -> [Values; 3] {
        let words = kernel_words(&self.vectors, &self.bias, self.told.block);
        let targets = &self.told.targets;
        let found = kernel::backward(slice(&self.states), words, targets, &self.log_sums, slice(&gradient)[0]);
        let [rows, dimension]: [usize; 2] = self.states.shape().dims();
        let count = found.bias.len();
        [
            tensor(found.states, [rows, dimension]),
            tensor(found.vectors, [count, dimension]),
            tensor(found.bias, [count]),
        ]
    }
}

fn kernel_words<'a>(vectors: &'a Values, bias: &'a Values, block: usize) -> kernel::Words<'a> {
    kernel::Words {
        vectors: slice(vectors),
        bias: slice(bias),
        block,
    }
}

impl WordLossOps for Flex {
    fn words_told(states: Values, vectors: Values, bias: Values, told: Told) -> Values {
        Summed::new(states, vectors, bias, told).0
    }
}

#[derive(Debug)]
struct WordsTold;

impl Backward<Flex, 3> for WordsTold {
    type State = Summed;

    fn backward(self, ops: Ops<Summed, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        back_through(ops, gradients, Summed::back);
    }
}

impl<C: CheckpointStrategy> WordLossOps for Autodiff<Flex, C> {
    fn words_told(
        states: FloatTensor<Self>,
        vectors: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        told: Told,
    ) -> FloatTensor<Self> {
        let (states, of_states) = states.into_parts();
        let (vectors, of_vectors) = vectors.into_parts();
        let (bias, of_bias) = bias.into_parts();
        let (loss, left) = Summed::new(states, vectors, bias, told);
        match WordsTold
            .prepare::<C>([of_states, of_vectors, of_bias])
            .compute_bound()
            .stateful()
        {
            OpsKind::UnTracked(step) => step.finish(loss),
            OpsKind::Tracked(step) => step.finish(left, loss),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    const ROWS: usize = 37;
    const WORDS: usize = 150;
    const DIMENSION: usize = 12;

    /// Repeatable values between -1 and 1.
    fn noise(seed: u64, count: usize) -> Vec<f32> {
        let value = |index: u64| (((seed * 31 + index) * 7919 % 2003) as f32 / 1001.0) - 1.0;
        (0..count as u64).map(value).collect()
    }

    fn close(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        let scale = expected.iter().fold(1e-30f32, |most, value| most.max(value.abs()));
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!(
                (found - expected).abs() <= 1e-5 * scale,
                "at {at}: {found}, expected {expected}"
            );
        }
    }

    fn given<const D: usize>(seed: u64, shape: [usize; D], device: &Device) -> Tensor<D> {
        let values = noise(seed, shape.iter().product());
        Tensor::from_data(TensorData::new(values, shape), device).require_grad()
    }

    /// The loss and its gradients, times 0.5, by one of the two forms.
    fn found(loss: fn(Tensor<2>, Words, &[i32], Precision) -> Tensor<1>, block: usize) -> [Vec<f32>; 4] {
        let device = Device::flex().autodiff();
        let states = given(1, [ROWS, DIMENSION], &device);
        let vectors = given(2, [WORDS, DIMENSION], &device);
        let bias = given(3, [WORDS], &device);
        let targets: Vec<i32> = (0..ROWS as i32).map(|row| row * row % WORDS as i32).collect();
        let words = Words {
            vectors: vectors.clone(),
            bias: bias.clone(),
            block,
        };
        let loss = loss(states.clone(), words, &targets, Precision::F32) * 0.5;
        let gradients = loss.backward();
        let at = |tensor: &Tensor<2>| host(tensor.grad(&gradients).unwrap());
        [
            host(loss.clone().inner()),
            at(&states),
            at(&vectors),
            host(bias.grad(&gradients).unwrap()),
        ]
    }

    #[test]
    fn both_forms_give_one_loss_and_one_gradient_whatever_the_block() {
        let expected = found(word_loss, WORDS);
        let all = [word_loss, portable].into_iter();
        for (form, block) in all.flat_map(|form| [1, 64, WORDS, 1_000].map(|block| (form, block))) {
            for (found, expected) in found(form, block).iter().zip(&expected) {
                close(found, expected);
            }
        }
    }

    #[test]
    fn without_a_tape_the_loss_is_the_same() {
        let device = Device::flex();
        let [states, vectors] = [(1, ROWS), (2, WORDS)].map(|(seed, rows)| {
            let values = noise(seed, rows * DIMENSION);
            Tensor::<2>::from_data(TensorData::new(values, [rows, DIMENSION]), &device)
        });
        let bias = Tensor::from_data(TensorData::new(noise(3, WORDS), [WORDS]), &device);
        let targets: Vec<i32> = (0..ROWS as i32).map(|row| row * row % WORDS as i32).collect();
        let words = Words {
            vectors,
            bias,
            block: 64,
        };
        let expected = found(word_loss, 64)[0][0] * 2.0;
        for form in [word_loss, portable] {
            let found = host(form(states.clone(), words.clone(), &targets, Precision::F32));
            close(&found, &[expected]);
        }
    }

    #[test]
    fn the_likely_words_are_the_best_of_all_blocks_in_their_order() {
        let device = Device::flex();
        let states = Tensor::from_data([[1.0f32, 0.0], [0.0, 1.0]], &device);
        let vectors = Tensor::from_data([[1.0f32, 3.0], [4.0, 3.0], [2.0, 0.0], [4.0, 1.0], [0.0, 3.0]], &device);
        let bias = Tensor::from_data([0.0f32, 0.0, 0.0, 0.0, 0.5], &device);
        for block in [1, 2, 5, 9] {
            let words = Words {
                vectors: vectors.clone(),
                bias: bias.clone(),
                block,
            };
            let found = likely_words(states.clone(), &words, 3, Precision::F32);
            assert_eq!(found[0], [(1, 4.0), (3, 4.0), (2, 2.0)], "block {block}");
            assert_eq!(found[1], [(4, 3.5), (0, 3.0), (1, 3.0)], "block {block}");
            assert_eq!(likely_words(states.clone(), &words, 9, Precision::F32)[0].len(), 5);
        }
    }
}
