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
    r: Tensor<2>,
    z: Tensor<2>,
    n: Tensor<2>,
    /// The recurrent product of the candidate gate.
    candidate: Tensor<2>,
}

/// The states, `[row, H]`, from the input projections without their bias, `[row, 3H]`; and for training what
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
    let inputs = projections.select(0, order.steps) + plain.input_bias.unsqueeze();
    let bias = plain.recurrent_bias.unsqueeze::<2>();
    let mut state = Tensor::zeros([rows.lengths.len(), hidden], &device);
    let mut states = Vec::new();
    let mut saved = Vec::new();
    let mut start = 0;
    for active in active(rows) {
        let before = state.slice(s![..active, ..]);
        let input = inputs.clone().slice(s![start..start + active, ..]);
        start += active;
        let products = before.clone().matmul(plain.recurrent_weight.clone()) + bias.clone();
        let both = activation::sigmoid(
            input.clone().slice(s![.., ..2 * hidden]) + products.clone().slice(s![.., ..2 * hidden]),
        );
        let r = both.clone().slice(s![.., ..hidden]);
        let z = both.slice(s![.., hidden..]);
        let candidate = products.slice(s![.., 2 * hidden..]);
        let n = (input.slice(s![.., 2 * hidden..]) + r.clone() * candidate.clone()).tanh();
        state = n.clone() + z.clone() * (before.clone() - n.clone());
        states.push(state.clone());
        if train {
            saved.push(Step {
                before,
                r,
                z,
                n,
                candidate,
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
    // The gradient at the state before the step that was looked at last, of the notes it had.
    let mut carried: Option<Tensor<2>> = None;
    let mut parts: [Vec<Tensor<2>>; 3] = Default::default();
    for step in saved.0.into_iter().rev() {
        let active = step.r.dims()[0];
        let at_state = at_states.clone().slice(s![end - active..end, ..]);
        end -= active;
        let at_state = with_carried(at_state, carried);
        let Step {
            before,
            r,
            z,
            n,
            candidate,
        } = step;
        let slope = |gate: Tensor<2>| gate.clone() * (-gate + 1.0);
        let at_n = at_state.clone() * (-z.clone() + 1.0) * (-n.clone().square() + 1.0);
        let at_z = at_state.clone() * (before.clone() - n) * slope(z.clone());
        let at_r = at_n.clone() * candidate * slope(r.clone());
        let at_products = Tensor::cat(vec![at_r.clone(), at_z.clone(), at_n.clone() * r], 1);
        carried = Some(at_state * z + at_products.clone().matmul(weight.clone()));
        parts[0].push(before);
        parts[1].push(at_products);
        parts[2].push(Tensor::cat(vec![at_r, at_z, at_n], 1));
    }
    let [before, at_products, at_inputs] = parts.map(|mut steps| {
        steps.reverse();
        Tensor::cat(steps, 0)
    });
    Gradients {
        recurrent_weight: before.swap_dims(0, 1).matmul(at_products.clone()),
        recurrent_bias: at_products.sum_dim(0).squeeze_dim(0),
        input_bias: at_inputs.clone().sum_dim(0).squeeze_dim(0),
        projections: at_inputs.select(0, order.notes),
    }
}
