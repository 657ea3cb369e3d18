//! The Gaussian error linear unit in its exact form, `x Phi(x)` (Hendrycks and Gimpel 2016).

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::vector;

/// Elements handled by one task.
const PIECE: usize = 1 << 14;

/// `y = x Phi(x)`, element by element.
///
/// # Panics
/// If the slices differ in length.
pub fn forward(x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len());
    let pieces = y.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE));
    pieces.for_each(|(y, x)| vector::dispatch(Forward { x, y }));
}

/// `x = x Phi(x)`, element by element: [`forward`] where nobody needs what was there.
pub fn in_place(x: &mut [f32]) {
    x.par_chunks_mut(PIECE).for_each(|x| vector::dispatch(InPlace { x }));
}

/// `gradient = gradient (Phi(x) + x phi(x))`, element by element: from the one at `y` to the one at `x`.
///
/// # Panics
/// If the slices differ in length.
pub fn backward(x: &[f32], gradient: &mut [f32]) {
    assert_eq!(x.len(), gradient.len());
    let pieces = gradient.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE));
    pieces.for_each(|(gradient, x)| vector::dispatch(Backward { x, gradient }));
}

struct Forward<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        vector::map(
            simd,
            self.x,
            self.y,
            #[inline(always)]
            |x| {
                let (distribution, _) = vector::normal(simd, x);
                simd.mul_f32s(x, distribution)
            },
        );
    }
}

struct InPlace<'a> {
    x: &'a mut [f32],
}

impl WithSimd for InPlace<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        vector::apply(
            simd,
            self.x,
            #[inline(always)]
            |x| {
                let (distribution, _) = vector::normal(simd, x);
                simd.mul_f32s(x, distribution)
            },
        );
    }
}

struct Backward<'a> {
    x: &'a [f32],
    gradient: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        vector::update(
            simd,
            self.gradient,
            self.x,
            #[inline(always)]
            |dy, x| {
                let (distribution, density) = vector::normal(simd, x);
                simd.mul_f32s(dy, simd.mul_add_e_f32s(x, density, distribution))
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{close, in_pool, noise};

    /// `Phi` by its Taylor series about 0, in f64: exact to 1e-11 for |x| <= 4.5.
    fn phi(x: f64) -> f64 {
        let mut term = x;
        let mut sum = x;
        for n in 1..200 {
            term *= -x * x / (2.0 * f64::from(n));
            sum += term / f64::from(2 * n + 1);
        }
        0.5 + sum / (2.0 * std::f64::consts::PI).sqrt()
    }

    fn density(x: f64) -> f64 {
        (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
    }

    fn inputs() -> Vec<f32> {
        (0..18_001).map(|index| -4.5 + index as f32 * 5e-4).collect()
    }

    #[test]
    fn values_and_derivatives_match_the_series() {
        let x = inputs();
        let mut y = vec![0.0; x.len()];
        forward(&x, &mut y);
        let mut alone = x.clone();
        in_place(&mut alone);
        assert_eq!(alone, y);
        let dy = noise(1, x.len());
        let mut dx = dy.clone();
        backward(&x, &mut dx);
        for index in 0..x.len() {
            let (at, dy) = (f64::from(x[index]), f64::from(dy[index]));
            let wanted = at * phi(at);
            assert!(
                (f64::from(y[index]) - wanted).abs() <= 1.5e-6 * wanted.abs() + 1e-11,
                "{at}"
            );
            let wanted = phi(at) + at * density(at);
            assert!((f64::from(dx[index]) - dy * wanted).abs() < 3e-7 * dy.abs(), "{at}");
        }
    }

    #[test]
    fn the_ends_are_zero_and_the_identity() {
        let mut y = [1.0; 3];
        forward(&[-1e4, 0.0, 1e4], &mut y);
        assert_eq!([y[1], y[2]], [0.0, 1e4]);
        assert!(y[0].abs() < 1e-30);
        forward(&[f32::NAN, 1.0, 2.0], &mut y);
        assert!(y[0].is_nan());
    }

    #[test]
    fn bits_do_not_depend_on_threads_nor_on_the_place() {
        let x = noise(2, 40_003);
        let run = |threads, x: &[f32]| {
            let mut y = vec![0.0; x.len()];
            in_pool(threads, || forward(x, &mut y));
            y
        };
        assert_eq!(run(1, &x), run(2, &x));
        assert_eq!(run(1, &x)[5..], run(2, &x[5..]));
        let wanted: Vec<f64> = x.iter().map(|&x| f64::from(x) * phi(f64::from(x))).collect();
        close(&run(2, &x), &wanted, 1e-6);
    }
}
