use super::*;
use crate::kernels::testing::{close, in_pool, noise};

const EPSILON: f32 = 1e-5;

struct Case {
    rows: usize,
    d: usize,
    x: Vec<f32>,
    residual: Option<Vec<f32>>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    masks: Option<Masks>,
}

fn case(rows: usize, d: usize, residual: bool, dropped: bool) -> Case {
    Case {
        rows,
        d,
        x: noise(1, rows * d),
        residual: residual.then(|| noise(2, rows * d)),
        weight: noise(3, d),
        bias: noise(4, d),
        masks: dropped.then(|| Masks::new(1, 2, 0.25)),
    }
}

impl Case {
    fn mask(&self) -> Vec<f32> {
        let mut mask = vec![1.0; self.x.len()];
        if let Some(masks) = &self.masks {
            masks.fill(0, &mut mask);
        }
        mask
    }

    fn run(&self) -> [Vec<f32>; 3] {
        let (mut y, mut normalised) = (vec![0.0; self.x.len()], self.x.clone());
        let mut inverse = vec![0.0; self.rows];
        let saved = Saved {
            inverse: &mut inverse,
            y: &mut y,
        };
        let parameters = [self.weight.as_slice(), &self.bias];
        let (residual, masks) = (self.residual.as_deref(), self.masks.as_ref());
        forward(&mut normalised, residual, masks, parameters, EPSILON, Some(saved));
        let mut alone = self.x.clone();
        forward(&mut alone, residual, masks, parameters, EPSILON, None);
        assert_eq!(alone, y, "what is not saved makes no difference");
        [y, normalised, inverse]
    }

    /// The gradients at the sum, at x, at the weight and at the bias.
    fn back(&self, dy: &[f32]) -> [Vec<f32>; 4] {
        let [_, normalised, inverse] = self.run();
        let (mut sum, mut d_x) = (dy.to_vec(), vec![9.0; dy.len()]);
        let (mut weight, mut bias) = (vec![9.0; self.d], vec![9.0; self.d]);
        let gradients = Gradients {
            dropout: self.masks.as_ref().map(|masks| (masks, d_x.as_mut_slice())),
            weight: &mut weight,
            bias: &mut bias,
        };
        backward(&mut sum, &normalised, &inverse, &self.weight, gradients);
        [sum, d_x, weight, bias]
    }

    /// The sum's rows minus their mean, over their deviation, and one over it, in f64.
    fn normalised(&self, row: usize) -> (Vec<f64>, f64) {
        let mask = self.mask();
        let sum: Vec<f64> = (row * self.d..(row + 1) * self.d)
            .map(|at| {
                let residual = self.residual.as_ref().map_or(0.0, |residual| residual[at]);
                f64::from(self.x[at]) * f64::from(mask[at]) + f64::from(residual)
            })
            .collect();
        let mean = sum.iter().sum::<f64>() / self.d as f64;
        let variance = sum.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / self.d as f64;
        let inverse = 1.0 / (variance + f64::from(EPSILON)).sqrt();
        (sum.iter().map(|s| (s - mean) * inverse).collect(), inverse)
    }
}

#[test]
fn values_and_gradients_match_f64() {
    for (rows, d) in [(1, 3), (5, 16), (65, 31), (130, 100), (7, 256)] {
        for (residual, dropped) in [(false, false), (true, false), (false, true), (true, true)] {
            let case = case(rows, d, residual, dropped);
            let dy = noise(5, rows * d);
            let (mut y, mut sum) = (Vec::new(), Vec::new());
            let (mut weight, mut bias) = (vec![0.0; d], vec![0.0; d]);
            for row in 0..rows {
                let (n, inverse) = case.normalised(row);
                let dy = &dy[row * d..(row + 1) * d];
                let g: Vec<f64> = (0..d)
                    .map(|at| f64::from(dy[at]) * f64::from(case.weight[at]))
                    .collect();
                let mean = g.iter().sum::<f64>() / d as f64;
                let along = g.iter().zip(&n).map(|(g, n)| g * n).sum::<f64>() / d as f64;
                for at in 0..d {
                    y.push(n[at] * f64::from(case.weight[at]) + f64::from(case.bias[at]));
                    sum.push(inverse * (g[at] - mean - n[at] * along));
                    weight[at] += f64::from(dy[at]) * n[at];
                    bias[at] += f64::from(dy[at]);
                }
            }
            close(&case.run()[0], &y, 3e-6);
            let found = case.back(&dy);
            close(&found[0], &sum, 1e-5);
            if dropped {
                let mask = case.mask();
                let d_x: Vec<f64> = sum
                    .iter()
                    .zip(&mask)
                    .map(|(sum, &mask)| sum * f64::from(mask))
                    .collect();
                close(&found[1], &d_x, 1e-5);
            }
            close(&found[2], &weight, 1e-5);
            close(&found[3], &bias, 1e-5);
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let case = case(1_000, 67, true, true);
    let dy = noise(6, 67_000);
    let run = |threads| in_pool(threads, || (case.run(), case.back(&dy)));
    assert_eq!(run(1), run(2));
}
