//! Operators that Burn has no fused form of under autodiff. Each is one function with two forms: plain
//! tensor operations that run on every device, and one pass over the memory on the CPU.

mod attention;
mod bag;
mod convolution;
mod cpu;
mod portable;

use burn::backend::Dispatch;
use burn::tensor::{DType, Device, Tensor, module};

use cpu::CpuOps;

use super::Precision;
use super::dropout::{Noise, dropout};
pub use attention::attention;
pub use bag::bag_linear;
pub use convolution::{Extent, convolution};

/// Whether a device is the pure Rust CPU backend.
pub fn is_cpu(device: &Device) -> bool {
    *device == Device::flex()
}

/// `a b`, with the factors cast to the precision and the product cast back to f32. The gradients are too.
pub fn product<const D: usize>(a: Tensor<D>, b: Tensor<D>, precision: Precision) -> Tensor<D> {
    match precision {
        Precision::F32 => a.matmul(b),
        Precision::Bf16 => a.cast(DType::BF16).matmul(b.cast(DType::BF16)).cast(DType::F32),
    }
}

/// `rows W + b` for rows `[row, in]`, a weight `[in, out]` and a bias `[out]`.
pub fn linear(rows: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, precision: Precision) -> Tensor<2> {
    match precision {
        Precision::F32 => module::linear(rows, weight, Some(bias)),
        Precision::Bf16 => {
            let product = module::linear(rows.cast(DType::BF16), weight.cast(DType::BF16), None);
            product.cast(DType::F32) + bias.unsqueeze::<2>()
        }
    }
}

/// GELU with the exact error function, as BERT.
pub fn gelu(rows: Tensor<2>) -> Tensor<2> {
    match is_cpu(&rows.device()) {
        true => Tensor::from_dispatch(Dispatch::exact_gelu(rows.into_dispatch())),
        false => portable::gelu(rows),
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
