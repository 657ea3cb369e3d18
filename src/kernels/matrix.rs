//! Matrices laid over slices, and their products through the `gemm` crate.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use gemm::Parallelism;
use rayon::prelude::*;

/// Rows of a task that makes rows.
const FILLED: usize = 64;

/// Who works on a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// The calling thread alone: inside a task of the thread pool.
    One,
    /// Every thread of the pool.
    All,
}

/// A matrix read from a slice, by any strides.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    data: *const f32,
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
    slice: PhantomData<&'a [f32]>,
}

/// A matrix written to, its rows `stride` apart.
pub struct MatrixMut<'a> {
    data: *mut f32,
    rows: usize,
    columns: usize,
    stride: usize,
    slice: PhantomData<&'a mut [f32]>,
}

/// A slice of which several tasks write different parts.
#[derive(Clone, Copy)]
pub struct Shared<'a> {
    data: *mut f32,
    length: usize,
    slice: PhantomData<&'a mut [f32]>,
}

// SAFETY: a `Shared` only hands out parts through unsafe functions whose callers promise that the
// parts do not overlap; `f32` itself may be sent and shared.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

/// Elements a matrix spans from its first to its last.
fn span(rows: usize, columns: usize, stride: usize) -> usize {
    if rows == 0 || columns == 0 {
        0
    } else {
        (rows - 1) * stride + columns
    }
}

impl<'a> Matrix<'a> {
    /// The matrix whose row `i` starts at `data[i * stride]`.
    ///
    /// # Panics
    /// If it reaches beyond the slice or rows overlap.
    pub fn new(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(
            columns <= stride || rows <= 1,
            "rows of {columns} overlap at stride {stride}"
        );
        Self::windows(data, rows, columns, stride)
    }

    /// The matrix whose row `i` is the window of `columns` elements from `data[i * stride]` on. Rows may overlap.
    ///
    /// # Panics
    /// If it reaches beyond the slice.
    pub fn windows(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(span(rows, columns, stride) <= data.len(), "the matrix leaves its slice");
        Self {
            data: data.as_ptr(),
            rows,
            columns,
            row_stride: stride,
            column_stride: 1,
            slice: PhantomData,
        }
    }

    /// The transpose, without a copy.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

impl<'a> MatrixMut<'a> {
    /// The matrix whose row `i` starts at `data[i * stride]`.
    ///
    /// # Panics
    /// If it reaches beyond the slice or rows overlap.
    pub fn new(data: &'a mut [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(
            columns <= stride || rows <= 1,
            "rows of {columns} overlap at stride {stride}"
        );
        assert!(span(rows, columns, stride) <= data.len(), "the matrix leaves its slice");
        Self {
            data: data.as_mut_ptr(),
            rows,
            columns,
            stride,
            slice: PhantomData,
        }
    }

    /// The elements of one row, counted from 0.
    pub fn row(&mut self, index: usize) -> &mut [f32] {
        assert!(index < self.rows);
        // SAFETY: the row lies within the slice, as checked when the matrix was made.
        unsafe { std::slice::from_raw_parts_mut(self.data.add(index * self.stride), self.columns) }
    }
}

impl<'a> Shared<'a> {
    /// Shares a slice among tasks.
    pub fn new(data: &'a mut [f32]) -> Self {
        Self {
            data: data.as_mut_ptr(),
            length: data.len(),
            slice: PhantomData,
        }
    }

    /// A matrix of the slice from `start` on.
    ///
    /// # Safety
    /// No other part that is in use at the same time may overlap it.
    pub unsafe fn matrix(self, start: usize, rows: usize, columns: usize, stride: usize) -> MatrixMut<'a> {
        assert!(
            columns <= stride || rows <= 1,
            "rows of {columns} overlap at stride {stride}"
        );
        assert!(
            start + span(rows, columns, stride) <= self.length,
            "the matrix leaves its slice"
        );
        MatrixMut {
            // SAFETY: within the slice, as just checked.
            data: unsafe { self.data.add(start) },
            rows,
            columns,
            stride,
            slice: PhantomData,
        }
    }
}

/// `out = left * right`, or `out += left * right` where `add` is set.
///
/// # Panics
/// If the shapes do not fit.
pub fn product(out: &mut MatrixMut, add: bool, left: Matrix, right: Matrix, threads: Threads) {
    assert_eq!(
        (out.rows, left.columns, out.columns),
        (left.rows, right.rows, right.columns)
    );
    let parallelism = match threads {
        Threads::One => Parallelism::None,
        Threads::All => Parallelism::Rayon(0),
    };
    // SAFETY: the shapes fit each other (checked above) and the slices (checked when they were made),
    // and `out` is borrowed mutably, so it overlaps neither factor.
    unsafe {
        gemm::gemm(
            out.rows,
            out.columns,
            left.columns,
            out.data,
            1,
            out.stride as isize,
            add,
            left.data,
            left.column_stride as isize,
            left.row_stride as isize,
            right.data,
            right.column_stride as isize,
            right.row_stride as isize,
            1.0f32,
            1.0f32,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// Columns that [`transpose`] writes at once: two cache lines.
const WRITTEN: usize = 32;

/// Sets `out` to the transpose of `of`. A product whose right factor has its columns apart copies that factor number by
/// number; one that is used in many products is better transposed once.
///
/// # Panics
/// If the shapes do not fit.
pub fn transpose(of: Matrix, out: &mut MatrixMut) {
    assert_eq!((of.rows, of.columns), (out.columns, out.rows));
    for start in (0..of.rows).step_by(WRITTEN) {
        let end = of.rows.min(start + WRITTEN);
        for column in 0..of.columns {
            let out = &mut out.row(column)[start..end];
            for (place, out) in out.iter_mut().enumerate() {
                let at = (start + place) * of.row_stride + column * of.column_stride;
                // SAFETY: within the slice, as checked when the matrix was made.
                *out = unsafe { *of.data.add(at) };
            }
        }
    }
}

/// `left * right` in memory of its own, its rows one after another.
///
/// # Panics
/// If the shapes do not fit.
pub fn product_of(left: Matrix, right: Matrix, threads: Threads) -> Vec<f32> {
    let (rows, columns) = (left.rows, right.columns);
    let mut out = Vec::with_capacity(rows * columns);
    if left.columns == 0 {
        out.resize(rows * columns, 0.0);
        return out;
    }
    let mut written = MatrixMut {
        data: out.as_mut_ptr(),
        rows,
        columns,
        stride: columns,
        slice: PhantomData,
    };
    // What is not added to is only written to: the memory needs not be set before.
    product(&mut written, false, left, right, threads);
    // SAFETY: the capacity is that of all elements, and the product has written each.
    unsafe { out.set_len(rows * columns) };
    out
}

/// Rows of numbers made piece by piece: `fill` gets the number of a piece's first row, and the piece, all zeros. They are zeroed
/// by the thread that goes on with them.
pub(super) fn filled(rows: usize, width: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let count = rows * width;
    let mut values = Vec::with_capacity(count);
    values.spare_capacity_mut()[..count]
        .par_chunks_mut((FILLED * width).max(1))
        .enumerate()
        .for_each(|(piece, values)| {
            values.fill(MaybeUninit::new(0.0));
            // SAFETY: just written.
            fill(piece * FILLED, unsafe { values.assume_init_mut() });
        });
    // SAFETY: the capacity is that of all, and the pieces, which are all of them, are written.
    unsafe { values.set_len(count) };
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{close, in_pool, noise};

    #[test]
    fn products_of_strided_and_transposed_matrices() {
        let (m, n, k) = (5, 7, 33);
        let (left, right) = (noise(1, 40 * m), noise(2, 50 * n));
        let naive = |row: usize, column: usize| -> f64 {
            let term = |depth| f64::from(left[row * 40 + depth]) * f64::from(right[column * 50 + depth]);
            (0..k).map(term).sum()
        };
        let wanted: Vec<f64> = (0..m * n).map(|cell| 1.0 + naive(cell / n, cell % n)).collect();
        let mut out = vec![1.0; m * n];
        let (left, right) = (Matrix::new(&left, m, k, 40), Matrix::new(&right, n, k, 50));
        product(
            &mut MatrixMut::new(&mut out, m, n, n),
            true,
            left,
            right.transposed(),
            Threads::One,
        );
        close(&out, &wanted, 1e-5);
    }

    #[test]
    fn a_transpose_has_every_element_at_its_place() {
        for (rows, columns, stride) in [(1, 1, 1), (70, 5, 9), (32, 64, 64), (3, 40, 41)] {
            let of = noise(5, stride * rows);
            let mut out = vec![f32::NAN; columns * (rows + 2)];
            let mut across = MatrixMut::new(&mut out, columns, rows, rows + 2);
            transpose(Matrix::new(&of, rows, columns, stride), &mut across);
            for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                assert_eq!(out[column * (rows + 2) + row], of[row * stride + column]);
            }
            // Nothing beside it is written.
            assert!((0..columns).all(|column| out[column * (rows + 2) + rows..][..2].iter().all(|x| x.is_nan())));
        }
    }

    #[test]
    fn a_product_has_the_same_bits_on_one_and_two_threads() {
        for (m, n, k) in [(512, 1000, 256), (1000, 256, 512), (512, 256, 4097), (37, 90, 300)] {
            let (left, right) = (noise(3, m * k), noise(4, k * n));
            let run = |threads| {
                in_pool(threads, || {
                    let mut out = vec![0.0; m * n];
                    let (left, right) = (Matrix::new(&left, m, k, k), Matrix::new(&right, k, n, n));
                    product(&mut MatrixMut::new(&mut out, m, n, n), false, left, right, Threads::All);
                    out
                })
            };
            assert_eq!(run(1), run(2));
        }
    }

    #[test]
    #[should_panic(expected = "leaves its slice")]
    fn a_matrix_beyond_its_slice_is_refused() {
        Matrix::new(&[0.0; 9], 2, 5, 5);
    }
}
