use super::*;
use crate::kernels::testing::{close, in_pool, noise};

struct Case {
    width: usize,
    dimension: usize,
    lengths: Vec<usize>,
    states: Vec<f32>,
    parameters: [Vec<f32>; 3],
    targets: Vec<f32>,
}

/// Padding holds not-a-number, so that touching it shows.
fn case(lengths: &[usize], width: usize, dimension: usize, codes: usize) -> Case {
    let mut states = noise(1, lengths.len() * width * dimension);
    for (note, &length) in lengths.iter().enumerate() {
        states[(note * width + length) * dimension..(note + 1) * width * dimension].fill(f32::NAN);
    }
    let size = codes * dimension;
    Case {
        width,
        dimension,
        lengths: lengths.to_vec(),
        states,
        parameters: [noise(2, size), noise(3, size), noise(4, codes)],
        targets: noise(5, lengths.len() * codes)
            .iter()
            .map(|&v| f32::from(v > 0.0))
            .collect(),
    }
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
        let [queries, weight, bias] = &self.parameters;
        Head { queries, weight, bias }
    }

    fn run(&self, block: usize) -> Gradients {
        loss_and_gradients(self.notes(), self.head(), &self.targets, block)
    }

    /// Logits, then the gradients at states, queries, weight and bias, by document vectors in f64.
    fn naive(&self) -> ([Vec<f64>; 5], f64) {
        let (d, codes) = (self.dimension, self.parameters[2].len());
        let mut logits = vec![0.0; self.targets.len()];
        let mut d_states = vec![0.0; self.states.len()];
        let (mut d_queries, mut d_weight) = (vec![0.0; codes * d], vec![0.0; codes * d]);
        let (mut d_bias, mut loss) = (vec![0.0; codes], 0.0);
        for (note, &length) in self.lengths.iter().enumerate() {
            let state = |t: usize, k: usize| (note * self.width + t) * d + k;
            for code in 0..codes {
                let [q, w] = [0, 1].map(|which| &self.parameters[which][code * d..(code + 1) * d]);
                let product = |t, row: &[f32]| -> f64 {
                    (0..d)
                        .map(|k| f64::from(self.states[state(t, k)]) * f64::from(row[k]))
                        .sum()
                };
                let powers: Vec<f64> = (0..length).map(|t| product(t, q).exp()).collect();
                let sum: f64 = powers.iter().sum();
                let document: Vec<f64> = (0..d)
                    .map(|k| {
                        (0..length)
                            .map(|t| powers[t] / sum * f64::from(self.states[state(t, k)]))
                            .sum()
                    })
                    .collect();
                let attended: f64 = (0..d).map(|k| document[k] * f64::from(w[k])).sum();
                let logit = attended + f64::from(self.parameters[2][code]);
                let y = f64::from(self.targets[note * codes + code]);
                let probability = 1.0 / (1.0 + (-logit).exp());
                logits[note * codes + code] = logit;
                loss -= y * probability.ln() + (1.0 - y) * (1.0 - probability).ln();
                let dl = (probability - y) / self.targets.len() as f64;
                d_bias[code] += dl;
                for k in 0..d {
                    d_weight[code * d + k] += dl * document[k];
                }
                for t in 0..length {
                    let a = powers[t] / sum;
                    let ds = a * (product(t, w) - attended) * dl;
                    for k in 0..d {
                        d_states[state(t, k)] += ds * f64::from(q[k]) + a * dl * f64::from(w[k]);
                        d_queries[code * d + k] += ds * f64::from(self.states[state(t, k)]);
                    }
                }
            }
        }
        (
            [logits, d_states, d_queries, d_weight, d_bias],
            loss / self.targets.len() as f64,
        )
    }
}

#[test]
fn logits_loss_and_gradients_match_f64() {
    for case in [
        case(&[1], 1, 1, 1),
        case(&[5, 0, 17], 19, 6, 9),
        case(&[600, 1, 513], 600, 8, 70),
        case(&[33, 64], 64, 33, 130),
    ] {
        let ([logits, d_states, d_queries, d_weight, d_bias], loss) = case.naive();
        close(&super::logits(case.notes(), case.head()), &logits, 1e-5);
        for block in [4, 64, 1_000] {
            let found = case.run(block);
            assert!((found.loss - loss).abs() < 1e-6 * loss);
            close(&found.states, &d_states, 1e-5);
            close(&found.queries, &d_queries, 1e-5);
            close(&found.weight, &d_weight, 1e-5);
            close(&found.bias, &d_bias, 1e-5);
        }
    }
}

#[test]
fn a_certain_wrong_logit_has_a_finite_loss() {
    let mut case = case(&[3], 3, 2, 1);
    case.parameters[2][0] = 200.0;
    case.targets[0] = 0.0;
    let found = case.run(1);
    assert!((found.loss - 200.0).abs() < 2.0, "{}", found.loss);
    assert!((found.bias[0] - 1.0).abs() < 1e-6);
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let case = case(&[700, 31], 700, 64, 300);
    let run = |threads| in_pool(threads, || (case.run(128), logits(case.notes(), case.head())));
    assert_eq!(run(1), run(2));
}
