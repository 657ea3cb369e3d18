//! Rows of a table by number, and the way back to the table.

use burn::tensor::{IndexingUpdateOp, Tensor};

use super::layout::ids as tensor;
#[cfg(feature = "gpu")]
use crate::models::gpu;

/// The rows `ids` of a table `[entry, dimension]`, `[row, dimension]`. The gradient at an entry is the sum of its rows'.
pub fn lookup(table: Tensor<2>, ids: &[i32]) -> Tensor<2> {
    let device = table.device();
    let rows = tensor(ids.to_vec(), &device);
    #[cfg(feature = "gpu")]
    if gpu::has_kernels(&device) && device.is_autodiff() {
        let places = gpu::Places::new(ids, table.dims()[0], &device);
        return gpu::lookup(table, rows, places);
    }
    table.select(0, rows)
}

/// For each of `entries` the sum of its rows, `[entry, dimension]`, from `[row, dimension]`, both untracked: the gradient
/// that [`lookup`] passes to a table.
pub fn lookup_back(rows: Tensor<2>, ids: &[i32], entries: usize) -> Tensor<2> {
    let device = rows.device();
    #[cfg(feature = "gpu")]
    if gpu::has_kernels(&device) {
        return gpu::sum_rows(rows, gpu::Places::new(ids, entries, &device));
    }
    let table = Tensor::zeros([entries, rows.dims()[1]], &device);
    table.select_assign(0, tensor(ids.to_vec(), &device), rows, IndexingUpdateOp::Add)
}
