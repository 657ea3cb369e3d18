//! Rows step by step, for recurrences of plain tensor operations.
//!
//! The rows go step by step, and within a step note by note, the longest first: the notes that
//! still run at a step are the first of those of the step before.

use burn::tensor::{Device, Int, Tensor, TensorData, s};

use super::rows::Rows;

/// Where the rows of a step order lie in the note order, and back.
pub struct Order {
    /// The row of each place in the order of steps.
    pub steps: Tensor<1, Int>,
    /// The place of each row.
    pub notes: Tensor<1, Int>,
}

impl Order {
    /// The order of one direction, `reversed` from a note's last token to its first.
    pub fn new(rows: &Rows, reversed: bool, device: &Device) -> Self {
        let mut steps = Vec::with_capacity(rows.count());
        for step in 0..rows.lengths.first().copied().unwrap_or(0) {
            for (_, range) in rows.ranges().take_while(|(_, range)| range.len() > step) {
                let row = if reversed {
                    range.end - 1 - step
                } else {
                    range.start + step
                };
                steps.push(row as i32);
            }
        }
        let mut notes = vec![0; steps.len()];
        for (at, &row) in steps.iter().enumerate() {
            notes[row as usize] = at as i32;
        }
        let tensor = |rows: Vec<i32>| {
            let count = rows.len();
            Tensor::from_data(TensorData::new(rows, [count]), device)
        };
        Self {
            steps: tensor(steps),
            notes: tensor(notes),
        }
    }
}

/// Notes that run at each step.
pub fn active(rows: &Rows) -> Vec<usize> {
    let steps = rows.lengths.first().copied().unwrap_or(0);
    let running = |step| rows.lengths.iter().filter(|&&length| length > step).count();
    (0..steps).map(running).collect()
}

/// The gradient at a step's notes, `[note, H]`, with what the step after it carried back to the first of them. No empty
/// tensor stands for nothing: fused with others on a GPU it decides how many elements the kernel computes, none.
pub fn with_carried(at_notes: Tensor<2>, carried: Option<Tensor<2>>) -> Tensor<2> {
    let Some(carried) = carried else { return at_notes };
    let (active, later) = (at_notes.dims()[0], carried.dims()[0]);
    let running = at_notes.clone().slice(s![..later, ..]) + carried;
    match later == active {
        true => running,
        false => Tensor::cat(vec![running, at_notes.slice(s![later.., ..])], 0),
    }
}
