//! Multi-head self-attention over packed sequences.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::{Tensor, TensorData, activation};

use super::cpu::{CpuOps, Cut, has_kernels};
use super::layout::{Layout, ids};
use super::product::product;
use crate::device::Precision;
use crate::models::batch::Pass;
use crate::models::dropout::dropout as dropped;
#[cfg(feature = "gpu")]
use crate::models::gpu;

/// Added to the score of a key that is padding: its weight is then exactly 0 in f32.
const PADDED: f32 = -1e30;

/// Scaled dot-product attention of each token over its own sequence (Vaswani et al. 2017, equation 1).
///
/// `projected` is `[row, 3 hidden]`: queries, keys and values side by side. Gives `[row, hidden]`.
/// `dropout` is the probability that a weight is dropped in training.
pub fn attention(projected: Tensor<2>, layout: &Layout, heads: usize, dropout: f64, pass: Pass) -> Tensor<2> {
    #[cfg(feature = "gpu")]
    {
        let cut = gpu::Rows {
            lengths: layout.lengths(),
            stride: layout.stride(),
            heads,
        };
        if gpu::attends_by_tiles(&projected, cut) {
            let masks = pass.noise.and_then(|noise| noise.masks(dropout));
            return gpu::attention(projected, cut, masks);
        }
    }
    if let Some(stride) = layout.stride() {
        return portable(projected, layout, stride, heads, dropout, pass);
    }
    if has_kernels(&projected.device()) {
        let cut = Cut {
            lengths: Arc::new(layout.lengths().to_vec()),
            heads,
        };
        let masks = pass.noise.and_then(|noise| noise.masks(dropout));
        return Tensor::from_dispatch(Dispatch::packed_attention(projected.into_dispatch(), cut, masks));
    }
    let stride = layout.lengths().iter().copied().max().unwrap_or(0);
    let device = projected.device();
    let sequences = || layout.starts().into_iter().zip(layout.lengths());
    // A copy of the sequence's last row stands where there is none: its key is masked, its result dropped.
    let spread = sequences().flat_map(|(start, &length)| (0..stride).map(move |i| (start + i.min(length - 1)) as i32));
    let spread = projected.select(0, ids(spread.collect(), &device));
    let attended = portable(spread, layout, stride, heads, dropout, pass);
    let back = layout.lengths().iter().enumerate();
    let back = back.flat_map(|(sequence, &length)| (0..length).map(move |i| (sequence * stride + i) as i32));
    attended.select(0, ids(back.collect(), &device))
}

/// Attention in sequences of `stride` rows each.
fn portable(projected: Tensor<2>, layout: &Layout, stride: usize, heads: usize, dropout: f64, pass: Pass) -> Tensor<2> {
    let sequences = layout.lengths().len();
    let [_, width] = projected.dims();
    let (hidden, size) = (width / 3, width / 3 / heads);
    let split = projected
        .reshape([sequences, stride, 3, heads, size])
        .permute([2, 0, 3, 1, 4]);
    let part = |index: usize| -> Tensor<4> { split.clone().narrow(0, index, 1).squeeze_dim(0) };
    let scale = 1.0 / (size as f64).sqrt();
    let weights = weights([part(0), part(1)], layout, scale, pass.precision);
    let weights = dropped(pass.noise, weights, dropout);
    let attended = product(weights, part(2), pass.precision); // [sequence, head, token, size]
    attended.swap_dims(1, 2).reshape([sequences * stride, hidden])
}

/// The softmax over each sequence's keys of `scale * queries * keys`, `[sequence, head, token, key]`.
fn weights([queries, keys]: [Tensor<4>; 2], layout: &Layout, scale: f64, precision: Precision) -> Tensor<4> {
    let device = queries.device();
    let keys = keys.swap_dims(2, 3);
    #[cfg(feature = "gpu")]
    if gpu::has_kernels(&device) {
        return gpu::attention_weights(product(queries, keys, precision), layout.lengths(), scale);
    }
    let [sequences, stride] = [keys.dims()[0], keys.dims()[3]];
    let mut bias = vec![PADDED; sequences * stride];
    for (row, &length) in bias.chunks_mut(stride.max(1)).zip(layout.lengths()) {
        row[..length].fill(0.0);
    }
    let bias = Tensor::<4>::from_data(TensorData::new(bias, [sequences, 1, 1, stride]), &device);
    activation::softmax(product(queries * scale, keys, precision) + bias, 3)
}
