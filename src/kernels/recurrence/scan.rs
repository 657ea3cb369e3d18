//! What a pass over the notes goes by: which rows take a step together, and where each note is.

use pulp::Simd;
use rayon::prelude::*;

use super::panel::ROWS;

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

/// The parameters of a recurrence with G gates, one gate's columns after another's.
#[derive(Clone, Copy, Debug)]
pub struct Recurrence<'a> {
    /// `[H, GH]`.
    pub weight: &'a [f32],
    /// Added to the input projections, `[GH]`.
    pub input_bias: &'a [f32],
    /// Added to the recurrent products, `[GH]`.
    pub bias: &'a [f32],
}

impl<'a> Scan<'a> {
    /// Rows of all notes.
    pub fn rows(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// The groups of notes that take their steps together.
    pub fn groups(&self) -> impl Iterator<Item = Scan<'a>> + use<'a> {
        let scan = *self;
        self.lengths.chunks(ROWS).map(move |lengths| Scan { lengths, ..scan })
    }

    /// Steps until the longest note ends.
    pub fn steps(&self) -> usize {
        self.lengths.first().copied().unwrap_or(0)
    }

    /// The row that each note which still runs at `step` is at, and the row it was at before.
    #[inline(always)]
    pub fn at(&self, step: usize, places: &mut [Place; ROWS]) -> usize {
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

    /// For each note of more than one token: its first row that has one before it in the order of its steps, the first
    /// of the rows before those, and how many there are.
    pub fn pairs(&self) -> impl Iterator<Item = [usize; 3]> + use<'a> {
        let Scan { lengths, reversed, .. } = *self;
        let mut start = 0;
        lengths.iter().filter_map(move |&length| {
            let [row, before] = match reversed {
                true => [start, start + 1],
                false => [start + 1, start],
            };
            start += length;
            (length > 1).then(|| [row, before, length - 1])
        })
    }

    /// Vectors of `S` that hold a state.
    #[inline(always)]
    pub fn vectors<S: Simd>(&self) -> usize {
        self.hidden.div_ceil(S::F32_LANES)
    }
}

/// Where a note is at one step.
#[derive(Clone, Copy, Default)]
pub struct Place {
    pub row: usize,
    pub before: Option<usize>,
}

/// The slice's first elements as a vector, 0 where it has too few.
#[inline(always)]
pub fn load<S: Simd>(simd: S, values: &[f32]) -> S::f32s {
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
pub fn store<S: Simd>(values: &mut [f32], vector: S::f32s) {
    if let [whole] = S::as_mut_simd_f32s(values).0 {
        *whole = vector;
        return;
    }
    let vector = [vector];
    let lanes: &[f32] = pulp::bytemuck::cast_slice(&vector);
    values.copy_from_slice(&lanes[..values.len()]);
}

/// Cuts `values`, `[row, width]`, at the groups' ends.
pub fn cut<'v>(scan: &Scan, width: usize, mut values: &'v mut [f32]) -> Vec<&'v mut [f32]> {
    let lengths = scan.groups().map(|group| group.rows() * width);
    lengths
        .map(|length| values.split_off_mut(..length).expect("the rows of a group"))
        .collect()
}

/// Runs `job` for every group, on all threads.
pub fn for_each_group<J: Send>(jobs: Vec<J>, job: impl Fn(J) + Send + Sync) {
    jobs.into_par_iter().with_max_len(1).for_each(job);
}
