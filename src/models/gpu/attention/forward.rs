//! Attention of packed sequences tile by tile, with a running maximum (Dao et al. 2022). Nothing of the size of the scores
//! is in memory, and every sum is one cube's, in the order of the keys.
//!
//! A cube has some rows of one head of one sequence to itself and goes over all rows of the sequence. Cubes past a
//! sequence's end have nothing to go over; rows of padding give zeros.

use cubecl::prelude::*;

use super::tiles::{Corner, Quad, Tile, accumulate, column, draw, factor, load, multiply, put};
use crate::models::gpu::kernels::Cipher;

/// Numbers of a sequence in the list of sequences.
pub const ENTRIES: usize = 5;

/// The score of what is no key.
const NONE: f32 = -1e30;

/// What all cubes share.
#[derive(CubeLaunch, CubeType)]
pub struct Cut {
    /// Rows of all sequences.
    pub rows: u32,
    pub heads: u32,
    /// What products of queries and keys are multiplied by.
    pub scale: f32,
}

/// Where a cube is.
#[derive(CubeType)]
pub struct Place {
    /// The sequence's first row.
    pub row: usize,
    /// Its rows, those of padding included.
    pub rows: usize,
    /// Its tokens.
    pub length: usize,
    /// The first of the cube's own tokens.
    pub first: usize,
    /// Quads of a row of all heads.
    pub hidden: usize,
    /// The first quad of the head.
    pub head: usize,
    /// The first element of the dropout mask of the head.
    pub mask: Corner,
    /// Place of the sequence's first row in what has one number for each head and row.
    pub sums: usize,
}

/// Where this cube is in the list of sequences, [`ENTRIES`] numbers each: the first row, the rows, the tokens, and the block of
/// the cipher and the element of it where its dropout mask starts.
#[cube]
pub fn place(sequences: &Tensor<i32>, cut: &Cut, #[comptime] tile: Tile) -> Place {
    let entry = CUBE_POS_Z as usize * 5usize;
    let row = sequences[entry] as usize;
    let rows = sequences[entry + 1];
    let square = rows as u32 * rows as u32;
    Place {
        row,
        rows: rows as usize,
        length: sequences[entry + 2] as usize,
        first: CUBE_POS_X as usize * comptime!(tile.own()),
        hidden: cut.heads as usize * comptime!(tile.quads),
        head: CUBE_POS_Y as usize * comptime!(tile.quads),
        mask: Corner {
            block: sequences[entry + 3] as u32,
            start: sequences[entry + 4] as u32 + CUBE_POS_Y * square,
            stride: rows as u32,
        },
        sums: CUBE_POS_Y as usize * cut.rows as usize + row,
    }
}

/// How many of the rows from `first` on are tokens.
#[cube]
pub fn left(length: usize, first: usize) -> usize {
    select(first < length, length - min(first, length), 0usize)
}

/// The dropout mask's rectangle that starts at a query and a key.
#[cube]
pub fn corner(mask: &Corner, query: usize, key: usize) -> Corner {
    Corner {
        block: mask.block,
        start: mask.start + query as u32 * mask.stride + key as u32,
        stride: mask.stride,
    }
}

/// Sets `output` `[row, hidden]` and `log_sums` `[head, row]`, the logarithms of the softmax's sums, from `projected`
/// `[row, 3 hidden]`. A cube's own rows are queries.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn forward(
    output: &mut Tensor<Quad>,
    log_sums: &mut Tensor<f32>,
    projected: &Tensor<Quad>,
    sequences: &Tensor<i32>,
    cut: Cut,
    cipher: Cipher,
    #[comptime] tile: Tile,
) {
    let x = UNIT_POS_X as usize;
    let y = UNIT_POS_Y as usize;
    let at = place(sequences, &cut, tile);
    let stride = 3 * at.hidden;
    let start = at.row * stride + at.head;
    let mut queries = Shared::<[Quad]>::new_slice(comptime!(tile.own() * tile.pitch()));
    let mut keys = Shared::<[Quad]>::new_slice(comptime!(tile.other() * tile.pitch()));
    let mut values = Shared::<[Quad]>::new_slice(comptime!(tile.other() * tile.pitch()));
    let mut weights = Shared::<[Quad]>::new_slice(comptime!(tile.own() * (tile.across + 1)));
    let mut lanes = Shared::<[f32]>::new_slice(comptime!(tile.own() * tile.across));
    let mut bits = Shared::<[u32]>::new_slice(comptime!(tile.mask(tile.own(), tile.other())));
    let mut scores = Array::<f32>::new(16usize);
    let mut sums = Array::<Quad>::new(comptime!(4 * tile.columns()));
    #[unroll]
    for cell in 0..comptime!(4 * tile.columns()) {
        sums[cell] = Quad::new(0f32);
    }
    // Of each own row the largest score so far, and a unit's share of the sum.
    let mut most = Array::<f32>::new(4usize);
    let mut totals = Array::<f32>::new(4usize);
    #[unroll]
    for i in 0..4usize {
        most[i] = f32::new(NONE);
        totals[i] = 0f32;
    }
    load(
        &mut queries,
        projected,
        start + at.first * stride,
        left(at.length, at.first),
        stride,
        comptime!(tile.own()),
        tile,
    );
    let end = select(at.first < at.length, at.length, 0usize);
    let mut key = 0usize;
    while key < end {
        let mask = corner(&at.mask, at.first, key);
        let there = left(at.length, key);
        let of_keys = start + at.hidden + key * stride;
        sync_cube();
        load(
            &mut keys,
            projected,
            of_keys,
            there,
            stride,
            comptime!(tile.other()),
            tile,
        );
        load(
            &mut values,
            projected,
            of_keys + at.hidden,
            there,
            stride,
            comptime!(tile.other()),
            tile,
        );
        if comptime!(tile.dropped) {
            draw(
                &mut bits,
                &cipher,
                &mask,
                comptime!(tile.own()),
                comptime!(tile.other()),
                tile,
            );
        }
        sync_cube();
        multiply(&mut scores, &queries, &keys, tile);
        #[unroll]
        for i in 0..4usize {
            let mut largest = f32::new(NONE);
            #[unroll]
            for j in 0..4usize {
                let score = scores[comptime!(4 * i + j)] * cut.scale;
                let score = select(x + comptime!(j * tile.across) < there, score, f32::new(NONE));
                scores[comptime!(4 * i + j)] = score;
                largest = max(largest, score);
            }
            lanes[(y + comptime!(i * tile.down)) * comptime!(tile.across) + x] = largest;
        }
        sync_cube();
        #[unroll]
        for i in 0..4usize {
            let row = y + comptime!(i * tile.down);
            let mut largest = most[i];
            for other in 0..comptime!(tile.across) {
                largest = max(largest, lanes[row * comptime!(tile.across) + other]);
            }
            let shrink = (most[i] - largest).exp();
            most[i] = largest;
            #[unroll]
            for c in 0..comptime!(tile.columns()) {
                sums[comptime!(i * tile.columns() + c)] *= Quad::new(shrink);
            }
            let mut total = totals[i] * shrink;
            let mut kept = Quad::new(0f32);
            #[unroll]
            for j in 0..4usize {
                let power = (scores[comptime!(4 * i + j)] - largest).exp();
                total += power;
                let other = x + comptime!(j * tile.across);
                kept.insert(
                    j,
                    power * factor(&bits, &cipher, &mask, row, other, comptime!(tile.other()), tile),
                );
            }
            totals[i] = total;
            put(&mut weights, i, kept, tile);
        }
        sync_cube();
        accumulate(&mut sums, &weights, &values, tile);
        key += comptime!(tile.other());
    }
    #[unroll]
    for i in 0..4usize {
        lanes[(y + comptime!(i * tile.down)) * comptime!(tile.across) + x] = totals[i];
    }
    sync_cube();
    #[unroll]
    for i in 0..4usize {
        let row = y + comptime!(i * tile.down);
        let mut total = 0f32;
        for other in 0..comptime!(tile.across) {
            total += lanes[row * comptime!(tile.across) + other];
        }
        let token = at.first + row;
        if token < at.rows {
            let is_token = token < at.length;
            let share = select(is_token, 1f32 / total, 0f32);
            let to = (at.row + token) * at.hidden + at.head;
            #[unroll]
            for c in 0..comptime!(tile.columns()) {
                if x + comptime!(c * tile.across) < comptime!(tile.quads) {
                    output[to + column(c, tile)] = sums[comptime!(i * tile.columns() + c)] * Quad::new(share);
                }
            }
            if x == 0 {
                log_sums[at.sums + token] = select(is_token, most[i] + total.ln(), 0f32);
            }
        }
    }
}
