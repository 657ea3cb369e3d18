//! Operators that Burn has no fused form of under autodiff. Each is one function with two forms: plain
//! tensor operations that run on every device, and one pass over the memory on the CPU.

mod attention;
mod cpu;
mod portable;

use burn::backend::Dispatch;
use burn::tensor::{Device, Tensor, activation};

use cpu::CpuOps;

use super::dropout::{Noise, dropout};
pub use attention::attention;

/// Whether a device is the pure Rust CPU backend.
pub fn is_cpu(device: &Device) -> bool {
    *device == Device::flex()
}

/// GELU with the exact error function, as BERT.
pub fn gelu(rows: Tensor<2>) -> Tensor<2> {
    match is_cpu(&rows.device()) {
        true => Tensor::from_dispatch(Dispatch::exact_gelu(rows.into_dispatch())),
        false => activation::gelu(rows),
    }
}

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
    if !is_cpu(&rows.device()) {
        return portable::norm(rows, parameters);
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
    if !is_cpu(&rows.device()) {
        return portable::norm(residual + dropout(noise, rows, probability), parameters);
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
