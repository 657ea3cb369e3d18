//! The cross-entropy of words that are to be told from states, over a whole vocabulary (BERT's masked words; Devlin et al.
//! 2019, section 3.1), and its gradients, a block of the vocabulary at a time.
//!
//! With states H `[row, dimension]`, word vectors E `[word, dimension]` and biases b `[word]`, `L = H E' + b` and the loss is
//! the sum over rows of `ln (sum over words of e^L) - L at the target`. Then, g being the gradient at the loss,
//! `dL = g (softmax of L - 1 at the target)`, `dH = dL E`, `dE = dL' H`, `db = sum over rows of dL`. On the way back L is
//! computed anew, from the logarithms of the sums. A tile of it is `[word of the block, row]`, so that no word vector is ever
//! turned; it is all the memory that grows with rows times words.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::matrix::{Matrix, MatrixMut, Threads, product, transpose};
use super::vector::{self, Sum};

/// Rows of a task on the way forward.
const ROWS: usize = 64;
/// Words of a task on the way back.
const WORDS: usize = 16;

/// The words that can be told.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    /// `[word, dimension]`.
    pub vectors: &'a [f32],
    /// `[word]`.
    pub bias: &'a [f32],
    /// Words computed at a time.
    pub block: usize,
}

/// The loss, and what the way back needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Summed {
    /// The sum of the rows' losses.
    pub loss: f32,
    /// The logarithm of each row's sum over the vocabulary, `[row]`.
    pub log_sums: Vec<f32>,
}

/// The gradients of the loss.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// `[row, dimension]`.
    pub states: Vec<f32>,
    /// `[word, dimension]`.
    pub vectors: Vec<f32>,
    /// `[word]`.
    pub bias: Vec<f32>,
}

impl<'a> Words<'a> {
    fn dimension(&self) -> usize {
        self.vectors.len() / self.bias.len()
    }

    /// The first word of each block, and how many it has.
    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (words, block) = (self.bias.len(), self.block);
        let of_first = move |first| (first, block.min(words - first));
        (0..words).step_by(block).map(of_first)
    }

    fn block(&self, first: usize, count: usize) -> Matrix<'a> {
        let dimension = self.dimension();
        Matrix::new(&self.vectors[first * dimension..], count, dimension, dimension)
    }
}

/// Rows and what is to be told from them, checked against the words.
struct Rows<'a> {
    states: &'a [f32],
    targets: &'a [i32],
    /// The states turned, `[dimension, row]`.
    across: Vec<f32>,
}

impl<'a> Rows<'a> {
    fn new(states: &'a [f32], words: &Words, targets: &'a [i32]) -> Self {
        let count = words.bias.len();
        assert!(count > 0 && words.vectors.len().is_multiple_of(count) && words.block > 0);
        let (rows, dimension) = (targets.len(), words.dimension());
        assert_eq!(states.len(), rows * dimension);
        let is_word = |&target: &i32| usize::try_from(target).is_ok_and(|target| target < count);
        assert!(targets.iter().all(is_word), "a target is no word");
        let mut across = vec![0.0; states.len()];
        let of = Matrix::new(states, rows, dimension, dimension);
        transpose(of, &mut MatrixMut::new(&mut across, dimension, rows, rows));
        Self {
            states,
            targets,
            across,
        }
    }

    fn count(&self) -> usize {
        self.targets.len()
    }

    /// Memory for the largest tile of those words.
    fn tile(&self, words: &Words) -> Vec<f32> {
        vec![0.0; words.block.min(words.bias.len()) * self.count()]
    }

    /// Sets a tile to the products of some words with every row, `[word, row]`; biases are not in it.
    fn products(&self, vectors: Matrix, dimension: usize, tile: &mut [f32]) {
        let rows = self.count();
        let across = Matrix::new(&self.across, dimension, rows, rows);
        let mut out = MatrixMut::new(tile, tile.len() / rows, rows, rows);
        product(&mut out, false, vectors, across, Threads::All);
    }
}

/// The loss of telling each row's target from its state, `[row, dimension]`.
///
/// # Panics
/// If the lengths do not fit, or a target is no word.
pub fn forward(states: &[f32], words: Words, targets: &[i32]) -> Summed {
    let of = Rows::new(states, &words, targets);
    let rows = of.count();
    let mut tile = of.tile(&words);
    let mut largest = vec![f32::NEG_INFINITY; rows];
    let mut powers = vec![0.0; rows];
    let mut of_target = vec![0.0; rows];
    for (first, count) in words.blocks().filter(|_| rows > 0) {
        let tile = &mut tile[..count * rows];
        of.products(words.block(first, count), words.dimension(), tile);
        let bias = &words.bias[first..first + count];
        let pieces = largest.par_chunks_mut(ROWS).zip(powers.par_chunks_mut(ROWS));
        pieces.enumerate().for_each(|(piece, (largest, powers))| {
            let tile = &tile[piece * ROWS..];
            vector::dispatch(Extend {
                tile,
                rows,
                bias,
                largest,
                powers,
            });
        });
        for (row, (found, &target)) in of_target.iter_mut().zip(targets).enumerate() {
            let word = (target as usize).wrapping_sub(first);
            if word < count {
                *found = tile[word * rows + row] + bias[word];
            }
        }
    }
    let sums = largest.iter().zip(&powers);
    let log_sums: Vec<f32> = sums.map(|(largest, powers)| largest + powers.ln()).collect();
    let losses = log_sums.iter().zip(&of_target);
    let loss: f64 = losses.map(|(log_sum, target)| f64::from(log_sum - target)).sum();
    Summed {
        loss: loss as f32,
        log_sums,
    }
}

/// The gradients, given that at the loss.
///
/// # Panics
/// If the lengths do not fit, or a target is no word.
pub fn backward(states: &[f32], words: Words, targets: &[i32], log_sums: &[f32], gradient: f32) -> Gradients {
    let of = Rows::new(states, &words, targets);
    let (rows, dimension) = (of.count(), words.dimension());
    assert_eq!(log_sums.len(), rows);
    let mut tile = of.tile(&words);
    let mut of_words: Vec<(usize, usize)> = targets.iter().map(|&target| target as usize).zip(0..).collect();
    of_words.sort_unstable();
    let mut found = Gradients {
        states: vec![0.0; states.len()],
        vectors: vec![0.0; words.vectors.len()],
        bias: vec![0.0; words.bias.len()],
    };
    for (first, count) in words.blocks().filter(|_| rows > 0) {
        let tile = &mut tile[..count * rows];
        of.products(words.block(first, count), dimension, tile);
        let at_bias = &mut found.bias[first..first + count];
        let pieces = tile.par_chunks_mut(WORDS * rows).zip(at_bias.par_chunks_mut(WORDS));
        pieces.enumerate().for_each(|(piece, (lines, at_bias))| {
            for ((line, at_bias), word) in lines.chunks_exact_mut(rows).zip(at_bias).zip(first + piece * WORDS..) {
                let bias = words.bias[word];
                vector::dispatch(Weigh {
                    line: &mut *line,
                    bias,
                    log_sums,
                    gradient,
                });
                let start = of_words.partition_point(|&(target, _)| target < word);
                for &(_, row) in of_words[start..].iter().take_while(|(target, _)| *target == word) {
                    line[row] -= gradient;
                }
                *at_bias = vector::dispatch(Total(line));
            }
        });
        let weights = Matrix::new(tile, count, rows, rows);
        let range = first * dimension..(first + count) * dimension;
        let mut out = MatrixMut::new(&mut found.vectors[range], count, dimension, dimension);
        let states = Matrix::new(of.states, rows, dimension, dimension);
        product(&mut out, false, weights, states, Threads::All);
        let mut out = MatrixMut::new(&mut found.states, rows, dimension, dimension);
        product(
            &mut out,
            first > 0,
            weights.transposed(),
            words.block(first, count),
            Threads::All,
        );
    }
    found
}

/// Takes a block's words into the running sums of some rows: the columns of `tile` from its start on.
struct Extend<'a> {
    tile: &'a [f32],
    /// Elements from one word of the tile to the next.
    rows: usize,
    bias: &'a [f32],
    largest: &'a mut [f32],
    powers: &'a mut [f32],
}

impl WithSimd for Extend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let count = self.largest.len();
        let mut before = [0.0; ROWS];
        let before = &mut before[..count];
        before.copy_from_slice(self.largest);
        let lines = self.tile.chunks(self.rows).map(|line| &line[..count]).zip(self.bias);
        for (line, &bias) in lines.clone() {
            let bias = simd.splat_f32s(bias);
            vector::update(
                simd,
                self.largest,
                line,
                #[inline(always)]
                |largest, x| simd.max_f32s(largest, simd.add_f32s(x, bias)),
            );
        }
        update_by_two(
            simd,
            self.powers,
            before,
            self.largest,
            #[inline(always)]
            |powers, before, largest| simd.mul_f32s(powers, vector::exp(simd, simd.sub_f32s(before, largest))),
        );
        for (line, &bias) in lines {
            let bias = simd.splat_f32s(bias);
            update_by_two(
                simd,
                self.powers,
                line,
                self.largest,
                #[inline(always)]
                |powers, x, largest| {
                    let shifted = simd.sub_f32s(simd.add_f32s(x, bias), largest);
                    simd.add_f32s(powers, vector::exp(simd, shifted))
                },
            );
        }
    }
}

/// Turns a word's products into its share of each row's sum, times the gradient.
struct Weigh<'a> {
    line: &'a mut [f32],
    bias: f32,
    log_sums: &'a [f32],
    gradient: f32,
}

impl WithSimd for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (bias, gradient) = (simd.splat_f32s(self.bias), simd.splat_f32s(self.gradient));
        vector::update(
            simd,
            self.line,
            self.log_sums,
            #[inline(always)]
            |x, log_sum| {
                let shifted = simd.sub_f32s(simd.add_f32s(x, bias), log_sum);
                simd.mul_f32s(vector::exp(simd, shifted), gradient)
            },
        );
    }
}

struct Total<'a>(&'a [f32]);

impl WithSimd for Total<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        let (values, tail) = S::as_simd_f32s(self.0);
        let mut sum = Sum::new(simd);
        for (place, value) in values.iter().enumerate() {
            sum.add(place, *value);
        }
        sum.add(0, simd.partial_load_f32s(tail));
        sum.total()
    }
}

/// `values[i] = function(values[i], left[i], right[i])`.
#[inline(always)]
fn update_by_two<S: Simd>(
    simd: S,
    values: &mut [f32],
    left: &[f32],
    right: &[f32],
    function: impl Fn(S::f32s, S::f32s, S::f32s) -> S::f32s,
) {
    assert!(left.len() == values.len() && right.len() == values.len());
    let (y, y_tail) = S::as_mut_simd_f32s(values);
    let (a, a_tail) = S::as_simd_f32s(left);
    let (b, b_tail) = S::as_simd_f32s(right);
    for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
        *y = function(*y, *a, *b);
    }
    if !y_tail.is_empty() {
        let (a, b) = (simd.partial_load_f32s(a_tail), simd.partial_load_f32s(b_tail));
        let value = function(simd.partial_load_f32s(y_tail), a, b);
        simd.partial_store_f32s(y_tail, value);
    }
}

#[cfg(test)]
mod tests;
