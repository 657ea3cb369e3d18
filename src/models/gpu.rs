//! Operators for GPUs, where Burn's own would wait for the host or for a few threads: dropout masks drawn where they are
//! used, the gradient of a table's rows, recurrences (`gru`), attention (`attention`), labels' attention (`labels`), sums and
//! what is made of them (`rows`). All sums go in a fixed order, so that the same run gives the same numbers.

mod attention;
mod gru;
mod gru_kernels;
mod kernels;
mod label_kernels;
mod labels;
mod row_kernels;
mod rows;

pub use attention::{Rows, attends_by_tiles, attention};
pub use gru::{Scanned, backward as gru_backward, forward as gru_forward};
pub use labels::{Lengths, Read, document_weights, document_weights_back, read, read_back};
pub use rows::{AdamFactors, adam, add_row, attention_weights, column_sums, norm};

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, DispatchDevice, TensorMetadata, backend_extension};
use burn::tensor::{Device, Int, Shape, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::{CubeDim, calculate_cube_count_elemwise};

use crate::kernels::dropout::Masks;

/// Whether the kernels here compute for a device.
pub fn has_kernels(device: &Device) -> bool {
    matches!(device.clone().without_autodiff().as_dispatch(), DispatchDevice::Cube(_))
}

/// The mask as a tensor of the shape of `like`, untracked.
pub fn mask<const D: usize>(masks: &Masks, like: &Tensor<D>) -> Tensor<D> {
    let like = like.clone().inner().into_dispatch();
    Tensor::from_dispatch(Dispatch::dropout_mask(like, masks.clone()))
}

/// Which rows of a list belong to each entry of a table.
#[derive(Clone, Debug)]
pub struct Places {
    /// The rows, entry by entry.
    order: Tensor<1, Int>,
    /// Where each entry's start among them, and the end.
    starts: Tensor<1, Int>,
}

impl Places {
    /// Those of `ids`, each of which is below `entries`.
    pub fn new(ids: &[i32], entries: usize, device: &Device) -> Self {
        let mut starts = vec![0i32; entries + 1];
        for &id in ids {
            starts[id as usize + 1] += 1;
        }
        for entry in 0..entries {
            starts[entry + 1] += starts[entry];
        }
        let mut next = starts.clone();
        let mut order = vec![0i32; ids.len()];
        for (row, &id) in ids.iter().enumerate() {
            order[next[id as usize] as usize] = row as i32;
            next[id as usize] += 1;
        }
        let device = device.clone().without_autodiff();
        Self {
            order: Tensor::from_data(order.as_slice(), &device),
            starts: Tensor::from_data(starts.as_slice(), &device),
        }
    }
}

/// The rows of a table, `[row, dimension]`, with a gradient that is summed entry by entry.
pub fn lookup(table: Tensor<2>, ids: Tensor<1, Int>, places: Places) -> Tensor<2> {
    let (ids, order, starts) = (
        ids.into_dispatch(),
        places.order.into_dispatch(),
        places.starts.into_dispatch(),
    );
    Tensor::from_dispatch(Dispatch::table_rows(table.into_dispatch(), ids, order, starts))
}

/// For each entry the sum of its rows, `[entry, dimension]`, from `[row, dimension]`, untracked.
///
/// # Panics
/// When the places are not those of as many rows.
pub fn sum_rows(rows: Tensor<2>, places: Places) -> Tensor<2> {
    assert_eq!(rows.dims()[0], places.order.dims()[0]);
    let (order, starts) = (places.order.into_dispatch(), places.starts.into_dispatch());
    Tensor::from_dispatch(Dispatch::row_sums(rows.into_dispatch(), order, starts))
}

/// What a kernel needs to draw a mask.
fn cipher(masks: &Masks) -> kernels::CipherLaunch {
    let [a, b, c, d, e, f, g, h] = masks.key();
    let stream = masks.stream();
    let (low, high) = (stream as u32, (stream >> 32) as u32);
    let (dropped, kept) = (u32::from(masks.dropped()), masks.kept());
    kernels::CipherLaunch::new(a, b, c, d, e, f, g, h, low, high, dropped, kept)
}

/// Burn's extension point for what needs no gradient.
#[backend_extension(Cube, Fusion)]
pub trait GpuOps: Backend {
    /// See [`mask`].
    #[fusion(dtype = like, shape = like)]
    fn dropout_mask(like: FloatTensor<Self>, masks: Masks) -> FloatTensor<Self>;

    /// See [`sum_rows`].
    #[fusion(dtype = rows, shape = Shape::from([starts[0] - 1, rows[1]]))]
    fn row_sums(rows: FloatTensor<Self>, order: IntTensor<Self>, starts: IntTensor<Self>) -> FloatTensor<Self>;
}

impl GpuOps for CubeBackend {
    fn dropout_mask(like: CubeTensor, masks: Masks) -> CubeTensor {
        let shape = like.shape();
        let output = empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape, like.dtype);
        let units = output.meta.num_elements().div_ceil(kernels::BLOCK);
        let size = CubeDim::new(&output.client, units);
        let count = calculate_cube_count_elemwise(&output.client, units, size);
        let address = output.required_address_type();
        // SAFETY: a unit writes no element past the end.
        unsafe {
            kernels::mask::launch_unchecked(
                &output.client,
                count,
                size,
                address,
                output.clone().into_tensor_arg(),
                cipher(&masks),
            );
        }
        output
    }

    fn row_sums(rows: CubeTensor, order: CubeTensor, starts: CubeTensor) -> CubeTensor {
        let [rows, order, starts] = [rows, order, starts].map(into_contiguous);
        let width = rows.meta.shape()[1];
        let shape = Shape::from([starts.meta.shape()[0] - 1, width]);
        let output = empty_device_contiguous_dtype(rows.client.clone(), rows.device.clone(), shape, rows.dtype);
        let units = output.meta.num_elements();
        let size = CubeDim::new(&output.client, units);
        let count = calculate_cube_count_elemwise(&output.client, units, size);
        let address = output.required_address_type().max(rows.required_address_type());
        // SAFETY: `Places` holds rows that are there, and a unit writes its own element.
        unsafe {
            kernels::sum_rows::launch_unchecked(
                &output.client,
                count,
                size,
                address,
                output.clone().into_tensor_arg(),
                rows.into_tensor_arg(),
                order.into_tensor_arg(),
                starts.into_tensor_arg(),
                width,
            );
        }
        output
    }
}

/// Burn's extension point for the rows of a table.
#[backend_extension(Cube, Fusion, Autodiff)]
pub trait TableOps: Backend {
    /// See [`lookup`].
    #[fusion(default)]
    fn table_rows(
        table: FloatTensor<Self>,
        ids: IntTensor<Self>,
        order: IntTensor<Self>,
        starts: IntTensor<Self>,
    ) -> FloatTensor<Self> {
        let _ = (order, starts);
        Self::float_select(table, 0, ids)
    }
}

impl TableOps for CubeBackend {}

#[derive(Debug)]
struct TableRows;

impl<B: GpuOps> Backward<B, 1> for TableRows {
    /// Where each entry's rows are, as in [`Places`].
    type State = [IntTensor<B>; 2];

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [order, starts] = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            B::row_sums(gradient, order, starts)
        });
    }
}

impl<B: GpuOps + TableOps, C: CheckpointStrategy> TableOps for Autodiff<B, C> {
    fn table_rows(
        table: FloatTensor<Self>,
        ids: IntTensor<Self>,
        order: IntTensor<Self>,
        starts: IntTensor<Self>,
    ) -> FloatTensor<Self> {
        let (table, guard) = table.into_parts();
        let rows = B::float_select(table, 0, ids);
        match TableRows.prepare::<C>([guard]).compute_bound().stateful() {
            OpsKind::UnTracked(step) => step.finish(rows),
            OpsKind::Tracked(step) => step.finish([order, starts], rows),
        }
    }
}
