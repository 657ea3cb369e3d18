//! The kernel beside the portable path, and both beside a loop that is plain to read.

use super::*;
use crate::models::recurrence::testing::{
    LENGTHS, assert_close, assert_same_bits, assert_states_by_equations, directions, layer_numbers, portable_numbers,
    tensor,
};

fn kernel_numbers(lengths: &[usize], sizes: [usize; 2]) -> Vec<Vec<f32>> {
    let states = |pass: &Pass| {
        assert!(matches!(pass.saved, Saved::Kernel { .. }));
        pass.states.clone()
    };
    layer_numbers(lengths, sizes, forward, states, backward)
}

#[test]
fn the_kernel_has_the_states_and_gradients_of_the_portable_path() {
    for hidden in [1, 10, 16, 33, 64] {
        for lengths in [&LENGTHS[..], &[5, 5, 5], &[1], &[1, 1]] {
            let what = format!("hidden {hidden}, lengths {lengths:?}");
            let portable = portable_numbers::<3, _>(lengths, [6, hidden], portable::forward, portable::backward);
            assert_close(&kernel_numbers(lengths, [6, hidden]), &portable, &what);
        }
    }
}

#[test]
fn states_are_those_of_the_equations_for_each_note_alone() {
    let (input, hidden) = (6, 19);
    let rows = Rows::new(&LENGTHS);
    let inputs = tensor(1, rows.count(), input);
    let passes = forward(
        directions(input, hidden).each_ref(),
        &inputs,
        &rows,
        false,
        Precision::F32,
    );
    let states = passes.map(|pass| pass.states);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    assert_states_by_equations::<3>(states, [input, hidden], |direction, x, state, _| {
        let old = state.to_vec();
        for (unit, state) in state.iter_mut().enumerate() {
            let [r, z] = [0, 1].map(|gate| sigmoid(direction.sums(x, &old, gate, unit).iter().sum()));
            let [of_input, of_state] = direction.sums(x, &old, 2, unit);
            let n = (of_input + r * of_state).tanh();
            *state = (1.0 - z) * n + z * old[unit];
        }
    });
}

#[test]
fn rows_are_the_notes_longest_first_and_equal_ones_in_order() {
    let rows = Rows::new(&[2, 5, 0, 5]);
    let ranges: Vec<_> = rows.ranges().collect();
    assert_eq!(ranges, [(1, 0..5), (3, 5..10), (0, 10..12), (2, 12..12)]);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    assert_same_bits(kernel_numbers);
}
