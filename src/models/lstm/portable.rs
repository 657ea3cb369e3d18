//! One direction step by step with Burn's operations, for devices without a kernel. Nothing is tracked.

use burn::tensor::{Tensor, activation, s};

use crate::models::recurrence::steps::{Order, active, with_carried};
use crate::models::recurrence::{Gradients, Plain, Rows};

/// What each step leaves for its gradient.
pub struct Saved(Vec<Step>);

/// `[note, H]` each.
struct Step {
    /// The state before.
    before: Tensor<2>,
    /// The cell before.
    old: Tensor<2>,
    i: Tensor<2>,
    f: Tensor<2>,
    g: Tensor<2>,
    o: Tensor<2>,
    /// tanh of the new cell.
    shown: Tensor<2>,
}

/// The states, `[row, H]`, from the input projections without their bias, `[row, 4H]`; and for training what
/// [`backward`] needs.
pub fn forward(
    plain: Plain,
    projections: Tensor<2>,
    rows: &Rows,
    reversed: bool,
    train: bool,
) -> (Tensor<2>, Option<Saved>) {
    let device = projections.device();
    let hidden = plain.recurrent_weight.dims()[0];
    let order = Order::new(rows, reversed, &device);
    let bias = plain.input_bias + plain.recurrent_bias;
    let inputs = projections.select(0, order.steps) + bias.unsqueeze();
    let mut state = Tensor::zeros([rows.lengths.len(), hidden], &device);
    let mut cell = state.clone();
    let mut states = Vec::new();
    let mut saved = Vec::new();
    let mut start = 0;
    for active in active(rows) {
        let before = state.slice(s![..active, ..]);
        let old: Tensor<2> = cell.slice(s![..active, ..]);
        let input = inputs.clone().slice(s![start..start + active, ..]);
        start += active;
        let sums = input + before.clone().matmul(plain.recurrent_weight.clone());
        let both = activation::sigmoid(sums.clone().slice(s![.., ..2 * hidden]));
        let i = both.clone().slice(s![.., ..hidden]);
        let f = both.slice(s![.., hidden..]);
        let g = sums.clone().slice(s![.., 2 * hidden..3 * hidden]).tanh();
        let o = activation::sigmoid(sums.slice(s![.., 3 * hidden..]));
        cell = f.clone() * old.clone() + i.clone() * g.clone();
        let shown = cell.clone().tanh();
        state = o.clone() * shown.clone();
        states.push(state.clone());
        if train {
            saved.push(Step {
                before,
                old,
                i,
                f,
                g,
                o,
                shown,
            });
        }
    }
    let states = Tensor::cat(states, 0).select(0, order.notes);
    (states, train.then_some(Saved(saved)))
}

/// The gradients from that at the states, `[row, H]`.
pub fn backward(plain: Plain, saved: Saved, at_states: Tensor<2>, rows: &Rows, reversed: bool) -> Gradients {
    let device = at_states.device();
    let order = Order::new(rows, reversed, &device);
    let at_states = at_states.select(0, order.steps);
    let weight = plain.recurrent_weight.swap_dims(0, 1);
    let mut end = rows.count();
    // The gradients at the state and at the cell before the step that was looked at last, of the notes it had.
    let [mut carried, mut carried_cell]: [Option<Tensor<2>>; 2] = [None, None];
    let mut parts: [Vec<Tensor<2>>; 2] = Default::default();
    for step in saved.0.into_iter().rev() {
        let active = step.i.dims()[0];
        let at_state = at_states.clone().slice(s![end - active..end, ..]);
        end -= active;
        let at_state = with_carried(at_state, carried);
        let Step {
            before,
            old,
            i,
            f,
            g,
            o,
            shown,
        } = step;
        let slope = |gate: Tensor<2>| gate.clone() * (-gate + 1.0);
        let tanh_slope = |value: Tensor<2>| -value.square() + 1.0;
        let at_cell = at_state.clone() * o.clone() * tanh_slope(shown.clone());
        let at_cell = with_carried(at_cell, carried_cell);
        let at_i = at_cell.clone() * g.clone() * slope(i.clone());
        let at_f = at_cell.clone() * old * slope(f.clone());
        let at_g = at_cell.clone() * i * tanh_slope(g);
        let at_o = at_state * shown * slope(o);
        let at_gates = Tensor::cat(vec![at_i, at_f, at_g, at_o], 1);
        carried = Some(at_gates.clone().matmul(weight.clone()));
        carried_cell = Some(at_cell * f);
        parts[0].push(before);
        parts[1].push(at_gates);
    }
    let [before, at_gates] = parts.map(|mut steps| {
        steps.reverse();
        Tensor::cat(steps, 0)
    });
    let bias: Tensor<1> = at_gates.clone().sum_dim(0).squeeze_dim(0);
    Gradients {
        recurrent_weight: before.swap_dims(0, 1).matmul(at_gates.clone()),
        input_bias: bias.clone(),
        recurrent_bias: bias,
        projections: at_gates.select(0, order.notes),
    }
}
