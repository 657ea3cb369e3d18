use super::*;
use crate::kernels::testing::{close, in_pool, noise};

#[derive(Clone)]
struct Case {
    row: usize,
    dimension: usize,
    count: usize,
    width: usize,
    tanh: bool,
    lengths: Vec<usize>,
    wanted: Vec<usize>,
    values: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

/// Notes of which all `(length + extra)` positions are wanted, or all that there are.
fn case(lengths: &[usize], row: usize, (dimension, count, width): (usize, usize, usize), all: bool) -> Case {
    let most = positions(row, width);
    let wanted = lengths
        .iter()
        .map(|&length| if all { most } else { positions(length, width) });
    Case {
        row,
        dimension,
        count,
        width,
        tanh: true,
        lengths: lengths.to_vec(),
        wanted: wanted.collect(),
        values: noise(1, lengths.len() * row * dimension),
        weight: noise(2, count * dimension * width),
        bias: noise(3, count),
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for width in [1, 2, 3, 4, 5, 10] {
        for all in [false, true] {
            let case = case(&[7, 1, 12, 0], 12, (3, 5, width), all);
            cases.push(Case {
                tanh: false,
                ..case.clone()
            });
            cases.push(case);
        }
    }
    // Longer than a task's rows.
    cases.push(case(&[600, 300], 600, (4, 3, 4), false));
    cases
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
            tanh: self.tanh,
        }
    }

    fn states(&self) -> usize {
        self.lengths.len() * positions(self.row, self.width) * self.count
    }

    /// Calls `found` with a state's place, and of each element that it is made of the places of word and weight.
    fn walk(&self, mut found: impl FnMut(usize, usize, &[(usize, usize)])) {
        let mut parts = Vec::new();
        for (note, (&length, &wanted)) in self.lengths.iter().zip(&self.wanted).enumerate() {
            for position in 0..wanted {
                for filter in 0..self.count {
                    parts.clear();
                    for place in 0..self.width {
                        let word = (position + place).wrapping_sub(self.width / 2);
                        if word < length {
                            parts.extend((0..self.dimension).map(|column| {
                                let word = (note * self.row + word) * self.dimension + column;
                                (word, (filter * self.dimension + column) * self.width + place)
                            }));
                        }
                    }
                    let stride = positions(self.row, self.width);
                    found((note * stride + position) * self.count + filter, filter, &parts);
                }
            }
        }
    }
}

#[test]
fn values_and_gradients_match_sums_in_f64() {
    for case in cases() {
        let at_states = noise(4, case.states());
        let mut states = vec![0.0; case.states()];
        let mut at_words = vec![0.0; case.values.len()];
        let mut at_weight = vec![0.0; case.weight.len()];
        let mut at_bias = vec![0.0; case.count];
        case.walk(|state, filter, parts| {
            let terms = parts
                .iter()
                .map(|&(word, weight)| f64::from(case.values[word]) * f64::from(case.weight[weight]));
            let found = f64::from(case.bias[filter]) + terms.sum::<f64>();
            states[state] = if case.tanh { found.tanh() } else { found };
            let slope = if case.tanh { 1.0 - states[state].powi(2) } else { 1.0 };
            let through = f64::from(at_states[state]) * slope;
            at_bias[filter] += through;
            for &(word, weight) in parts {
                at_words[word] += through * f64::from(case.weight[weight]);
                at_weight[weight] += through * f64::from(case.values[word]);
            }
        });
        let (found, padded) = forward(&case.values, case.notes(), case.filters());
        close(&found, &states, 1e-6);
        let found = backward(case.notes(), case.filters(), &found, &padded, &at_states);
        close(&found.words, &at_words, 1e-5);
        close(&found.weight, &at_weight, 1e-5);
        close(&found.bias, &at_bias, 1e-5);
    }
}

#[test]
fn what_stands_past_a_note_is_not_read() {
    let mut case = case(&[7, 12], 12, (3, 5, 4), false);
    let before = forward(&case.values, case.notes(), case.filters()).0;
    case.values[7 * 3..12 * 3].fill(f32::NAN);
    let after = forward(&case.values, case.notes(), case.filters()).0;
    assert_eq!(before, after);
    assert!(before.iter().any(|&state| state != 0.0));
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let case = case(&[1_500, 900, 40], 1_500, (20, 10, 10), false);
    let at_states = noise(5, case.states());
    let run = |threads| {
        in_pool(threads, || {
            let (states, padded) = forward(&case.values, case.notes(), case.filters());
            let found = backward(case.notes(), case.filters(), &states, &padded, &at_states);
            (states, found.words, found.weight, found.bias)
        })
    };
    assert_eq!(run(1), run(2));
}
