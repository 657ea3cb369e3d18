//! One direction of a gated recurrent unit over notes of different lengths (Cho et al. 2014, with
//! the gates as PyTorch orders and computes them).
//!
//! The rows of the notes lie one after another, a row a token, the longest note first. Up to eight
//! notes take a step together: their states times the recurrent weight, a panel at a time, and
//! right after it the gates of that panel. As notes end, fewer rows take part. Each note's numbers
//! depend on its own rows only, and sums over notes run in a fixed order, so the number of threads
//! changes nothing.

use pulp::{Arch, Simd};
use rayon::prelude::*;

mod backward;
mod forward;
mod gates;
mod panel;
#[cfg(test)]
mod tests;

pub use backward::Gradients;
use panel::ROWS;

/// What a scan goes over.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    /// Length of a state, H.
    pub hidden: usize,
    /// Tokens of each note, descending. Note `i`'s rows start where note `i - 1`'s end.
    pub lengths: &'a [usize],
    /// Whether each note is read from its last token to its first.
    pub reversed: bool,
}

/// The parameters of the recurrence, gates in the order reset, update, candidate.
#[derive(Clone, Copy, Debug)]
pub struct Recurrence<'a> {
    /// `[H, 3H]`.
    pub weight: &'a [f32],
    /// Added to the input projections, `[3H]`.
    pub input_bias: &'a [f32],
    /// Added to the recurrent products, `[3H]`.
    pub bias: &'a [f32],
}

/// The states `[row, H]`, each from the state of the note's row before it (after it, where
/// `reversed`), the first from 0.
///
/// `gates` holds the input projections without their bias, `[row, 3H]`, and is overwritten with
/// the gates r, z and n. `candidate`, if given, receives the recurrent product of the candidate
/// gate, `[row, H]`: [`backward`] needs it.
///
/// # Panics
/// When a slice has another length.
pub fn forward(scan: Scan, recurrence: Recurrence, gates: &mut [f32], candidate: Option<&mut [f32]>) -> Vec<f32> {
    let mut states = vec![0.0; scan.rows() * scan.hidden];
    assert_eq!(gates.len(), scan.rows() * 3 * scan.hidden, "gates are not [row, 3H]");
    assert_eq!(
        recurrence.weight.len(),
        3 * scan.hidden * scan.hidden,
        "weight is not [H, 3H]"
    );
    for bias in [recurrence.bias, recurrence.input_bias] {
        assert_eq!(bias.len(), 3 * scan.hidden, "bias is not [3H]");
    }
    Arch::new().dispatch(forward::Forward {
        scan,
        recurrence,
        gates,
        candidate,
        states: &mut states,
    });
    states
}

/// The gradients of a loss from its gradient at the states.
///
/// `weight` is the recurrent weight `[H, 3H]`. `gates` and `candidate` are what [`forward`] left
/// there; `gates` is overwritten with the gradient at the input projections, `candidate` with
/// that at the recurrent product of the candidate gate. `states` are the states and `at_states`
/// the gradient there, `[row, H]`.
///
/// # Panics
/// When a slice has another length.
pub fn backward(
    scan: Scan,
    weight: &[f32],
    gates: &mut [f32],
    candidate: &mut [f32],
    states: &[f32],
    at_states: &[f32],
) -> Gradients {
    let size = scan.rows() * scan.hidden;
    assert_eq!(gates.len(), 3 * size, "gates are not [row, 3H]");
    assert_eq!(weight.len(), 3 * scan.hidden * scan.hidden, "weight is not [H, 3H]");
    for values in [&*candidate, states, at_states] {
        assert_eq!(values.len(), size, "values are not [row, H]");
    }
    let biases = Arch::new().dispatch(backward::Backward {
        scan,
        weight,
        gates,
        candidate,
        states,
        at_states,
    });
    backward::gradients(scan, biases, gates, candidate, states)
}

impl<'a> Scan<'a> {
    /// Rows of all notes.
    pub fn rows(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// The groups of notes that take their steps together.
    fn groups(&self) -> impl Iterator<Item = Scan<'a>> + use<'a> {
        let scan = *self;
        self.lengths.chunks(ROWS).map(move |lengths| Scan { lengths, ..scan })
    }

    /// Steps until the longest note ends.
    fn steps(&self) -> usize {
        self.lengths.first().copied().unwrap_or(0)
    }

    /// The row that each note which still runs at `step` is at, and the row it was at before.
    #[inline(always)]
    fn at(&self, step: usize, places: &mut [Place; ROWS]) -> usize {
        let mut start = 0;
        let mut active = 0;
        for (place, &length) in places.iter_mut().zip(self.lengths) {
            if length <= step {
                break;
            }
            let (row, before) = if self.reversed {
                let row = start + length - 1 - step;
                (row, row + 1)
            } else {
                (start + step, (start + step).wrapping_sub(1))
            };
            *place = Place {
                row,
                before: (step > 0).then_some(before),
            };
            start += length;
            active += 1;
        }
        active
    }

    /// Vectors of `S` that hold a state.
    #[inline(always)]
    fn vectors<S: Simd>(&self) -> usize {
        self.hidden.div_ceil(S::F32_LANES)
    }
}

/// Where a note is at one step.
#[derive(Clone, Copy, Default)]
struct Place {
    row: usize,
    before: Option<usize>,
}

/// The slice's first elements as a vector, 0 where it has too few.
#[inline(always)]
fn load<S: Simd>(simd: S, values: &[f32]) -> S::f32s {
    if let [vector] = S::as_simd_f32s(values).0 {
        return *vector;
    }
    let mut vector = [simd.splat_f32s(0.0)];
    let lanes: &mut [f32] = pulp::bytemuck::cast_slice_mut(&mut vector);
    lanes[..values.len()].copy_from_slice(values);
    vector[0]
}

/// Writes as much of the vector as the slice holds.
#[inline(always)]
fn store<S: Simd>(values: &mut [f32], vector: S::f32s) {
    if let [whole] = S::as_mut_simd_f32s(values).0 {
        *whole = vector;
        return;
    }
    let vector = [vector];
    let lanes: &[f32] = pulp::bytemuck::cast_slice(&vector);
    values.copy_from_slice(&lanes[..values.len()]);
}

/// Cuts `values`, `[row, width]`, at the groups' ends.
fn cut<'v>(scan: &Scan, width: usize, mut values: &'v mut [f32]) -> Vec<&'v mut [f32]> {
    let lengths = scan.groups().map(|group| group.rows() * width);
    lengths
        .map(|length| values.split_off_mut(..length).expect("the rows of a group"))
        .collect()
}

/// Runs `job` for every group, on all threads.
fn for_each_group<J: Send>(jobs: Vec<J>, job: impl Fn(J) + Send + Sync) {
    jobs.into_par_iter().with_max_len(1).for_each(job);
}
