//! The kernels, in CubeCL's Rust: compiled for the GPU when they are first needed.

use cubecl::prelude::*;

/// Elements that one block of the cipher draws.
pub const BLOCK: usize = 32;

/// Key, stream and limit of a dropout mask.
#[derive(CubeLaunch, CubeType)]
pub struct Cipher {
    key_0: u32,
    key_1: u32,
    key_2: u32,
    key_3: u32,
    key_4: u32,
    key_5: u32,
    key_6: u32,
    key_7: u32,
    stream_low: u32,
    stream_high: u32,
    /// A draw below it drops its element.
    dropped: u32,
    /// What a kept element is.
    pub kept: f32,
}

/// A dropout mask, one block of the cipher and so [`BLOCK`] elements a unit. The same numbers as
/// `crate::kernels::dropout`.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn mask(output: &mut Tensor<f32>, cipher: Cipher) {
    let block = ABSOLUTE_POS;
    let first = block * 32usize;
    if first >= output.len() {
        terminate!();
    }
    let kept = keep(&cipher, block as u32);
    #[unroll]
    for place in 0..32usize {
        if first + place < output.len() {
            output[first + place] = select((kept >> comptime!(place as u32)) & 1u32 == 1u32, cipher.kept, 0f32);
        }
    }
}

/// Which of a block's elements are kept, the first in the lowest bit: ChaCha (Bernstein 2008) with eight rounds, two bytes
/// an element.
#[cube]
pub fn keep(cipher: &Cipher, block: u32) -> u32 {
    let mut start = Array::<u32>::new(16usize);
    start[0] = 0x6170_7865u32;
    start[1] = 0x3320_646eu32;
    start[2] = 0x7962_2d32u32;
    start[3] = 0x6b20_6574u32;
    start[4] = cipher.key_0;
    start[5] = cipher.key_1;
    start[6] = cipher.key_2;
    start[7] = cipher.key_3;
    start[8] = cipher.key_4;
    start[9] = cipher.key_5;
    start[10] = cipher.key_6;
    start[11] = cipher.key_7;
    start[12] = block;
    start[13] = 0u32;
    start[14] = cipher.stream_low;
    start[15] = cipher.stream_high;
    let mut state = Array::<u32>::new(16usize);
    #[unroll]
    for word in 0..16usize {
        state[word] = start[word];
    }
    #[unroll]
    for _ in 0..4 {
        quarter_round(&mut state, 0usize, 4usize, 8usize, 12usize);
        quarter_round(&mut state, 1usize, 5usize, 9usize, 13usize);
        quarter_round(&mut state, 2usize, 6usize, 10usize, 14usize);
        quarter_round(&mut state, 3usize, 7usize, 11usize, 15usize);
        quarter_round(&mut state, 0usize, 5usize, 10usize, 15usize);
        quarter_round(&mut state, 1usize, 6usize, 11usize, 12usize);
        quarter_round(&mut state, 2usize, 7usize, 8usize, 13usize);
        quarter_round(&mut state, 3usize, 4usize, 9usize, 14usize);
    }
    let mut kept = 0u32;
    #[unroll]
    for word in 0..16usize {
        let drawn = state[word] + start[word];
        let even = select((drawn & 0xffffu32) >= cipher.dropped, 1u32, 0u32);
        let odd = select((drawn >> 16u32) >= cipher.dropped, 2u32, 0u32);
        kept |= (even | odd) << comptime!(2 * word as u32);
    }
    kept
}

#[cube]
fn quarter_round(
    state: &mut Array<u32>,
    #[comptime] a: usize,
    #[comptime] b: usize,
    #[comptime] c: usize,
    #[comptime] d: usize,
) {
    state[a] += state[b];
    state[d] = rotate_left(state[d] ^ state[a], 16u32);
    state[c] += state[d];
    state[b] = rotate_left(state[b] ^ state[c], 12u32);
    state[a] += state[b];
    state[d] = rotate_left(state[d] ^ state[a], 8u32);
    state[c] += state[d];
    state[b] = rotate_left(state[b] ^ state[c], 7u32);
}

#[cube]
fn rotate_left(word: u32, #[comptime] by: u32) -> u32 {
    (word << by) | (word >> comptime!(32 - by))
}

/// The sum of some rows for each entry: `output[entry]` is that of `rows[order[i]]` for `i` from `starts[entry]` to
/// `starts[entry + 1]`, in this order. One unit an element.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn sum_rows(output: &mut Tensor<f32>, rows: &Tensor<f32>, order: &Tensor<i32>, starts: &Tensor<i32>, width: usize) {
    if ABSOLUTE_POS >= output.len() {
        terminate!();
    }
    let entry = ABSOLUTE_POS / width;
    let column = ABSOLUTE_POS % width;
    let mut sum = 0f32;
    for place in starts[entry] as usize..starts[entry + 1] as usize {
        sum += rows[order[place] as usize * width + column];
    }
    output[ABSOLUTE_POS] = sum;
}
