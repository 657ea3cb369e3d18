//! How the rows of a batch's sequences lie in one tensor.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// How the rows of several sequences lie in one `[row, dimension]` tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    lengths: Vec<usize>,
    /// Rows from the start of one sequence to that of the next: `None` for no rows between them.
    stride: Option<usize>,
}

impl Layout {
    /// Sequences one directly after another.
    pub fn packed(lengths: Vec<usize>) -> Self {
        Self { lengths, stride: None }
    }

    /// Every sequence padded to the longest.
    pub fn padded(lengths: Vec<usize>) -> Self {
        let stride = lengths.iter().copied().max().unwrap_or(0);
        Self {
            lengths,
            stride: Some(stride),
        }
    }

    /// Tokens of each sequence.
    pub fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// Rows from one sequence to the next where all have the same.
    pub fn stride(&self) -> Option<usize> {
        self.stride
    }

    /// Rows of all sequences, those of padding included.
    pub fn rows(&self) -> usize {
        match self.stride {
            Some(stride) => stride * self.lengths.len(),
            None => self.lengths.iter().sum(),
        }
    }

    /// The first row of each sequence.
    pub fn starts(&self) -> Vec<usize> {
        match self.stride {
            Some(stride) => (0..self.lengths.len()).map(|sequence| sequence * stride).collect(),
            None => {
                let sum = |start: &mut usize, length: &usize| {
                    let at = *start;
                    *start += length;
                    Some(at)
                };
                self.lengths.iter().scan(0, sum).collect()
            }
        }
    }
}

/// Host numbers as an index tensor.
pub fn ids(values: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}
