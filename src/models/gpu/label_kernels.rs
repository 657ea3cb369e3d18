//! Label-wise attention between its products: of each label's scores and of what it reads of each token, the attention's
//! mean; and back. The attention itself is never in memory.

use cubecl::prelude::*;

/// Units that share a label's row.
pub const LANES: u32 = 256;

/// Of each note and label the attention's mean of what is read, `[note, code]`, and the logarithm of the softmax's sum.
/// `both` is `[note, 2 code, token]`: the scores of all labels, then what they read. A note without a token has mean 0. A
/// cube has one row.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn read(
    means: &mut Tensor<f32>,
    log_sums: &mut Tensor<f32>,
    both: &Tensor<f32>,
    lengths: &Tensor<i32>,
    codes: u32,
    width: u32,
) {
    let lane = UNIT_POS_X as usize;
    let note = CUBE_POS_Y as usize;
    let code = CUBE_POS_X as usize;
    let codes = codes as usize;
    let width = width as usize;
    let length = lengths[note] as usize;
    let of_scores = (note * 2 * codes + code) * width;
    let of_values = of_scores + codes * width;
    let mut most = f32::new(-1e30);
    let mut sum = 0f32;
    let mut mean = 0f32;
    let mut at = lane;
    while at < length {
        let score = both[of_scores + at];
        let largest = max(most, score);
        let shrink = (most - largest).exp();
        let power = (score - largest).exp();
        sum = sum * shrink + power;
        mean = mean * shrink + power * both[of_values + at];
        most = largest;
        at += 256;
    }
    let mut mosts = Shared::<[f32]>::new_slice(256usize);
    let mut sums = Shared::<[f32]>::new_slice(256usize);
    let mut values = Shared::<[f32]>::new_slice(256usize);
    mosts[lane] = most;
    sums[lane] = sum;
    values[lane] = mean;
    // Two halves are joined, eight times.
    #[unroll]
    for step in 0..8usize {
        let half = comptime!(128usize >> step);
        sync_cube();
        if lane < half {
            let first = mosts[lane];
            let second = mosts[lane + half];
            let largest = max(first, second);
            let shrink = (first - largest).exp();
            let other = (second - largest).exp();
            mosts[lane] = largest;
            sums[lane] = sums[lane] * shrink + sums[lane + half] * other;
            values[lane] = values[lane] * shrink + values[lane + half] * other;
        }
    }
    if lane == 0 {
        let to = note * codes + code;
        let is_read = length > 0;
        means[to] = select(is_read, values[0] / sums[0], 0f32);
        log_sums[to] = select(is_read, mosts[0] + sums[0].ln(), 0f32);
    }
}

/// The gradients at both, `[note, 2 code, token]`, from those at the means: `a m'` at what is read, with a the attention,
/// and `a m' (read - mean)` at the scores. A unit has one token of one label.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn read_back(
    output: &mut Tensor<f32>,
    at_means: &Tensor<f32>,
    both: &Tensor<f32>,
    means: &Tensor<f32>,
    log_sums: &Tensor<f32>,
    lengths: &Tensor<i32>,
    codes: u32,
    width: u32,
) {
    let token = (CUBE_POS_X * 256 + UNIT_POS_X) as usize;
    let code = CUBE_POS_Y as usize;
    let note = CUBE_POS_Z as usize;
    let codes = codes as usize;
    let width = width as usize;
    if token >= width {
        terminate!();
    }
    let row = note * codes + code;
    let of_scores = (note * 2 * codes + code) * width + token;
    let of_values = of_scores + codes * width;
    let mut at_value = 0f32;
    let mut at_score = 0f32;
    if token < lengths[note] as usize {
        at_value = (both[of_scores] - log_sums[row]).exp() * at_means[row];
        at_score = at_value * (both[of_values] - means[row]);
    }
    output[of_scores] = at_score;
    output[of_values] = at_value;
}
