//! Sums down columns and along rows, a cube's first axis sharing each.

use cubecl::prelude::*;

/// Units that share a sum along a row, and columns of a cube.
pub const LANES: u32 = 32;
/// Rows of a cube that sums along rows.
pub const ROWS: u32 = 4;
/// Units that share a sum down a column.
pub const STRIPES: u32 = 8;

/// The sum of each column over each piece of `piece` rows, `[piece, column]`, from `[row, column]`.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn column_sums(output: &mut Tensor<f32>, rows: &Tensor<f32>, height: u32, width: u32, piece: u32) {
    let column = (CUBE_POS_X * 32 + UNIT_POS_X) as usize;
    let stripe = UNIT_POS_Y as usize;
    let start = (CUBE_POS_Y * piece) as usize;
    let end = min(start + piece as usize, height as usize);
    let width = width as usize;
    let mut sum = 0f32;
    if column < width {
        let mut row = start + stripe;
        while row < end {
            sum += rows[row * width + column];
            row += 8;
        }
    }
    let mut shared = Shared::<[f32]>::new_slice(256usize);
    shared[stripe * 32 + UNIT_POS_X as usize] = sum;
    sync_cube();
    if stripe == 0 && column < width {
        let mut total = 0f32;
        #[unroll]
        for stripe in 0..8usize {
            total += shared[stripe * 32 + UNIT_POS_X as usize];
        }
        output[CUBE_POS_Y as usize * width + column] = total;
    }
}

/// The sum of what a row's units hold, for each of them.
#[cube]
fn along(value: f32) -> f32 {
    let lane = UNIT_POS_X as usize;
    let row = UNIT_POS_Y as usize * 32;
    let mut shared = Shared::<[f32]>::new_slice(128usize);
    shared[row + lane] = value;
    sync_cube();
    let mut total = 0f32;
    for other in 0..32usize {
        total += shared[row + other];
    }
    total
}

/// The largest of what a row's units hold.
#[cube]
fn largest(value: f32) -> f32 {
    let lane = UNIT_POS_X as usize;
    let row = UNIT_POS_Y as usize * 32;
    let mut shared = Shared::<[f32]>::new_slice(128usize);
    shared[row + lane] = value;
    sync_cube();
    let mut most = shared[row];
    for other in 1..32usize {
        most = max(most, shared[row + other]);
    }
    most
}

/// Layer normalisation of each row, `[row, dimension]`, with the normalised rows and the inverse deviations, `[row, 1]`.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn norm(
    output: &mut Tensor<f32>,
    normalised: &mut Tensor<f32>,
    inverse: &mut Tensor<f32>,
    rows: &Tensor<f32>,
    weight: &Tensor<f32>,
    bias: &Tensor<f32>,
    height: u32,
    width: u32,
    epsilon: f32,
) {
    let lane = UNIT_POS_X as usize;
    let mine = CUBE_POS * 4 + UNIT_POS_Y as usize;
    let width = width as usize;
    // Past the end the last row is done once more, and written as it is.
    let row = min(mine, height as usize - 1);
    let start = row * width;
    let mut sum = 0f32;
    let mut at = lane;
    while at < width {
        sum += rows[start + at];
        at += 32;
    }
    let mean = along(sum) / width as f32;
    let mut squares = 0f32;
    let mut at = lane;
    while at < width {
        let centred = rows[start + at] - mean;
        squares += centred * centred;
        at += 32;
    }
    let factor = 1f32 / (along(squares) / width as f32 + epsilon).sqrt();
    let mut at = lane;
    while at < width {
        let value = (rows[start + at] - mean) * factor;
        normalised[start + at] = value;
        output[start + at] = value * weight[at] + bias[at];
        at += 32;
    }
    if lane == 0 {
        inverse[row] = factor;
    }
}

/// The gradient at the rows of a layer norm, from that at its output.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn norm_back(
    output: &mut Tensor<f32>,
    gradient: &Tensor<f32>,
    normalised: &Tensor<f32>,
    inverse: &Tensor<f32>,
    weight: &Tensor<f32>,
    height: u32,
    width: u32,
) {
    let lane = UNIT_POS_X as usize;
    let mine = CUBE_POS * 4 + UNIT_POS_Y as usize;
    let width = width as usize;
    let row = min(mine, height as usize - 1);
    let start = row * width;
    let mut sum = 0f32;
    let mut product = 0f32;
    let mut at = lane;
    while at < width {
        let scaled = gradient[start + at] * weight[at];
        sum += scaled;
        product += scaled * normalised[start + at];
        at += 32;
    }
    let mean = along(sum) / width as f32;
    let slope = along(product) / width as f32;
    let factor = inverse[row];
    let mut at = lane;
    while at < width {
        let scaled = gradient[start + at] * weight[at];
        output[start + at] = factor * (scaled - mean - normalised[start + at] * slope);
        at += 32;
    }
}

/// `softmax(scale * scores)` over the first `lengths[sequence]` entries of each row, 0 past them; each sequence has
/// `share` rows.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn softmax(
    output: &mut Tensor<f32>,
    scores: &Tensor<f32>,
    lengths: &Tensor<i32>,
    height: u32,
    width: u32,
    share: u32,
    scale: f32,
) {
    let lane = UNIT_POS_X as usize;
    let mine = CUBE_POS * 4 + UNIT_POS_Y as usize;
    let width = width as usize;
    let row = min(mine, height as usize - 1);
    let start = row * width;
    let length = lengths[row / share as usize] as usize;
    let mut most = f32::new(-1e30);
    let mut at = lane;
    while at < length {
        most = max(most, scores[start + at] * scale);
        at += 32;
    }
    let most = largest(most);
    let mut sum = 0f32;
    let mut at = lane;
    while at < length {
        sum += (scores[start + at] * scale - most).exp();
        at += 32;
    }
    let factor = 1f32 / along(sum);
    let mut at = lane;
    while at < width {
        let mut value = 0f32;
        if at < length {
            value = (scores[start + at] * scale - most).exp() * factor;
        }
        output[start + at] = value;
        at += 32;
    }
}

/// The gradient at the scores of [`softmax`], from that at its weights.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn softmax_back(
    output: &mut Tensor<f32>,
    gradient: &Tensor<f32>,
    weights: &Tensor<f32>,
    height: u32,
    width: u32,
    scale: f32,
) {
    let lane = UNIT_POS_X as usize;
    let mine = CUBE_POS * 4 + UNIT_POS_Y as usize;
    let width = width as usize;
    let row = min(mine, height as usize - 1);
    let start = row * width;
    let mut sum = 0f32;
    let mut at = lane;
    while at < width {
        sum += gradient[start + at] * weights[start + at];
        at += 32;
    }
    let mean = along(sum);
    let mut at = lane;
    while at < width {
        output[start + at] = weights[start + at] * (gradient[start + at] - mean) * scale;
        at += 32;
    }
}

/// The numbers of an Adam step, as `crate::kernels::adam` has them.
#[derive(CubeLaunch, CubeType)]
pub struct AdamFactors {
    penalty: f32,
    shrink: f32,
    beta_1: f32,
    beta_2: f32,
    /// By what the first moment is divided, then the second's, before the quotient.
    correction_1: f32,
    correction_2: f32,
    epsilon: f32,
    rate: f32,
}

/// The new value and moments of each element.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn adam(
    value: &mut Tensor<f32>,
    first: &mut Tensor<f32>,
    second: &mut Tensor<f32>,
    old_value: &Tensor<f32>,
    old_first: &Tensor<f32>,
    old_second: &Tensor<f32>,
    gradient: &Tensor<f32>,
    factors: AdamFactors,
) {
    let at = ABSOLUTE_POS;
    if at >= value.len() {
        terminate!();
    }
    let old = old_value[at];
    let slope = gradient[at] + old * factors.penalty;
    let mean = old_first[at] * factors.beta_1 + slope * (1f32 - factors.beta_1);
    let square = old_second[at] * factors.beta_2 + slope * slope * (1f32 - factors.beta_2);
    let root = (square / factors.correction_2).sqrt() + factors.epsilon;
    value[at] = old * factors.shrink - mean / factors.correction_1 / root * factors.rate;
    first[at] = mean;
    second[at] = square;
}
