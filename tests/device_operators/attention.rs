//! Attention over packed and padded sequences beside plain loops in f64.

use burn::module::Param;
use icdbench::models::Pass;
use icdbench::models::dropout::Noise;
use icdbench::models::ops::{self, Layout};
use icdbench::models::parameters::host;

use super::{near, numbers, tensor};

/// Sequences that fill a tile, or not quite, or just not any more, and ones of a token and of none.
const RAGGED: [usize; 7] = [1, 7, 64, 0, 65, 130, 33];

struct Case {
    layout: Layout,
    heads: usize,
    size: usize,
    dropout: f64,
}

/// The result, `[row, hidden]`, and the gradient at the projections, of a sum that weighs the tokens' results differently.
type Found<T> = [Vec<T>; 2];

impl Case {
    fn hidden(&self) -> usize {
        self.heads * self.size
    }

    fn projected(&self) -> Vec<f32> {
        let values = numbers(1, self.layout.rows() * 3 * self.hidden());
        values.into_iter().map(|value| 1.5 * value).collect()
    }

    /// Rows of padding are not read.
    fn factors(&self) -> Vec<f32> {
        let mut factors = numbers(2, self.layout.rows() * self.hidden());
        let rows = factors.chunks_mut(self.hidden()).enumerate();
        for (_, row) in rows.filter(|(row, _)| !self.is_token(*row)) {
            row.fill(0.0);
        }
        factors
    }

    fn is_token(&self, row: usize) -> bool {
        let mut sequences = self.layout.starts().into_iter().zip(self.layout.lengths());
        sequences.any(|(start, length)| (start..start + length).contains(&row))
    }

    fn noise(&self) -> Noise {
        Noise::new(5, 11)
    }

    fn found(&self) -> Found<f32> {
        let shape = [self.layout.rows(), 3 * self.hidden()];
        let projected = Param::from_tensor(tensor(self.projected(), shape, true));
        let noise = self.noise();
        let pass = Pass {
            noise: Some(&noise),
            ..Pass::default()
        };
        let attended = ops::attention(projected.val(), &self.layout, self.heads, self.dropout, pass);
        let factors = tensor(self.factors(), [shape[0], self.hidden()], true);
        let gradients = (attended.clone() * factors).sum().backward();
        let gradient = projected.val().grad(&gradients).expect("a gradient");
        // What padding gives is not read, so it may be anything that is a number.
        let attended = host(attended);
        assert!(attended.iter().all(|value| value.is_finite()));
        let tokens = attended.chunks(self.hidden()).enumerate();
        let attended = tokens.flat_map(|(row, values)| match self.is_token(row) {
            true => values.to_vec(),
            false => vec![0.0; values.len()],
        });
        [attended.collect(), host(gradient)]
    }

    /// All masks, `[query, key]` head by head: packed sequences' have their own lengths, padded ones' the longest.
    fn mask(&self, elements: usize) -> Vec<f32> {
        let mut mask = vec![1.0; elements];
        if let Some(masks) = self.noise().masks(self.dropout) {
            masks.fill_all(&mut mask);
        }
        mask
    }

    fn expected(&self) -> Found<f64> {
        let (hidden, size) = (self.hidden(), self.size);
        let (projected, factors) = (self.projected(), self.factors());
        let rows = |length: usize| self.layout.stride().unwrap_or(length);
        let squares = self.layout.lengths().iter().map(|&length| rows(length).pow(2));
        let mask = self.mask(self.heads * squares.sum::<usize>());
        let mut result = vec![0.0; factors.len()];
        let mut gradient = vec![0.0; projected.len()];
        let mut first = 0;
        for (start, &length) in self.layout.starts().into_iter().zip(self.layout.lengths()) {
            for head in 0..self.heads {
                let at = |which: usize, token: usize, c: usize| {
                    (start + token) * 3 * hidden + which * hidden + head * size + c
                };
                let to = |token: usize, c: usize| (start + token) * hidden + head * size + c;
                let value = |which, token, c| f64::from(projected[at(which, token, c)]);
                let scale = 1.0 / (size as f64).sqrt();
                for query in 0..length {
                    let score = |key| (0..size).map(|c| value(0, query, c) * value(1, key, c)).sum::<f64>() * scale;
                    let scores: Vec<f64> = (0..length).map(score).collect();
                    let most = scores.iter().copied().fold(f64::MIN, f64::max);
                    let powers: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
                    let sum: f64 = powers.iter().sum();
                    let mut at_weights = vec![0.0; length];
                    for key in 0..length {
                        let factor = f64::from(mask[first + query * rows(length) + key]);
                        let weight = powers[key] / sum * factor;
                        for c in 0..size {
                            let slope = f64::from(factors[to(query, c)]);
                            result[to(query, c)] += weight * value(2, key, c);
                            gradient[at(2, key, c)] += weight * slope;
                            at_weights[key] += factor * slope * value(2, key, c);
                        }
                    }
                    let mean: f64 = (0..length).map(|key| powers[key] / sum * at_weights[key]).sum();
                    for key in 0..length {
                        let at_score = powers[key] / sum * (at_weights[key] - mean) * scale;
                        for c in 0..size {
                            gradient[at(0, query, c)] += at_score * value(1, key, c);
                            gradient[at(1, key, c)] += at_score * value(0, query, c);
                        }
                    }
                }
                first += rows(length).pow(2);
            }
        }
        [result, gradient]
    }

    fn check(&self) {
        let what = format!(
            "{:?}, {} heads of {}, dropout {}",
            self.layout, self.heads, self.size, self.dropout
        );
        let (found, expected) = (self.found(), self.expected());
        near(&found[0], &expected[0], 1e-5, &what);
        // The gradients at queries, keys and values are of different sizes.
        let thirds = |values: &[f64], third: usize| -> Vec<f64> {
            let rows = values.chunks(self.hidden());
            rows.skip(third).step_by(3).flatten().copied().collect()
        };
        let gradient: Vec<f64> = found[1].iter().map(|&value| f64::from(value)).collect();
        for (third, name) in ["queries", "keys", "values"].into_iter().enumerate() {
            let found: Vec<f32> = thirds(&gradient, third).into_iter().map(|value| value as f32).collect();
            near(
                &found,
                &thirds(&expected[1], third),
                2e-5,
                &format!("{what}, gradient at {name}"),
            );
        }
    }
}

#[test]
fn packed_attention_and_its_gradient_are_those_of_loops() {
    for (heads, size) in [(1, 8), (3, 32), (4, 64), (2, 128)] {
        for dropout in [0.0, 0.3] {
            let layout = Layout::packed(RAGGED.into());
            Case {
                layout,
                heads,
                size,
                dropout,
            }
            .check();
        }
    }
}

#[test]
fn padded_attention_and_its_gradient_are_those_of_loops() {
    for (heads, size) in [(3, 8), (2, 64)] {
        for dropout in [0.0, 0.3] {
            let layout = Layout::padded(RAGGED.into());
            Case {
                layout,
                heads,
                size,
                dropout,
            }
            .check();
        }
    }
}

#[test]
fn heads_of_any_size_attend() {
    for (layout, size) in [
        (Layout::packed(vec![5, 17]), 5),
        (Layout::padded(vec![5, 17]), 6),
        (Layout::packed(vec![40, 3]), 12),
        (Layout::packed(vec![9]), 4),
    ] {
        let (heads, dropout) = (2, 0.0);
        Case {
            layout,
            heads,
            size,
            dropout,
        }
        .check();
    }
}

#[test]
fn scores_far_apart_stay_finite() {
    let layout = Layout::packed(vec![130, 70]);
    let shape = [layout.rows(), 3 * 16];
    let values = numbers(3, shape[0] * shape[1]).into_iter().map(|value| 40.0 * value);
    let projected = Param::from_tensor(tensor(values.collect(), shape, true));
    let attended = ops::attention(projected.val(), &layout, 2, 0.0, Pass::default());
    let gradients = attended.clone().sum().backward();
    let gradient = host(projected.val().grad(&gradients).expect("a gradient"));
    let found = host(attended);
    assert!(found.iter().chain(&gradient).all(|value| value.is_finite()));
    assert!(found.iter().any(|value| value.abs() > 1.0));
}

#[test]
fn attention_gives_the_same_bits_again() {
    let layout = Layout::packed(RAGGED.into());
    let case = Case {
        layout,
        heads: 2,
        size: 32,
        dropout: 0.1,
    };
    assert_eq!(case.found(), case.found());
}
