use super::*;
use crate::kernels::testing::{close, in_pool, noise};

struct Case {
    row: usize,
    dimension: usize,
    counts: Vec<usize>,
    states: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

/// Columns whose means and spreads differ.
fn case(row: usize, dimension: usize, counts: &[usize]) -> Case {
    let states = noise(1, counts.len() * row * dimension).into_iter().enumerate();
    let column = |at: usize| (at % dimension) as f32;
    Case {
        row,
        dimension,
        counts: counts.to_vec(),
        states: states
            .map(|(at, value)| value * (0.5 + column(at)) - column(at))
            .collect(),
        weight: noise(2, dimension).iter().map(|weight| 1.0 + 0.3 * weight).collect(),
        bias: noise(3, dimension),
    }
}

fn cases() -> Vec<Case> {
    vec![
        case(12, 5, &[7, 1, 12, 0]),
        case(1, 3, &[1]),
        case(4, 1, &[2, 4]),
        // More rows than a task's, and columns of several vectors and a rest.
        case(700, 37, &[700, 300]),
    ]
}

const EPSILON: f64 = 1e-5;

impl Case {
    fn shape(&self) -> Shape<'_> {
        Shape {
            row: self.row,
            dimension: self.dimension,
            counts: &self.counts,
        }
    }

    /// The places of a column's elements that count.
    fn column(&self, column: usize) -> Vec<usize> {
        let rows = self.counts.iter().enumerate();
        let rows = rows.flat_map(|(note, &count)| (0..count).map(move |row| note * self.row + row));
        rows.map(|row| row * self.dimension + column).collect()
    }

    fn scale<'a>(&'a self, mean: &'a [f32], inverse: &'a [f32]) -> Scale<'a> {
        Scale {
            mean,
            inverse,
            weight: &self.weight,
            bias: &self.bias,
        }
    }
}

fn inverse(variance: &[f32]) -> Vec<f32> {
    variance
        .iter()
        .map(|&variance| (1.0 / (f64::from(variance) + EPSILON).sqrt()) as f32)
        .collect()
}

#[test]
fn values_and_gradients_match_sums_in_f64() {
    for case in cases() {
        let at_normalised = noise(4, case.states.len());
        let found = moments(&case.states, case.shape());
        let given = Moments {
            mean: noise(5, case.dimension),
            variance: noise(6, case.dimension).iter().map(|value| 1.5 + value).collect(),
        };
        for (moments, own) in [(&found, true), (&given, false)] {
            let mut wanted = Moments {
                mean: Vec::new(),
                variance: Vec::new(),
            };
            let mut normalised = vec![0.0; case.states.len()];
            let mut at_states = vec![0.0; case.states.len()];
            let (mut at_weight, mut at_bias) = (Vec::new(), Vec::new());
            for column in 0..case.dimension {
                let places = case.column(column);
                let (states, dy): (Vec<f64>, Vec<f64>) = places
                    .iter()
                    .map(|&place| (f64::from(case.states[place]), f64::from(at_normalised[place])))
                    .unzip();
                let rows = states.len() as f64;
                let (mut mean, mut variance) = (f64::from(moments.mean[column]), f64::from(moments.variance[column]));
                if own {
                    mean = states.iter().sum::<f64>() / rows;
                    variance = states.iter().map(|state| (state - mean).powi(2)).sum::<f64>() / rows;
                }
                wanted.mean.push(mean as f32);
                wanted.variance.push(variance as f32);
                let scale = 1.0 / (variance + EPSILON).sqrt();
                let unit: Vec<f64> = states.iter().map(|state| (state - mean) * scale).collect();
                let sum = dy.iter().sum::<f64>();
                let along = dy.iter().zip(&unit).map(|(dy, unit)| dy * unit).sum::<f64>();
                at_bias.push(sum);
                at_weight.push(along);
                let weight = f64::from(case.weight[column]);
                for ((&place, unit), dy) in places.iter().zip(unit).zip(dy) {
                    normalised[place] = weight * unit + f64::from(case.bias[column]);
                    let through = if own { (sum + unit * along) / rows } else { 0.0 };
                    at_states[place] = weight * scale * (dy - through);
                }
            }
            close(
                &moments.mean,
                &wanted.mean.iter().map(|&x| x.into()).collect::<Vec<f64>>(),
                1e-6,
            );
            close(
                &moments.variance,
                &wanted.variance.iter().map(|&x| x.into()).collect::<Vec<f64>>(),
                1e-5,
            );
            let inverse = inverse(&moments.variance);
            let scale = case.scale(&moments.mean, &inverse);
            close(&forward(&case.states, case.shape(), scale), &normalised, 1e-5);
            let found = backward(&case.states, case.shape(), scale, own, &at_normalised);
            // Of a single row the gradient is 0, but for what is left of two numbers that are alike.
            let size = at_states.iter().fold(0.0f64, |size, value| size.max(value.abs()));
            if size > 1e-6 {
                close(&found.states, &at_states, 1e-5);
            }
            close(&found.weight, &at_weight, 2e-5);
            close(&found.bias, &at_bias, 1e-5);
        }
    }
}

#[test]
fn what_stands_past_a_note_is_not_read() {
    let mut case = case(12, 5, &[7, 12]);
    let run = |case: &Case| {
        let moments = moments(&case.states, case.shape());
        let inverse = inverse(&moments.variance);
        let scale = case.scale(&moments.mean, &inverse);
        let mut at_normalised = noise(4, case.states.len());
        at_normalised[7 * 5..12 * 5].copy_from_slice(&case.states[7 * 5..12 * 5]);
        let found = backward(&case.states, case.shape(), scale, true, &at_normalised);
        (forward(&case.states, case.shape(), scale), found.states, found.weight)
    };
    let before = run(&case);
    case.states[7 * 5..12 * 5].fill(f32::NAN);
    assert_eq!(before, run(&case));
    assert!(before.0[7 * 5..12 * 5].iter().all(|&value| value == 0.0));
    assert!(before.0[..7 * 5].iter().all(|&value| value != 0.0));
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let case = case(1_500, 50, &[1_500, 900, 40]);
    let at_normalised = noise(5, case.states.len());
    let run = |threads| {
        in_pool(threads, || {
            let moments = moments(&case.states, case.shape());
            let inverse = inverse(&moments.variance);
            let scale = case.scale(&moments.mean, &inverse);
            let found = backward(&case.states, case.shape(), scale, true, &at_normalised);
            (
                forward(&case.states, case.shape(), scale),
                found.states,
                found.weight,
                found.bias,
                moments,
            )
        })
    };
    assert_eq!(run(1), run(2));
}
