//! A convolution over word positions, with its tanh (Mullenbach et al. 2018, equation 1) or without: a product of windows
//! that overlap in memory, so that no window is copied out.
//!
//! With w filters' width and p = w / 2, position t of a note reads the words t - p .. t - p + w; words before the
//! first and past the last are zero vectors.

use rayon::prelude::*;

use super::matrix::{Matrix, MatrixMut, Threads, product};
use super::vector;
use super::windows::Panels;

/// Positions or words of a task.
const ROWS: usize = 96;

/// Notes as the convolution reads them.
#[derive(Clone, Copy, Debug)]
pub struct Notes<'a> {
    /// Words of each note, padding included.
    pub row: usize,
    /// Length of a word vector.
    pub dimension: usize,
    /// Words of each note that are real; the others are read as zero vectors.
    pub lengths: &'a [usize],
    /// Positions of each note that are wanted; the states of the others are left 0.
    pub positions: &'a [usize],
}

/// What slides over the words.
#[derive(Clone, Copy, Debug)]
pub struct Filters<'a> {
    /// `[filter, dimension, width]`.
    pub weight: &'a [f32],
    /// `[filter]`.
    pub bias: &'a [f32],
    /// Words that a filter reads.
    pub width: usize,
    /// Whether a state is the tanh of what a filter finds.
    pub tanh: bool,
}

/// What a forward pass leaves for the backward pass: each note's words between zero vectors.
#[derive(Clone, Debug)]
pub struct Padded(Vec<Vec<f32>>);

/// The gradients of [`forward`].
#[derive(Debug)]
pub struct Gradients {
    /// `[note, word, dimension]`.
    pub words: Vec<f32>,
    /// `[filter, dimension, width]`.
    pub weight: Vec<f32>,
    /// `[filter]`.
    pub bias: Vec<f32>,
}

/// Positions that a convolution of the given width has over `words` words: one more than words where it is even.
pub fn positions(words: usize, width: usize) -> usize {
    words + 1 - width % 2
}

/// States `[note, position, filter]` from word vectors `[note, word, dimension]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn forward(words: &[f32], notes: Notes, filters: Filters) -> (Vec<f32>, Padded) {
    let Notes { row, dimension, .. } = notes;
    let count = filters.bias.len();
    let stride = positions(row, filters.width) * count;
    assert_eq!(words.len(), notes.lengths.len() * row * dimension);
    assert_eq!(notes.positions.len(), notes.lengths.len());
    assert_eq!(filters.weight.len(), count * dimension * filters.width);
    let before = filters.width / 2;
    let padded: Vec<Vec<f32>> = (0..notes.lengths.len())
        .into_par_iter()
        .map(|note| {
            let wanted = notes.positions[note];
            if wanted == 0 {
                return Vec::new();
            }
            let read = wanted + filters.width - 1;
            let mut rows = vec![0.0; read * dimension];
            let real = notes.lengths[note].min(read - before) * dimension;
            rows[before * dimension..][..real].copy_from_slice(&words[note * row * dimension..][..real]);
            rows
        })
        .collect();
    let weight = Panels::new(filters.width * dimension, count, |at, filter| {
        filters.weight[(filter * dimension + at % dimension) * filters.width + at / dimension]
    });
    let mut states = vec![0.0; notes.lengths.len() * stride];
    states
        .chunks_mut(stride.max(1))
        .zip(notes.positions)
        .zip(&padded)
        .flat_map(|((states, &wanted), padded)| pieces(&mut states[..wanted * count], count, padded, dimension))
        .collect::<Vec<_>>()
        .into_par_iter()
        .for_each(|(states, padded)| {
            weight.product(padded, dimension, filters.bias, states);
            if filters.tanh {
                vector::tanh_in_place(states);
            }
        });
    (states, Padded(padded))
}

/// The gradients, given `at_states` `[note, position, filter]`, the states that [`forward`] gave and what it left.
///
/// # Panics
/// If the lengths do not fit.
pub fn backward(notes: Notes, filters: Filters, states: &[f32], padded: &Padded, at_states: &[f32]) -> Gradients {
    let Notes { row, dimension, .. } = notes;
    let (count, width) = (filters.bias.len(), filters.width);
    let stride = positions(row, width) * count;
    assert!(states.len() == notes.lengths.len() * stride && at_states.len() == states.len());
    // Position t reads word u at place t' = u + p - t of the filter, so word u is read by the window of positions
    // that starts at u + p - w + 1, with the filter turned round.
    let before = width - 1 - width / 2;
    let through: Vec<Vec<f32>> = (0..notes.lengths.len())
        .into_par_iter()
        .map(|note| {
            let wanted = notes.positions[note];
            let rows = (wanted + before).max(notes.lengths[note] + width - 1);
            let mut through = vec![0.0; rows * count];
            let range = note * stride..note * stride + wanted * count;
            let inside = &mut through[before * count..][..wanted * count];
            match filters.tanh {
                true => slope(&states[range.clone()], &at_states[range], inside),
                false => inside.copy_from_slice(&at_states[range]),
            }
            through
        })
        .collect();
    let mut at_words = vec![0.0; notes.lengths.len() * row * dimension];
    let turned = Panels::new(width * count, dimension, |at, column| {
        filters.weight[(at % count * dimension + column) * width + width - 1 - at / count]
    });
    let zeros = vec![0.0; dimension];
    at_words
        .chunks_mut((row * dimension).max(1))
        .zip(notes.lengths)
        .zip(&through)
        .flat_map(|((at_words, &length), through)| {
            pieces(&mut at_words[..length * dimension], dimension, through, count)
        })
        .collect::<Vec<_>>()
        .into_par_iter()
        .for_each(|(at_words, through)| turned.product(through, count, &zeros, at_words));
    let window = width * dimension;
    let mut at_weight = vec![0.0; window * count];
    let mut bias = vec![0.0; count];
    for ((padded, through), &wanted) in padded.0.iter().zip(&through).zip(notes.positions) {
        let through = &through[before * count..][..wanted * count];
        product(
            &mut MatrixMut::new(&mut at_weight, window, count, count),
            true,
            Matrix::windows(padded, wanted, window, dimension).transposed(),
            Matrix::new(through, wanted, count, count),
            Threads::All,
        );
        for row in through.chunks(count) {
            bias.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    }
    let mut weight = vec![0.0; at_weight.len()];
    weight
        .par_chunks_mut(window.max(1))
        .enumerate()
        .for_each(|(filter, weight)| {
            for (column, weight) in weight.chunks_mut(width).enumerate() {
                for (place, value) in weight.iter_mut().enumerate() {
                    *value = at_weight[(place * dimension + column) * count + filter];
                }
            }
        });
    Gradients {
        words: at_words,
        weight,
        bias,
    }
}

/// A note's rows of length `size` in pieces of [`ROWS`], each with what its windows over `read` (rows of length
/// `stride`) begin at.
fn pieces<'a>(
    rows: &'a mut [f32],
    size: usize,
    read: &'a [f32],
    stride: usize,
) -> impl Iterator<Item = (&'a mut [f32], &'a [f32])> {
    let starts = (0..).map(move |piece| piece * ROWS * stride);
    rows.chunks_mut(ROWS * size)
        .zip(starts.map(move |start| &read[start..]))
}

/// `out = dy (1 - y^2)`, the gradient before the tanh.
fn slope(y: &[f32], dy: &[f32], out: &mut [f32]) {
    for ((y, dy), out) in y.iter().zip(dy).zip(out) {
        *out = dy * (1.0 - y * y);
    }
}

#[cfg(test)]
mod tests;
