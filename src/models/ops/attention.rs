//! Multi-head self-attention over packed sequences.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use super::cpu::{CpuOps, Cut};
use super::{is_cpu, portable};
use crate::models::Pass;
use crate::models::bert::{Layout, packing::ids};

/// Scaled dot-product attention of each token over its own sequence (Vaswani et al. 2017, equation 1).
///
/// `projected` is `[row, 3 hidden]`: queries, keys and values side by side. Gives `[row, hidden]`.
/// `dropout` is the probability that a weight is dropped in training.
pub fn attention(projected: Tensor<2>, layout: &Layout, heads: usize, dropout: f64, pass: Pass) -> Tensor<2> {
    if let Some(stride) = layout.stride() {
        return portable::attention(projected, layout, stride, heads, dropout, pass);
    }
    if is_cpu(&projected.device()) {
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
    let attended = portable::attention(spread, layout, stride, heads, dropout, pass);
    let back = layout.lengths().iter().enumerate();
    let back = back.flat_map(|(sequence, &length)| (0..length).map(move |i| (sequence * stride + i) as i32));
    attended.select(0, ids(back.collect(), &device))
}
