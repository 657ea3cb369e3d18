//! A linear layer over bags of words: the weight rows of the words that a note has, and no others.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::matrix::filled;
use super::vector;

/// The words of some notes, each word of a note once, with its value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bags {
    /// Where each note's words end, `[note]`.
    ends: Vec<usize>,
    words: Vec<u32>,
    values: Vec<f32>,
}

impl Bags {
    /// Adds a note: each of its words once, with its value.
    pub fn push(&mut self, note: impl IntoIterator<Item = (u32, f32)>) {
        for (word, value) in note {
            self.words.push(word);
            self.values.push(value);
        }
        self.ends.push(self.words.len());
    }

    /// How many notes were added.
    pub fn notes(&self) -> usize {
        self.ends.len()
    }

    /// Words and values of one note.
    pub fn note(&self, note: usize) -> impl Iterator<Item = (u32, f32)> {
        let start = if note == 0 { 0 } else { self.ends[note - 1] };
        let range = start..self.ends[note];
        self.words[range.clone()]
            .iter()
            .copied()
            .zip(self.values[range].iter().copied())
    }
}

/// `sum over words of value * weight[word] + bias` of each note, `[note, code]`, for a weight `[word, code]`.
///
/// # Panics
/// If a word has no row.
pub fn forward(bags: &Bags, weight: &[f32], bias: &[f32]) -> Vec<f32> {
    let codes = bias.len();
    let mut logits = vec![0.0; bags.notes() * codes];
    logits
        .par_chunks_mut(codes.max(1))
        .enumerate()
        .for_each(|(note, logits)| {
            logits.copy_from_slice(bias);
            for (word, value) in bags.note(note) {
                let row = &weight[word as usize * codes..][..codes];
                vector::dispatch(AddScaled {
                    sum: logits,
                    row,
                    value,
                });
            }
        });
    logits
}

/// The gradients at a weight of `words` rows and at the bias, given that at the logits, `[note, code]`.
///
/// # Panics
/// If a word has no row.
pub fn backward(bags: &Bags, words: usize, at_logits: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let codes = at_logits.len() / bags.notes().max(1);
    let mut met: Vec<(u32, usize, f32)> = (0..bags.notes())
        .flat_map(|note| bags.note(note).map(move |(word, value)| (word, note, value)))
        .collect();
    met.sort_unstable_by_key(|&(word, note, _)| (word, note));
    assert!(
        met.last().is_none_or(|&(word, ..)| (word as usize) < words),
        "a word has no row"
    );
    let weight = filled(words, codes, |first, rows| {
        let start = met.partition_point(|&(word, ..)| (word as usize) < first);
        let last = first + rows.len() / codes;
        for &(word, note, value) in met[start..].iter().take_while(|met| (met.0 as usize) < last) {
            let sum = &mut rows[(word as usize - first) * codes..][..codes];
            let row = &at_logits[note * codes..][..codes];
            vector::dispatch(AddScaled { sum, row, value });
        }
    });
    let mut bias = vec![0.0; codes];
    for row in at_logits.chunks(codes.max(1)) {
        vector::dispatch(AddScaled {
            sum: &mut bias,
            row,
            value: 1.0,
        });
    }
    (weight, bias)
}

/// `sum += value * row`.
struct AddScaled<'a> {
    sum: &'a mut [f32],
    row: &'a [f32],
    value: f32,
}

impl WithSimd for AddScaled<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let value = simd.splat_f32s(self.value);
        vector::update(
            simd,
            self.sum,
            self.row,
            #[inline(always)]
            |sum, row| simd.mul_add_e_f32s(value, row, sum),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::testing::{close, in_pool, noise};

    const WORDS: usize = 160;

    /// Notes of different words, one of none.
    fn bags() -> Bags {
        let mut bags = Bags::default();
        let values = noise(1, 1_000);
        for (note, count) in [40, 0, 90, 1].into_iter().enumerate() {
            bags.push((0..count).map(|word| ((word + 31 * note) as u32, values[100 * note + word])));
        }
        bags
    }

    fn dense(bags: &Bags) -> Vec<f64> {
        let mut dense = vec![0.0; bags.notes() * WORDS];
        for note in 0..bags.notes() {
            for (word, value) in bags.note(note) {
                dense[note * WORDS + word as usize] = f64::from(value);
            }
        }
        dense
    }

    #[test]
    fn values_and_gradients_are_those_of_the_dense_product() {
        let bags = bags();
        let dense = dense(&bags);
        for codes in [1, 7, 37] {
            let (weight, bias) = (noise(2, WORDS * codes), noise(3, codes));
            let at_logits = noise(4, bags.notes() * codes);
            let sum = |note: usize, code: usize| -> f64 {
                let term = |word| dense[note * WORDS + word] * f64::from(weight[word * codes + code]);
                f64::from(bias[code]) + (0..WORDS).map(term).sum::<f64>()
            };
            let logits: Vec<f64> = (0..bags.notes() * codes)
                .map(|at| sum(at / codes, at % codes))
                .collect();
            close(&forward(&bags, &weight, &bias), &logits, 1e-6);
            let at = |note: usize, code: usize| f64::from(at_logits[note * codes + code]);
            let notes = 0..bags.notes();
            let at_weight = |place: usize| -> f64 {
                let term = |note| dense[note * WORDS + place / codes] * at(note, place % codes);
                notes.clone().map(term).sum()
            };
            let (found_weight, found_bias) = backward(&bags, WORDS, &at_logits);
            close(
                &found_weight,
                &(0..WORDS * codes).map(at_weight).collect::<Vec<_>>(),
                1e-6,
            );
            let at_bias = |code| notes.clone().map(|note| at(note, code)).sum();
            close(&found_bias, &(0..codes).map(at_bias).collect::<Vec<f64>>(), 1e-6);
        }
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        let bags = bags();
        let (weight, bias) = (noise(5, WORDS * 40), noise(6, 40));
        let at_logits = noise(7, bags.notes() * 40);
        let run = |threads| {
            in_pool(threads, || {
                (forward(&bags, &weight, &bias), backward(&bags, WORDS, &at_logits))
            })
        };
        assert_eq!(run(1), run(2));
    }

    #[test]
    #[should_panic(expected = "a word has no row")]
    fn a_word_without_a_row_is_refused() {
        backward(&bags(), WORDS - 100, &[0.0; 4]);
    }
}
