//! Batch normalisation (Ioffe and Szegedy 2015) of the columns of notes' states. Rows past a note's end count for
//! nothing and stay 0.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::vector;

/// Rows of a task. Sums are added up task by task, so this number is part of the results' rounding.
const ROWS: usize = 256;

/// Where rows lie, and which of them count.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    /// Rows of each note, those past its end included.
    pub row: usize,
    /// Columns.
    pub dimension: usize,
    /// Rows of each note that count, its first.
    pub counts: &'a [usize],
}

/// The mean and the biased variance of each column.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// `[column]`.
    pub mean: Vec<f32>,
    /// `[column]`.
    pub variance: Vec<f32>,
}

/// What columns are normalised by.
#[derive(Clone, Copy, Debug)]
pub struct Scale<'a> {
    /// What is taken from a column, `[column]`.
    pub mean: &'a [f32],
    /// One over what a column is divided by, `[column]`.
    pub inverse: &'a [f32],
    /// `[column]`.
    pub weight: &'a [f32],
    /// `[column]`.
    pub bias: &'a [f32],
}

/// The gradients of [`forward`].
#[derive(Debug)]
pub struct Gradients {
    /// `[note, row, column]`.
    pub states: Vec<f32>,
    /// `[column]`.
    pub weight: Vec<f32>,
    /// `[column]`.
    pub bias: Vec<f32>,
}

impl Shape<'_> {
    /// How many rows count.
    pub fn rows(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Where each task's rows begin among all elements, and how many elements they are.
    fn pieces(&self) -> Vec<(usize, usize)> {
        let of_note = |(note, &count): (usize, &usize)| {
            let start = note * self.row * self.dimension;
            let firsts = (0..count).step_by(ROWS);
            firsts
                .map(|first| (start + first * self.dimension, ROWS.min(count - first) * self.dimension))
                .collect::<Vec<_>>()
        };
        self.counts.iter().enumerate().flat_map(of_note).collect()
    }

    /// `N` sums a column, over what `add` adds up of each task: it is given where the task's rows begin, how many elements
    /// they are, and its sums, one kind after another.
    fn sums<const N: usize>(&self, add: impl Fn(usize, usize, &mut [f32]) + Sync) -> [Vec<f64>; N] {
        let parts: Vec<Vec<f32>> = self
            .pieces()
            .into_par_iter()
            .map(|(start, size)| {
                let mut sums = vec![0.0; N * self.dimension];
                add(start, size, &mut sums);
                sums
            })
            .collect();
        let mut totals = std::array::from_fn(|_| vec![0.0; self.dimension]);
        for part in parts {
            for (total, part) in totals.iter_mut().zip(part.chunks(self.dimension)) {
                let columns = total.iter_mut().zip(part);
                columns.for_each(|(total, &part)| *total += f64::from(part));
            }
        }
        totals
    }

    /// `[note, row, column]`, of which `make` writes the rows that count, given where a task's begin.
    fn made(&self, make: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
        let (dimension, width) = (self.dimension, self.row * self.dimension);
        let mut made = vec![0.0; self.counts.len() * width];
        made.chunks_mut(width.max(1))
            .zip(self.counts)
            .enumerate()
            .flat_map(|(note, (rows, &count))| {
                let starts = (note * width..).step_by(ROWS * dimension);
                starts.zip(rows[..count * dimension].chunks_mut(ROWS * dimension))
            })
            .collect::<Vec<_>>()
            .into_par_iter()
            .for_each(|(start, rows)| make(start, rows));
        made
    }
}

/// The moments of the rows of `states` `[note, row, column]` that count.
///
/// # Panics
/// If the lengths do not fit, or no row counts.
pub fn moments(states: &[f32], shape: Shape) -> Moments {
    let rows = shape.rows();
    assert!(rows > 0 && states.len() == shape.counts.len() * shape.row * shape.dimension);
    let over_rows = |sums: Vec<f64>| -> Vec<f32> { sums.iter().map(|sum| (sum / rows as f64) as f32).collect() };
    let [sums] = shape.sums(|start, size, sums| {
        vector::dispatch(Add {
            rows: &states[start..start + size],
            sums,
        });
    });
    let mean = over_rows(sums);
    let [squares] = shape.sums(|start, size, sums| {
        vector::dispatch(AddSquares {
            rows: &states[start..start + size],
            mean: &mean,
            sums,
        });
    });
    Moments {
        variance: over_rows(squares),
        mean,
    }
}

/// `weight * (states - mean) * inverse + bias`, `[note, row, column]`; 0 in rows that do not count.
///
/// # Panics
/// If the lengths do not fit.
pub fn forward(states: &[f32], shape: Shape, scale: Scale) -> Vec<f32> {
    assert_eq!(states.len(), shape.counts.len() * shape.row * shape.dimension);
    let factors = scale.factors();
    shape.made(|start, made| {
        vector::dispatch(Forward {
            rows: &states[start..start + made.len()],
            columns: [scale.mean, &factors, scale.bias],
            made,
        });
    })
}

/// The gradients, given `at_normalised`, that at [`forward`]'s result. `own` says that the scale's mean and inverse are those
/// of these rows, so that they move with them.
///
/// # Panics
/// If the lengths do not fit.
pub fn backward(states: &[f32], shape: Shape, scale: Scale, own: bool, at_normalised: &[f32]) -> Gradients {
    assert!(states.len() == at_normalised.len() && states.len() == shape.counts.len() * shape.row * shape.dimension);
    let [sums, along] = shape.sums(|start, size, sums| {
        vector::dispatch(AddGradients {
            rows: &states[start..start + size],
            gradients: &at_normalised[start..start + size],
            mean: scale.mean,
            sums,
        });
    });
    let rows = shape.rows().max(1) as f64;
    let factors = scale.factors();
    // With n rows, c the centred state and a = weight * inverse, the gradient at a state is
    // a (dy - sum(dy) / n - c inverse^2 sum(dy c) / n); the sums are left out of moments that are given.
    let share = if own { 1.0 / rows } else { 0.0 };
    let column = |column: usize| {
        let inverse = f64::from(scale.inverse[column]);
        let factor = f64::from(factors[column]);
        let term = -factor * sums[column] * share;
        let slope = -factor * inverse * inverse * along[column] * share;
        (slope as f32, term as f32)
    };
    let (slopes, terms): (Vec<f32>, Vec<f32>) = (0..shape.dimension).map(column).unzip();
    let at_states = shape.made(|start, made| {
        vector::dispatch(Backward {
            rows: &states[start..start + made.len()],
            gradients: &at_normalised[start..start + made.len()],
            columns: [&factors, scale.mean, &slopes, &terms],
            made,
        });
    });
    let weight = along.iter().zip(scale.inverse);
    Gradients {
        states: at_states,
        weight: weight
            .map(|(sum, &inverse)| (sum * f64::from(inverse)) as f32)
            .collect(),
        bias: sums.iter().map(|&sum| sum as f32).collect(),
    }
}

impl Scale<'_> {
    /// What a centred column is multiplied by.
    fn factors(&self) -> Vec<f32> {
        self.weight
            .iter()
            .zip(self.inverse)
            .map(|(weight, inverse)| weight * inverse)
            .collect()
    }
}

struct Add<'a> {
    rows: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for row in self.rows.chunks_exact(self.sums.len()) {
            vector::update(
                simd,
                self.sums,
                row,
                #[inline(always)]
                |sum, x| simd.add_f32s(sum, x),
            );
        }
    }
}

struct AddSquares<'a> {
    rows: &'a [f32],
    mean: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for AddSquares<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let count = self.mean.len();
        let (mean, sums) = (&self.mean[..count], &mut self.sums[..count]);
        for row in self.rows.chunks_exact(count) {
            for column in 0..count {
                let centred = row[column] - mean[column];
                sums[column] += centred * centred;
            }
        }
    }
}

struct Forward<'a> {
    rows: &'a [f32],
    /// The mean, what the centred state is multiplied by, what is added.
    columns: [&'a [f32]; 3],
    made: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let count = self.columns[0].len();
        let [mean, factors, terms] = self.columns.map(|column| &column[..count]);
        for (row, made) in self.rows.chunks_exact(count).zip(self.made.chunks_exact_mut(count)) {
            for column in 0..count {
                made[column] = (row[column] - mean[column]) * factors[column] + terms[column];
            }
        }
    }
}

struct AddGradients<'a> {
    rows: &'a [f32],
    gradients: &'a [f32],
    mean: &'a [f32],
    /// Of the gradients, then of their products with the centred rows.
    sums: &'a mut [f32],
}

impl WithSimd for AddGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let count = self.mean.len();
        let mean = &self.mean[..count];
        let (sums, along) = self.sums.split_at_mut(count);
        let along = &mut along[..count];
        for (row, gradient) in self.rows.chunks_exact(count).zip(self.gradients.chunks_exact(count)) {
            for column in 0..count {
                sums[column] += gradient[column];
                along[column] += gradient[column] * (row[column] - mean[column]);
            }
        }
    }
}

struct Backward<'a> {
    rows: &'a [f32],
    gradients: &'a [f32],
    /// What the gradient is multiplied by, the mean, what the centred state is multiplied by, what is added.
    columns: [&'a [f32]; 4],
    made: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let count = self.columns[0].len();
        let [factors, mean, slopes, terms] = self.columns.map(|column| &column[..count]);
        let rows = self.rows.chunks_exact(count).zip(self.gradients.chunks_exact(count));
        for ((row, gradient), made) in rows.zip(self.made.chunks_exact_mut(count)) {
            for column in 0..count {
                let centred = row[column] - mean[column];
                made[column] = gradient[column] * factors[column] + centred * slopes[column] + terms[column];
            }
        }
    }
}

#[cfg(test)]
mod tests;
