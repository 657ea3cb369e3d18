//! Multi-head self-attention over packed segments, tile by tile (Vaswani et al. 2017; the tiling with
//! a running maximum is that of FlashAttention, Dao et al. 2022). Memory is that of a few tiles a thread and of the keys
//! once more, never that of all scores; the backward pass computes the probabilities anew.

use rayon::prelude::*;

use super::dropout::Masks;
use super::matrix::{Matrix, MatrixMut, Shared, Threads, product, transpose};
use super::vector;
use rows::{Dot, Gradient, QUERIES, RunningSum, Softmax, TileMask};

mod rows;

/// Keys of a tile.
const KEYS: usize = 512;

/// How the rows are cut.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    /// Rows of each segment; the segments' rows follow one another. A row attends to its own segment.
    pub lengths: &'a [usize],
    /// Heads; they share the columns evenly.
    pub heads: usize,
    /// Columns of the output, a multiple of `heads`.
    pub hidden: usize,
}

impl Shape<'_> {
    fn rows(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// Columns of a head.
    fn size(&self) -> usize {
        self.hidden / self.heads
    }

    /// What scores are multiplied by so that probabilities are powers of 2.
    fn scale(&self) -> f32 {
        std::f32::consts::LOG2_E / (self.size() as f32).sqrt()
    }

    /// (segment, head) in the order of the dropout mask.
    fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::with_capacity(self.lengths.len() * self.heads);
        let (mut row, mut mask) = (0, 0);
        for &length in self.lengths {
            for head in 0..self.heads {
                parts.push(Part {
                    row,
                    length,
                    head,
                    mask,
                });
                mask += (length as u64).pow(2);
            }
            row += length;
        }
        parts
    }

    fn check(&self, qkv: &[f32], out: &[f32], log_sums: &[f32]) {
        assert!(self.heads > 0 && self.hidden.is_multiple_of(self.heads), "{self:?}");
        assert_eq!(qkv.len(), self.rows() * 3 * self.hidden);
        assert_eq!(out.len(), self.rows() * self.hidden);
        assert_eq!(log_sums.len(), self.rows() * self.heads);
    }
}

/// One head of one segment.
#[derive(Clone, Copy)]
struct Part {
    /// First row of the segment.
    row: usize,
    length: usize,
    head: usize,
    /// Index in the dropout mask of query 0 and key 0.
    mask: u64,
}

impl Part {
    /// Rows `start..start + count` of the queries (0), keys (1) or values (2).
    fn cut<'a>(&self, shape: &Shape, qkv: &'a [f32], which: usize, start: usize, count: usize) -> Matrix<'a> {
        let first = (self.row + start) * 3 * shape.hidden + which * shape.hidden + self.head * shape.size();
        Matrix::new(&qkv[first..], count, shape.size(), 3 * shape.hidden)
    }

    /// Where this part begins in what has a row for each row of the input and a head's columns for each head, the parts one
    /// after another.
    fn place(&self, shape: &Shape) -> usize {
        self.row * shape.hidden + self.head * self.length * shape.size()
    }
}

/// The keys of each part, transposed, the parts one after another: every tile of queries is multiplied by them.
fn keys_across(shape: &Shape, qkv: &[f32]) -> Vec<f32> {
    let mut across = vec![0.0; shape.rows() * shape.hidden];
    let shared = Shared::new(&mut across);
    shape.parts().into_par_iter().for_each(|part| {
        // SAFETY: no other part has this place.
        let mut across = unsafe { shared.matrix(part.place(shape), shape.size(), part.length, part.length) };
        transpose(part.cut(shape, qkv, 1, 0, part.length), &mut across);
    });
    across
}

/// Pieces of `0..length` of at most `size`, as (start, count).
fn pieces(length: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..length)
        .step_by(size)
        .map(move |start| (start, size.min(length - start)))
}

/// Sets `out` `[row, hidden]` and `log_sums` `[head, row]` (base-2 logarithms of the sums of powers of
/// 2, which the backward pass needs) from `qkv` `[row, 3 * hidden]`: queries, keys and values side by
/// side. Scores are divided by the square root of the head's size. The dropout mask of the probabilities
/// is `[query, key]` for each head of each segment, one after another.
///
/// # Panics
/// If the lengths do not fit the shape.
pub fn forward(qkv: &[f32], shape: Shape, dropout: Option<&Masks>, out: &mut [f32], log_sums: &mut [f32]) {
    shape.check(qkv, out, log_sums);
    let (rows, size) = (shape.rows(), shape.size());
    let (out, log_sums) = (Shared::new(out), Shared::new(log_sums));
    let across = keys_across(&shape, qkv);
    let tasks: Vec<(Part, usize, usize)> = shape
        .parts()
        .into_iter()
        .flat_map(|part| pieces(part.length, QUERIES).map(move |(start, count)| (part, start, count)))
        .collect();
    tasks
        .into_par_iter()
        .with_max_len(1)
        .for_each_init(Scratch::default, |scratch, (part, start, count)| {
            let Scratch {
                scores,
                sums,
                states,
                masks,
                ..
            } = scratch;
            scores.resize(QUERIES * KEYS, 0.0);
            states.resize(QUERIES * size, 0.0);
            sums.clear();
            sums.resize(count, RunningSum::default());
            let queries = part.cut(&shape, qkv, 0, start, count);
            for (key, keys) in pieces(part.length, KEYS) {
                let others = Matrix::new(&across[part.place(&shape) + key..], size, keys, part.length);
                let scores = &mut scores[..count * keys];
                product(
                    &mut MatrixMut::new(scores, count, keys, keys),
                    false,
                    queries,
                    others,
                    Threads::One,
                );
                masks.draw(dropout, part.mask, part.length, (start, count), (key, keys));
                vector::dispatch(Softmax {
                    scores,
                    keys,
                    scale: shape.scale(),
                    sums,
                    states,
                    masks: dropout.map(|_| &mut *masks),
                });
                let values = part.cut(&shape, qkv, 2, key, keys);
                let scores = Matrix::new(scores, count, keys, keys);
                let mut states = MatrixMut::new(states, count, size, size);
                product(&mut states, key > 0, scores, values, Threads::One);
            }
            let first = (part.row + start) * shape.hidden + part.head * size;
            // SAFETY: no other task has these rows of this head.
            let mut out = unsafe { out.matrix(first, count, size, shape.hidden) };
            // SAFETY: as above.
            let mut logs = unsafe { log_sums.matrix(part.head * rows + part.row + start, 1, count, count) };
            for (row, sum) in sums.iter().enumerate() {
                let factor = 1.0 / sum.total;
                let states = &states[row * size..(row + 1) * size];
                for (out, state) in out.row(row).iter_mut().zip(states) {
                    *out = state * factor;
                }
                logs.row(0)[row] = sum.largest + sum.total.log2();
            }
        });
}

/// Sets `d_qkv` `[row, 3 * hidden]` from `d_out` `[row, hidden]`, with the input and results of
/// [`forward`] and the same mask.
///
/// # Panics
/// If the lengths do not fit the shape.
pub fn backward(
    d_out: &[f32],
    qkv: &[f32],
    [out, log_sums]: [&[f32]; 2],
    shape: Shape,
    dropout: Option<&Masks>,
    d_qkv: &mut [f32],
) {
    shape.check(qkv, out, log_sums);
    assert!(d_out.len() == out.len() && d_qkv.len() == qkv.len());
    let (rows, size, hidden) = (shape.rows(), shape.size(), shape.hidden);
    let d_qkv = Shared::new(d_qkv);
    let task = |scratch: &mut Scratch, part: Part| {
        // SAFETY: no other task has this head of this segment, and the three kinds are apart.
        let gradient = |which: usize, start: usize, count: usize| unsafe {
            let first = (part.row + start) * 3 * hidden + which * hidden + part.head * size;
            d_qkv.matrix(first, count, size, 3 * hidden)
        };
        let Scratch {
            scores,
            d_scores,
            along,
            across,
            masks,
            ..
        } = scratch;
        scores.resize(QUERIES * KEYS, 0.0);
        d_scores.resize(QUERIES * KEYS, 0.0);
        across.resize(2 * size * part.length, 0.0);
        let (keys_across, values_across) = across.split_at_mut(size * part.length);
        for (which, across) in [(1, &mut *keys_across), (2, &mut *values_across)] {
            let mut across = MatrixMut::new(across, size, part.length, part.length);
            transpose(part.cut(&shape, qkv, which, 0, part.length), &mut across);
        }
        for (start, count) in pieces(part.length, QUERIES) {
            let first = (part.row + start) * hidden + part.head * size;
            let queries = part.cut(&shape, qkv, 0, start, count);
            let wanted = Matrix::new(&d_out[first..], count, size, hidden);
            along.clear();
            along.extend((0..count).map(|row| {
                let range = first + row * hidden..first + row * hidden + size;
                vector::dispatch(Dot(&d_out[range.clone()], &out[range]))
            }));
            for (key, keys) in pieces(part.length, KEYS) {
                let others = part.cut(&shape, qkv, 1, key, keys);
                let cut = |across| Matrix::new(across, size, keys, part.length);
                let (scores, d_scores) = (&mut scores[..count * keys], &mut d_scores[..count * keys]);
                let mut tile = MatrixMut::new(scores, count, keys, keys);
                product(&mut tile, false, queries, cut(&keys_across[key..]), Threads::One);
                let mut tile = MatrixMut::new(d_scores, count, keys, keys);
                product(&mut tile, false, wanted, cut(&values_across[key..]), Threads::One);
                masks.draw(dropout, part.mask, part.length, (start, count), (key, keys));
                vector::dispatch(Gradient {
                    scores,
                    d_scores,
                    keys,
                    scale: shape.scale(),
                    log_sums: &log_sums[part.head * rows + part.row + start..][..count],
                    along,
                    masks: dropout.map(|_| &mut *masks),
                });
                let scores = Matrix::new(scores, count, keys, keys);
                let d_scores = Matrix::new(d_scores, count, keys, keys);
                product(&mut gradient(0, start, count), key > 0, d_scores, others, Threads::One);
                product(
                    &mut gradient(1, key, keys),
                    start > 0,
                    d_scores.transposed(),
                    queries,
                    Threads::One,
                );
                product(
                    &mut gradient(2, key, keys),
                    start > 0,
                    scores.transposed(),
                    wanted,
                    Threads::One,
                );
            }
        }
    };
    shape
        .parts()
        .into_par_iter()
        .with_max_len(1)
        .for_each_init(Scratch::default, task);
}

/// What a thread reuses from task to task.
#[derive(Default)]
struct Scratch {
    scores: Vec<f32>,
    d_scores: Vec<f32>,
    states: Vec<f32>,
    sums: Vec<RunningSum>,
    /// For each query, the product of its output and that output's gradient.
    along: Vec<f32>,
    /// Keys and values of a part, transposed.
    across: Vec<f32>,
    masks: TileMask,
}

#[cfg(test)]
mod tests;
