//! The hyperbolic tangent of each element, and its way back.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::vector;

/// Elements handled by one task.
const PIECE: usize = 1 << 14;

/// `x = tanh(x)`, element by element.
pub fn in_place(x: &mut [f32]) {
    x.par_chunks_mut(PIECE).for_each(vector::tanh_in_place);
}

/// `gradient = gradient (1 - y^2)`, element by element: from the one at `y = tanh(x)` to the one at `x`.
///
/// # Panics
/// If the slices differ in length.
pub fn backward(y: &[f32], gradient: &mut [f32]) {
    assert_eq!(y.len(), gradient.len());
    let pieces = gradient.par_chunks_mut(PIECE).zip(y.par_chunks(PIECE));
    pieces.for_each(|(gradient, y)| vector::dispatch(Backward { y, gradient }));
}

struct Backward<'a> {
    y: &'a [f32],
    gradient: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let one = simd.splat_f32s(1.0);
        vector::update(
            simd,
            self.gradient,
            self.y,
            #[inline(always)]
            |dy, y| simd.mul_f32s(dy, simd.sub_f32s(one, simd.mul_f32s(y, y))),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{close, in_pool, noise};

    #[test]
    fn values_and_derivatives_match_f64() {
        let x: Vec<f32> = noise(1, 40_003).iter().map(|x| 4.0 * x).collect();
        let mut y = x.clone();
        in_pool(2, || in_place(&mut y));
        let wanted: Vec<f64> = x.iter().map(|&x| f64::from(x).tanh()).collect();
        close(&y, &wanted, 1e-6);
        let dy = noise(2, x.len());
        let mut dx = dy.clone();
        in_pool(2, || backward(&y, &mut dx));
        let slopes = wanted.iter().zip(&dy).map(|(y, &dy)| f64::from(dy) * (1.0 - y * y));
        close(&dx, &slopes.collect::<Vec<f64>>(), 1e-6);
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let x = noise(3, 40_003);
        let run = |threads| {
            let (mut y, mut dx) = (x.clone(), noise(4, x.len()));
            in_pool(threads, || in_place(&mut y));
            in_pool(threads, || backward(&y, &mut dx));
            (y, dx)
        };
        assert_eq!(run(1), run(2));
    }
}
