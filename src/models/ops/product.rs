//! Products of matrices in either precision.

use burn::tensor::{DType, Tensor, module};

use crate::device::Precision;

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
