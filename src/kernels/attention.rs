//! Multi-head self-attention over packed segments, tile by tile (Vaswani et al. 2017; the tiling with
//! a running maximum is that of FlashAttention, Dao et al. 2022). Memory is that of a few tiles a
//! thread, whatever the segments' length; the backward pass computes the probabilities anew.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::dropout::{Masks, Tile};
use super::matrix::{Matrix, MatrixMut, Shared, Threads, product};
use super::vector::{self, Sum};

/// Rows of queries of a tile.
const QUERIES: usize = 128;
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
                let others = part.cut(&shape, qkv, 1, key, keys).transposed();
                let scores = &mut scores[..count * keys];
                product(
                    &mut MatrixMut::new(scores, count, keys, keys),
                    false,
                    queries,
                    others,
                    Threads::One,
                );
                masks.draw(dropout, &part, (start, count), (key, keys));
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
            masks,
            ..
        } = scratch;
        scores.resize(QUERIES * KEYS, 0.0);
        d_scores.resize(QUERIES * KEYS, 0.0);
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
                let values = part.cut(&shape, qkv, 2, key, keys);
                let (scores, d_scores) = (&mut scores[..count * keys], &mut d_scores[..count * keys]);
                let mut tile = MatrixMut::new(scores, count, keys, keys);
                product(&mut tile, false, queries, others.transposed(), Threads::One);
                let mut tile = MatrixMut::new(d_scores, count, keys, keys);
                product(&mut tile, false, wanted, values.transposed(), Threads::One);
                masks.draw(dropout, &part, (start, count), (key, keys));
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
    masks: TileMask,
}

/// The sum over the keys seen so far of `2^(score - largest)`.
#[derive(Clone, Copy)]
struct RunningSum {
    largest: f32,
    total: f32,
}

impl Default for RunningSum {
    fn default() -> Self {
        Self {
            largest: f32::NEG_INFINITY,
            total: 0.0,
        }
    }
}

/// The dropout mask of one tile, and one row of it as factors.
#[derive(Default)]
struct TileMask {
    tile: Tile,
    factors: Vec<f32>,
}

impl TileMask {
    fn draw(&mut self, masks: Option<&Masks>, part: &Part, queries: (usize, usize), keys: (usize, usize)) {
        if let Some(masks) = masks {
            let offset = part.mask + (queries.0 * part.length + keys.0) as u64;
            self.tile.draw(masks, offset, part.length, queries.1, keys.1);
            self.factors.resize(keys.1, 0.0);
        }
    }

    fn row(&mut self, row: usize) -> &[f32] {
        self.tile.expand(row, &mut self.factors);
        &self.factors
    }
}

/// Turns a tile of scores into probabilities still to be divided by their sum, and scales the states
/// gathered so far to the new maximum.
struct Softmax<'a> {
    scores: &'a mut [f32],
    keys: usize,
    scale: f32,
    sums: &'a mut [RunningSum],
    states: &'a mut [f32],
    masks: Option<&'a mut TileMask>,
}

impl WithSimd for Softmax<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let size = self.states.len() / QUERIES;
        let rows = self.scores.chunks_mut(self.keys).zip(self.sums);
        for (row, ((scores, sum), states)) in rows.zip(self.states.chunks_mut(size)).enumerate() {
            let here = vector::largest(simd, scores) * self.scale;
            if here > sum.largest {
                let factor = (sum.largest - here).exp2();
                vector::apply(
                    simd,
                    states,
                    #[inline(always)]
                    |state| simd.mul_f32s(state, simd.splat_f32s(factor)),
                );
                sum.total *= factor;
                sum.largest = here;
            }
            sum.total += powers(simd, scores, self.scale, -sum.largest);
            if let Some(masks) = &mut self.masks {
                vector::update(
                    simd,
                    scores,
                    masks.row(row),
                    #[inline(always)]
                    |score, mask| simd.mul_f32s(score, mask),
                );
            }
        }
    }
}

/// Replaces each value by `2^(value * scale + shift)` and gives their sum.
#[inline(always)]
fn powers<S: Simd>(simd: S, values: &mut [f32], scale: f32, shift: f32) -> f32 {
    let (scale, shift) = (simd.splat_f32s(scale), simd.splat_f32s(shift));
    let power = {
        #[inline(always)]
        |x| vector::exp2(simd, simd.mul_add_e_f32s(x, scale, shift))
    };
    let (x, tail) = S::as_mut_simd_f32s(values);
    let mut sum = Sum::new(simd);
    for (place, x) in x.iter_mut().enumerate() {
        *x = power(*x);
        sum.add(place, *x);
    }
    if !tail.is_empty() {
        simd.partial_store_f32s(tail, power(simd.partial_load_f32s(tail)));
        sum.add(0, simd.partial_load_f32s(tail));
    }
    sum.total()
}

/// With p the probabilities, m the mask and g the gradients at the masked probabilities: turns scores
/// into `p m` and g into the gradients at the products of queries and keys, `p (g m - along) / sqrt(size)`.
struct Gradient<'a> {
    scores: &'a mut [f32],
    d_scores: &'a mut [f32],
    keys: usize,
    scale: f32,
    log_sums: &'a [f32],
    along: &'a [f32],
    masks: Option<&'a mut TileMask>,
}

impl WithSimd for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let scale = simd.splat_f32s(self.scale);
        let natural = simd.splat_f32s(self.scale * std::f32::consts::LN_2);
        let rows = self
            .scores
            .chunks_mut(self.keys)
            .zip(self.d_scores.chunks_mut(self.keys));
        for (row, (scores, d_scores)) in rows.enumerate() {
            let shift = simd.splat_f32s(-self.log_sums[row]);
            let along = simd.splat_f32s(self.along[row]);
            let gradient = {
                #[inline(always)]
                |score, gradient, mask| {
                    let p = vector::exp2(simd, simd.mul_add_e_f32s(score, scale, shift));
                    let g = simd.sub_f32s(simd.mul_f32s(gradient, mask), along);
                    (simd.mul_f32s(p, mask), simd.mul_f32s(p, simd.mul_f32s(g, natural)))
                }
            };
            let (p, p_tail) = S::as_mut_simd_f32s(scores);
            let (g, g_tail) = S::as_mut_simd_f32s(d_scores);
            let one = simd.splat_f32s(1.0);
            let mut last = one;
            match &mut self.masks {
                None => {
                    for (p, g) in p.iter_mut().zip(g) {
                        (*p, *g) = gradient(*p, *g, one);
                    }
                }
                Some(masks) => {
                    let (m, m_tail) = S::as_simd_f32s(masks.row(row));
                    for ((p, g), m) in p.iter_mut().zip(g).zip(m) {
                        (*p, *g) = gradient(*p, *g, *m);
                    }
                    last = simd.partial_load_f32s(m_tail);
                }
            }
            if !p_tail.is_empty() {
                let (p, g) = gradient(simd.partial_load_f32s(p_tail), simd.partial_load_f32s(g_tail), last);
                simd.partial_store_f32s(p_tail, p);
                simd.partial_store_f32s(g_tail, g);
            }
        }
    }
}

struct Dot<'a>(&'a [f32], &'a [f32]);

impl WithSimd for Dot<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        vector::dot(simd, self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{close, in_pool, noise};

    struct Case {
        lengths: Vec<usize>,
        heads: usize,
        hidden: usize,
        masks: Option<Masks>,
        qkv: Vec<f32>,
        d_out: Vec<f32>,
    }

    fn case(lengths: &[usize], heads: usize, size: usize, dropped: bool) -> Case {
        let (rows, hidden) = (lengths.iter().sum::<usize>(), heads * size);
        Case {
            lengths: lengths.to_vec(),
            heads,
            hidden,
            masks: dropped.then(|| Masks::new(8, 9, 0.25)),
            qkv: noise(1, rows * 3 * hidden).iter().map(|value| value * 3.0).collect(),
            d_out: noise(2, rows * hidden),
        }
    }

    impl Case {
        fn run(&self) -> [Vec<f32>; 3] {
            let shape = Shape {
                lengths: &self.lengths,
                heads: self.heads,
                hidden: self.hidden,
            };
            let mut out = vec![9.0; self.d_out.len()];
            let mut log_sums = vec![9.0; shape.rows() * self.heads];
            forward(&self.qkv, shape, self.masks.as_ref(), &mut out, &mut log_sums);
            let mut d_qkv = vec![9.0; self.qkv.len()];
            let saved = [out.as_slice(), &log_sums];
            backward(&self.d_out, &self.qkv, saved, shape, self.masks.as_ref(), &mut d_qkv);
            [out, log_sums, d_qkv]
        }

        /// The same in f64 with whole matrices.
        fn naive(&self) -> [Vec<f64>; 2] {
            let (h, size) = (self.hidden, self.hidden / self.heads);
            let mut out = vec![0.0; self.d_out.len()];
            let mut d_qkv = vec![0.0; self.qkv.len()];
            let (mut row, mut offset) = (0, 0);
            for &length in &self.lengths {
                for head in 0..self.heads {
                    let at = |which: usize, token: usize, c: usize| (row + token) * 3 * h + which * h + head * size + c;
                    let value = |which, token, c| f64::from(self.qkv[at(which, token, c)]);
                    let mut mask = vec![1.0; length * length];
                    if let Some(masks) = &self.masks {
                        masks.fill(offset, &mut mask);
                    }
                    offset += (length * length) as u64;
                    let scale = 1.0 / (size as f64).sqrt();
                    for i in 0..length {
                        let score = |j| (0..size).map(|c| value(0, i, c) * value(1, j, c)).sum::<f64>() * scale;
                        let scores: Vec<f64> = (0..length).map(score).collect();
                        let most = scores.iter().copied().fold(f64::MIN, f64::max);
                        let powers: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
                        let sum: f64 = powers.iter().sum();
                        let to = |c: usize| (row + i) * h + head * size + c;
                        let mut d_p = vec![0.0; length];
                        for j in 0..length {
                            let (p, m) = (powers[j] / sum, f64::from(mask[i * length + j]));
                            for c in 0..size {
                                let d_out = f64::from(self.d_out[to(c)]);
                                out[to(c)] += p * m * value(2, j, c);
                                d_qkv[at(2, j, c)] += p * m * d_out;
                                d_p[j] += m * d_out * value(2, j, c);
                            }
                        }
                        let along: f64 = (0..length).map(|j| powers[j] / sum * d_p[j]).sum();
                        for j in 0..length {
                            let d_score = powers[j] / sum * (d_p[j] - along) * scale;
                            for c in 0..size {
                                d_qkv[at(0, i, c)] += d_score * value(1, j, c);
                                d_qkv[at(1, j, c)] += d_score * value(0, i, c);
                            }
                        }
                    }
                }
                row += length;
            }
            [out, d_qkv]
        }
    }

    #[test]
    fn outputs_and_gradients_match_f64() {
        for (lengths, heads, size) in [
            (vec![1], 1, 1),
            (vec![7, 1, 20], 2, 5),
            (vec![130, 0, 33], 3, 32),
            (vec![600, 1_030], 1, 16),
            (vec![128, 512], 2, 64),
        ] {
            for dropped in [false, true] {
                let case = case(&lengths, heads, size, dropped);
                let ([out, _, d_qkv], [wanted_out, wanted_d_qkv]) = (case.run(), case.naive());
                close(&out, &wanted_out, 1e-5);
                close(&d_qkv, &wanted_d_qkv, 1e-5);
            }
        }
    }

    #[test]
    fn scores_far_apart_stay_finite() {
        let mut case = case(&[700], 1, 4, false);
        case.qkv.iter_mut().for_each(|value| *value *= 30.0);
        let ([out, _, d_qkv], [wanted_out, wanted_d_qkv]) = (case.run(), case.naive());
        close(&out, &wanted_out, 1e-3);
        close(&d_qkv, &wanted_d_qkv, 1e-3);
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let case = case(&[300, 1, 777], 2, 32, true);
        assert_eq!(in_pool(1, || case.run()), in_pool(2, || case.run()));
    }
}
