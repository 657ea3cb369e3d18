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
            let portable = portable_numbers::<4, _>(lengths, [6, hidden], portable::forward, portable::backward);
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
    assert_states_by_equations::<4>(states, [input, hidden], |direction, x, state, cell| {
        let old = state.to_vec();
        for (unit, state) in state.iter_mut().enumerate() {
            let [i, f, g, o] = [0, 1, 2, 3].map(|gate| direction.sums(x, &old, gate, unit).iter().sum::<f64>());
            cell[unit] = sigmoid(f) * cell[unit] + sigmoid(i) * g.tanh();
            *state = sigmoid(o) * cell[unit].tanh();
        }
    });
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    assert_same_bits(kernel_numbers);
}
