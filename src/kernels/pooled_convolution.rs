//! A convolution over word positions of which each filter's largest value is kept, through a tanh (Kim 2014, equations 1
//! and 2): no position's states are written down, and the way back goes through the windows that won alone.
//!
//! Windows lie inside a note: position t reads the words t .. t + w of filters of width w. As the tanh grows with what
//! it is given, the largest tanh is the tanh of the largest value.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::convolution::{Filters, Gradients, Notes};
use super::matrix::{Matrix, MatrixMut, Threads, product};
use super::vector;

/// Positions of a task: what is found at them stays in a core's cache.
const ROWS: usize = 128;
/// Filters of a task on the way back.
const FILTERS: usize = 16;

/// The largest value of each filter in each note, through the tanh, and where it was found, both `[note, filter]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pooled {
    /// Between -1 and 1.
    pub states: Vec<f32>,
    /// The first of the positions with that value.
    pub positions: Vec<u32>,
}

/// Positions of filters of the given width in `words` words: one where there are fewer words than the width, of which
/// zero vectors make up the rest.
pub fn positions(words: usize, width: usize) -> usize {
    (words + 1).saturating_sub(width).max(1)
}

/// The states of word vectors `[note, word, dimension]`, over the positions that are wanted of each note, at least one.
///
/// # Panics
/// If the lengths do not fit.
pub fn forward(words: &[f32], notes: Notes, filters: Filters) -> Pooled {
    let Notes { row, dimension, .. } = notes;
    let count = filters.bias.len();
    assert_eq!(words.len(), notes.lengths.len() * row * dimension);
    assert!(notes.positions.len() == notes.lengths.len() && notes.positions.iter().all(|&wanted| wanted > 0));
    assert_eq!(filters.weight.len(), count * dimension * filters.width);
    let window = filters.width * dimension;
    let weight = by_place(filters, dimension, Inner::Filter);
    let tasks: Vec<(usize, usize)> = notes.positions.iter().enumerate().flat_map(pieces).collect();
    let found: Vec<Pooled> = tasks
        .par_iter()
        .map_init(Vec::new, |scratch, &(note, first)| {
            let wanted = ROWS.min(notes.positions[note] - first);
            let read = Read::new(words, notes, note, first..first + wanted + filters.width - 1);
            scratch.clear();
            for _ in 0..wanted {
                scratch.extend_from_slice(filters.bias);
            }
            product(
                &mut MatrixMut::new(scratch, wanted, count, count),
                true,
                Matrix::windows(read.rows(), wanted, window, dimension),
                Matrix::new(&weight, window, count, count),
                Threads::One,
            );
            let mut largest = Pooled {
                states: scratch[..count].to_vec(),
                positions: vec![first as u32; count],
            };
            for (position, found) in (first as u32..).zip(scratch.chunks(count)).skip(1) {
                keep(&mut largest.states, &mut largest.positions, found, |_| position);
            }
            largest
        })
        .collect();
    let mut pooled = Pooled {
        states: vec![f32::NEG_INFINITY; notes.lengths.len() * count],
        positions: vec![0; notes.lengths.len() * count],
    };
    for (&(note, _), found) in tasks.iter().zip(&found) {
        let range = note * count..(note + 1) * count;
        let (states, positions) = (&mut pooled.states[range.clone()], &mut pooled.positions[range]);
        keep(states, positions, &found.states, |filter| found.positions[filter]);
    }
    pooled
        .states
        .par_chunks_mut(count.max(1))
        .for_each(vector::tanh_in_place);
    pooled
}

/// The gradients, given `at_states` `[note, filter]` and what [`forward`] made of these words.
///
/// # Panics
/// If the lengths do not fit.
pub fn backward(words: &[f32], notes: Notes, filters: Filters, pooled: &Pooled, at_states: &[f32]) -> Gradients {
    let Notes { row, dimension, .. } = notes;
    let (count, width) = (filters.bias.len(), filters.width);
    assert!(at_states.len() == pooled.states.len() && at_states.len() == notes.lengths.len() * count);
    let through: Vec<f32> = pooled
        .states
        .iter()
        .zip(at_states)
        .map(|(y, dy)| dy * (1.0 - y * y))
        .collect();
    // What of its window a filter's winner reads: the words from its position on, as long as they are the note's own.
    let won = |note: usize, filter: usize| {
        let first = pooled.positions[note * count + filter] as usize;
        first..(first + width).min(notes.lengths[note]).max(first)
    };
    let weight = by_place(filters, dimension, Inner::Dimension);
    let mut at_words = vec![0.0; words.len()];
    at_words
        .par_chunks_mut((row * dimension).max(1))
        .enumerate()
        .for_each(|(note, at_words)| {
            for filter in 0..count {
                let read = won(note, filter);
                let sum = &mut at_words[read.start.min(row) * dimension..read.end.min(row) * dimension];
                let term = &weight[filter * width * dimension..][..sum.len()];
                add_scaled(sum, term, through[note * count + filter]);
            }
        });
    let window = width * dimension;
    let mut at_weight = vec![0.0; count * window];
    at_weight
        .par_chunks_mut((FILTERS * window).max(1))
        .enumerate()
        .for_each(|(piece, at_weight)| {
            let mut sum = vec![0.0; window];
            for (filter, at_weight) in (piece * FILTERS..).zip(at_weight.chunks_mut(window)) {
                sum.fill(0.0);
                for note in 0..notes.lengths.len() {
                    let read = won(note, filter);
                    let from = (note * row + read.start.min(row)) * dimension;
                    let term = &words[from..from + (read.end.min(row) - read.start.min(row)) * dimension];
                    add_scaled(&mut sum[..term.len()], term, through[note * count + filter]);
                }
                for (at, value) in at_weight.iter_mut().enumerate() {
                    *value = sum[at % width * dimension + at / width];
                }
            }
        });
    let mut bias = vec![0.0; count];
    for through in through.chunks(count.max(1)) {
        bias.iter_mut().zip(through).for_each(|(sum, value)| *sum += value);
    }
    Gradients {
        words: at_words,
        weight: at_weight,
        bias,
    }
}

/// A note's tasks: the note, and the first position of each.
fn pieces((note, &wanted): (usize, &usize)) -> impl Iterator<Item = (usize, usize)> {
    (0..wanted).step_by(ROWS).map(move |first| (note, first))
}

/// Word vectors that a task reads: those of the note where they are, or with zero vectors past its end.
enum Read<'a> {
    Own(&'a [f32]),
    FilledUp(Vec<f32>),
}

impl<'a> Read<'a> {
    fn new(words: &'a [f32], notes: Notes, note: usize, range: std::ops::Range<usize>) -> Self {
        let Notes { row, dimension, .. } = notes;
        let of_note = &words[note * row * dimension..][..notes.lengths[note] * dimension];
        match of_note.get(range.start * dimension..range.end * dimension) {
            Some(own) => Self::Own(own),
            None => {
                let own = of_note.get(range.start * dimension..).unwrap_or_default();
                let mut rows = vec![0.0; range.len() * dimension];
                rows[..own.len()].copy_from_slice(own);
                Self::FilledUp(rows)
            }
        }
    }

    fn rows(&self) -> &[f32] {
        match self {
            Self::Own(rows) => rows,
            Self::FilledUp(rows) => rows,
        }
    }
}

/// Takes over what is larger, and what is not a number, which then stays.
fn keep(states: &mut [f32], positions: &mut [u32], found: &[f32], position: impl Fn(usize) -> u32) {
    for (filter, ((most, at), &value)) in states.iter_mut().zip(positions).zip(found).enumerate() {
        if value > *most || value.is_nan() {
            *most = value;
            *at = position(filter);
        }
    }
}

/// What lies side by side in a weight in the order of a window's places.
enum Inner {
    /// `[width, dimension, filter]`.
    Filter,
    /// `[filter, width, dimension]`.
    Dimension,
}

/// The weight in the order in which windows lie in memory.
fn by_place(filters: Filters, dimension: usize, inner: Inner) -> Vec<f32> {
    let (count, width) = (filters.bias.len(), filters.width);
    let mut weight = vec![0.0; filters.weight.len()];
    for (at, &value) in filters.weight.iter().enumerate() {
        let (filter, column, place) = (at / width / dimension, at / width % dimension, at % width);
        let to = match inner {
            Inner::Filter => (place * dimension + column) * count + filter,
            Inner::Dimension => (filter * width + place) * dimension + column,
        };
        weight[to] = value;
    }
    weight
}

/// `sum += factor * term`.
fn add_scaled(sum: &mut [f32], term: &[f32], factor: f32) {
    vector::dispatch(AddScaled { sum, term, factor });
}

struct AddScaled<'a> {
    sum: &'a mut [f32],
    term: &'a [f32],
    factor: f32,
}

impl WithSimd for AddScaled<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let factor = simd.splat_f32s(self.factor);
        vector::update(
            simd,
            self.sum,
            self.term,
            #[inline(always)]
            |sum, term| simd.mul_add_e_f32s(term, factor, sum),
        );
    }
}

#[cfg(test)]
mod tests;
