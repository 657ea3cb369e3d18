//! One step of both directions of a recurrence, and one step of its way back.
//!
//! A cube's first axis shares the sums over the state before, its second has the elements of the new state. Notes go
//! [`NOTES`] at a time, so that a weight that was read serves them all. Rows are those of the first direction, then
//! those of the second; `notes` holds each note's first row, then each note's length.

use cubecl::prelude::*;

/// Notes of a cube.
pub const NOTES: u32 = 4;
/// Units that share a sum.
pub const LANES: u32 = 32;
/// Elements of the state in a cube.
pub const ELEMENTS: u32 = 4;

/// A step's numbers.
#[derive(CubeLaunch, CubeType)]
pub struct Step {
    /// Rows of a direction.
    rows: u32,
    /// Notes of the batch.
    notes: u32,
    /// H.
    hidden: u32,
    /// From 0: the first direction's from the start of a note, the second's from its end.
    number: u32,
    /// Notes that have a row at this step, the first ones.
    active: u32,
    /// Of those the ones that have a row at the next step too.
    later: u32,
}

/// A note's row at a step.
#[cube]
fn row(notes: &Tensor<i32>, step: &Step, note: usize, number: usize) -> usize {
    let direction = CUBE_POS_Y as usize;
    let start = direction * step.rows as usize + notes[note] as usize;
    let length = notes[step.notes as usize + note] as usize;
    select(direction == 0, start + number, start + length - 1 - number)
}

/// Adds up what the units of the first axis hold, `sums` of them each, and gives unit `i` the `i`-th total.
#[cube]
fn add_up(parts: &Array<f32>, #[comptime] sums: usize) -> f32 {
    let lane = UNIT_POS_X as usize;
    let element = UNIT_POS_Y as usize;
    let mut shared = Shared::<[f32]>::new_slice(comptime!(sums * 128));
    #[unroll]
    for sum in 0..sums {
        shared[sum * 128 + element * 32 + lane] = parts[sum];
    }
    sync_cube();
    let mut total = 0f32;
    if lane < sums {
        for other in 0..32usize {
            // Each unit starts at another place: side by side they would wait for the same bank of memory.
            total += shared[lane * 128 + element * 32 + ((other + lane) & 31)];
        }
    }
    sync_cube();
    total
}

/// The states after a step, `[row, H]`, and in `kept` `[row, 5H]` what its way back needs: the gates, the candidate's
/// recurrent product and the state before. `projections` `[row, 3H]` have the input's bias, `weight` is
/// `[direction, 3H, H]`, `bias` `[direction, 3H]`.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn forward(
    states: &mut Tensor<f32>,
    kept: &mut Tensor<f32>,
    projections: &Tensor<f32>,
    weight: &Tensor<f32>,
    bias: &Tensor<f32>,
    notes: &Tensor<i32>,
    step: Step,
) {
    let lane = UNIT_POS_X as usize;
    let hidden = step.hidden as usize;
    let direction = CUBE_POS_Y as usize;
    let first = CUBE_POS_Z as usize * 4;
    let number = step.number as usize;
    let last = step.active as usize - 1;
    // Past the end the last element is computed once more, and written again as it is. No kernel here has more than seven
    // tensors: WebGPU promises eight buffers, and CubeCL takes one.
    let element = min(CUBE_POS_X as usize * 4 + UNIT_POS_Y as usize, hidden - 1);
    let of_weight = (direction * 3 * hidden + element) * hidden;
    let gate = hidden * hidden;

    let mut parts = Array::<f32>::new(12usize);
    #[unroll]
    for sum in 0..12usize {
        parts[sum] = 0f32;
    }
    if number > 0 {
        let mut previous = Array::<usize>::new(4usize);
        #[unroll]
        for note in 0..4usize {
            previous[note] = row(notes, &step, min(first + note, last), number - 1) * hidden;
        }
        let mut at = lane;
        while at < hidden {
            let reset = weight[of_weight + at];
            let update = weight[of_weight + gate + at];
            let fresh = weight[of_weight + 2 * gate + at];
            #[unroll]
            for note in 0..4usize {
                let state = states[previous[note] + at];
                parts[note] += state * reset;
                parts[4 + note] += state * update;
                parts[8 + note] += state * fresh;
            }
            at += 32;
        }
    }
    let total = add_up(&parts, 12usize);
    let mut totals = Shared::<[f32]>::new_slice(48usize);
    let mine = UNIT_POS_Y as usize * 12;
    if lane < 12 {
        totals[mine + lane] = total;
    }
    sync_cube();
    let note = first + lane;
    if lane < 4 && note <= last {
        let at = row(notes, &step, note, number);
        let of_bias = direction * 3 * hidden + element;
        let of_input = at * 3 * hidden + element;
        let reset = sigmoid(projections[of_input] + totals[mine + lane] + bias[of_bias]);
        let update = sigmoid(projections[of_input + hidden] + totals[mine + 4 + lane] + bias[of_bias + hidden]);
        let product = totals[mine + 8 + lane] + bias[of_bias + 2 * hidden];
        let fresh = (projections[of_input + 2 * hidden] + reset * product).tanh();
        let mut old = 0f32;
        if number > 0 {
            old = states[row(notes, &step, note, number - 1) * hidden + element];
        }
        states[at * hidden + element] = fresh + update * (old - fresh);
        let of_kept = at * 5 * hidden + element;
        kept[of_kept] = reset;
        kept[of_kept + hidden] = update;
        kept[of_kept + 2 * hidden] = fresh;
        kept[of_kept + 3 * hidden] = product;
        kept[of_kept + 4 * hidden] = old;
    }
}

#[cube]
fn sigmoid(x: f32) -> f32 {
    1f32 / (1f32 + (-x).exp())
}

/// The gradients at a step's recurrent products and at its input projections, both `[row, 3H]`, from those of the step
/// after it. `through` `[row, H]` takes what reaches the state before past the gates; `weight` is `[direction, H, 3H]`.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn backward(
    at_products: &mut Tensor<f32>,
    at_inputs: &mut Tensor<f32>,
    through: &mut Tensor<f32>,
    at_states: &Tensor<f32>,
    kept: &Tensor<f32>,
    weight: &Tensor<f32>,
    notes: &Tensor<i32>,
    step: Step,
) {
    let lane = UNIT_POS_X as usize;
    let hidden = step.hidden as usize;
    let direction = CUBE_POS_Y as usize;
    let first = CUBE_POS_Z as usize * 4;
    let number = step.number as usize;
    let later = step.later as usize;
    let element = min(CUBE_POS_X as usize * 4 + UNIT_POS_Y as usize, hidden - 1);
    let width = 3 * hidden;

    let mut parts = Array::<f32>::new(4usize);
    #[unroll]
    for note in 0..4usize {
        parts[note] = 0f32;
    }
    if first < later {
        let mut next = Array::<usize>::new(4usize);
        #[unroll]
        for note in 0..4usize {
            next[note] = row(notes, &step, min(first + note, later - 1), number + 1) * width;
        }
        let of_weight = (direction * hidden + element) * width;
        let mut at = lane;
        while at < width {
            let factor = weight[of_weight + at];
            #[unroll]
            for note in 0..4usize {
                parts[note] += at_products[next[note] + at] * factor;
            }
            at += 32;
        }
    }
    let total = add_up(&parts, 4usize);
    let note = first + lane;
    if lane < 4 && note < step.active as usize {
        let at = row(notes, &step, note, number);
        let mut at_state = at_states[at * hidden + element];
        if note < later {
            at_state += total + through[row(notes, &step, note, number + 1) * hidden + element];
        }
        let of_gate = at * width + element;
        let of_kept = at * 5 * hidden + element;
        let reset = kept[of_kept];
        let update = kept[of_kept + hidden];
        let fresh = kept[of_kept + 2 * hidden];
        let product = kept[of_kept + 3 * hidden];
        let old = kept[of_kept + 4 * hidden];
        let at_fresh = at_state * (1f32 - update) * (1f32 - fresh * fresh);
        let at_update = at_state * (old - fresh) * update * (1f32 - update);
        let at_reset = at_fresh * product * reset * (1f32 - reset);
        at_inputs[of_gate] = at_reset;
        at_inputs[of_gate + hidden] = at_update;
        at_inputs[of_gate + 2 * hidden] = at_fresh;
        at_products[of_gate] = at_reset;
        at_products[of_gate + hidden] = at_update;
        at_products[of_gate + 2 * hidden] = at_fresh * reset;
        through[at * hidden + element] = at_state * update;
    }
}
