//! Label-wise attention that looks at a projection of the token states and reads the states (Vu et al. 2020), the loss
//! and every gradient, block by block over the labels.
//!
//! With H the states of a note, P the projection, Q the queries and W the weights: `K = tanh(H P)`, `S = Q K'`,
//! `G = W H'`, `a = softmax over t of S`, `logit_c = sum_t a_ct G_ct + b_c`. From the scores on it is
//! [`label_attention`](super::label_attention). Back, `dK = dS' Q`, `dQ = dS K`, `dW = dG H`, and with
//! `dZ = dK (1 - K^2)`, `dP = H' dZ` and `dH = dG' W + dZ P'`.

use rayon::prelude::*;

use super::label_attention::{LABELS, Notes, RunningMean, TOKENS, extend, train};
use super::matrix::{Matrix, MatrixMut, Shared, Threads, product};
use super::vector;

/// Tokens of a task that projects.
const ROWS: usize = 256;

/// The head's parameters. The length of a key is that of a row of `queries`.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// `[dimension, key]`.
    pub projection: &'a [f32],
    /// `[code, key]`.
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
    /// `[dimension, key]`.
    pub projection: Vec<f32>,
    /// `[code, key]`.
    pub queries: Vec<f32>,
    /// `[code, dimension]`.
    pub weight: Vec<f32>,
    /// `[code]`.
    pub bias: Vec<f32>,
}

impl<'a> Head<'a> {
    /// The length of a key.
    fn key(&self) -> usize {
        self.queries.len() / self.bias.len()
    }

    fn check(&self, notes: &Notes) {
        notes.check();
        let (codes, dimension, key) = (self.bias.len(), notes.dimension, self.key());
        assert_eq!(self.weight.len(), codes * dimension);
        assert_eq!(self.queries.len(), codes * key);
        assert_eq!(self.projection.len(), dimension * key);
    }

    fn projection(&self) -> Matrix<'a> {
        let key = self.key();
        Matrix::new(self.projection, self.projection.len() / key, key, key)
    }

    /// The queries of some codes.
    fn queries(&self, first: usize, count: usize) -> Matrix<'a> {
        rows(self.queries, first, count, self.key())
    }

    /// The weights of some codes.
    fn weight(&self, first: usize, count: usize) -> Matrix<'a> {
        rows(self.weight, first, count, self.weight.len() / self.bias.len())
    }
}

fn rows(of: &[f32], first: usize, count: usize, width: usize) -> Matrix<'_> {
    Matrix::new(&of[first * width..], count, width, width)
}

/// What labels look at: tanh of the projected states, `[note, width, key]`, 0 where a note has no token.
fn keys(notes: &Notes, head: &Head) -> Vec<f32> {
    let key = head.key();
    let mut keys = vec![0.0; notes.lengths.len() * notes.width * key];
    let shared = Shared::new(&mut keys);
    let of_note = |(note, &length): (usize, &usize)| (0..length).step_by(ROWS).map(move |first| (note, first));
    let tasks: Vec<(usize, usize)> = notes.lengths.iter().enumerate().flat_map(of_note).collect();
    tasks.into_par_iter().for_each(|(note, first)| {
        let count = ROWS.min(notes.lengths[note] - first);
        // SAFETY: no other task has these tokens.
        let mut out = unsafe { shared.matrix((note * notes.width + first) * key, count, key, key) };
        let states = notes.rows(note, first, count);
        product(&mut out, false, states, head.projection(), Threads::One);
        (0..count).for_each(|row| vector::tanh_in_place(out.row(row)));
    });
    keys
}

/// Logits `[note, code]`; that of a note without a token is the bias.
///
/// # Panics
/// If the lengths do not fit.
pub fn logits(notes: Notes, head: Head) -> Vec<f32> {
    head.check(&notes);
    let codes = head.bias.len();
    let keys = keys(&notes, &head);
    let keys = Notes {
        states: &keys,
        dimension: head.key(),
        ..notes
    };
    let (keys_across, states_across) = (keys.across(), notes.across());
    let mut logits = vec![0.0; notes.lengths.len() * codes];
    let shared = Shared::new(&mut logits);
    let tasks: Vec<(usize, usize)> = (0..notes.lengths.len())
        .flat_map(|note| (0..codes).step_by(LABELS).map(move |first| (note, first)))
        .collect();
    tasks.into_par_iter().for_each_init(
        || vec![0.0; 2 * LABELS * TOKENS],
        |tile, (note, first)| {
            let count = LABELS.min(codes - first);
            let mut means = [RunningMean::default(); LABELS];
            for start in (0..notes.lengths[note]).step_by(TOKENS) {
                let tokens = TOKENS.min(notes.lengths[note] - start);
                let tile = &mut tile[..2 * count * tokens];
                let (scores, values) = tile.split_at_mut(count * tokens);
                let mut out = MatrixMut::new(scores, count, tokens, tokens);
                let columns = keys_across.columns(&keys, note, start, tokens);
                product(&mut out, false, head.queries(first, count), columns, Threads::One);
                let mut out = MatrixMut::new(values, count, tokens, tokens);
                let columns = states_across.columns(&notes, note, start, tokens);
                product(&mut out, false, head.weight(first, count), columns, Threads::One);
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
/// a time: the buffers hold `2 * block` rows of as many values as the longest note has tokens, and the keys.
///
/// # Panics
/// If the lengths do not fit or `block` is 0.
pub fn loss_and_gradients(notes: Notes, head: Head, targets: &[f32], block: usize) -> Gradients {
    head.check(&notes);
    let (codes, dimension, key) = (head.bias.len(), notes.dimension, head.key());
    assert_eq!(targets.len(), notes.lengths.len() * codes);
    assert!(block > 0);
    let block = block.min(codes);
    let longest = notes.lengths.iter().copied().max().unwrap_or(0);
    let share = 1.0 / targets.len() as f64;
    let looked_at = keys(&notes, &head);
    let keys = Notes {
        states: &looked_at,
        dimension: key,
        ..notes
    };
    let mut gradients = Gradients {
        loss: 0.0,
        states: vec![0.0; notes.states.len()],
        projection: vec![0.0; head.projection.len()],
        queries: vec![0.0; head.queries.len()],
        weight: vec![0.0; head.weight.len()],
        bias: vec![0.0; codes],
    };
    let mut at_keys = vec![0.0; looked_at.len()];
    let mut tile = vec![0.0; 2 * block * longest];
    for first in (0..codes).step_by(block) {
        let count = block.min(codes - first);
        let range = first..first + count;
        for (note, &length) in notes.lengths.iter().enumerate() {
            let tile = &mut tile[..2 * count * length];
            let (key_rows, states) = (keys.rows(note, 0, length), notes.rows(note, 0, length));
            let (queries, weight) = (head.queries(first, count), head.weight(first, count));
            let (scores, values) = tile.split_at_mut(count * length);
            let mut out = MatrixMut::new(scores, count, length, length);
            product(&mut out, false, queries, key_rows.transposed(), Threads::All);
            let mut out = MatrixMut::new(values, count, length, length);
            product(&mut out, false, weight, states.transposed(), Threads::All);
            let wanted = &targets[note * codes..][range.clone()];
            let cells = train(tile, length, wanted, &head.bias[range.clone()], share);
            for (cell, bias) in cells.iter().zip(&mut gradients.bias[range.clone()]) {
                gradients.loss += cell.loss;
                *bias += cell.gradient;
            }
            let (scores, values) = tile.split_at(count * length);
            let [at_scores, at_values] = [scores, values].map(|of| Matrix::new(of, count, length, length));
            let mut out = MatrixMut::new(&mut gradients.queries[first * key..], count, key, key);
            product(&mut out, true, at_scores, key_rows, Threads::All);
            let mut out = MatrixMut::new(&mut gradients.weight[first * dimension..], count, dimension, dimension);
            product(&mut out, true, at_values, states, Threads::All);
            let mut out = MatrixMut::new(&mut at_keys[note * notes.width * key..], length, key, key);
            product(&mut out, true, at_scores.transposed(), queries, Threads::All);
            let at_states = &mut gradients.states[note * notes.width * dimension..];
            let mut out = MatrixMut::new(at_states, length, dimension, dimension);
            product(&mut out, true, at_values.transposed(), weight, Threads::All);
        }
    }
    let pieces = at_keys.par_chunks_mut(ROWS * key).zip(looked_at.par_chunks(ROWS * key));
    pieces.for_each(|(at_keys, keys)| {
        at_keys
            .iter_mut()
            .zip(keys)
            .for_each(|(at_key, key)| *at_key *= 1.0 - key * key);
    });
    for (note, &length) in notes.lengths.iter().enumerate() {
        let at_keys = Matrix::new(&at_keys[note * notes.width * key..], length, key, key);
        let mut out = MatrixMut::new(&mut gradients.projection, dimension, key, key);
        let states = notes.rows(note, 0, length);
        product(&mut out, true, states.transposed(), at_keys, Threads::All);
        let at_states = &mut gradients.states[note * notes.width * dimension..];
        let mut out = MatrixMut::new(at_states, length, dimension, dimension);
        product(&mut out, true, at_keys, head.projection().transposed(), Threads::All);
    }
    gradients.loss *= share;
    gradients
}

#[cfg(test)]
mod tests;
