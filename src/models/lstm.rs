//! A bidirectional long short-term memory (Hochreiter and Schmidhuber 1997 with forget gates, as PyTorch computes it) over
//! notes of different lengths, with its gradient by hand: no tape through thousands of steps.
//!
//! With x a token's vector, h the state and c the cell before it,
//! i = sigmoid(W_i x + b_i + U_i h + d_i), f and o likewise, g = tanh(W_g x + b_g + U_g h + d_g); the new cell is
//! f c + i g, the new state o tanh of it. Both biases are there, as PyTorch has them: an optimiser moves each.
//!
//! On the CPU [`kernels::lstm`](crate::kernels::lstm) does the steps, elsewhere `portable` does.

use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};

use super::recurrence::{self, Direction, Gradients, Plain, Rows, numbers, on_slices};
use crate::device::Precision;
use crate::kernels::lstm::{self as kernel, Recurrence, Scan};

mod portable;
#[cfg(test)]
mod tests;

/// One direction, gates in the order input, forget, candidate, output.
pub type Lstm = Direction<4>;

/// The states of one direction and what its gradient needs. Nothing in it is tracked.
pub struct Pass {
    /// `[row, H]`.
    pub states: Tensor<2>,
    saved: Saved,
}

enum Saved {
    /// Gates and cells as [`kernel::forward`] leaves them.
    Kernel {
        gates: Vec<f32>,
        cells: Vec<f32>,
    },
    Portable(portable::Saved),
    /// Nothing: the pass is for its states alone.
    Nothing,
}

/// Both directions over `inputs`, `[row, input]`, not tracked. The second reads each note from its
/// last token to its first. `train` keeps what [`backward`] needs. Only the products with the inputs follow `precision`.
pub fn forward(
    directions: [&Lstm; 2],
    inputs: &Tensor<2>,
    rows: &Rows,
    train: bool,
    precision: Precision,
) -> [Pass; 2] {
    let [first_rows, second_rows] = recurrence::projections(directions, inputs, precision);
    let [first, second] = directions.map(Lstm::plain);
    let scan = if on_slices(inputs) { scan } else { portable_scan };
    let (first, second) = rayon::join(
        || scan(first, first_rows, rows, false, train),
        || scan(second, second_rows, rows, true, train),
    );
    [first, second]
}

/// Registers the gradients of both directions' parameters, from each direction's pass and the gradient at its
/// states, and returns that at `inputs` where `at_inputs` asks for it.
pub fn backward(
    directions: [&Lstm; 2],
    inputs: &Tensor<2>,
    rows: &Rows,
    passes: [(Pass, Tensor<2>); 2],
    at_inputs: bool,
    precision: Precision,
    registered: &mut GradientsParams,
) -> Option<Tensor<2>> {
    let [first, second] = directions.map(Lstm::plain);
    let [(first_pass, at_first), (second_pass, at_second)] = passes;
    let (first, second) = rayon::join(
        || through(first, first_pass, at_first, rows, false),
        || through(second, second_pass, at_second, rows, true),
    );
    recurrence::register(directions, inputs, [first, second], at_inputs, precision, registered)
}

/// One direction by plain tensor operations.
fn portable_scan(plain: Plain, projections: Tensor<2>, rows: &Rows, reversed: bool, train: bool) -> Pass {
    let (states, saved) = portable::forward(plain, projections, rows, reversed, train);
    Pass {
        states,
        saved: saved.map_or(Saved::Nothing, Saved::Portable),
    }
}

/// One direction by the kernel.
fn scan(plain: Plain, projections: Tensor<2>, rows: &Rows, reversed: bool, train: bool) -> Pass {
    let device = projections.device();
    let hidden = plain.recurrent_weight.dims()[0];
    let mut gates = numbers(projections);
    let mut cells = vec![0.0; if train { rows.count() * hidden } else { 0 }];
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
    let states = kernel::forward(scan, recurrence, &mut gates, train.then_some(cells.as_mut_slice()));
    Pass {
        states: Tensor::from_data(TensorData::new(states, [rows.count(), hidden]), &device),
        saved: match train {
            true => Saved::Kernel { gates, cells },
            false => Saved::Nothing,
        },
    }
}

/// One direction's gradient, by whichever made the pass.
fn through(plain: Plain, pass: Pass, at_states: Tensor<2>, rows: &Rows, reversed: bool) -> Gradients {
    let (mut gates, cells) = match pass.saved {
        Saved::Portable(saved) => return portable::backward(plain, saved, at_states, rows, reversed),
        Saved::Kernel { gates, cells } => (gates, cells),
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
    let found = kernel::backward(scan, &weight, &mut gates, &cells, &states, &numbers(at_states));
    let bias = Tensor::<1>::from_data(TensorData::new(found.bias, [4 * hidden]), &device);
    Gradients {
        projections: Tensor::from_data(TensorData::new(gates, [rows.count(), 4 * hidden]), &device),
        recurrent_weight: Tensor::from_data(TensorData::new(found.weight, [hidden, 4 * hidden]), &device),
        input_bias: bias.clone(),
        recurrent_bias: bias,
    }
}
