//! Sequences of a batch packed one after another, so that no layer works on padding, and the way
//! back from packed rows to notes.

use burn::tensor::{Device, Tensor, TensorData};

use crate::models::ops::{Layout, has_kernels, lookup};

/// The tokens of several sequences, ready for an encoder.
#[derive(Debug)]
pub struct Packed {
    /// The token id of each row.
    pub tokens: Vec<i32>,
    /// Each token's place in its sequence.
    pub positions: Vec<i32>,
    /// Which rows are which sequence's.
    pub layout: Layout,
}

impl Packed {
    /// Packs sequences of token ids. A CPU takes them without padding; a GPU, where few shapes and
    /// whole rectangles are worth more than the rows saved, padded to the longest.
    pub fn new(sequences: &[Vec<i32>], padding: i32, device: &Device) -> Self {
        let lengths: Vec<usize> = sequences.iter().map(Vec::len).collect();
        let layout = match has_kernels(device) {
            true => Layout::packed(lengths),
            false => Layout::padded(lengths),
        };
        Self::with_layout(sequences, padding, layout)
    }

    /// The sequences in a layout of the caller's choice.
    pub fn with_layout(sequences: &[Vec<i32>], padding: i32, layout: Layout) -> Self {
        let mut tokens = vec![padding; layout.rows()];
        let mut positions = vec![0i32; layout.rows()];
        for (start, sequence) in layout.starts().into_iter().zip(sequences) {
            tokens[start..start + sequence.len()].copy_from_slice(sequence);
            for (position, slot) in positions[start..start + sequence.len()].iter_mut().enumerate() {
                *slot = position as i32;
            }
        }
        Self {
            tokens,
            positions,
            layout,
        }
    }
}

/// Where the entries of each group (the tokens of a note, the segments of a note) lie among packed rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gather {
    groups: Vec<Vec<usize>>,
}

impl Gather {
    /// From the rows of each group, in order.
    pub fn new(groups: Vec<Vec<usize>>) -> Self {
        Self { groups }
    }

    /// Entries of each group.
    pub fn lengths(&self) -> Vec<usize> {
        self.groups.iter().map(Vec::len).collect()
    }

    /// `[group, entry, dimension]` from `[row, dimension]`; past a group's end stands a copy of its first
    /// entry, which a mask has to cover.
    pub fn apply(&self, rows: Tensor<2>) -> Tensor<3> {
        let width = self.groups.iter().map(Vec::len).max().unwrap_or(0);
        let mut index = Vec::with_capacity(self.groups.len() * width);
        for group in &self.groups {
            let filler = group.first().copied().unwrap_or(0);
            let entries = group.iter().copied().chain(std::iter::repeat(filler));
            index.extend(entries.take(width).map(|row| row as i32));
        }
        let [_, dimension] = rows.dims();
        lookup(rows, &index).reshape([self.groups.len(), width, dimension])
    }

    /// 1 at entries and 0 past a group's end, `[group, entry]`.
    pub fn mask(&self, device: &Device) -> Tensor<2> {
        let width = self.groups.iter().map(Vec::len).max().unwrap_or(0);
        let mut values = vec![0f32; self.groups.len() * width];
        for (row, group) in values.chunks_mut(width.max(1)).zip(&self.groups) {
            row[..group.len()].fill(1.0);
        }
        Tensor::from_data(TensorData::new(values, [self.groups.len(), width]), device)
    }
}
