//! What the tests of recurrent layers share.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};

use super::{Direction, Gradients, Plain, Rows, numbers};
use crate::device::Precision;
use crate::models::initialise::Initialiser;

/// Notes of every kind: of one token, equal, in no order, more than the kernels take together.
pub const LENGTHS: [usize; 11] = [3, 1, 9, 9, 2, 1, 5, 4, 12, 3, 7];

/// Two directions with parameters of some size.
pub fn directions<const GATES: usize>(input: usize, hidden: usize) -> [Direction<GATES>; 2] {
    let mut initialiser = Initialiser::new(7, &Device::flex());
    // Wide enough for gates near 0 and 1, not so wide that rounding grows from step to step.
    let deviation = 1.0 / (hidden as f64).sqrt();
    let mut direction = || Direction {
        input_weight: initialiser.normal([input, GATES * hidden], 0.8),
        input_bias: initialiser.normal([GATES * hidden], 0.5),
        recurrent_weight: initialiser.normal([hidden, GATES * hidden], deviation),
        recurrent_bias: initialiser.normal([GATES * hidden], 0.5),
    };
    [direction(), direction()]
}

pub fn tensor(seed: u64, rows: usize, columns: usize) -> Tensor<2> {
    let values = Initialiser::new(seed, &Device::flex()).normal_values(rows * columns, 1.0);
    Tensor::from_data(TensorData::new(values, [rows, columns]), &Device::flex())
}

/// States of both directions, the gradient at the inputs, then those at all parameters, as a layer's `forward` and
/// `backward` give them.
pub fn layer_numbers<const GATES: usize, P>(
    lengths: &[usize],
    [input, hidden]: [usize; 2],
    forward: impl Fn([&Direction<GATES>; 2], &Tensor<2>, &Rows, bool, Precision) -> [P; 2],
    states: impl Fn(&P) -> Tensor<2>,
    backward: impl Fn(
        [&Direction<GATES>; 2],
        &Tensor<2>,
        &Rows,
        [(P, Tensor<2>); 2],
        bool,
        Precision,
        &mut GradientsParams,
    ) -> Option<Tensor<2>>,
) -> Vec<Vec<f32>> {
    struct Take<'a>(&'a mut GradientsParams, &'a mut Vec<Vec<f32>>);
    impl ModuleVisitor for Take<'_> {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            let gradient = self.0.remove::<D>(parameter.id).unwrap();
            assert_eq!(gradient.dims(), parameter.dims());
            self.1.push(numbers(gradient));
        }
    }
    let rows = Rows::new(lengths);
    let directions = directions::<GATES>(input, hidden);
    let inputs = tensor(1, rows.count(), input);
    let [first, second] = forward(directions.each_ref(), &inputs, &rows, true, Precision::F32);
    let mut found: Vec<_> = [&first, &second].map(|pass| numbers(states(pass))).into();
    let [at_first, at_second] = [2, 3].map(|seed| tensor(seed, rows.count(), hidden));
    let passes = [(first, at_first), (second, at_second)];
    let mut gradients = GradientsParams::new();
    let at_inputs = backward(
        directions.each_ref(),
        &inputs,
        &rows,
        passes,
        true,
        Precision::F32,
        &mut gradients,
    );
    found.push(numbers(at_inputs.unwrap()));
    for direction in &directions {
        direction.visit(&mut Take(&mut gradients, &mut found));
    }
    found
}

/// The same by portable steps.
pub fn portable_numbers<const GATES: usize, S>(
    lengths: &[usize],
    [input, hidden]: [usize; 2],
    forward: impl Fn(Plain, Tensor<2>, &Rows, bool, bool) -> (Tensor<2>, Option<S>),
    backward: impl Fn(Plain, S, Tensor<2>, &Rows, bool) -> Gradients,
) -> Vec<Vec<f32>> {
    let rows = Rows::new(lengths);
    let directions = directions::<GATES>(input, hidden);
    let inputs = tensor(1, rows.count(), input);
    let mut states = Vec::new();
    let mut at_inputs = inputs.zeros_like();
    let mut parameters = Vec::new();
    for (direction, (reversed, seed)) in directions.iter().zip([(false, 2), (true, 3)]) {
        let projections = inputs.clone().matmul(direction.input_weight.val());
        let (found_states, saved) = forward(direction.plain(), projections, &rows, reversed, true);
        states.push(numbers(found_states));
        let saved = saved.expect("what a gradient needs");
        let at_states = tensor(seed, rows.count(), hidden);
        let found = backward(direction.plain(), saved, at_states, &rows, reversed);
        let weight = direction.input_weight.val();
        at_inputs = at_inputs + found.projections.clone().matmul(weight.swap_dims(0, 1));
        let at_weight = inputs.clone().swap_dims(0, 1).matmul(found.projections);
        parameters.extend([
            numbers(at_weight),
            numbers(found.input_bias),
            numbers(found.recurrent_weight),
            numbers(found.recurrent_bias),
        ]);
    }
    states.push(numbers(at_inputs));
    states.extend(parameters);
    states
}

pub fn assert_close(found: &[Vec<f32>], expected: &[Vec<f32>], what: &str) {
    assert_eq!(found.len(), expected.len());
    for (which, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found.len(), expected.len(), "{what}: {which}");
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            assert!(
                (found - expected).abs() <= 2e-5 * (1.0 + expected.abs()),
                "{what}: tensor {which}, element {at}: {found} against {expected}"
            );
        }
    }
}

/// A direction's parameters, for sums in f64.
pub struct Doubles {
    hidden: usize,
    parameters: [Vec<f64>; 4],
}

impl Doubles {
    pub fn new<const GATES: usize>(direction: &Direction<GATES>) -> Self {
        let double = |values: Vec<f32>| values.into_iter().map(f64::from).collect();
        Self {
            hidden: direction.recurrent_weight.dims()[0],
            parameters: [
                double(numbers(direction.input_weight.val())),
                double(numbers(direction.input_bias.val())),
                double(numbers(direction.recurrent_weight.val())),
                double(numbers(direction.recurrent_bias.val())),
            ],
        }
    }

    /// What the input and what the state before gives a gate's unit, each with its bias.
    pub fn sums(&self, x: &[f32], state: &[f64], gate: usize, unit: usize) -> [f64; 2] {
        let [w, b, u, c] = &self.parameters;
        let (width, at) = (b.len(), gate * self.hidden + unit);
        let of_input = x.iter().enumerate().map(|(i, x)| f64::from(*x) * w[i * width + at]);
        let of_state = state.iter().enumerate().map(|(i, h)| h * u[i * width + at]);
        [b[at] + of_input.sum::<f64>(), c[at] + of_state.sum::<f64>()]
    }
}

/// Fails unless both directions' states are those that `step` makes of a token, the state and whatever else goes from step
/// to step, note by note in f64. That begins with zeros.
pub fn assert_states_by_equations<const GATES: usize>(
    states: [Tensor<2>; 2],
    [input, hidden]: [usize; 2],
    step: impl Fn(&Doubles, &[f32], &mut [f64], &mut [f64]),
) {
    let rows = Rows::new(&LENGTHS);
    let directions = directions::<GATES>(input, hidden);
    let inputs = numbers(tensor(1, rows.count(), input));
    for ((direction, states), reversed) in directions.iter().zip(states).zip([false, true]) {
        let (doubles, states) = (Doubles::new(direction), numbers(states));
        for (_, range) in rows.ranges() {
            let (mut state, mut kept) = (vec![0.0; hidden], vec![0.0; hidden]);
            let order: Vec<usize> = match reversed {
                true => range.rev().collect(),
                false => range.collect(),
            };
            for row in order {
                step(&doubles, &inputs[row * input..][..input], &mut state, &mut kept);
                for (found, expected) in states[row * hidden..][..hidden].iter().zip(&state) {
                    assert!(
                        (f64::from(*found) - expected).abs() < 1e-5,
                        "{found} against {expected}"
                    );
                }
            }
        }
    }
}

/// Fails unless any number of threads gives the same bits.
pub fn assert_same_bits(numbers: impl Fn(&[usize], [usize; 2]) -> Vec<Vec<f32>> + Sync) {
    // Large enough for the products to be shared out.
    let lengths: Vec<usize> = (0..9).map(|note| 30 + 7 * note).collect();
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| numbers(&lengths, [40, 128]));
        found.into_iter().flatten().map(f32::to_bits).collect::<Vec<_>>()
    };
    let one = on(1);
    for threads in [2, 3, 5] {
        assert!(on(threads) == one, "{threads} threads give other bits");
    }
}
