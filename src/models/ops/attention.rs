//! Multi-head self-attention over packed sequences.

use burn::tensor::{Tensor, TensorData, activation};

use crate::models::bert::Layout;
use crate::models::dropout::Noise;

/// Added to the score of a key that is padding: its weight is then exactly 0 in f32.
const PADDED: f32 = -1e30;

/// Scaled dot-product attention of each token over its own sequence (Vaswani et al. 2017, equation 1).
///
/// `projected` is `[row, 3 hidden]`: queries, keys and values side by side. Gives `[row, hidden]`.
/// `dropout` drops attention weights.
pub fn attention(projected: Tensor<2>, layout: &Layout, heads: usize, dropout: Option<(&Noise, f64)>) -> Tensor<2> {
    match layout.stride() {
        Some(stride) => padded(projected, layout, stride, heads, dropout),
        None => {
            let stride = layout.lengths().iter().copied().max().unwrap_or(0);
            let out = padded(spread(projected, layout, stride), layout, stride, heads, dropout);
            gathered(out, layout, stride)
        }
    }
}

fn spread(rows: Tensor<2>, layout: &Layout, stride: usize) -> Tensor<2> {
    let mut index = Vec::new();
    for (start, &length) in layout.starts().into_iter().zip(layout.lengths()) {
        index.extend((0..stride).map(|i| (start + i.min(length - 1)) as i32));
    }
    let device = rows.device();
    rows.select(0, crate::models::bert::packing::ids(index, &device))
}

fn gathered(rows: Tensor<2>, layout: &Layout, stride: usize) -> Tensor<2> {
    let mut index = Vec::new();
    for (s, &length) in layout.lengths().iter().enumerate() {
        index.extend((0..length).map(|i| (s * stride + i) as i32));
    }
    let device = rows.device();
    rows.select(0, crate::models::bert::packing::ids(index, &device))
}

/// Sequences of `stride` rows each.
fn padded(
    projected: Tensor<2>,
    layout: &Layout,
    stride: usize,
    heads: usize,
    dropout: Option<(&Noise, f64)>,
) -> Tensor<2> {
    let sequences = layout.lengths().len();
    let [_, width] = projected.dims();
    let (hidden, size) = (width / 3, width / 3 / heads);
    let device = projected.device();
    let split = projected
        .reshape([sequences, stride, 3, heads, size])
        .permute([2, 0, 3, 1, 4]);
    let part = |index: usize| -> Tensor<4> { split.clone().slice([index..index + 1]).squeeze_dim(0) };
    let mut bias = vec![PADDED; sequences * stride];
    for (row, &length) in bias.chunks_mut(stride.max(1)).zip(layout.lengths()) {
        row[..length].fill(0.0);
    }
    let bias = Tensor::<4>::from_data(TensorData::new(bias, [sequences, 1, 1, stride]), &device);
    let queries = part(0) * (1.0 / (size as f64).sqrt());
    let scores = queries.matmul(part(1).swap_dims(2, 3)) + bias;
    let weights = activation::softmax(scores, 3);
    let weights = match dropout {
        Some((noise, probability)) => noise.dropout(weights, probability),
        None => weights,
    };
    let attended = weights.matmul(part(2)); // [sequence, head, token, size]
    attended.swap_dims(1, 2).reshape([sequences * stride, hidden])
}
