//! The operators as plain tensor operations.

use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Tensor, TensorData, activation, module};

use super::{Extent, NormParameters, product};
use crate::models::bert::Layout;
use crate::models::{Pass, Precision, batch};

/// Added to the score of a key that is padding: its weight is then exactly 0 in f32.
const PADDED: f32 = -1e30;

/// Written out: Burn's own takes another derivative on GPUs, that of the tanh approximation.
pub(super) fn gelu(rows: Tensor<2>) -> Tensor<2> {
    let share = ((rows.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0) * 0.5;
    rows * share
}

pub(super) fn norm(rows: Tensor<2>, parameters: NormParameters) -> Tensor<2> {
    let centred = rows.clone() - rows.mean_dim(1);
    let variance = centred.clone().square().mean_dim(1);
    let normalised = centred / (variance + parameters.epsilon).sqrt();
    normalised * parameters.weight.unsqueeze::<2>() + parameters.bias.unsqueeze::<2>()
}

/// Attention in sequences of `stride` rows each.
pub(super) fn attention(
    projected: Tensor<2>,
    layout: &Layout,
    stride: usize,
    heads: usize,
    dropout: f64,
    pass: Pass,
) -> Tensor<2> {
    let sequences = layout.lengths().len();
    let [_, width] = projected.dims();
    let (hidden, size) = (width / 3, width / 3 / heads);
    let device = projected.device();
    let split = projected
        .reshape([sequences, stride, 3, heads, size])
        .permute([2, 0, 3, 1, 4]);
    let part = |index: usize| -> Tensor<4> { split.clone().narrow(0, index, 1).squeeze_dim(0) };
    let mut bias = vec![PADDED; sequences * stride];
    for (row, &length) in bias.chunks_mut(stride.max(1)).zip(layout.lengths()) {
        row[..length].fill(0.0);
    }
    let bias = Tensor::<4>::from_data(TensorData::new(bias, [sequences, 1, 1, stride]), &device);
    let queries = part(0) * (1.0 / (size as f64).sqrt());
    let scores = product(queries, part(1).swap_dims(2, 3), pass.precision) + bias;
    let weights = activation::softmax(scores, 3);
    let weights = crate::models::dropout::dropout(pass.noise, weights, dropout);
    let attended = product(weights, part(2), pass.precision); // [sequence, head, token, size]
    attended.swap_dims(1, 2).reshape([sequences * stride, hidden])
}

pub(super) fn convolution(
    words: Tensor<3>,
    extent: &Extent,
    weight: Tensor<3>,
    bias: Tensor<1>,
    precision: Precision,
) -> Tensor<3> {
    // Zero vectors at padding: what is read past a note's end is what is read past the end of the batch.
    let real = batch::mask(&extent.lengths, words.dims()[1], &words.device());
    let words = (words * real.unsqueeze_dim(2)).swap_dims(1, 2);
    let options = ConvOptions::new([1], [weight.dims()[2] / 2], [1], 1);
    let convolved = match precision {
        Precision::F32 => module::conv1d(words, weight, Some(bias), options),
        Precision::Bf16 => {
            let convolved = module::conv1d(words.cast(DType::BF16), weight.cast(DType::BF16), None, options);
            convolved.cast(DType::F32) + bias.reshape([1, -1, 1])
        }
    };
    activation::tanh(convolved).swap_dims(1, 2)
}
