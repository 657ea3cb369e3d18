//! Products of windows that overlap in memory with a matrix of few columns. A general product copies the windows out first, each
//! number as often as a window is wide; here it is read where it lies, and the matrix stays in the second cache.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::vector::dispatch;

/// Rows that are made at once: what is read of the matrix serves all of them.
const ROWS: usize = 6;
/// Rows of the matrix that a task puts in their places.
const PLACED: usize = 128;

/// A matrix in panels of as many columns as the sums of [`ROWS`] rows can have in registers. What a product reads of it lies side
/// by side.
#[derive(Debug)]
pub struct Panels {
    /// Panel after panel, each `[depth, column]`, the last one's columns filled up with zeros to whole vectors.
    values: Vec<f32>,
    depth: usize,
    columns: usize,
}

/// Numbers in a vector, and vectors in a row of the widest panel.
struct Width;

impl WithSimd for Width {
    type Output = (usize, usize);

    fn with_simd<S: Simd>(self, _: S) -> (usize, usize) {
        // With six rows: 24 sums of 32 registers, or 12 of 16.
        (S::F32_LANES, if S::REGISTER_COUNT >= 32 { 4 } else { 2 })
    }
}

/// The panels of so many columns: the first column and the vectors of each.
fn panels(columns: usize, (lanes, most): (usize, usize)) -> impl Iterator<Item = (usize, usize)> {
    (0..columns)
        .step_by(lanes * most)
        .map(move |first| (first, most.min((columns - first).div_ceil(lanes))))
}

impl Panels {
    /// A matrix of `depth` rows, given each element by its row and column.
    pub fn new(depth: usize, columns: usize, element: impl Fn(usize, usize) -> f32 + Sync) -> Self {
        let width = dispatch(Width);
        let vectors: usize = panels(columns, width).map(|(_, vectors)| vectors).sum();
        let mut values = vec![0.0; depth * vectors * width.0];
        let mut rest = values.as_mut_slice();
        for (first, vectors) in panels(columns, width) {
            let wide = vectors * width.0;
            let (panel, after) = rest.split_at_mut(depth * wide);
            rest = after;
            let last = columns.min(first + wide);
            panel
                .par_chunks_mut(PLACED * wide)
                .enumerate()
                .for_each(|(piece, panel)| {
                    for (row, values) in (piece * PLACED..).zip(panel.chunks_mut(wide)) {
                        for (column, value) in (first..last).zip(values) {
                            *value = element(row, column);
                        }
                    }
                });
        }
        Self { values, depth, columns }
    }

    /// Sets row `i` of `out` `[row, column]` to `start` and the product of the window that begins at `read[i * stride]`.
    /// The order of each sum is that of the window.
    ///
    /// # Panics
    /// If the lengths do not fit.
    pub fn product(&self, read: &[f32], stride: usize, start: &[f32], out: &mut [f32]) {
        let rows = out.len() / self.columns.max(1);
        assert!(out.len() == rows * self.columns && start.len() == self.columns);
        assert!(rows == 0 || (rows - 1) * stride + self.depth <= read.len());
        dispatch(Product {
            right: self,
            read,
            stride,
            start,
            out,
        });
    }
}

struct Product<'a> {
    right: &'a Panels,
    read: &'a [f32],
    stride: usize,
    start: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut rest = self.right.values.as_slice();
        for (first, vectors) in panels(self.right.columns, Width.with_simd(simd)) {
            let (panel, after) = rest.split_at(self.right.depth * vectors * S::F32_LANES);
            rest = after;
            match vectors {
                4 => self.panel::<S, 4>(simd, panel, first),
                3 => self.panel::<S, 3>(simd, panel, first),
                2 => self.panel::<S, 2>(simd, panel, first),
                _ => self.panel::<S, 1>(simd, panel, first),
            }
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn panel<S: Simd, const V: usize>(&mut self, simd: S, panel: &[f32], first: usize) {
        let panel = S::as_simd_f32s(panel).0.as_chunks::<V>().0;
        let rows = self.out.len() / self.right.columns;
        let whole = rows - rows % ROWS;
        for row in (0..whole).step_by(ROWS) {
            self.rows::<S, V, ROWS>(simd, panel, (row, first));
        }
        for row in whole..rows {
            self.rows::<S, V, 1>(simd, panel, (row, first));
        }
    }

    /// The elements of `R` rows from `row` on, of `V` vectors of columns from `first` on.
    #[inline(always)]
    fn rows<S: Simd, const V: usize, const R: usize>(
        &mut self,
        simd: S,
        panel: &[[S::f32s; V]],
        (row, first): (usize, usize),
    ) {
        let columns = self.right.columns;
        // The columns of a vector: fewer than it has numbers in the last.
        let of = |vector: usize| {
            let from = first + vector * S::F32_LANES;
            from..columns.min(from + S::F32_LANES)
        };
        let start: [S::f32s; V] = std::array::from_fn(|vector| simd.partial_load_f32s(&self.start[of(vector)]));
        let mut sums = [start; R];
        let windows: [&[f32]; R] =
            std::array::from_fn(|place| &self.read[(row + place) * self.stride..][..panel.len()]);
        for (depth, right) in panel.iter().enumerate() {
            for place in 0..R {
                // SAFETY: a window is as long as the panel is deep.
                let left = simd.splat_f32s(unsafe { *windows[place].get_unchecked(depth) });
                for vector in 0..V {
                    sums[place][vector] = simd.mul_add_e_f32s(left, right[vector], sums[place][vector]);
                }
            }
        }
        for (place, sums) in sums.into_iter().enumerate() {
            let out = &mut self.out[(row + place) * columns..][..columns];
            for (vector, sum) in sums.into_iter().enumerate() {
                simd.partial_store_f32s(&mut out[of(vector)], sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{close, in_pool, noise};

    #[test]
    fn windows_times_a_matrix() {
        // Fewer columns than a vector, whole panels, and one more; fewer rows than are made at once, and more.
        for (rows, depth, stride, columns) in [
            (1, 1, 1, 1),
            (5, 7, 3, 16),
            (14, 20, 5, 50),
            (25, 30, 10, 65),
            (6, 9, 9, 100),
        ] {
            let (read, right) = (noise(1, (rows - 1) * stride + depth), noise(2, depth * columns));
            let start = noise(3, columns);
            let made = |threads| {
                in_pool(threads, || {
                    let panels = Panels::new(depth, columns, |row, column| right[row * columns + column]);
                    let mut out = vec![f32::NAN; rows * columns];
                    panels.product(&read, stride, &start, &mut out);
                    out
                })
            };
            let wanted: Vec<f64> = (0..rows * columns)
                .map(|at| {
                    let (row, column) = (at / columns, at % columns);
                    let term = |k: usize| f64::from(read[row * stride + k]) * f64::from(right[k * columns + column]);
                    f64::from(start[column]) + (0..depth).map(term).sum::<f64>()
                })
                .collect();
            close(&made(1), &wanted, 1e-5);
            assert_eq!(made(1), made(2));
        }
    }

    #[test]
    fn a_row_has_the_same_bits_wherever_it_stands() {
        let (depth, stride, columns) = (40, 10, 50);
        let (read, right) = (noise(4, 12 * stride + depth), noise(5, depth * columns));
        let panels = Panels::new(depth, columns, |row, column| right[row * columns + column]);
        let start = vec![0.0; columns];
        let rows = |from: usize, count: usize| {
            let mut out = vec![0.0; count * columns];
            panels.product(&read[from * stride..], stride, &start, &mut out);
            out
        };
        let all = rows(0, 13);
        for row in 0..13 {
            assert_eq!(rows(row, 1), all[row * columns..][..columns]);
        }
    }

    #[test]
    #[should_panic]
    fn a_window_beyond_what_is_read_is_refused() {
        let panels = Panels::new(4, 2, |_, _| 1.0);
        panels.product(&[0.0; 5], 2, &[0.0; 2], &mut [0.0; 4]);
    }
}
