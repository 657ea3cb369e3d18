//! What both ways to compute a recurrence read and give: rows, parameters, gradients.

use burn::tensor::Tensor;

/// Notes one after another, the longest first; a row a token.
#[derive(Debug)]
pub struct Rows {
    /// The notes, as positions in the batch.
    pub notes: Vec<usize>,
    /// Their tokens, descending.
    pub lengths: Vec<usize>,
}

impl Rows {
    /// Rows for notes of the given lengths. Equal lengths keep their order.
    pub fn new(lengths: &[usize]) -> Self {
        let mut notes: Vec<usize> = (0..lengths.len()).collect();
        notes.sort_by_key(|&note| std::cmp::Reverse(lengths[note]));
        let lengths = notes.iter().map(|&note| lengths[note]).collect();
        Self { notes, lengths }
    }

    /// Rows of all notes.
    pub fn count(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// Each note's position in the batch and its rows.
    pub fn ranges(&self) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
        let mut start = 0;
        self.notes.iter().zip(&self.lengths).map(move |(&note, &length)| {
            start += length;
            (note, start - length..start)
        })
    }
}

/// The parameters of a recurrence without their autodiff association.
#[derive(Clone)]
pub struct Plain {
    pub recurrent_weight: Tensor<2>,
    pub input_bias: Tensor<1>,
    pub recurrent_bias: Tensor<1>,
}

/// The gradients at one direction's inputs.
pub struct Gradients {
    /// At the input projections, `[row, 3H]`.
    pub projections: Tensor<2>,
    /// `[H, 3H]`.
    pub recurrent_weight: Tensor<2>,
    /// `[3H]`.
    pub input_bias: Tensor<1>,
    /// `[3H]`.
    pub recurrent_bias: Tensor<1>,
}
