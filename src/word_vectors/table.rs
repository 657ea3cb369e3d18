//! Rows of floats, each as wide as whole vector registers and at their boundaries: no row needs a tail.

/// Lanes of the widest register.
const LANES: usize = 16;

/// A matrix whose rows are filled up with zeros.
#[derive(Debug)]
pub(super) struct Table {
    values: Vec<f32>,
    /// The first value at a boundary.
    start: usize,
    dimension: usize,
    stride: usize,
}

impl Table {
    /// Zeros.
    pub(super) fn new(rows: usize, dimension: usize) -> Self {
        let stride = dimension.next_multiple_of(LANES);
        let values = vec![0.0f32; rows * stride + LANES];
        let offset = values.as_ptr().align_offset(4 * LANES);
        Self {
            // Where it cannot be told, rows are slower and no less right.
            start: if offset < LANES { offset } else { 0 },
            values,
            dimension,
            stride,
        }
    }

    /// Row-major values.
    pub(super) fn of(values: &[f32], dimension: usize) -> Self {
        let rows = values.chunks_exact(dimension);
        let mut table = Self::new(rows.len(), dimension);
        for (row, values) in rows.enumerate() {
            table.row_mut(row as u32)[..dimension].copy_from_slice(values);
        }
        table
    }

    /// The first rows, row-major.
    pub(super) fn first(&self, rows: usize) -> Vec<f32> {
        let row = |row: usize| &self.row(row as u32)[..self.dimension];
        (0..rows).flat_map(row).copied().collect()
    }

    /// A row with its zeros.
    #[inline(always)]
    pub(super) fn row(&self, row: u32) -> &[f32] {
        &self.values[self.start + row as usize * self.stride..][..self.stride]
    }

    /// A row with its zeros, which must stay such.
    #[inline(always)]
    pub(super) fn row_mut(&mut self, row: u32) -> &mut [f32] {
        &mut self.values[self.start + row as usize * self.stride..][..self.stride]
    }

    /// The first two rows.
    pub(super) fn pair_mut(&mut self) -> (&mut [f32], &mut [f32]) {
        self.values[self.start..][..2 * self.stride].split_at_mut(self.stride)
    }
}
