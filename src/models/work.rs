//! How many floating-point operations a model's mathematics takes, counted from its settings and the notes' sizes.
//!
//! A multiply-add of a product is two operations, as papers and PyTorch's `FlopCounterMode` count. Products are matrix
//! products, convolutions, attention scores, the sums that attention weights, recurrences, and the dot product of a
//! label's classifier with what it read. Elementwise work is left out: norms, softmax, activations, gates, dropout,
//! biases, the loss and the optimiser, below a hundredth of the products at published sizes, and bound by memory
//! where it takes time. So is what only looks up, and what a program computes twice to save memory. Padding is not
//! counted: the work is that of the real tokens, in the segments that the model cuts, with `[CLS]` and `[SEP]`.

use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// Operations on one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Of the logits.
    pub inference: u64,
    /// Of the logits and of the loss's gradient at every trained parameter: for each product forward one for each
    /// side whose gradient is needed.
    pub step: u64,
}

/// What of a note the work depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteSize {
    /// Its tokens, without `[CLS]` and `[SEP]`.
    pub tokens: usize,
    /// How many different ones are among them.
    pub distinct: usize,
}

impl NoteSize {
    /// The size of a note of those tokens.
    pub fn of(tokens: &[i32]) -> Self {
        let mut distinct = tokens.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        Self {
            tokens: tokens.len(),
            distinct: distinct.len(),
        }
    }
}

impl Work {
    /// `[rows, inner] x [inner, columns]`, with gradients at both.
    pub fn product([rows, inner, columns]: [usize; 3]) -> Self {
        let inference = multiply_adds([rows, inner, columns]);
        Self {
            inference,
            step: 3 * inference,
        }
    }

    /// `[rows, inner] x [inner, columns]`, with a gradient at one: the other is no parameter and made of none.
    pub fn product_of_given([rows, inner, columns]: [usize; 3]) -> Self {
        let inference = multiply_adds([rows, inner, columns]);
        Self {
            inference,
            step: 2 * inference,
        }
    }
}

/// In operations: two for each.
fn multiply_adds(sides: [usize; 3]) -> u64 {
    2 * sides.iter().map(|&side| side as u64).product::<u64>()
}

impl Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            inference: self.inference + other.inference,
            step: self.step + other.step,
        }
    }
}

impl Sum for Work {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_knows_its_different_tokens() {
        let size = NoteSize::of(&[7, 3, 7, 7, 1]);
        assert_eq!(size, NoteSize { tokens: 5, distinct: 3 });
        assert_eq!(NoteSize::of(&[]), NoteSize { tokens: 0, distinct: 0 });
    }

    #[test]
    fn a_step_has_a_product_forward_and_one_for_each_gradient() {
        let [both, one] = [Work::product([2, 3, 5]), Work::product_of_given([2, 3, 5])];
        assert_eq!((both.inference, both.step), (60, 180));
        assert_eq!((one.inference, one.step), (60, 120));
        assert_eq!([both, one, one].into_iter().sum::<Work>(), both + one + one);
    }
}
