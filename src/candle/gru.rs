//! One direction of a gated recurrent unit, with PyTorch's formula: reset, update and new gate side by side.
//!
//! The recurrence is one operator: candle's gradient of a loop over places would add up a matrix at every place. Here
//! the gates of all places are computed again at once, and the weights' gradient is one product.

use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::pass::Pass;
use super::rows::{add_row, column_sums, elements};
use super::weights::{Parameter, Start, Weights};
use crate::bench::protocol::Failure;

/// The parameters.
pub struct Gru {
    /// `[in, 3 * hidden]`.
    input_weight: Parameter,
    /// `[3 * hidden]`.
    input_bias: Parameter,
    /// `[hidden, 3 * hidden]`.
    recurrent_weight: Parameter,
    /// `[3 * hidden]`.
    recurrent_bias: Parameter,
}

impl Gru {
    /// The direction whose parameters have names that begin with `path`.
    ///
    /// # Errors
    /// The weights lack one or have it in another shape.
    pub fn take(weights: &mut Weights, path: &str, inputs: usize, hidden: usize) -> std::result::Result<Self, Failure> {
        let start = Start::Uniform(1.0 / (hidden as f64).sqrt());
        let mut take = |part: &str, shape: &[usize]| weights.take(&format!("{path}.{part}"), shape, start);
        Ok(Self {
            input_weight: take("input_weight", &[inputs, 3 * hidden])?,
            input_bias: take("input_bias", &[3 * hidden])?,
            recurrent_weight: take("recurrent_weight", &[hidden, 3 * hidden])?,
            recurrent_bias: take("recurrent_bias", &[3 * hidden])?,
        })
    }

    /// States `[place * note, hidden]` of inputs `[place * note, in]`, from a state of zeros.
    pub fn states(&self, inputs: &Tensor, notes: usize, pass: &Pass) -> Result<Tensor> {
        let projected = add_row(&inputs.matmul(&self.input_weight.on(pass))?, &self.input_bias.on(pass))?;
        let (weight, bias) = (self.recurrent_weight.on(pass), self.recurrent_bias.on(pass));
        projected.apply_op3(&weight, &bias, Recurrence { notes })
    }
}

/// From what the inputs give the gates, `[place * note, 3 * hidden]`, and the recurrent weight and bias to the states.
struct Recurrence {
    notes: usize,
}

/// The gates of one state, element by element.
struct Gates {
    reset: f32,
    update: f32,
    new: f32,
}

impl Gates {
    /// Element `at` of a state, from what the inputs and the state before give: `[3 * hidden]` each.
    fn of(projected: &[f32], recurrent: &[f32], at: usize) -> Self {
        let hidden = projected.len() / 3;
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        let reset = sigmoid(projected[at] + recurrent[at]);
        let update = sigmoid(projected[hidden + at] + recurrent[hidden + at]);
        let new = (projected[2 * hidden + at] + reset * recurrent[2 * hidden + at]).tanh();
        Self { reset, update, new }
    }
}

impl CustomOp3 for Recurrence {
    fn name(&self) -> &'static str {
        "gru-recurrence"
    }

    fn cpu_fwd(
        &self,
        projected: &CpuStorage,
        projected_at: &Layout,
        weight: &CpuStorage,
        weight_at: &Layout,
        bias: &CpuStorage,
        bias_at: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let projected = elements(projected, projected_at)?;
        let (hidden, gates) = weight_at.shape().dims2()?;
        let weight = Tensor::from_slice(elements(weight, weight_at)?, (hidden, gates), &Device::Cpu)?;
        let bias = elements(bias, bias_at)?;
        let mut states = Vec::with_capacity(projected.len() / 3);
        let mut before = vec![0f32; self.notes * hidden];
        for inputs in projected.chunks(self.notes * gates) {
            let state = Tensor::from_slice(&before, (self.notes, hidden), &Device::Cpu)?;
            let mut recurrent = state.matmul(&weight)?.flatten_all()?.to_vec1::<f32>()?;
            let notes = recurrent.chunks_mut(gates).zip(inputs.chunks(gates));
            for ((recurrent, inputs), state) in notes.zip(before.chunks_mut(hidden)) {
                recurrent
                    .iter_mut()
                    .zip(bias)
                    .for_each(|(recurrent, bias)| *recurrent += bias);
                for (at, state) in state.iter_mut().enumerate() {
                    let Gates { update, new, .. } = Gates::of(inputs, recurrent, at);
                    *state = new + update * (*state - new);
                }
            }
            states.extend_from_slice(&before);
        }
        Ok((CpuStorage::F32(states), (projected.len() / gates, hidden).into()))
    }

    fn bwd(
        &self,
        projected: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        states: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (rows, hidden) = states.dims2()?;
        let gates = 3 * hidden;
        let first = Tensor::zeros((self.notes, hidden), states.dtype(), states.device())?;
        let before = Tensor::cat(&[&first, &states.narrow(0, 0, rows - self.notes)?], 0)?;
        // The gates' recurrent part at all places, which becomes its gradient place by place.
        let recurrent = add_row(&before.matmul(weight)?, bias)?;
        let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let (mut recurrent, mut projected) = (values(&recurrent)?, values(projected)?);
        let (states_before, gradient) = (values(&before)?, values(gradient)?);
        let turned = weight.t()?.contiguous()?;
        let mut at_state = vec![0f32; self.notes * hidden];
        for place in (0..rows / self.notes).rev() {
            let (wide, narrow) = (place * self.notes * gates, place * self.notes * hidden);
            let recurrent = &mut recurrent[wide..wide + self.notes * gates];
            let places = recurrent
                .par_chunks_mut(gates)
                .zip(projected[wide..].par_chunks_mut(gates));
            let places = places
                .zip(at_state.par_chunks_mut(hidden))
                .zip(states_before[narrow..].par_chunks(hidden));
            places.zip(gradient[narrow..].par_chunks(hidden)).for_each(
                |((((recurrent, projected), at_state), before), gradient)| {
                    back(recurrent, projected, at_state, before, gradient);
                },
            );
            let through = Tensor::from_slice(&*recurrent, (self.notes, gates), &Device::Cpu)?.matmul(&turned)?;
            let through = through.flatten_all()?.to_vec1::<f32>()?;
            at_state
                .iter_mut()
                .zip(through)
                .for_each(|(at_state, through)| *at_state += through);
        }
        let recurrent = Tensor::from_vec(recurrent, (rows, gates), &Device::Cpu)?;
        let projected = Tensor::from_vec(projected, (rows, gates), &Device::Cpu)?;
        Ok((
            Some(projected),
            Some(before.t()?.matmul(&recurrent)?),
            Some(column_sums(&recurrent)?),
        ))
    }
}

/// The gradients of one note at one place: `recurrent` and `projected` become theirs, `at_state` that of the state
/// before without what goes through `recurrent`.
fn back(recurrent: &mut [f32], projected: &mut [f32], at_state: &mut [f32], before: &[f32], gradient: &[f32]) {
    let hidden = before.len();
    for at in 0..hidden {
        let Gates { reset, update, new } = Gates::of(projected, recurrent, at);
        let at_this = at_state[at] + gradient[at];
        let at_new = at_this * (1.0 - update) * (1.0 - new * new);
        let at_update = at_this * (before[at] - new) * update * (1.0 - update);
        let at_reset = at_new * recurrent[2 * hidden + at] * reset * (1.0 - reset);
        at_state[at] = at_this * update;
        for (gate, value) in [at_reset, at_update, at_new].into_iter().enumerate() {
            projected[gate * hidden + at] = value;
            recurrent[gate * hidden + at] = value;
        }
        recurrent[2 * hidden + at] = at_new * reset;
    }
}
