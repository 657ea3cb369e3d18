//! Label-wise attention with one linear classifier a label (Mullenbach et al. 2018, equations 2-4), the
//! loss and every gradient, block by block over the labels.
//!
//! With H the states of a note, Q the queries and W the weights, the document vector of a label is never
//! made: `logit_c = sum_t a_ct G_ct + b_c` with `G = W H'` and `a = softmax over t of S = Q H'`. Then, dl
//! being the loss's gradient at the logit, `dG = a dl`, `dS = dG (G - sum_t a G)`, `dH = dS' Q + dG' W`,
//! `dQ = dS H`, `dW = dG H`: three products for a block, each with Q stacked on W.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::matrix::{Matrix, MatrixMut, Shared, Threads, product, transpose};
use super::vector::{self, Sum};

/// Labels and tokens of a tile where only logits are wanted.
pub(super) const LABELS: usize = 64;
pub(super) const TOKENS: usize = 512;

/// The token states of some notes.
#[derive(Clone, Copy, Debug)]
pub struct Notes<'a> {
    /// `[note, width, dimension]`.
    pub states: &'a [f32],
    /// Rows a note has in `states`.
    pub width: usize,
    /// Length of a state.
    pub dimension: usize,
    /// How many rows of each note are real; the rest is never read.
    pub lengths: &'a [usize],
}

/// The head's parameters.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// `[code, dimension]`.
    pub queries: &'a [f32],
    /// `[code, dimension]`.
    pub weight: &'a [f32],
    /// `[code]`.
    pub bias: &'a [f32],
}

/// The loss of a batch and its gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// Cross-entropy averaged over notes and codes.
    pub loss: f64,
    /// `[note, width, dimension]`, 0 where a note has no token.
    pub states: Vec<f32>,
    /// `[code, dimension]`.
    pub queries: Vec<f32>,
    /// `[code, dimension]`.
    pub weight: Vec<f32>,
    /// `[code]`.
    pub bias: Vec<f32>,
}

impl<'a> Notes<'a> {
    fn check_head(&self, head: &Head) {
        let size = head.bias.len() * self.dimension;
        assert!(head.queries.len() == size && head.weight.len() == size);
        self.check();
    }

    pub(super) fn check(&self) {
        assert_eq!(self.states.len(), self.lengths.len() * self.width * self.dimension);
        assert!(self.lengths.iter().all(|&length| length <= self.width));
    }

    /// Rows `start..start + count` of a note.
    pub(super) fn rows(&self, note: usize, start: usize, count: usize) -> Matrix<'a> {
        let first = (note * self.width + start) * self.dimension;
        Matrix::new(&self.states[first..], count, self.dimension, self.dimension)
    }

    /// The states of each note transposed, for products with many blocks of labels.
    pub(super) fn across(&self) -> Across {
        let size = self.width * self.dimension;
        let mut states = vec![0.0; self.lengths.len() * size];
        let shared = Shared::new(&mut states);
        self.lengths.par_iter().enumerate().for_each(|(note, &length)| {
            // SAFETY: no other task has this note.
            let mut across = unsafe { shared.matrix(note * size, self.dimension, length, length) };
            transpose(self.rows(note, 0, length), &mut across);
        });
        Across { states, size }
    }
}

/// Token states by dimension, `[dimension, length]` a note.
pub(super) struct Across {
    states: Vec<f32>,
    /// Numbers between the beginnings of two notes.
    size: usize,
}

impl Across {
    /// Tokens `start..start + count` of a note as columns.
    pub(super) fn columns(&self, notes: &Notes, note: usize, start: usize, count: usize) -> Matrix<'_> {
        let length = notes.lengths[note];
        Matrix::new(&self.states[note * self.size + start..], notes.dimension, count, length)
    }
}

impl Head<'_> {
    /// The queries of some codes on top of their weights, `[2 * count, dimension]`.
    fn stack(&self, first: usize, count: usize, stacked: &mut Vec<f32>) {
        let dimension = self.queries.len() / self.bias.len();
        let range = first * dimension..(first + count) * dimension;
        stacked.clear();
        stacked.extend_from_slice(&self.queries[range.clone()]);
        stacked.extend_from_slice(&self.weight[range]);
    }
}

/// Logits `[note, code]`; that of a note without a token is the bias.
///
/// # Panics
/// If the lengths do not fit.
pub fn logits(notes: Notes, head: Head) -> Vec<f32> {
    notes.check_head(&head);
    let (codes, dimension) = (head.bias.len(), notes.dimension);
    let across = notes.across();
    let mut logits = vec![0.0; notes.lengths.len() * codes];
    let shared = Shared::new(&mut logits);
    let tasks: Vec<(usize, usize)> = (0..notes.lengths.len())
        .flat_map(|note| (0..codes).step_by(LABELS).map(move |first| (note, first)))
        .collect();
    tasks.into_par_iter().for_each_init(
        || (Vec::new(), vec![0.0; 2 * LABELS * TOKENS]),
        |(stacked, tile), (note, first)| {
            let count = LABELS.min(codes - first);
            head.stack(first, count, stacked);
            let mut means = [RunningMean::default(); LABELS];
            for start in (0..notes.lengths[note]).step_by(TOKENS) {
                let tokens = TOKENS.min(notes.lengths[note] - start);
                let tile = &mut tile[..2 * count * tokens];
                let left = Matrix::new(stacked, 2 * count, dimension, dimension);
                let right = across.columns(&notes, note, start, tokens);
                let mut out = MatrixMut::new(tile, 2 * count, tokens, tokens);
                product(&mut out, false, left, right, Threads::One);
                extend(&mut means[..count], tile, tokens);
            }
            // SAFETY: no other task has these codes of this note.
            let mut out = unsafe { shared.matrix(note * codes + first, 1, count, count) };
            for ((out, mean), bias) in out.row(0).iter_mut().zip(means).zip(&head.bias[first..]) {
                *out = mean.value() + bias;
            }
        },
    );
    logits
}

/// The loss against targets `[note, code]` of 0 and 1 (or between), and all gradients, `block` labels at
/// a time: the buffers hold `2 * block` rows of as many values as the longest note has tokens.
///
/// # Panics
/// If the lengths do not fit or `block` is 0.
pub fn loss_and_gradients(notes: Notes, head: Head, targets: &[f32], block: usize) -> Gradients {
    notes.check_head(&head);
    let (codes, dimension) = (head.bias.len(), notes.dimension);
    assert_eq!(targets.len(), notes.lengths.len() * codes);
    assert!(block > 0);
    let block = block.min(codes);
    let longest = notes.lengths.iter().copied().max().unwrap_or(0);
    let share = 1.0 / targets.len() as f64;
    let mut gradients = Gradients {
        loss: 0.0,
        states: vec![0.0; notes.states.len()],
        queries: vec![0.0; head.queries.len()],
        weight: vec![0.0; head.weight.len()],
        bias: vec![0.0; codes],
    };
    let mut tile = vec![0.0; 2 * block * longest];
    let (mut stacked, mut d_stacked) = (Vec::new(), vec![0.0; 2 * block * dimension]);
    for first in (0..codes).step_by(block.max(1)) {
        let count = block.min(codes - first);
        let range = first..first + count;
        head.stack(first, count, &mut stacked);
        let stacked = Matrix::new(&stacked, 2 * count, dimension, dimension);
        d_stacked.fill(0.0);
        for (note, &length) in notes.lengths.iter().enumerate() {
            let tile = &mut tile[..2 * count * length];
            let states = notes.rows(note, 0, length);
            let mut out = MatrixMut::new(tile, 2 * count, length, length);
            product(&mut out, false, stacked, states.transposed(), Threads::All);
            let wanted = &targets[note * codes..][range.clone()];
            let cells = train(tile, length, wanted, &head.bias[range.clone()], share);
            for (cell, bias) in cells.iter().zip(&mut gradients.bias[range.clone()]) {
                gradients.loss += cell.loss;
                *bias += cell.gradient;
            }
            let tile = Matrix::new(tile, 2 * count, length, length);
            let mut out = MatrixMut::new(&mut d_stacked, 2 * count, dimension, dimension);
            product(&mut out, true, tile, states, Threads::All);
            let d_states = &mut gradients.states[note * notes.width * dimension..];
            let mut out = MatrixMut::new(d_states, length, dimension, dimension);
            product(&mut out, true, tile.transposed(), stacked, Threads::All);
        }
        let cells = first * dimension..(first + count) * dimension;
        let (d_queries, d_weight) = d_stacked[..2 * count * dimension].split_at(count * dimension);
        gradients.queries[cells.clone()].copy_from_slice(d_queries);
        gradients.weight[cells].copy_from_slice(d_weight);
    }
    gradients.loss *= share;
    gradients
}

/// One logit's loss.
pub(super) struct Cell {
    target: f32,
    bias: f32,
    share: f64,
    pub loss: f64,
    /// Of the averaged loss at the logit.
    pub gradient: f32,
}

/// Turns the scores of some labels at a note's `length` tokens, and below them what the labels read there, into the
/// gradients at both; gives each label's loss.
pub(super) fn train(tile: &mut [f32], length: usize, targets: &[f32], bias: &[f32], share: f64) -> Vec<Cell> {
    let cell = |(&target, &bias): (&f32, &f32)| Cell {
        target,
        bias,
        share,
        loss: 0.0,
        gradient: 0.0,
    };
    let mut cells: Vec<Cell> = targets.iter().zip(bias).map(cell).collect();
    if length == 0 {
        cells.iter_mut().for_each(|cell| {
            cell.score(0.0);
        });
        return cells;
    }
    let (scores, values) = tile.split_at_mut(cells.len() * length);
    let rows = scores.par_chunks_mut(length).zip(values.par_chunks_mut(length));
    rows.zip(&mut cells).for_each(|((scores, values), cell)| {
        let gradient_at = |attended| cell.score(attended);
        vector::dispatch(Train {
            scores,
            values,
            gradient_at,
        });
    });
    cells
}

impl Cell {
    /// Cross-entropy with logits: `max(l, 0) - l y + ln(1 + e^-|l|)`. Gives the gradient.
    fn score(&mut self, attended: f32) -> f32 {
        let (logit, target) = (f64::from(attended + self.bias), f64::from(self.target));
        self.loss = logit.max(0.0) - logit * target + (-logit.abs()).exp().ln_1p();
        self.gradient = ((1.0 / (1.0 + (-logit).exp()) - target) * self.share) as f32;
        self.gradient
    }
}

/// A mean of values weighted by `e^score`, over the tokens seen so far.
#[derive(Clone, Copy)]
pub(super) struct RunningMean {
    largest: f32,
    weights: f32,
    total: f32,
}

impl Default for RunningMean {
    fn default() -> Self {
        Self {
            largest: f32::NEG_INFINITY,
            weights: 0.0,
            total: 0.0,
        }
    }
}

impl RunningMean {
    pub fn value(self) -> f32 {
        // The weights add up to 0 exactly where there was no token.
        if self.weights == 0.0 {
            0.0
        } else {
            self.total / self.weights
        }
    }
}

/// Adds so many more tokens to each label's mean, from their scores and, below them, what is read there.
pub(super) fn extend(means: &mut [RunningMean], tile: &[f32], tokens: usize) {
    let (scores, values) = tile.split_at(means.len() * tokens);
    for ((scores, values), mean) in scores.chunks(tokens).zip(values.chunks(tokens)).zip(means) {
        vector::dispatch(Extend { scores, values, mean });
    }
}

struct Extend<'a> {
    scores: &'a [f32],
    values: &'a [f32],
    mean: &'a mut RunningMean,
}

impl WithSimd for Extend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let here = vector::largest(simd, self.scores);
        if here > self.mean.largest {
            let factor = (self.mean.largest - here).exp();
            self.mean.weights *= factor;
            self.mean.total *= factor;
            self.mean.largest = here;
        }
        let shift = simd.splat_f32s(self.mean.largest);
        let weight = {
            #[inline(always)]
            |score| vector::exp(simd, simd.sub_f32s(score, shift))
        };
        let (s, s_tail) = S::as_simd_f32s(self.scores);
        let (g, g_tail) = S::as_simd_f32s(self.values);
        let (mut weights, mut total) = (Sum::new(simd), Sum::new(simd));
        for (place, (s, g)) in s.iter().zip(g).enumerate() {
            let weight = weight(*s);
            weights.add(place, weight);
            total.add_product(place, weight, *g);
        }
        if !s_tail.is_empty() {
            let mut last = [0.0; 64];
            let last = &mut last[..s_tail.len()];
            simd.partial_store_f32s(last, weight(simd.partial_load_f32s(s_tail)));
            let weight = simd.partial_load_f32s(last);
            weights.add(0, weight);
            total.add_product(0, weight, simd.partial_load_f32s(g_tail));
        }
        self.mean.weights += weights.total();
        self.mean.total += total.total();
    }
}

/// Turns one label's scores into dS and its values into dG.
pub(super) struct Train<'a, F> {
    pub scores: &'a mut [f32],
    pub values: &'a mut [f32],
    /// The gradient at the mean of the values, from that mean.
    pub gradient_at: F,
}

impl<F: FnOnce(f32) -> f32> WithSimd for Train<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let shift = simd.splat_f32s(vector::largest(simd, self.scores));
        let weight = {
            #[inline(always)]
            |score| vector::exp(simd, simd.sub_f32s(score, shift))
        };
        let (mut weights, mut total) = (Sum::new(simd), Sum::new(simd));
        let (s, s_tail) = S::as_mut_simd_f32s(self.scores);
        let (g, g_tail) = S::as_mut_simd_f32s(self.values);
        for (place, (s, g)) in s.iter_mut().zip(&*g).enumerate() {
            *s = weight(*s);
            weights.add(place, *s);
            total.add_product(place, *s, *g);
        }
        if !s_tail.is_empty() {
            simd.partial_store_f32s(s_tail, weight(simd.partial_load_f32s(s_tail)));
            let weight = simd.partial_load_f32s(s_tail);
            weights.add(0, weight);
            total.add_product(0, weight, simd.partial_load_f32s(g_tail));
        }
        let weights = weights.total();
        let attended = total.total() / weights;
        let factor = simd.splat_f32s((self.gradient_at)(attended) / weights);
        let mean = simd.splat_f32s(attended);
        let gradient = {
            #[inline(always)]
            |weight, value| {
                let d_value = simd.mul_f32s(weight, factor);
                (simd.mul_f32s(d_value, simd.sub_f32s(value, mean)), d_value)
            }
        };
        for (s, g) in s.iter_mut().zip(g) {
            (*s, *g) = gradient(*s, *g);
        }
        if !s_tail.is_empty() {
            let (s, g) = gradient(simd.partial_load_f32s(s_tail), simd.partial_load_f32s(g_tail));
            simd.partial_store_f32s(s_tail, s);
            simd.partial_store_f32s(g_tail, g);
        }
    }
}

#[cfg(test)]
mod tests;
