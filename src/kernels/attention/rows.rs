//! What attention does to the rows of one tile between the matrix products.

use pulp::{Simd, WithSimd};

use crate::kernels::dropout::{Masks, Tile};
use crate::kernels::vector::{self, Sum};

/// Rows of queries of a tile.
pub const QUERIES: usize = 128;

/// The sum over the keys seen so far of `2^(score - largest)`.
#[derive(Clone, Copy)]
pub struct RunningSum {
    pub largest: f32,
    pub total: f32,
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
pub struct TileMask {
    tile: Tile,
    factors: Vec<f32>,
}

impl TileMask {
    /// Draws the mask of some queries and keys, each as (start, count), of a head whose mask begins at
    /// `first`; nothing where nothing is dropped.
    pub fn draw(
        &mut self,
        masks: Option<&Masks>,
        first: u64,
        length: usize,
        queries: (usize, usize),
        keys: (usize, usize),
    ) {
        if let Some(masks) = masks {
            let offset = first + (queries.0 * length + keys.0) as u64;
            self.tile.draw(masks, offset, length, queries.1, keys.1);
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
pub struct Softmax<'a> {
    pub scores: &'a mut [f32],
    pub keys: usize,
    pub scale: f32,
    pub sums: &'a mut [RunningSum],
    pub states: &'a mut [f32],
    pub masks: Option<&'a mut TileMask>,
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
pub struct Gradient<'a> {
    pub scores: &'a mut [f32],
    pub d_scores: &'a mut [f32],
    pub keys: usize,
    pub scale: f32,
    pub log_sums: &'a [f32],
    pub along: &'a [f32],
    pub masks: Option<&'a mut TileMask>,
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

/// The product of two rows.
pub struct Dot<'a>(pub &'a [f32], pub &'a [f32]);

impl WithSimd for Dot<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        vector::dot(simd, self.0, self.1)
    }
}
