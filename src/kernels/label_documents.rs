//! A document vector for each label by attention over the tokens (You et al. 2019; Zhang et al. 2020, equations
//! 2-3), for heads that go on from it, and its gradients.
//!
//! With H the states of a note and L the label vectors, `D = A H` and `A = softmax over tokens of L H'`. Then, dD
//! being the gradient at D, `dA = dD H'`, `dS = A (dA - sum over tokens of A dA)`, `dH = A' dD + dS' L`, `dL = dS H`:
//! three products for a block of labels, each with L stacked on dD.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::label_attention::{Notes, Train};
use super::matrix::{Matrix, MatrixMut, Shared, Threads, product};
use super::vector::{self, Sum};

/// Labels and tokens of a tile on the way forward.
const LABELS: usize = 64;
const TOKENS: usize = 512;

/// Document vectors `[note, code, dimension]` for label vectors `[code, dimension]`; those of a note without a token
/// are 0.
///
/// # Panics
/// If the lengths do not fit.
pub fn forward(notes: Notes, labels: &[f32]) -> Vec<f32> {
    notes.check();
    let dimension = notes.dimension;
    let codes = labels.len() / dimension;
    let across = notes.across();
    let mut documents = vec![0.0; notes.lengths.len() * codes * dimension];
    let shared = Shared::new(&mut documents);
    let tasks: Vec<(usize, usize)> = (0..notes.lengths.len())
        .flat_map(|note| (0..codes).step_by(LABELS).map(move |first| (note, first)))
        .collect();
    tasks.into_par_iter().for_each_init(
        || vec![0.0; LABELS * TOKENS],
        |tile, (note, first)| {
            let count = LABELS.min(codes - first);
            let labels = Matrix::new(&labels[first * dimension..], count, dimension, dimension);
            // SAFETY: no other task has these codes of this note.
            let mut out = unsafe { shared.matrix((note * codes + first) * dimension, count, dimension, dimension) };
            let mut sums = [RunningSum::default(); LABELS];
            for start in (0..notes.lengths[note]).step_by(TOKENS) {
                let tokens = TOKENS.min(notes.lengths[note] - start);
                let tile = &mut tile[..count * tokens];
                let states = notes.rows(note, start, tokens);
                let mut scores = MatrixMut::new(tile, count, tokens, tokens);
                let columns = across.columns(&notes, note, start, tokens);
                product(&mut scores, false, labels, columns, Threads::One);
                for (label, (scores, sum)) in tile.chunks_mut(tokens).zip(&mut sums).enumerate() {
                    let document = out.row(label);
                    vector::dispatch(Extend { scores, sum, document });
                }
                let weights = Matrix::new(tile, count, tokens, tokens);
                product(&mut out, true, weights, states, Threads::One);
            }
            for (label, sum) in sums[..count].iter().enumerate().filter(|(_, sum)| sum.weights > 0.0) {
                let share = 1.0 / sum.weights;
                out.row(label).iter_mut().for_each(|value| *value *= share);
            }
        },
    );
    documents
}

/// The gradients at the labels, `[code, dimension]`, and at the states, `[note, width, dimension]`, from that at the
/// document vectors, `block` labels at a time.
///
/// # Panics
/// If the lengths do not fit or `block` is 0.
pub fn backward(notes: Notes, labels: &[f32], at_documents: &[f32], block: usize) -> (Vec<f32>, Vec<f32>) {
    notes.check();
    let dimension = notes.dimension;
    let codes = labels.len() / dimension;
    assert_eq!(at_documents.len(), notes.lengths.len() * codes * dimension);
    assert!(block > 0);
    let longest = notes.lengths.iter().copied().max().unwrap_or(0);
    let mut at_labels = vec![0.0; labels.len()];
    let mut at_states = vec![0.0; notes.states.len()];
    let mut tile = vec![0.0; 2 * block.min(codes) * longest];
    let mut stacked = Vec::new();
    for first in (0..codes).step_by(block) {
        let count = block.min(codes - first);
        let range = first * dimension..(first + count) * dimension;
        for (note, &length) in notes.lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            stacked.clear();
            stacked.extend_from_slice(&labels[range.clone()]);
            stacked.extend_from_slice(&at_documents[note * labels.len()..][range.clone()]);
            let stacked = Matrix::new(&stacked, 2 * count, dimension, dimension);
            let tile = &mut tile[..2 * count * length];
            let states = notes.rows(note, 0, length);
            let mut out = MatrixMut::new(tile, 2 * count, length, length);
            product(&mut out, false, stacked, states.transposed(), Threads::All);
            let (scores, values) = tile.split_at_mut(count * length);
            let rows = scores.par_chunks_mut(length).zip(values.par_chunks_mut(length));
            rows.for_each(|(scores, values)| {
                let gradient_at = |_| 1.0;
                vector::dispatch(Train {
                    scores,
                    values,
                    gradient_at,
                });
            });
            let d_scores = Matrix::new(tile, count, length, length);
            let mut out = MatrixMut::new(&mut at_labels[range.clone()], count, dimension, dimension);
            product(&mut out, true, d_scores, states, Threads::All);
            let both = Matrix::new(tile, 2 * count, length, length);
            let at_states = &mut at_states[note * notes.width * dimension..];
            let mut out = MatrixMut::new(at_states, length, dimension, dimension);
            product(&mut out, true, both.transposed(), stacked, Threads::All);
        }
    }
    (at_labels, at_states)
}

/// The sum of `e^(score - largest)` over the tokens seen so far.
#[derive(Clone, Copy)]
struct RunningSum {
    largest: f32,
    weights: f32,
}

impl Default for RunningSum {
    fn default() -> Self {
        Self {
            largest: f32::NEG_INFINITY,
            weights: 0.0,
        }
    }
}

/// Turns scores into weights, and scales the document vector so far to the new largest score.
struct Extend<'a> {
    scores: &'a mut [f32],
    sum: &'a mut RunningSum,
    document: &'a mut [f32],
}

impl WithSimd for Extend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let here = vector::largest(simd, self.scores);
        if here > self.sum.largest {
            let factor = (self.sum.largest - here).exp();
            self.sum.weights *= factor;
            self.sum.largest = here;
            let factor = simd.splat_f32s(factor);
            vector::apply(
                simd,
                self.document,
                #[inline(always)]
                |value| simd.mul_f32s(value, factor),
            );
        }
        let shift = simd.splat_f32s(self.sum.largest);
        vector::apply(
            simd,
            self.scores,
            #[inline(always)]
            |score| vector::exp(simd, simd.sub_f32s(score, shift)),
        );
        let (weights, tail) = S::as_simd_f32s(self.scores);
        let mut sum = Sum::new(simd);
        for (place, weight) in weights.iter().enumerate() {
            sum.add(place, *weight);
        }
        sum.add(0, simd.partial_load_f32s(tail));
        self.sum.weights += sum.total();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{close, in_pool, noise};

    struct Case {
        width: usize,
        dimension: usize,
        lengths: Vec<usize>,
        states: Vec<f32>,
        labels: Vec<f32>,
        at_documents: Vec<f32>,
    }

    /// Padding holds not-a-number, so that touching it shows.
    fn case(lengths: &[usize], width: usize, dimension: usize, codes: usize) -> Case {
        let mut states = noise(1, lengths.len() * width * dimension);
        for (note, &length) in lengths.iter().enumerate() {
            states[(note * width + length) * dimension..(note + 1) * width * dimension].fill(f32::NAN);
        }
        Case {
            width,
            dimension,
            lengths: lengths.to_vec(),
            states,
            labels: noise(2, codes * dimension).iter().map(|value| 3.0 * value).collect(),
            at_documents: noise(3, lengths.len() * codes * dimension),
        }
    }

    impl Case {
        fn notes(&self) -> Notes<'_> {
            Notes {
                states: &self.states,
                width: self.width,
                dimension: self.dimension,
                lengths: &self.lengths,
            }
        }

        /// Document vectors, then the gradients at labels and states, in f64.
        fn naive(&self) -> [Vec<f64>; 3] {
            let d = self.dimension;
            let mut documents = vec![0.0; self.at_documents.len()];
            let mut at_labels = vec![0.0; self.labels.len()];
            let mut at_states = vec![0.0; self.states.len()];
            for (note, &length) in self.lengths.iter().enumerate() {
                for code in 0..self.labels.len() / d {
                    let place = (note * self.labels.len() / d + code) * d;
                    let state = |t: usize, k: usize| (note * self.width + t) * d + k;
                    let along = |t: usize, row: &[f32]| -> f64 {
                        (0..d)
                            .map(|k| f64::from(self.states[state(t, k)]) * f64::from(row[k]))
                            .sum()
                    };
                    let label = &self.labels[code * d..][..d];
                    let back = &self.at_documents[place..][..d];
                    let powers: Vec<f64> = (0..length).map(|t| along(t, label).exp()).collect();
                    let sum: f64 = powers.iter().sum();
                    let mean: f64 = (0..length).map(|t| powers[t] / sum * along(t, back)).sum();
                    for (t, power) in powers.iter().enumerate() {
                        let weight = power / sum;
                        let at_score = weight * (along(t, back) - mean);
                        for k in 0..d {
                            documents[place + k] += weight * f64::from(self.states[state(t, k)]);
                            at_labels[code * d + k] += at_score * f64::from(self.states[state(t, k)]);
                            at_states[state(t, k)] += weight * f64::from(back[k]) + at_score * f64::from(label[k]);
                        }
                    }
                }
            }
            [documents, at_labels, at_states]
        }
    }

    #[test]
    fn values_and_gradients_match_f64() {
        for case in [
            case(&[1], 1, 1, 1),
            case(&[5, 0, 17], 19, 6, 9),
            case(&[1_100, 1, 513], 1_100, 8, 70),
            case(&[33, 64], 64, 33, 130),
        ] {
            let [documents, at_labels, at_states] = case.naive();
            close(&forward(case.notes(), &case.labels), &documents, 1e-5);
            for block in [4, 64, 1_000] {
                let found = backward(case.notes(), &case.labels, &case.at_documents, block);
                close(&found.0, &at_labels, 1e-5);
                close(&found.1, &at_states, 1e-5);
            }
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let case = case(&[700, 31], 700, 64, 300);
        let run = |threads| {
            in_pool(threads, || {
                let back = backward(case.notes(), &case.labels, &case.at_documents, 128);
                (forward(case.notes(), &case.labels), back)
            })
        };
        assert_eq!(run(1), run(2));
    }
}
