use super::*;
use crate::kernels::testing::{close, in_pool, noise};

struct Case {
    row: usize,
    dimension: usize,
    count: usize,
    width: usize,
    lengths: Vec<usize>,
    wanted: Vec<usize>,
    values: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

/// Notes of which the positions of their own words are wanted, or those of whole rows.
fn case(lengths: &[usize], row: usize, (dimension, count, width): (usize, usize, usize), all: bool) -> Case {
    let wanted = lengths
        .iter()
        .map(|&length| positions(if all { row } else { length }, width));
    Case {
        row,
        dimension,
        count,
        width,
        lengths: lengths.to_vec(),
        wanted: wanted.collect(),
        values: noise(1, lengths.len() * row * dimension),
        weight: noise(2, count * dimension * width),
        bias: noise(3, count).iter().map(|bias| bias * 0.1).collect(),
    }
}

impl Case {
    fn notes(&self) -> Notes<'_> {
        Notes {
            row: self.row,
            dimension: self.dimension,
            lengths: &self.lengths,
            positions: &self.wanted,
        }
    }

    fn filters(&self) -> Filters<'_> {
        Filters {
            weight: &self.weight,
            bias: &self.bias,
            width: self.width,
            tanh: true,
        }
    }

    /// Of what a filter finds at a position of a note: the places of its words and weights.
    fn parts(&self, note: usize, filter: usize, position: usize) -> Vec<(usize, usize)> {
        let words = (0..self.width).filter(|place| position + place < self.lengths[note]);
        words
            .flat_map(|place| {
                (0..self.dimension).map(move |column| {
                    let word = (note * self.row + position + place) * self.dimension + column;
                    (word, (filter * self.dimension + column) * self.width + place)
                })
            })
            .collect()
    }
}

#[test]
fn values_and_gradients_match_sums_in_f64() {
    let mut cases = Vec::new();
    for width in [1, 2, 4, 9] {
        for all in [false, true] {
            // The shortest have fewer words than the width, and none.
            cases.push(case(&[7, 1, 12, 0, 3], 12, (3, 5, width), all));
        }
    }
    // Longer than a task's positions, with more filters than a task's.
    cases.push(case(&[300, 128, 131], 300, (4, 19, 4), false));
    for case in cases {
        let at_states = noise(4, case.lengths.len() * case.count);
        let mut states = Vec::new();
        let mut at_words = vec![0.0; case.values.len()];
        let mut at_weight = vec![0.0; case.weight.len()];
        let mut at_bias = vec![0.0; case.count];
        for (note, &wanted) in case.wanted.iter().enumerate() {
            for (filter, at_bias) in at_bias.iter_mut().enumerate() {
                let found = |position: usize| {
                    let parts = case.parts(note, filter, position).into_iter();
                    let terms =
                        parts.map(|(word, weight)| f64::from(case.values[word]) * f64::from(case.weight[weight]));
                    f64::from(case.bias[filter]) + terms.sum::<f64>()
                };
                let mut best = 0;
                for position in 1..wanted {
                    if found(position) > found(best) {
                        best = position;
                    }
                }
                let state = found(best).tanh();
                let through = f64::from(at_states[states.len()]) * (1.0 - state.powi(2));
                states.push(state);
                *at_bias += through;
                for (word, weight) in case.parts(note, filter, best) {
                    at_words[word] += through * f64::from(case.weight[weight]);
                    at_weight[weight] += through * f64::from(case.values[word]);
                }
            }
        }
        let pooled = forward(&case.values, case.notes(), case.filters());
        close(&pooled.states, &states, 1e-6);
        let found = backward(&case.values, case.notes(), case.filters(), &pooled, &at_states);
        close(&found.words, &at_words, 1e-5);
        close(&found.weight, &at_weight, 1e-5);
        close(&found.bias, &at_bias, 1e-5);
    }
}

#[test]
fn what_stands_past_a_note_is_not_read_and_what_is_no_number_is_not_lost() {
    let mut case = case(&[7, 12], 12, (3, 5, 4), false);
    let before = forward(&case.values, case.notes(), case.filters());
    case.values[7 * 3..12 * 3].fill(f32::NAN);
    let after = forward(&case.values, case.notes(), case.filters());
    assert_eq!(before, after);
    case.values[5 * 3] = f32::NAN;
    let after = forward(&case.values, case.notes(), case.filters());
    assert!(after.states[..5].iter().all(|state| state.is_nan()), "{after:?}");
    assert_eq!(before.states[5..], after.states[5..]);
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let case = case(&[1_500, 900, 40], 1_500, (20, 40, 4), false);
    let at_states = noise(5, case.lengths.len() * case.count);
    let run = |threads| {
        in_pool(threads, || {
            let pooled = forward(&case.values, case.notes(), case.filters());
            let found = backward(&case.values, case.notes(), case.filters(), &pooled, &at_states);
            (pooled, found.words, found.weight, found.bias)
        })
    };
    assert_eq!(run(1), run(2));
}
