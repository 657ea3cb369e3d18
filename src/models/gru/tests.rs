//! The kernel beside the portable path, and both beside a loop that is plain to read.

use burn::module::{Module, ModuleVisitor};
use rayon::ThreadPoolBuilder;

use super::*;

/// Notes of every kind: of one token, equal, in no order, more than the kernel takes together.
const LENGTHS: [usize; 11] = [3, 1, 9, 9, 2, 1, 5, 4, 12, 3, 7];

fn directions(input: usize, hidden: usize) -> [Gru; 2] {
    let mut initialiser = Initialiser::new(7, &Device::flex());
    // Wide enough for gates near 0 and 1, not so wide that rounding grows from step to step.
    let deviation = 1.0 / (hidden as f64).sqrt();
    let mut gru = || Gru {
        input_weight: initialiser.normal([input, 3 * hidden], 0.8),
        input_bias: initialiser.normal([3 * hidden], 0.5),
        recurrent_weight: initialiser.normal([hidden, 3 * hidden], deviation),
        recurrent_bias: initialiser.normal([3 * hidden], 0.5),
    };
    [gru(), gru()]
}

fn tensor(seed: u64, rows: usize, columns: usize) -> Tensor<2> {
    let values = Initialiser::new(seed, &Device::flex()).normal_values(rows * columns, 1.0);
    Tensor::from_data(TensorData::new(values, [rows, columns]), &Device::flex())
}

/// States of both directions, the gradient at the inputs, then those at all parameters.
fn kernel_numbers(lengths: &[usize], input: usize, hidden: usize) -> Vec<Vec<f32>> {
    struct Take<'a>(&'a mut GradientsParams, &'a mut Vec<Vec<f32>>);
    impl ModuleVisitor for Take<'_> {
        fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
            let gradient = self.0.remove::<D>(parameter.id).unwrap();
            assert_eq!(gradient.dims(), parameter.dims());
            self.1.push(numbers(gradient));
        }
    }
    let rows = Rows::new(lengths);
    let grus = directions(input, hidden);
    let inputs = tensor(1, rows.count(), input);
    let passes = forward(grus.each_ref(), &inputs, &rows, true, Precision::F32);
    assert!(matches!(passes[0].saved, Saved::Kernel { .. }));
    let mut found: Vec<_> = passes.iter().map(|pass| numbers(pass.states.clone())).collect();
    let at_states = [2, 3].map(|seed| tensor(seed, rows.count(), hidden));
    let mut gradients = GradientsParams::new();
    let [first, second] = passes;
    let [at_first, at_second] = at_states;
    let passes = [(first, at_first), (second, at_second)];
    let at_inputs = backward(
        grus.each_ref(),
        &inputs,
        &rows,
        passes,
        true,
        Precision::F32,
        &mut gradients,
    );
    found.push(numbers(at_inputs.unwrap()));
    for gru in &grus {
        gru.visit(&mut Take(&mut gradients, &mut found));
    }
    found
}

/// The same by the portable path.
fn portable_numbers(lengths: &[usize], input: usize, hidden: usize) -> Vec<Vec<f32>> {
    let rows = Rows::new(lengths);
    let grus = directions(input, hidden);
    let inputs = tensor(1, rows.count(), input);
    let mut states = Vec::new();
    let mut at_inputs = inputs.zeros_like();
    let mut parameters = Vec::new();
    for (gru, (reversed, seed)) in grus.iter().zip([(false, 2), (true, 3)]) {
        let projections = inputs.clone().matmul(gru.input_weight.val());
        let (found_states, saved) = portable::forward(gru.plain(), projections, &rows, reversed, true);
        states.push(numbers(found_states));
        let saved = saved.expect("what a gradient needs");
        let at_states = tensor(seed, rows.count(), hidden);
        let found = portable::backward(gru.plain(), saved, at_states, &rows, reversed);
        at_inputs = at_inputs + found.projections.clone().matmul(gru.input_weight.val().swap_dims(0, 1));
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

fn assert_close(found: &[Vec<f32>], expected: &[Vec<f32>], what: &str) {
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

#[test]
fn the_kernel_has_the_states_and_gradients_of_the_portable_path() {
    for hidden in [1, 10, 16, 33, 64] {
        for lengths in [&LENGTHS[..], &[5, 5, 5], &[1], &[1, 1]] {
            let what = format!("hidden {hidden}, lengths {lengths:?}");
            assert_close(
                &kernel_numbers(lengths, 6, hidden),
                &portable_numbers(lengths, 6, hidden),
                &what,
            );
        }
    }
}

/// Both directions' states of one note by the equations, in f64, a number at a time.
fn plain_states(gru: &Gru, inputs: &[f32], length: usize, reversed: bool) -> Vec<f64> {
    let [input, width] = gru.input_weight.dims();
    let hidden = width / 3;
    let double = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
    let (w, u) = (
        double(numbers(gru.input_weight.val())),
        double(numbers(gru.recurrent_weight.val())),
    );
    let (b, c) = (
        double(numbers(gru.input_bias.val())),
        double(numbers(gru.recurrent_bias.val())),
    );
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let mut states = vec![0.0; length * hidden];
    let mut state = vec![0.0; hidden];
    for step in 0..length {
        let row = if reversed { length - 1 - step } else { step };
        let x = &inputs[row * input..][..input];
        let of_input = |gate: usize, unit: usize| {
            let at = gate * hidden + unit;
            b[at] + (0..input).map(|i| f64::from(x[i]) * w[i * width + at]).sum::<f64>()
        };
        let old = state.clone();
        let of_state = |gate: usize, unit: usize| {
            let at = gate * hidden + unit;
            c[at] + (0..hidden).map(|i| old[i] * u[i * width + at]).sum::<f64>()
        };
        for unit in 0..hidden {
            let r = sigmoid(of_input(0, unit) + of_state(0, unit));
            let z = sigmoid(of_input(1, unit) + of_state(1, unit));
            let n = (of_input(2, unit) + r * of_state(2, unit)).tanh();
            state[unit] = (1.0 - z) * n + z * old[unit];
        }
        states[row * hidden..][..hidden].copy_from_slice(&state);
    }
    states
}

#[test]
fn states_are_those_of_the_equations_for_each_note_alone() {
    let (input, hidden) = (6, 19);
    let rows = Rows::new(&LENGTHS);
    let grus = directions(input, hidden);
    let inputs = tensor(1, rows.count(), input);
    let values = numbers(inputs.clone());
    let passes = forward(grus.each_ref(), &inputs, &rows, false, Precision::F32);
    for (gru, (pass, reversed)) in grus.iter().zip(passes.into_iter().zip([false, true])) {
        let states = numbers(pass.states);
        for (_, range) in rows.ranges() {
            let expected = plain_states(gru, &values[range.start * input..], range.len(), reversed);
            for (found, expected) in states[range.start * hidden..].iter().zip(&expected) {
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-5,
                    "{found} against {expected}"
                );
            }
        }
    }
}

#[test]
fn rows_are_the_notes_longest_first_and_equal_ones_in_order() {
    let rows = Rows::new(&[2, 5, 0, 5]);
    let ranges: Vec<_> = rows.ranges().collect();
    assert_eq!(ranges, [(1, 0..5), (3, 5..10), (0, 10..12), (2, 12..12)]);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    // Large enough for the products to be shared out.
    let lengths: Vec<usize> = (0..9).map(|note| 30 + 7 * note).collect();
    let on = |threads| {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| kernel_numbers(&lengths, 40, 128));
        found.into_iter().flatten().map(f32::to_bits).collect::<Vec<_>>()
    };
    let one = on(1);
    for threads in [2, 3, 5] {
        assert!(on(threads) == one, "{threads} threads give other bits");
    }
}
