//! Layer normalisation of a residual sum (Ba et al. 2016; post-LN as in Vaswani et al. 2017), with the
//! dropout of the sub-layer's output in the same pass.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::dropout::Masks;
use super::vector::{self, Sum};

/// Rows of a task. The backward pass adds up the parameters' gradients task by task, so this number
/// is part of the result's rounding.
const ROWS: usize = 64;

/// What a forward pass leaves for the backward pass, beside the normalised rows.
#[derive(Debug)]
pub struct Saved<'a> {
    /// One over each row's standard deviation, `[row]`.
    pub inverse: &'a mut [f32],
    /// The result, `[row, d]`.
    pub y: &'a mut [f32],
}

/// `y = weight * (s - mean) / sqrt(variance + epsilon) + bias` for each row of `s = residual + mask * x`,
/// with the biased variance. `x`, `residual` and `y` are `[row, d]`, `weight` and `bias` are `[d]`.
/// Element i of the mask is that of `x[i]`. Where the backward pass is to follow, `x` becomes the rows normalised, before
/// weight and bias; else it becomes `y`.
///
/// # Panics
/// If the lengths do not fit.
pub fn forward(
    x: &mut [f32],
    residual: Option<&[f32]>,
    dropout: Option<&Masks>,
    [weight, bias]: [&[f32]; 2],
    epsilon: f32,
    saved: Option<Saved>,
) {
    let d = weight.len();
    assert!(d > 0 && bias.len() == d && x.len().is_multiple_of(d));
    assert!(residual.is_none_or(|residual| residual.len() == x.len()));
    let size = ROWS * d;
    let work = |mask: &mut Vec<f32>, piece: usize, x: &mut [f32], saved: Option<Saved>| {
        let range = piece * size..piece * size + x.len();
        if let Some(masks) = dropout {
            mask.resize(x.len(), 0.0);
            masks.fill(range.start as u64, mask);
        }
        vector::dispatch(Forward {
            x,
            residual: residual.map(|residual| &residual[range]),
            mask: dropout.map(|_| mask.as_slice()),
            weight,
            bias,
            epsilon,
            saved,
        });
    };
    let pieces = x.par_chunks_mut(size).enumerate();
    match saved {
        None => pieces.for_each_init(Vec::new, |mask, (piece, x)| work(mask, piece, x, None)),
        Some(Saved { inverse, y }) => {
            assert!(inverse.len() * d == y.len() && pieces.len() == y.len().div_ceil(size));
            let saved = y.par_chunks_mut(size).zip(inverse.par_chunks_mut(ROWS));
            pieces
                .zip(saved)
                .for_each_init(Vec::new, |mask, ((piece, x), (y, inverse))| {
                    work(mask, piece, x, Some(Saved { inverse, y }));
                });
        }
    }
}

/// The gradients of [`forward`], that at `s` aside.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// The mask of the forward pass, and the gradient at `x`, `[row, d]`.
    pub dropout: Option<(&'a Masks, &'a mut [f32])>,
    /// `[d]`.
    pub weight: &'a mut [f32],
    /// `[d]`.
    pub bias: &'a mut [f32],
}

/// Sets the gradients, given that at `y` `[row, d]` and what [`forward`] saved. `gradient` becomes the one at `s`: hence that at
/// the residual, and at `x` where nothing is dropped.
///
/// # Panics
/// If the lengths do not fit.
pub fn backward(gradient: &mut [f32], normalised: &[f32], inverse: &[f32], weight: &[f32], gradients: Gradients) {
    let d = weight.len();
    let size = ROWS * d;
    let Gradients {
        dropout,
        weight: d_weight,
        bias: d_bias,
    } = gradients;
    assert!(d > 0 && d_weight.len() == d && d_bias.len() == d && inverse.len() * d == gradient.len());
    assert!(normalised.len() == gradient.len());
    let mut partial = vec![0.0; inverse.len().div_ceil(ROWS) * 2 * d];
    gradient
        .par_chunks_mut(size)
        .zip(partial.par_chunks_mut(2 * d))
        .enumerate()
        .for_each(|(piece, (gradient, partial))| {
            let range = piece * size..piece * size + gradient.len();
            let (d_weight, d_bias) = partial.split_at_mut(d);
            vector::dispatch(Backward {
                normalised: &normalised[range],
                inverse: &inverse[piece * ROWS..],
                weight,
                gradient,
                d_weight,
                d_bias,
            });
        });
    d_weight.fill(0.0);
    d_bias.fill(0.0);
    for partial in partial.chunks(2 * d) {
        for (index, part) in partial.iter().enumerate() {
            if index < d {
                d_weight[index] += part;
            } else {
                d_bias[index - d] += part;
            }
        }
    }
    if let Some((masks, d_x)) = dropout {
        assert_eq!(d_x.len(), gradient.len());
        d_x.par_chunks_mut(size)
            .zip(gradient.par_chunks(size))
            .enumerate()
            .for_each(|(piece, (d_x, gradient))| {
                masks.fill((piece * size) as u64, d_x);
                vector::dispatch(Scale {
                    values: d_x,
                    factors: gradient,
                });
            });
    }
}

struct Forward<'a> {
    x: &'a mut [f32],
    residual: Option<&'a [f32]>,
    mask: Option<&'a [f32]>,
    weight: &'a [f32],
    bias: &'a [f32],
    epsilon: f32,
    saved: Option<Saved<'a>>,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let d = self.weight.len();
        let mut saved = self.saved;
        for (row, s) in self.x.chunks_exact_mut(d).enumerate() {
            let range = row * d..(row + 1) * d;
            if let Some(mask) = self.mask {
                vector::update(
                    simd,
                    s,
                    &mask[range.clone()],
                    #[inline(always)]
                    |x, m| simd.mul_f32s(x, m),
                );
            }
            if let Some(residual) = self.residual {
                vector::update(
                    simd,
                    s,
                    &residual[range.clone()],
                    #[inline(always)]
                    |s, r| simd.add_f32s(s, r),
                );
            }
            let mean = total(
                simd,
                s,
                #[inline(always)]
                |s| s,
            ) / d as f32;
            let shift = simd.splat_f32s(mean);
            let squares = total(
                simd,
                s,
                #[inline(always)]
                |s| {
                    let s = simd.sub_f32s(s, shift);
                    simd.mul_f32s(s, s)
                },
            );
            let inverse = 1.0 / (squares / d as f32 + self.epsilon).sqrt();
            let scale = simd.splat_f32s(inverse);
            vector::apply(
                simd,
                s,
                #[inline(always)]
                |s| simd.mul_f32s(simd.sub_f32s(s, shift), scale),
            );
            match &mut saved {
                Some(saved) => {
                    saved.inverse[row] = inverse;
                    vector::multiply_add(simd, s, self.weight, self.bias, &mut saved.y[range]);
                }
                None => vector::scale_and_add(simd, s, self.weight, self.bias),
            }
        }
    }
}

/// The sum of `function` over the values, the lanes beyond the end left out.
#[inline(always)]
fn total<S: Simd>(simd: S, values: &[f32], function: impl Fn(S::f32s) -> S::f32s) -> f32 {
    let (x, tail) = S::as_simd_f32s(values);
    let mut sum = Sum::new(simd);
    let (x4, rest) = x.as_chunks::<4>();
    for x in x4 {
        for (place, x) in x.iter().enumerate() {
            sum.add(place, function(*x));
        }
    }
    for x in rest {
        sum.add(0, function(*x));
    }
    if !tail.is_empty() {
        // Lanes beyond the end are zeroed after the function by a round trip through memory.
        let mut last = [0.0; 64];
        let last = &mut last[..tail.len()];
        simd.partial_store_f32s(last, function(simd.partial_load_f32s(tail)));
        sum.add(1, simd.partial_load_f32s(last));
    }
    sum.total()
}

struct Backward<'a> {
    normalised: &'a [f32],
    inverse: &'a [f32],
    weight: &'a [f32],
    gradient: &'a mut [f32],
    d_weight: &'a mut [f32],
    d_bias: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    /// With n the normalised row and g = weight * dy: `d_sum = inverse (g - mean(g) - n mean(g n))`.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let d = self.weight.len();
        let rows = self.gradient.chunks_mut(d).zip(self.inverse);
        for ((gradient, inverse), normalised) in rows.zip(self.normalised.chunks(d)) {
            vector::add_products(simd, self.d_weight, gradient, normalised);
            vector::update(
                simd,
                self.d_bias,
                gradient,
                #[inline(always)]
                |sum, dy| simd.add_f32s(sum, dy),
            );
            vector::update(
                simd,
                gradient,
                self.weight,
                #[inline(always)]
                |dy, weight| simd.mul_f32s(dy, weight),
            );
            let mean = simd.splat_f32s(
                total(
                    simd,
                    gradient,
                    #[inline(always)]
                    |g| g,
                ) / d as f32,
            );
            let along = simd.splat_f32s(-(vector::dot(simd, gradient, normalised) / d as f32));
            let scale = simd.splat_f32s(*inverse);
            vector::update(
                simd,
                gradient,
                normalised,
                #[inline(always)]
                |g, n| simd.mul_f32s(simd.mul_add_e_f32s(n, along, simd.sub_f32s(g, mean)), scale),
            );
        }
    }
}

struct Scale<'a> {
    values: &'a mut [f32],
    factors: &'a [f32],
}

impl WithSimd for Scale<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        vector::update(
            simd,
            self.values,
            self.factors,
            #[inline(always)]
            |value, factor| simd.mul_f32s(value, factor),
        );
    }
}

#[cfg(test)]
mod tests;
