//! Layer normalisation, alone and over a sum with dropout.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use super::cpu::{CpuOps, has_kernels};
use crate::models::dropout::{Noise, dropout};
#[cfg(feature = "gpu")]
use crate::models::gpu;

/// A layer norm's parameters.
#[derive(Clone, Debug)]
pub struct NormParameters {
    /// `[dimension]`.
    pub weight: Tensor<1>,
    /// `[dimension]`.
    pub bias: Tensor<1>,
    /// Added to the variance.
    pub epsilon: f64,
}

/// Layer normalisation (Ba et al. 2016) of each row of `[row, dimension]`, with the biased variance.
pub fn norm(rows: Tensor<2>, parameters: NormParameters) -> Tensor<2> {
    if !has_kernels(&rows.device()) {
        return portable(rows, parameters);
    }
    let NormParameters { weight, bias, epsilon } = parameters;
    let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::row_norm(rows.into_dispatch(), weight, bias, epsilon))
}

/// `norm(residual + dropout(rows))`, where each sub-layer of a transformer ends.
pub fn add_norm(
    rows: Tensor<2>,
    residual: Tensor<2>,
    parameters: NormParameters,
    noise: Option<&Noise>,
    probability: f64,
) -> Tensor<2> {
    if !has_kernels(&rows.device()) {
        return portable(residual + dropout(noise, rows, probability), parameters);
    }
    let NormParameters { weight, bias, epsilon } = parameters;
    let masks = noise.and_then(|noise| noise.masks(probability));
    Tensor::from_dispatch(Dispatch::add_norm(
        rows.into_dispatch(),
        residual.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        epsilon,
        masks,
    ))
}

fn portable(rows: Tensor<2>, parameters: NormParameters) -> Tensor<2> {
    #[cfg(feature = "gpu")]
    if gpu::has_kernels(&rows.device()) {
        return gpu::norm(rows, parameters.weight, parameters.bias, parameters.epsilon);
    }
    let centred = rows.clone() - rows.mean_dim(1);
    let variance = centred.clone().square().mean_dim(1);
    let normalised = centred / (variance + parameters.epsilon).sqrt();
    normalised * parameters.weight.unsqueeze::<2>() + parameters.bias.unsqueeze::<2>()
}
