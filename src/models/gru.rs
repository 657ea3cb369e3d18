//! A bidirectional gated recurrent unit (Cho et al. 2014, as PyTorch computes it) over notes of
//! different lengths, with its gradient by hand: no tape through thousands of steps.
//!
//! With x a token's vector and h the state before it,
//! r = sigmoid(W_r x + b_r + U_r h + c_r), z likewise, n = tanh(W_n x + b_n + r (U_n h + c_n)), and
//! the new state is (1 - z) n + z h. The products with x are one product for all tokens; so is the
//! recurrent weight's gradient (`recurrence`).
//!
//! On the CPU [`kernels::gru`](crate::kernels::gru) does the steps, on GPUs `models/gpu`, elsewhere `portable` does.

use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};

#[cfg(feature = "gpu")]
use super::gpu;
use super::recurrence::{self, Direction, Gradients, Plain, Rows, numbers, on_slices};
use crate::device::Precision;
use crate::kernels::gru::{self as kernel, Recurrence, Scan};

mod portable;
#[cfg(test)]
mod tests;

/// One direction, gates in the order reset, update, candidate.
pub type Gru = Direction<3>;

/// The states of one direction and what its gradient needs. Nothing in it is tracked.
pub struct Pass {
    /// `[row, H]`.
    pub states: Tensor<2>,
    saved: Saved,
}

enum Saved {
    /// Gates and candidates as [`kernel::forward`] leaves them.
    Kernel {
        gates: Vec<f32>,
        candidate: Vec<f32>,
    },
    Portable(portable::Saved),
    /// Of both directions together.
    #[cfg(feature = "gpu")]
    Scanned(Box<gpu::Scanned>),
    /// Nothing: the pass is for its states alone.
    Nothing,
}

/// Both directions over `inputs`, `[row, input]`, not tracked. The second reads each note from its
/// last token to its first. `train` keeps what [`backward`] needs. Only the products with the inputs follow `precision`.
pub fn forward(directions: [&Gru; 2], inputs: &Tensor<2>, rows: &Rows, train: bool, precision: Precision) -> [Pass; 2] {
    let projections = recurrence::projections(directions, inputs, precision);
    let [first, second] = directions.map(Gru::plain);
    #[cfg(feature = "gpu")]
    if gpu::has_kernels(&inputs.device()) {
        return scan_both([first, second], projections, rows, train);
    }
    let [first_rows, second_rows] = projections;
    if !on_slices(inputs) {
        return [(first, first_rows, false), (second, second_rows, true)]
            .map(|(plain, projections, reversed)| portable::forward(plain, projections, rows, reversed, train))
            .map(|(states, saved)| Pass {
                states,
                saved: saved.map_or(Saved::Nothing, Saved::Portable),
            });
    }
    let device = inputs.device();
    let (first, second) = rayon::join(
        || scan(first, first_rows, rows, false, train, &device),
        || scan(second, second_rows, rows, true, train, &device),
    );
    [first, second]
}

/// Registers the gradients of both directions' parameters, from each direction's pass and the gradient at its
/// states, and returns that at `inputs` where `at_inputs` asks for it.
pub fn backward(
    directions: [&Gru; 2],
    inputs: &Tensor<2>,
    rows: &Rows,
    passes: [(Pass, Tensor<2>); 2],
    at_inputs: bool,
    precision: Precision,
    registered: &mut GradientsParams,
) -> Option<Tensor<2>> {
    let [first, second] = directions.map(Gru::plain);
    let [(first_pass, at_first), (second_pass, at_second)] = passes;
    let [first, second] = match first_pass.saved {
        #[cfg(feature = "gpu")]
        Saved::Scanned(scanned) => through_both([first, second], *scanned, [at_first, at_second], rows),
        _ => {
            let (first, second) = rayon::join(
                || through(first, first_pass, at_first, rows, false),
                || through(second, second_pass, at_second, rows, true),
            );
            [first, second]
        }
    };
    recurrence::register(directions, inputs, [first, second], at_inputs, precision, registered)
}

/// Both directions on a GPU.
#[cfg(feature = "gpu")]
fn scan_both(plain: [Plain; 2], projections: [Tensor<2>; 2], rows: &Rows, train: bool) -> [Pass; 2] {
    let [first, second] = projections;
    let with_bias = |projections: Tensor<2>, plain: &Plain| projections + plain.input_bias.clone().unsqueeze();
    let projections = [with_bias(first, &plain[0]), with_bias(second, &plain[1])];
    let weights = plain.each_ref().map(|plain| plain.recurrent_weight.clone());
    let biases = plain.map(|plain| plain.recurrent_bias);
    let scanned = gpu::gru_forward(projections, weights, biases, &rows.lengths);
    let count = rows.count();
    // What both need is the first's: it goes when it is taken.
    let [first, second] = [0, count].map(|start| scanned.states.clone().narrow(0, start, count));
    let saved = match train {
        true => Saved::Scanned(Box::new(scanned)),
        false => Saved::Nothing,
    };
    let pass = |states, saved| Pass { states, saved };
    [pass(first, saved), pass(second, Saved::Nothing)]
}

/// The gradients of both directions on a GPU.
#[cfg(feature = "gpu")]
fn through_both(plain: [Plain; 2], scanned: gpu::Scanned, at_states: [Tensor<2>; 2], rows: &Rows) -> [Gradients; 2] {
    let weights = plain.map(|plain| plain.recurrent_weight);
    let found = gpu::gru_backward(scanned, weights, at_states, &rows.lengths);
    let count = rows.count();
    [0, count].map(|start| {
        let [at_products, projections, before] = found.clone().map(|rows| rows.narrow(0, start, count));
        Gradients {
            recurrent_weight: before.swap_dims(0, 1).matmul(at_products.clone()),
            recurrent_bias: gpu::column_sums(at_products),
            input_bias: gpu::column_sums(projections.clone()),
            projections,
        }
    })
}

/// One direction by the kernel.
fn scan(plain: Plain, projections: Tensor<2>, rows: &Rows, reversed: bool, train: bool, device: &Device) -> Pass {
    let hidden = plain.recurrent_weight.dims()[0];
    let mut gates = numbers(projections);
    let mut candidate = vec![0.0; if train { rows.count() * hidden } else { 0 }];
    let recurrence = Recurrence {
        weight: &numbers(plain.recurrent_weight),
        input_bias: &numbers(plain.input_bias),
        bias: &numbers(plain.recurrent_bias),
    };
    let scan = Scan {
        hidden,
        lengths: &rows.lengths,
        reversed,
    };
    let states = kernel::forward(scan, recurrence, &mut gates, train.then_some(candidate.as_mut_slice()));
    Pass {
        states: Tensor::from_data(TensorData::new(states, [rows.count(), hidden]), device),
        saved: match train {
            true => Saved::Kernel { gates, candidate },
            false => Saved::Nothing,
        },
    }
}

/// One direction's gradient, by whichever made the pass.
fn through(plain: Plain, pass: Pass, at_states: Tensor<2>, rows: &Rows, reversed: bool) -> Gradients {
    let (mut gates, mut candidate) = match pass.saved {
        Saved::Portable(saved) => return portable::backward(plain, saved, at_states, rows, reversed),
        Saved::Kernel { gates, candidate } => (gates, candidate),
        #[cfg(feature = "gpu")]
        Saved::Scanned(_) => unreachable!("both directions at once"),
        Saved::Nothing => panic!("a pass that was not for training has no gradient"),
    };
    let device = at_states.device();
    let hidden = plain.recurrent_weight.dims()[0];
    let scan = Scan {
        hidden,
        lengths: &rows.lengths,
        reversed,
    };
    let weight = numbers(plain.recurrent_weight);
    let states = numbers(pass.states);
    let found = kernel::backward(scan, &weight, &mut gates, &mut candidate, &states, &numbers(at_states));
    let bias = |values: Vec<f32>| Tensor::from_data(TensorData::new(values, [3 * hidden]), &device);
    Gradients {
        projections: Tensor::from_data(TensorData::new(gates, [rows.count(), 3 * hidden]), &device),
        recurrent_weight: Tensor::from_data(TensorData::new(found.weight, [hidden, 3 * hidden]), &device),
        input_bias: bias(found.input_bias),
        recurrent_bias: bias(found.bias),
    }
}
