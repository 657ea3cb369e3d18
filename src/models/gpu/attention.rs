//! Attention of packed sequences without its scores in memory: the kernels in [`forward`] and [`back`], and what they need
//! to know.

mod back;
mod forward;
mod tiles;

use std::sync::OnceLock;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, DispatchDevice, TensorMetadata, backend_extension};
use burn::tensor::{Int, Shape, Tensor, TensorData};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::client::Client;
use cubecl::{CubeCount, CubeDim, calculate_cube_count_elemwise};

use super::{cipher, kernels};
use crate::kernels::dropout::Masks;
use forward::{CutLaunch, ENTRIES};
use tiles::Tile;

/// Shared memory that a cube may have, in bytes: what every CUDA device gives without being asked for more.
const SHARED: usize = 48 << 10;

/// Units of a cube, across and down, the best first.
const UNITS: [[usize; 2]; 5] = [[8, 16], [8, 8], [4, 8], [4, 4], [2, 4]];

/// Whether attention goes tile by tile on this device, in either precision.
///
/// Tile by tile the products run on the units of f32 alone; with the scores in memory they run on tensor cores, but the
/// scores are written and read a dozen times on the way there and back. Which is faster on an H100, and from which length
/// on, its first run has to say: the runs of `reports/throughput/h100.md` had the scores in memory and lost most time and
/// memory where sequences are long, so the tiles are the default. `ICDBENCH_GPU_ATTENTION`, `tiles` or `scores`, is there
/// to compare the two.
fn by_tiles() -> bool {
    static CHOICE: OnceLock<bool> = OnceLock::new();
    *CHOICE.get_or_init(|| !std::env::var("ICDBENCH_GPU_ATTENTION").is_ok_and(|choice| choice == "scores"))
}

/// How rows are cut into sequences and columns into heads.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Tokens of each sequence.
    pub lengths: &'a [usize],
    /// Rows from one sequence to the next where all have the same: `None` for no rows between them.
    pub stride: Option<usize>,
    /// Attention heads.
    pub heads: usize,
}

/// What a launch has to know of the heads.
#[derive(Clone, Debug)]
pub struct Heads {
    count: usize,
    /// Rows of the longest sequence, those of padding included.
    longest: usize,
    dropout: Option<Masks>,
}

/// Whether [`attention`] computes this: on a device with kernels, where heads are of whole quads, their tiles fit and masks
/// can be counted.
pub fn attends_by_tiles(projected: &Tensor<2>, cut: Rows) -> bool {
    let device = projected.device().without_autodiff();
    let DispatchDevice::Cube(cube) = device.as_dispatch() else {
        return false;
    };
    let [rows, width] = projected.dims();
    let size = width / 3 / cut.heads;
    let fits = |kernel| tile(&cube.client(), kernel, size / 4, true).is_some();
    let quads = size > 0 && size.is_multiple_of(4);
    by_tiles() && rows > 0 && quads && Kernel::ALL.into_iter().all(fits) && sequences(cut).is_some()
}

/// Attention as `crate::models::ops::attention` has it, `[row, 3 hidden]` to `[row, hidden]`. Rows of padding get zeros.
///
/// # Panics
/// When there are other rows than the sequences', or [`attends_by_tiles`] says no.
pub fn attention(projected: Tensor<2>, cut: Rows, dropout: Option<Masks>) -> Tensor<2> {
    // OK because the caller has asked.
    let sequences = sequences(cut).expect("masks that can be counted");
    let rows = sequences.chunks(ENTRIES).map(|entry| entry[1] as usize);
    assert_eq!(
        projected.dims()[0],
        rows.clone().sum::<usize>(),
        "rows of the sequences"
    );
    let heads = Heads {
        count: cut.heads,
        longest: rows.max().unwrap_or(0),
        dropout,
    };
    let shape = [sequences.len() / ENTRIES, ENTRIES];
    let device = projected.device().without_autodiff();
    let sequences = Tensor::<2, Int>::from_data(TensorData::new(sequences, shape), &device);
    let attended = Dispatch::attended_rows(projected.into_dispatch(), sequences.into_dispatch(), heads);
    Tensor::from_dispatch(attended)
}

/// The list of sequences, as [`forward::place`] reads it; `None` where a dropout mask has more elements than the kernels
/// count. Masks are `[query, key]` for each head of each sequence, one after another: packed rows' as
/// `crate::kernels::attention` has them, padded rows' as a mask over all scores would be.
fn sequences(cut: Rows) -> Option<Vec<i32>> {
    let mut list = Vec::with_capacity(cut.lengths.len() * ENTRIES);
    let (mut row, mut mask) = (0, 0u64);
    for &length in cut.lengths {
        let rows = cut.stride.unwrap_or(length);
        let elements = (cut.heads as u64).checked_mul((rows as u64).pow(2))?;
        let block = u32::try_from(mask / kernels::BLOCK as u64).ok()?;
        let within = (mask % kernels::BLOCK as u64) as i32;
        // A tile may reach past the last element.
        u32::try_from(elements + (64 * rows) as u64 + 128).ok()?;
        list.extend([row as i32, rows as i32, length as i32, block as i32, within]);
        row += rows;
        mask += elements;
    }
    Some(list)
}

/// The three kernels that go tile by tile.
#[derive(Clone, Copy)]
enum Kernel {
    Forward,
    ToQueries,
    ToKeys,
}

impl Kernel {
    const ALL: [Self; 3] = [Self::Forward, Self::ToQueries, Self::ToKeys];

    /// Bytes of shared memory that a cube has with these tiles.
    fn bytes(self, tile: Tile) -> usize {
        let [own, other, weights] = tile.bytes();
        let by_query = 4 * tile.mask(tile.own(), tile.other());
        match self {
            Self::Forward => own + 2 * other + weights + 4 * tile.own() * tile.across + by_query,
            Self::ToQueries => 2 * (own + other) + weights + by_query,
            Self::ToKeys => 2 * (own + other + weights) + 4 * tile.mask(tile.other(), tile.own()),
        }
    }
}

/// The largest tiles that a cube has room for.
fn tile(client: &Client, kernel: Kernel, quads: usize, dropped: bool) -> Option<Tile> {
    let hardware = &client.properties().hardware;
    let tiles = UNITS.map(|[across, down]| Tile {
        quads,
        across,
        down,
        dropped,
    });
    tiles.into_iter().find(|&tile| {
        tile.across * tile.down <= hardware.max_units_per_cube as usize
            && kernel.bytes(tile) <= SHARED.min(hardware.max_shared_memory_size)
    })
}

/// Burn's extension point for what needs no gradient.
#[backend_extension(Cube, Fusion)]
pub trait AttentionOps: Backend {
    /// The result and the logarithms of the softmax's sums, `[head, row]`.
    #[fusion(meta = after_attention)]
    fn attend_rows(
        projected: FloatTensor<Self>,
        sequences: IntTensor<Self>,
        heads: Heads,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// The gradient at `projected`, from that at the result.
    #[fusion(dtype = projected, shape = projected)]
    fn attend_rows_back(
        gradient: FloatTensor<Self>,
        projected: FloatTensor<Self>,
        output: FloatTensor<Self>,
        log_sums: FloatTensor<Self>,
        sequences: IntTensor<Self>,
        heads: Heads,
    ) -> FloatTensor<Self>;
}

fn after_attention(projected: &TensorSpec, _sequences: &TensorSpec, heads: &Heads) -> (TensorSpec, TensorSpec) {
    let spec = |shape: [usize; 2]| TensorSpec::new(Shape::from(shape), projected.dtype);
    let [rows, width] = [projected.shape[0], projected.shape[1]];
    (spec([rows, width / 3]), spec([heads.count, rows]))
}

/// What a launch needs beside tensors.
struct Launch {
    count: CubeCount,
    units: CubeDim,
    cut: CutLaunch,
    cipher: kernels::CipherLaunch,
    tile: Tile,
}

fn launch(kernel: Kernel, projected: &CubeTensor, sequences: &CubeTensor, heads: &Heads) -> Launch {
    let [rows, width]: [usize; 2] = projected.shape().dims();
    let size = width / 3 / heads.count;
    // OK because `attention` has asked for it.
    let tile = tile(&projected.client, kernel, size / 4, heads.dropout.is_some()).expect("tiles that fit");
    let sequences = sequences.meta.shape()[0] as u32;
    let blocks = heads.longest.div_ceil(tile.own()) as u32;
    let none = || Masks::new(0, 0, 0.0);
    Launch {
        count: CubeCount::Static(blocks, heads.count as u32, sequences),
        units: CubeDim::new_2d(tile.across as u32, tile.down as u32),
        cut: CutLaunch::new(rows as u32, heads.count as u32, 1.0 / (size as f32).sqrt()),
        cipher: cipher(&heads.dropout.clone().unwrap_or_else(none)),
        tile,
    }
}

fn empty(like: &CubeTensor, shape: [usize; 2]) -> CubeTensor {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), Shape::from(shape), like.dtype)
}

impl AttentionOps for CubeBackend {
    fn attend_rows(projected: CubeTensor, sequences: CubeTensor, heads: Heads) -> (CubeTensor, CubeTensor) {
        let [projected, sequences] = [projected, sequences].map(into_contiguous);
        let [rows, width]: [usize; 2] = projected.shape().dims();
        let output = empty(&projected, [rows, width / 3]);
        let log_sums = empty(&projected, [heads.count, rows]);
        let with = launch(Kernel::Forward, &projected, &sequences, &heads);
        let address = projected.required_address_type();
        // SAFETY: the list's rows are those of the layout, and a cube reads and writes rows of its sequence.
        unsafe {
            forward::forward::launch_unchecked(
                &output.client,
                with.count,
                with.units,
                address,
                output.clone().into_tensor_arg(),
                log_sums.clone().into_tensor_arg(),
                projected.into_tensor_arg(),
                sequences.into_tensor_arg(),
                with.cut,
                with.cipher,
                with.tile,
            );
        }
        (output, log_sums)
    }

    fn attend_rows_back(
        gradient: CubeTensor,
        projected: CubeTensor,
        output: CubeTensor,
        log_sums: CubeTensor,
        sequences: CubeTensor,
        heads: Heads,
    ) -> CubeTensor {
        let [gradient, projected, output, log_sums, sequences] =
            [gradient, projected, output, log_sums, sequences].map(into_contiguous);
        let [rows, width]: [usize; 2] = projected.shape().dims();
        let address = projected.required_address_type();
        let products = empty(&projected, [heads.count, rows]);
        let found = empty(&projected, [rows, width]);
        let client = found.client.clone();
        let units = CubeDim::new(&client, heads.count * rows);
        let count = calculate_cube_count_elemwise(&client, heads.count * rows, units);
        // SAFETY: a unit reads its row's head, and writes its own number.
        unsafe {
            back::along::launch_unchecked(
                &client,
                count,
                units,
                address,
                products.clone().into_tensor_arg(),
                output.into_tensor_arg(),
                gradient.clone().into_tensor_arg(),
                rows as u32,
                heads.count as u32,
                width / 12 / heads.count,
            );
        }
        for kernel in [Kernel::ToQueries, Kernel::ToKeys] {
            let with = launch(kernel, &projected, &sequences, &heads);
            let launched = match kernel {
                Kernel::ToKeys => back::back_to_keys::launch_unchecked,
                _ => back::back_to_queries::launch_unchecked,
            };
            // SAFETY: as in `attend_rows`; one kernel writes the queries' columns, the other the rest.
            unsafe {
                launched(
                    &client,
                    with.count,
                    with.units,
                    address,
                    found.clone().into_tensor_arg(),
                    gradient.clone().into_tensor_arg(),
                    projected.clone().into_tensor_arg(),
                    log_sums.clone().into_tensor_arg(),
                    products.clone().into_tensor_arg(),
                    sequences.clone().into_tensor_arg(),
                    with.cut,
                    with.cipher,
                    with.tile,
                );
            }
        }
        found
    }
}

/// Burn's extension point for what has a gradient.
#[backend_extension(Cube, Fusion, Autodiff)]
pub trait TrackedAttentionOps: Backend {
    /// See [`attention`].
    #[fusion(dtype = projected, shape = Shape::from([projected[0], projected[1] / 3]))]
    fn attended_rows(projected: FloatTensor<Self>, sequences: IntTensor<Self>, heads: Heads) -> FloatTensor<Self>;
}

impl TrackedAttentionOps for CubeBackend {
    fn attended_rows(projected: CubeTensor, sequences: CubeTensor, heads: Heads) -> CubeTensor {
        Self::attend_rows(projected, sequences, heads).0
    }
}

#[derive(Debug)]
struct AttendedRows;

#[derive(Clone, Debug)]
struct Attended<B: Backend> {
    projected: FloatTensor<B>,
    output: FloatTensor<B>,
    log_sums: FloatTensor<B>,
    sequences: IntTensor<B>,
    heads: Heads,
}

impl<B: AttentionOps> Backward<B, 1> for AttendedRows {
    type State = Attended<B>;

    fn backward(self, ops: Ops<Attended<B>, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let Attended {
            projected,
            output,
            log_sums,
            sequences,
            heads,
        } = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            B::attend_rows_back(gradient, projected, output, log_sums, sequences, heads)
        });
    }
}

impl<B: AttentionOps + TrackedAttentionOps, C: CheckpointStrategy> TrackedAttentionOps for Autodiff<B, C> {
    fn attended_rows(projected: FloatTensor<Self>, sequences: IntTensor<Self>, heads: Heads) -> FloatTensor<Self> {
        let (projected, guard) = projected.into_parts();
        let (output, log_sums) = B::attend_rows(projected.clone(), sequences.clone(), heads.clone());
        match AttendedRows.prepare::<C>([guard]).compute_bound().stateful() {
            OpsKind::UnTracked(step) => step.finish(output),
            OpsKind::Tracked(step) => {
                let state = Attended {
                    projected,
                    output: output.clone(),
                    log_sums,
                    sequences,
                    heads,
                };
                step.finish(state, output)
            }
        }
    }
}
