use super::*;
use crate::kernels::testing::{close, in_pool, noise};

struct Case {
    lengths: Vec<usize>,
    heads: usize,
    hidden: usize,
    masks: Option<Masks>,
    qkv: Vec<f32>,
    d_out: Vec<f32>,
}

fn case(lengths: &[usize], heads: usize, size: usize, dropped: bool) -> Case {
    let (rows, hidden) = (lengths.iter().sum::<usize>(), heads * size);
    Case {
        lengths: lengths.to_vec(),
        heads,
        hidden,
        masks: dropped.then(|| Masks::new(8, 9, 0.25)),
        qkv: noise(1, rows * 3 * hidden).iter().map(|value| value * 3.0).collect(),
        d_out: noise(2, rows * hidden),
    }
}

impl Case {
    fn run(&self) -> [Vec<f32>; 3] {
        let shape = Shape {
            lengths: &self.lengths,
            heads: self.heads,
            hidden: self.hidden,
        };
        let mut out = vec![9.0; self.d_out.len()];
        let mut log_sums = vec![9.0; shape.rows() * self.heads];
        forward(&self.qkv, shape, self.masks.as_ref(), &mut out, &mut log_sums);
        let mut d_qkv = vec![9.0; self.qkv.len()];
        let saved = [out.as_slice(), &log_sums];
        backward(&self.d_out, &self.qkv, saved, shape, self.masks.as_ref(), &mut d_qkv);
        [out, log_sums, d_qkv]
    }

    /// The same in f64 with whole matrices.
    fn naive(&self) -> [Vec<f64>; 2] {
        let (h, size) = (self.hidden, self.hidden / self.heads);
        let mut out = vec![0.0; self.d_out.len()];
        let mut d_qkv = vec![0.0; self.qkv.len()];
        let (mut row, mut offset) = (0, 0);
        for &length in &self.lengths {
            for head in 0..self.heads {
                let at = |which: usize, token: usize, c: usize| (row + token) * 3 * h + which * h + head * size + c;
                let value = |which, token, c| f64::from(self.qkv[at(which, token, c)]);
                let mut mask = vec![1.0; length * length];
                if let Some(masks) = &self.masks {
                    masks.fill(offset, &mut mask);
                }
                offset += (length * length) as u64;
                let scale = 1.0 / (size as f64).sqrt();
                for i in 0..length {
                    let score = |j| (0..size).map(|c| value(0, i, c) * value(1, j, c)).sum::<f64>() * scale;
                    let scores: Vec<f64> = (0..length).map(score).collect();
                    let most = scores.iter().copied().fold(f64::MIN, f64::max);
                    let powers: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
                    let sum: f64 = powers.iter().sum();
                    let to = |c: usize| (row + i) * h + head * size + c;
                    let mut d_p = vec![0.0; length];
                    for j in 0..length {
                        let (p, m) = (powers[j] / sum, f64::from(mask[i * length + j]));
                        for c in 0..size {
                            let d_out = f64::from(self.d_out[to(c)]);
                            out[to(c)] += p * m * value(2, j, c);
                            d_qkv[at(2, j, c)] += p * m * d_out;
                            d_p[j] += m * d_out * value(2, j, c);
                        }
                    }
                    let along: f64 = (0..length).map(|j| powers[j] / sum * d_p[j]).sum();
                    for j in 0..length {
                        let d_score = powers[j] / sum * (d_p[j] - along) * scale;
                        for c in 0..size {
                            d_qkv[at(0, i, c)] += d_score * value(1, j, c);
                            d_qkv[at(1, j, c)] += d_score * value(0, i, c);
                        }
                    }
                }
            }
            row += length;
        }
        [out, d_qkv]
    }
}

#[test]
fn outputs_and_gradients_match_f64() {
    for (lengths, heads, size) in [
        (vec![1], 1, 1),
        (vec![7, 1, 20], 2, 5),
        (vec![130, 0, 33], 3, 32),
        (vec![600, 1_030], 1, 16),
        (vec![128, 512], 2, 64),
    ] {
        for dropped in [false, true] {
            let case = case(&lengths, heads, size, dropped);
            let ([out, _, d_qkv], [wanted_out, wanted_d_qkv]) = (case.run(), case.naive());
            close(&out, &wanted_out, 1e-5);
            close(&d_qkv, &wanted_d_qkv, 1e-5);
        }
    }
}

#[test]
fn scores_far_apart_stay_finite() {
    let mut case = case(&[700], 1, 4, false);
    case.qkv.iter_mut().for_each(|value| *value *= 30.0);
    let ([out, _, d_qkv], [wanted_out, wanted_d_qkv]) = (case.run(), case.naive());
    close(&out, &wanted_out, 1e-3);
    close(&d_qkv, &wanted_d_qkv, 1e-3);
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let case = case(&[300, 1, 777], 2, 32, true);
    assert_eq!(in_pool(1, || case.run()), in_pool(2, || case.run()));
}
