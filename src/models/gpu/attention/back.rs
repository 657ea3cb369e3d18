//! The way back of attention tile by tile (Dao et al. 2022): the weights are computed anew from what the logarithms of the
//! softmax's sums were. One kernel has cubes of queries, another cubes of keys, so that no two cubes add to the same number.

use cubecl::prelude::*;

use super::forward::{Cut, corner, left, place};
use super::tiles::{Quad, Tile, accumulate, column, draw, factor, load, multiply, put};
use crate::models::gpu::kernels::Cipher;

/// The product of each row's output and the gradient there, head by head, `[head, row]`. A unit has one.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn along(
    products: &mut Tensor<f32>,
    output: &Tensor<Quad>,
    gradient: &Tensor<Quad>,
    rows: u32,
    heads: u32,
    #[comptime] quads: usize,
) {
    let row = ABSOLUTE_POS / heads as usize;
    let head = ABSOLUTE_POS % heads as usize;
    if row >= rows as usize {
        terminate!();
    }
    let start = ABSOLUTE_POS * quads;
    let mut sum = 0f32;
    for quad in 0..quads {
        let product = output[start + quad] * gradient[start + quad];
        #[unroll]
        for part in 0..4usize {
            sum += product.extract(part);
        }
    }
    products[head * rows as usize + row] = sum;
}

/// A weight of the softmax, 0 for what is no pair of tokens.
#[cube]
fn weight(score: f32, log_sum: f32, is_pair: bool) -> f32 {
    select(is_pair, (score - log_sum).exp(), 0f32)
}

/// The gradient at the queries, into the first third of each row of `output` `[row, 3 hidden]`, from that at the result.
/// `along` is [`along`]'s. A cube's own rows are queries.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn back_to_queries(
    output: &mut Tensor<Quad>,
    gradient: &Tensor<Quad>,
    projected: &Tensor<Quad>,
    log_sums: &Tensor<f32>,
    along: &Tensor<f32>,
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
    let mut slopes = Shared::<[Quad]>::new_slice(comptime!(tile.own() * tile.pitch()));
    let mut keys = Shared::<[Quad]>::new_slice(comptime!(tile.other() * tile.pitch()));
    let mut values = Shared::<[Quad]>::new_slice(comptime!(tile.other() * tile.pitch()));
    let mut weights = Shared::<[Quad]>::new_slice(comptime!(tile.own() * (tile.across + 1)));
    let mut bits = Shared::<[u32]>::new_slice(comptime!(tile.mask(tile.own(), tile.other())));
    let mut scores = Array::<f32>::new(16usize);
    let mut at_weights = Array::<f32>::new(16usize);
    let mut sums = Array::<Quad>::new(comptime!(4 * tile.columns()));
    #[unroll]
    for cell in 0..comptime!(4 * tile.columns()) {
        sums[cell] = Quad::new(0f32);
    }
    let mut logs = Array::<f32>::new(4usize);
    let mut means = Array::<f32>::new(4usize);
    #[unroll]
    for i in 0..4usize {
        let token = at.first + y + comptime!(i * tile.down);
        logs[i] = 0f32;
        means[i] = 0f32;
        if token < at.length {
            logs[i] = log_sums[at.sums + token];
            means[i] = along[at.sums + token];
        }
    }
    let own = left(at.length, at.first);
    load(
        &mut queries,
        projected,
        start + at.first * stride,
        own,
        stride,
        comptime!(tile.own()),
        tile,
    );
    let of_slopes = (at.row + at.first) * at.hidden + at.head;
    load(
        &mut slopes,
        gradient,
        of_slopes,
        own,
        at.hidden,
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
        multiply(&mut at_weights, &slopes, &values, tile);
        #[unroll]
        for i in 0..4usize {
            let row = y + comptime!(i * tile.down);
            let mut at_scores = Quad::new(0f32);
            #[unroll]
            for j in 0..4usize {
                let other = x + comptime!(j * tile.across);
                let weight = weight(
                    scores[comptime!(4 * i + j)] * cut.scale,
                    logs[i],
                    row < own && other < there,
                );
                let factor = factor(&bits, &cipher, &mask, row, other, comptime!(tile.other()), tile);
                let slope = at_weights[comptime!(4 * i + j)] * factor - means[i];
                at_scores.insert(j, weight * slope * cut.scale);
            }
            put(&mut weights, i, at_scores, tile);
        }
        sync_cube();
        accumulate(&mut sums, &weights, &keys, tile);
        key += comptime!(tile.other());
    }
    #[unroll]
    for i in 0..4usize {
        let token = at.first + y + comptime!(i * tile.down);
        if token < at.rows {
            let to = start + token * stride;
            #[unroll]
            for c in 0..comptime!(tile.columns()) {
                if x + comptime!(c * tile.across) < comptime!(tile.quads) {
                    output[to + column(c, tile)] = sums[comptime!(i * tile.columns() + c)];
                }
            }
        }
    }
}

/// The gradients at the keys and values, into the other thirds. A cube's own rows are keys, and what it goes over are
/// queries.
#[cube(launch_unchecked, address_type = "dynamic")]
pub fn back_to_keys(
    output: &mut Tensor<Quad>,
    gradient: &Tensor<Quad>,
    projected: &Tensor<Quad>,
    log_sums: &Tensor<f32>,
    along: &Tensor<f32>,
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
    let mut keys = Shared::<[Quad]>::new_slice(comptime!(tile.own() * tile.pitch()));
    let mut values = Shared::<[Quad]>::new_slice(comptime!(tile.own() * tile.pitch()));
    let mut queries = Shared::<[Quad]>::new_slice(comptime!(tile.other() * tile.pitch()));
    let mut slopes = Shared::<[Quad]>::new_slice(comptime!(tile.other() * tile.pitch()));
    let mut of_values = Shared::<[Quad]>::new_slice(comptime!(tile.own() * (tile.across + 1)));
    let mut of_keys = Shared::<[Quad]>::new_slice(comptime!(tile.own() * (tile.across + 1)));
    let mut bits = Shared::<[u32]>::new_slice(comptime!(tile.mask(tile.other(), tile.own())));
    let mut scores = Array::<f32>::new(16usize);
    let mut at_weights = Array::<f32>::new(16usize);
    let mut at_keys = Array::<Quad>::new(comptime!(4 * tile.columns()));
    let mut at_values = Array::<Quad>::new(comptime!(4 * tile.columns()));
    #[unroll]
    for cell in 0..comptime!(4 * tile.columns()) {
        at_keys[cell] = Quad::new(0f32);
        at_values[cell] = Quad::new(0f32);
    }
    let own = left(at.length, at.first);
    let from = start + at.first * stride + at.hidden;
    load(&mut keys, projected, from, own, stride, comptime!(tile.own()), tile);
    load(
        &mut values,
        projected,
        from + at.hidden,
        own,
        stride,
        comptime!(tile.own()),
        tile,
    );
    let end = select(at.first < at.length, at.length, 0usize);
    let mut query = 0usize;
    while query < end {
        let mask = corner(&at.mask, query, at.first);
        let there = left(at.length, query);
        let of_slopes = (at.row + query) * at.hidden + at.head;
        sync_cube();
        load(
            &mut queries,
            projected,
            start + query * stride,
            there,
            stride,
            comptime!(tile.other()),
            tile,
        );
        load(
            &mut slopes,
            gradient,
            of_slopes,
            there,
            at.hidden,
            comptime!(tile.other()),
            tile,
        );
        if comptime!(tile.dropped) {
            draw(
                &mut bits,
                &cipher,
                &mask,
                comptime!(tile.other()),
                comptime!(tile.own()),
                tile,
            );
        }
        sync_cube();
        multiply(&mut scores, &keys, &queries, tile);
        multiply(&mut at_weights, &values, &slopes, tile);
        let mut kept = Array::<Quad>::new(4usize);
        let mut at_scores = Array::<Quad>::new(4usize);
        #[unroll]
        for i in 0..4usize {
            kept[i] = Quad::new(0f32);
            at_scores[i] = Quad::new(0f32);
        }
        #[unroll]
        for j in 0..4usize {
            let other = x + comptime!(j * tile.across);
            let mut log = 0f32;
            let mut mean = 0f32;
            if other < there {
                log = log_sums[at.sums + query + other];
                mean = along[at.sums + query + other];
            }
            #[unroll]
            for i in 0..4usize {
                let row = y + comptime!(i * tile.down);
                let weight = weight(
                    scores[comptime!(4 * i + j)] * cut.scale,
                    log,
                    row < own && other < there,
                );
                let factor = factor(&bits, &cipher, &mask, other, row, comptime!(tile.own()), tile);
                let slope = at_weights[comptime!(4 * i + j)] * factor - mean;
                let mut row_kept = kept[i];
                row_kept.insert(j, weight * factor);
                kept[i] = row_kept;
                let mut row_scores = at_scores[i];
                row_scores.insert(j, weight * slope * cut.scale);
                at_scores[i] = row_scores;
            }
        }
        #[unroll]
        for i in 0..4usize {
            put(&mut of_values, i, kept[i], tile);
            put(&mut of_keys, i, at_scores[i], tile);
        }
        sync_cube();
        accumulate(&mut at_values, &of_values, &slopes, tile);
        accumulate(&mut at_keys, &of_keys, &queries, tile);
        query += comptime!(tile.other());
    }
    #[unroll]
    for i in 0..4usize {
        let token = at.first + y + comptime!(i * tile.down);
        if token < at.rows {
            let to = start + token * stride + at.hidden;
            #[unroll]
            for c in 0..comptime!(tile.columns()) {
                if x + comptime!(c * tile.across) < comptime!(tile.quads) {
                    output[to + column(c, tile)] = at_keys[comptime!(i * tile.columns() + c)];
                    output[to + at.hidden + column(c, tile)] = at_values[comptime!(i * tile.columns() + c)];
                }
            }
        }
    }
}
