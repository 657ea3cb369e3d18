//! Products of matrices in either precision.

use burn::tensor::{DType, Tensor};

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
pub(super) fn sums_columns(rows: &Tensor<2>) -> bool {
    #[cfg(feature = "gpu")]
    return gpu::has_kernels(&rows.device());
    #[cfg(not(feature = "gpu"))]
    {
        let _ = rows;
        false
    }
}
