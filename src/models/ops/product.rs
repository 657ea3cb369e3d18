//! Products of matrices in either precision.

use burn::tensor::{DType, Tensor, module};

use crate::device::Precision;
#[cfg(feature = "gpu")]
use crate::models::gpu;

/// `a b`, with the factors cast to the precision and the product cast back to f32. The gradients are too.
pub fn product<const D: usize>(a: Tensor<D>, b: Tensor<D>, precision: Precision) -> Tensor<D> {
    match precision {
        Precision::F32 => a.matmul(b),
        Precision::Bf16 => a.cast(DType::BF16).matmul(b.cast(DType::BF16)).cast(DType::F32),
    }
}

/// `rows W + b` for rows `[row, in]`, a weight `[in, out]` and a bias `[out]`.
pub fn linear(rows: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, precision: Precision) -> Tensor<2> {
    let product = match precision {
        Precision::F32 if !sums_columns(&rows) => return module::linear(rows, weight, Some(bias)),
        Precision::F32 => module::linear(rows, weight, None),
        Precision::Bf16 => module::linear(rows.cast(DType::BF16), weight.cast(DType::BF16), None).cast(DType::F32),
    };
    add_row(product, bias)
}

/// `rows + row` for each row of `[row, column]`.
pub fn add_row(rows: Tensor<2>, row: Tensor<1>) -> Tensor<2> {
    #[cfg(feature = "gpu")]
    if sums_columns(&rows) {
        return gpu::add_row(rows, row);
    }
    rows + row.unsqueeze::<2>()
}

/// The sum of each column of `[row, column]`, untracked.
pub fn column_sums(rows: Tensor<2>) -> Tensor<1> {
    #[cfg(feature = "gpu")]
    if sums_columns(&rows) {
        return gpu::column_sums(rows);
    }
    rows.sum_dim(0).squeeze_dim(0)
}

/// Whether the device has a kernel for sums down columns, and for their way back.
fn sums_columns(rows: &Tensor<2>) -> bool {
    #[cfg(feature = "gpu")]
    return gpu::has_kernels(&rows.device());
    #[cfg(not(feature = "gpu"))]
    {
        let _ = rows;
        false
    }
}
