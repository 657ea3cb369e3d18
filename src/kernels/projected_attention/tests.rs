use super::*;
use crate::kernels::testing::{close, in_pool, noise};

struct Case {
    width: usize,
    dimension: usize,
    key: usize,
    lengths: Vec<usize>,
    states: Vec<f32>,
    /// Projection, queries, weight and bias.
    parameters: [Vec<f32>; 4],
    targets: Vec<f32>,
}

/// Padding holds not-a-number, so that touching it shows.
fn case(lengths: &[usize], width: usize, [dimension, key]: [usize; 2], codes: usize) -> Case {
    let mut states = noise(1, lengths.len() * width * dimension);
    for (note, &length) in lengths.iter().enumerate() {
        states[(note * width + length) * dimension..(note + 1) * width * dimension].fill(f32::NAN);
    }
    let targets = noise(6, lengths.len() * codes);
    Case {
        width,
        dimension,
        key,
        lengths: lengths.to_vec(),
        states,
        parameters: [
            noise(2, dimension * key),
            noise(3, codes * key).iter().map(|value| 2.0 * value).collect(),
            noise(4, codes * dimension),
            noise(5, codes),
        ],
        targets: targets.iter().map(|&value| f32::from(value > 0.0)).collect(),
    }
}

/// `left` `[rows, inner]` times `right` `[inner, columns]`.
fn times(left: &[f64], right: &[f64], inner: usize) -> Vec<f64> {
    let columns = right.len() / inner;
    let sum = |row: &[f64], column: usize| -> f64 { (0..inner).map(|k| row[k] * right[k * columns + column]).sum() };
    let rows = left.chunks(inner);
    rows.flat_map(|row| (0..columns).map(move |column| sum(row, column)).collect::<Vec<f64>>())
        .collect()
}

fn flipped(of: &[f64], columns: usize) -> Vec<f64> {
    let at = |column: usize| of.iter().skip(column).step_by(columns).copied();
    (0..columns).flat_map(at).collect()
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

impl Case {
    fn notes(&self) -> Notes<'_> {
        let Case { width, dimension, .. } = *self;
        Notes {
            states: &self.states,
            width,
            dimension,
            lengths: &self.lengths,
        }
    }

    fn head(&self) -> Head<'_> {
        let [projection, queries, weight, bias] = &self.parameters;
        Head {
            projection,
            queries,
            weight,
            bias,
        }
    }

    /// Logits, then the gradients at states, projection, queries, weight and bias, by document vectors in f64; and the
    /// loss.
    fn naive(&self) -> ([Vec<f64>; 6], f64) {
        let (d, key) = (self.dimension, self.key);
        let [projection, queries, weight, bias] = self.parameters.each_ref().map(|values| doubles(values));
        let codes = bias.len();
        let mut logits = Vec::new();
        let mut d_states = vec![0.0; self.states.len()];
        let mut sums = [&projection, &queries, &weight, &bias].map(|of| vec![0.0; of.len()]);
        let mut loss = 0.0;
        let add = |sum: &mut [f64], part: &[f64]| sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        for (note, &length) in self.lengths.iter().enumerate() {
            let states = doubles(&self.states[note * self.width * d..][..length * d]);
            let keys: Vec<f64> = times(&states, &projection, d)
                .iter()
                .map(|value| value.tanh())
                .collect();
            let mut d_keys = vec![0.0; keys.len()];
            let mut d_own = vec![0.0; states.len()];
            for code in 0..codes {
                let [q, w] = [&queries[code * key..][..key], &weight[code * d..][..d]];
                let powers: Vec<f64> = times(&keys, q, key).iter().map(|score| score.exp()).collect();
                let total: f64 = powers.iter().sum();
                let weights: Vec<f64> = powers.iter().map(|power| power / total).collect();
                let document = match length {
                    0 => vec![0.0; d],
                    _ => times(&weights, &states, length),
                };
                let attended: f64 = document.iter().zip(w).map(|(a, b)| a * b).sum();
                let logit = attended + bias[code];
                logits.push(logit);
                let y = f64::from(self.targets[note * codes + code]);
                let probability = 1.0 / (1.0 + (-logit).exp());
                loss -= y * probability.ln() + (1.0 - y) * (1.0 - probability).ln();
                let dl = (probability - y) / self.targets.len() as f64;
                sums[3][code] += dl;
                let d_weight: Vec<f64> = document.iter().map(|value| value * dl).collect();
                add(&mut sums[2][code * d..], &d_weight);
                for token in 0..length {
                    let state = &states[token * d..][..d];
                    let read: f64 = state.iter().zip(w).map(|(a, b)| a * b).sum();
                    let d_score = weights[token] * (read - attended) * dl;
                    let through = |of: &[f64], factor: f64| of.iter().map(|value| value * factor).collect::<Vec<_>>();
                    add(&mut d_own[token * d..], &through(w, weights[token] * dl));
                    add(&mut d_keys[token * key..], &through(q, d_score));
                    add(
                        &mut sums[1][code * key..],
                        &through(&keys[token * key..][..key], d_score),
                    );
                }
            }
            let d_sums: Vec<f64> = d_keys.iter().zip(&keys).map(|(dk, k)| dk * (1.0 - k * k)).collect();
            if length > 0 {
                add(&mut sums[0], &times(&flipped(&states, d), &d_sums, length));
                add(&mut d_own, &times(&d_sums, &flipped(&projection, key), key));
            }
            add(&mut d_states[note * self.width * d..], &d_own);
        }
        let [d_projection, d_queries, d_weight, d_bias] = sums;
        let found = [logits, d_states, d_projection, d_queries, d_weight, d_bias];
        (found, loss / self.targets.len() as f64)
    }
}

#[test]
fn logits_loss_and_gradients_match_f64() {
    for case in [
        case(&[1], 1, [1, 1], 1),
        case(&[5, 0, 17], 19, [6, 4], 9),
        case(&[600, 1, 513], 600, [8, 3], 70),
        case(&[33, 64], 64, [33, 40], 130),
    ] {
        let ([logits, d_states, d_projection, d_queries, d_weight, d_bias], loss) = case.naive();
        close(&super::logits(case.notes(), case.head()), &logits, 1e-5);
        for block in [4, 64, 1_000] {
            let found = loss_and_gradients(case.notes(), case.head(), &case.targets, block);
            assert!((found.loss - loss).abs() < 1e-6 * loss);
            close(&found.states, &d_states, 1e-5);
            close(&found.projection, &d_projection, 1e-5);
            close(&found.queries, &d_queries, 1e-5);
            close(&found.weight, &d_weight, 1e-5);
            close(&found.bias, &d_bias, 1e-5);
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let case = case(&[700, 31], 700, [64, 48], 300);
    let run = |threads| {
        in_pool(threads, || {
            let back = loss_and_gradients(case.notes(), case.head(), &case.targets, 128);
            (back, logits(case.notes(), case.head()))
        })
    };
    assert_eq!(run(1), run(2));
}
