//! The linear layer, `y = x W + b`, and its gradients. Results are written into memory that nobody has set to zero before.

use std::mem::MaybeUninit;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::matrix::{Matrix, MatrixMut, Threads, product, product_of};
use super::vector;

/// Rows of a task. A bias's gradient is added up task by task, so this number is part of the result's rounding.
const ROWS: usize = 64;

/// `[row, out]` for rows `x` `[row, in]`, a weight `[in, out]` and a bias `[out]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn forward(x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let (rows, inner, outer) = shape(x, weight, bias.len());
    let mut y: Vec<f32> = Vec::with_capacity(rows * outer);
    let spare = &mut y.spare_capacity_mut()[..rows * outer];
    spare.par_chunks_mut(ROWS * outer).for_each(|piece| {
        for row in piece.chunks_exact_mut(outer) {
            <[MaybeUninit<f32>]>::write_copy_of_slice(row, bias);
        }
    });
    // SAFETY: a piece is a whole number of rows, and each row was written.
    unsafe { y.set_len(rows * outer) };
    product(
        &mut MatrixMut::new(&mut y, rows, outer, outer),
        true,
        Matrix::new(x, rows, inner, inner),
        Matrix::new(weight, inner, outer, outer),
        Threads::All,
    );
    y
}

/// The gradient at `x` `[row, in]`, given that at `y` `[row, out]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn at_rows(gradient: &[f32], weight: &[f32], outer: usize) -> Vec<f32> {
    let rows = gradient.len() / outer;
    let inner = weight.len() / outer;
    product_of(
        Matrix::new(gradient, rows, outer, outer),
        Matrix::new(weight, inner, outer, outer).transposed(),
        Threads::All,
    )
}

/// The gradient at the weight `[in, out]`, given that at `y` `[row, out]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn at_weight(gradient: &[f32], x: &[f32], [inner, outer]: [usize; 2]) -> Vec<f32> {
    let rows = gradient.len() / outer;
    product_of(
        Matrix::new(x, rows, inner, inner).transposed(),
        Matrix::new(gradient, rows, outer, outer),
        Threads::All,
    )
}

/// The gradient at the bias `[out]`, given that at `y` `[row, out]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn at_bias(gradient: &[f32], outer: usize) -> Vec<f32> {
    assert!(gradient.len().is_multiple_of(outer));
    let pieces = gradient.par_chunks(ROWS * outer).map(|piece| {
        let mut sum = vec![0.0; outer];
        vector::dispatch(AddRows {
            sum: &mut sum,
            rows: piece,
        });
        sum
    });
    let mut total = vec![0.0; outer];
    for piece in pieces.collect::<Vec<_>>() {
        vector::dispatch(AddRows {
            sum: &mut total,
            rows: &piece,
        });
    }
    total
}

struct AddRows<'a> {
    sum: &'a mut [f32],
    rows: &'a [f32],
}

impl WithSimd for AddRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for row in self.rows.chunks_exact(self.sum.len()) {
            vector::update(
                simd,
                self.sum,
                row,
                #[inline(always)]
                |sum, value| simd.add_f32s(sum, value),
            );
        }
    }
}

/// Rows, inputs and outputs.
fn shape(x: &[f32], weight: &[f32], outer: usize) -> (usize, usize, usize) {
    assert!(outer > 0 && weight.len().is_multiple_of(outer));
    let inner = weight.len() / outer;
    assert!(inner > 0 && x.len().is_multiple_of(inner));
    (x.len() / inner, inner, outer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{close, in_pool, noise};

    /// `sum over k of left(i, k) right(k, j)`, in f64.
    fn naive(
        [rows, depth, columns]: [usize; 3],
        left: impl Fn(usize, usize) -> f32,
        right: impl Fn(usize, usize) -> f32,
    ) -> Vec<f64> {
        let cell = |at: usize| {
            let (row, column) = (at / columns, at % columns);
            let terms = (0..depth).map(|k| f64::from(left(row, k)) * f64::from(right(k, column)));
            terms.sum()
        };
        (0..rows * columns).map(cell).collect()
    }

    #[test]
    fn values_and_gradients_are_those_of_a_loop() {
        for [rows, inner, outer] in [[1, 1, 1], [3, 5, 7], [65, 33, 18], [130, 64, 96]] {
            let (x, weight, bias) = (noise(1, rows * inner), noise(2, inner * outer), noise(3, outer));
            let gradient = noise(4, rows * outer);
            let mut y = naive(
                [rows, inner, outer],
                |i, k| x[i * inner + k],
                |k, j| weight[k * outer + j],
            );
            for (at, y) in y.iter_mut().enumerate() {
                *y += f64::from(bias[at % outer]);
            }
            close(&forward(&x, &weight, &bias), &y, 1e-5);
            let dx = naive(
                [rows, outer, inner],
                |i, k| gradient[i * outer + k],
                |k, j| weight[j * outer + k],
            );
            close(&at_rows(&gradient, &weight, outer), &dx, 1e-5);
            let dw = naive(
                [inner, rows, outer],
                |i, k| x[k * inner + i],
                |k, j| gradient[k * outer + j],
            );
            close(&at_weight(&gradient, &x, [inner, outer]), &dw, 1e-5);
            let db = naive([1, rows, outer], |_, _| 1.0, |k, j| gradient[k * outer + j]);
            close(&at_bias(&gradient, outer), &db, 1e-5);
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let (x, weight, bias) = (noise(1, 300 * 96), noise(2, 96 * 100), noise(3, 100));
        let run = |threads| {
            in_pool(threads, || {
                let y = forward(&x, &weight, &bias);
                let gradients = [
                    at_rows(&y, &weight, 100),
                    at_weight(&y, &x, [96, 100]),
                    at_bias(&y, 100),
                ];
                (y, gradients)
            })
        };
        assert_eq!(run(1), run(2));
    }

    #[test]
    fn no_rows_give_no_rows() {
        assert!(forward(&[], &[1.0, 2.0], &[0.5]).is_empty());
        assert!(at_rows(&[], &[1.0, 2.0], 1).is_empty());
        assert_eq!(at_weight(&[], &[], [2, 1]), [0.0; 2]);
        assert_eq!(at_bias(&[], 2), [0.0; 2]);
    }
}
