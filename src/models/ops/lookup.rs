//! Rows of a table by number, and the way back to the table.

use std::sync::Arc;

use burn::backend::Dispatch;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{IndexingUpdateOp, Tensor, TensorData};

use super::cpu::{Values, back_through, has_kernels, plain, slice, tensor};
use super::layout::ids as numbers;
use crate::kernels::lookup as kernel;
#[cfg(feature = "gpu")]
use crate::models::gpu;
use crate::models::parameters;

/// The rows `ids` of a table `[entry, dimension]`, `[row, dimension]`. The gradient at an entry is the sum of its rows'.
pub fn lookup(table: Tensor<2>, ids: &[i32]) -> Tensor<2> {
    let device = table.device();
    if has_kernels(&device) {
        return Tensor::from_dispatch(Dispatch::table_rows(table.into_dispatch(), Arc::new(ids.to_vec())));
    }
    let rows = numbers(ids.to_vec(), &device);
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
    let [_, width] = rows.dims();
    if has_kernels(&device) {
        let sums = kernel::sums(&parameters::host(rows), width, ids, entries);
        return Tensor::from_data(TensorData::new(sums, [entries, width]), &device);
    }
    #[cfg(feature = "gpu")]
    if gpu::has_kernels(&device) {
        return gpu::sum_rows(rows, gpu::Places::new(ids, entries, &device));
    }
    let table = Tensor::zeros([entries, width], &device);
    table.select_assign(0, numbers(ids.to_vec(), &device), rows, IndexingUpdateOp::Add)
}

/// Burn's extension point for the kernel. Burn's own way back makes the table's gradient twice, the second time to align it.
#[backend_extension(Flex, Autodiff)]
pub trait LookupOps: Backend {
    /// See [`lookup`].
    fn table_rows(table: FloatTensor<Self>, ids: Arc<Vec<i32>>) -> FloatTensor<Self>;
}

impl LookupOps for Flex {
    fn table_rows(table: Values, ids: Arc<Vec<i32>>) -> Values {
        let table = plain(table);
        let [_, width]: [usize; 2] = table.shape().dims();
        tensor(kernel::rows(slice(&table), width, &ids), [ids.len(), width])
    }
}

#[derive(Debug)]
struct Lookup;

impl Backward<Flex, 1> for Lookup {
    /// The rows' numbers, and the shape of the table.
    type State = (Arc<Vec<i32>>, [usize; 2]);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        back_through(ops, gradients, |(ids, [entries, width]), gradient| {
            [tensor(
                kernel::sums(slice(&gradient), width, &ids, entries),
                [entries, width],
            )]
        });
    }
}

impl<C: CheckpointStrategy> LookupOps for Autodiff<Flex, C> {
    fn table_rows(table: FloatTensor<Self>, ids: Arc<Vec<i32>>) -> FloatTensor<Self> {
        let (table, of_table) = table.into_parts();
        let shape = table.shape().dims();
        let rows = Flex::table_rows(table, ids.clone());
        match Lookup.prepare::<C>([of_table]).compute_bound().stateful() {
            OpsKind::UnTracked(step) => step.finish(rows),
            OpsKind::Tracked(step) => step.finish((ids, shape), rows),
        }
    }
}
