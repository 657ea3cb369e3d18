//! Both directions of a recurrence, one launch a step.

use std::sync::Arc;

use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, backend_extension};
use burn::tensor::{Int, Shape, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::{CubeCount, CubeDim};

use super::gru_kernels::{self as kernels, ELEMENTS, LANES, NOTES, StepLaunch};

/// What a pass over both directions leaves, the second direction's rows after the first's. Nothing is tracked.
#[derive(Clone)]
pub struct Scanned {
    /// `[row, H]`.
    pub states: Tensor<2>,
    kept: Tensor<2>,
}

/// Both directions over notes of `lengths` tokens, the longest first, one after another. The input projections
/// `[row, 3H]` have their bias, `weights` are `[H, 3H]`, `biases` `[3H]`.
///
/// # Panics
/// When the lengths do not add up to the rows, or rise.
pub fn forward(
    projections: [Tensor<2>; 2],
    weights: [Tensor<2>; 2],
    biases: [Tensor<1>; 2],
    lengths: &[usize],
) -> Scanned {
    let rows = lengths.iter().sum::<usize>();
    assert!(lengths.is_sorted_by(|a, b| a >= b) && projections.iter().all(|of| of.dims()[0] == rows));
    let projections = Tensor::cat(projections.into(), 0);
    let weight = Tensor::cat(weights.map(|weight| weight.swap_dims(0, 1)).into(), 0);
    let bias = Tensor::cat(biases.into(), 0);
    let notes = places(lengths, &projections);
    let (states, kept) = Dispatch::gru_forward(
        projections.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        notes.into_dispatch(),
        Arc::new(lengths.to_vec()),
    );
    Scanned {
        states: Tensor::from_dispatch(states),
        kept: Tensor::from_dispatch(kept),
    }
}

/// Of both directions' rows the gradients at the recurrent products and at the input projections, `[row, 3H]`, and the
/// states before each row, `[row, H]`, from the gradients at the states.
pub fn backward(
    scanned: Scanned,
    weights: [Tensor<2>; 2],
    at_states: [Tensor<2>; 2],
    lengths: &[usize],
) -> [Tensor<2>; 3] {
    assert!(at_states.iter().all(|of| 2 * of.dims()[0] == scanned.states.dims()[0]));
    let at_states = Tensor::cat(at_states.into(), 0);
    let weight = Tensor::cat(weights.into(), 0);
    let hidden = at_states.dims()[1];
    let notes = places(lengths, &at_states);
    let (at_products, at_inputs, _) = Dispatch::gru_backward(
        at_states.into_dispatch(),
        scanned.kept.clone().into_dispatch(),
        weight.into_dispatch(),
        notes.into_dispatch(),
        Arc::new(lengths.to_vec()),
    );
    let before = scanned.kept.narrow(1, 4 * hidden, hidden);
    [
        Tensor::from_dispatch(at_products),
        Tensor::from_dispatch(at_inputs),
        before,
    ]
}

/// The first row of each note, then the length of each.
fn places(lengths: &[usize], beside: &Tensor<2>) -> Tensor<1, Int> {
    let starts = lengths.iter().scan(0, |start, &length| {
        *start += length;
        Some((*start - length) as i32)
    });
    let places: Vec<i32> = starts.chain(lengths.iter().map(|&length| length as i32)).collect();
    Tensor::from_data(places.as_slice(), &beside.device())
}

/// Burn's extension point for the recurrence.
#[backend_extension(Cube, Fusion)]
pub trait GruOps: Backend {
    /// The states and what is kept; see [`forward`].
    #[fusion(meta = after_forward)]
    fn gru_forward(
        projections: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        notes: IntTensor<Self>,
        lengths: Arc<Vec<usize>>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// The gradients at the recurrent products and the input projections, and room that the kernel needs; see
    /// [`backward`].
    #[fusion(meta = after_backward)]
    fn gru_backward(
        at_states: FloatTensor<Self>,
        kept: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        notes: IntTensor<Self>,
        lengths: Arc<Vec<usize>>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// A `[row, width]` of the same kind.
fn spec(like: &TensorSpec, width: usize) -> TensorSpec {
    TensorSpec::new(Shape::from([like.shape[0], width]), like.dtype)
}

fn after_forward(
    projections: &TensorSpec,
    _weight: &TensorSpec,
    _bias: &TensorSpec,
    _notes: &TensorSpec,
    _lengths: &Arc<Vec<usize>>,
) -> (TensorSpec, TensorSpec) {
    let hidden = projections.shape[1] / 3;
    (spec(projections, hidden), spec(projections, 5 * hidden))
}

fn after_backward(
    at_states: &TensorSpec,
    _kept: &TensorSpec,
    _weight: &TensorSpec,
    _notes: &TensorSpec,
    _lengths: &Arc<Vec<usize>>,
) -> (TensorSpec, TensorSpec, TensorSpec) {
    let gradient = spec(at_states, 3 * at_states.shape[1]);
    (gradient.clone(), gradient, at_states.clone())
}

/// The steps of a scan, in order, each with the number of its cubes.
fn steps(lengths: &[usize], rows: usize, hidden: usize) -> impl DoubleEndedIterator<Item = (CubeCount, [u32; 6])> {
    let running = |number: usize| lengths.iter().filter(|&&length| length > number).count() as u32;
    let notes = lengths.len() as u32;
    (0..lengths.first().copied().unwrap_or(0)).map(move |number| {
        let active = running(number);
        let cubes = CubeCount::Static((hidden as u32).div_ceil(ELEMENTS), 2, active.div_ceil(NOTES));
        let step = [
            rows as u32 / 2,
            notes,
            hidden as u32,
            number as u32,
            active,
            running(number + 1),
        ];
        (cubes, step)
    })
}

fn launched([rows, notes, hidden, number, active, later]: [u32; 6]) -> StepLaunch {
    StepLaunch::new(rows, notes, hidden, number, active, later)
}

impl GruOps for CubeBackend {
    fn gru_forward(
        projections: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        notes: CubeTensor,
        lengths: Arc<Vec<usize>>,
    ) -> (CubeTensor, CubeTensor) {
        let [projections, weight, bias, notes] = [projections, weight, bias, notes].map(into_contiguous);
        let (rows, hidden) = (projections.meta.shape()[0], projections.meta.shape()[1] / 3);
        let [states, kept] = [1, 5].map(|times| empty(&projections, rows, times * hidden));
        let address = kept.required_address_type();
        for (cubes, step) in steps(&lengths, rows, hidden) {
            // SAFETY: every row is one of the notes' (`forward` has looked), and what two units write in a step is the same.
            unsafe {
                kernels::forward::launch_unchecked(
                    &projections.client,
                    cubes,
                    CubeDim::new_2d(LANES, ELEMENTS),
                    address,
                    states.clone().into_tensor_arg(),
                    kept.clone().into_tensor_arg(),
                    projections.clone().into_tensor_arg(),
                    weight.clone().into_tensor_arg(),
                    bias.clone().into_tensor_arg(),
                    notes.clone().into_tensor_arg(),
                    launched(step),
                );
            }
        }
        (states, kept)
    }

    fn gru_backward(
        at_states: CubeTensor,
        kept: CubeTensor,
        weight: CubeTensor,
        notes: CubeTensor,
        lengths: Arc<Vec<usize>>,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let [at_states, kept, weight, notes] = [at_states, kept, weight, notes].map(into_contiguous);
        let (rows, hidden) = (at_states.meta.shape()[0], at_states.meta.shape()[1]);
        let [at_products, at_inputs, through] = [3, 3, 1].map(|times| empty(&at_states, rows, times * hidden));
        let address = kept.required_address_type();
        for (cubes, step) in steps(&lengths, rows, hidden).rev() {
            // SAFETY: as on the way there.
            unsafe {
                kernels::backward::launch_unchecked(
                    &at_states.client,
                    cubes,
                    CubeDim::new_2d(LANES, ELEMENTS),
                    address,
                    at_products.clone().into_tensor_arg(),
                    at_inputs.clone().into_tensor_arg(),
                    through.clone().into_tensor_arg(),
                    at_states.clone().into_tensor_arg(),
                    kept.clone().into_tensor_arg(),
                    weight.clone().into_tensor_arg(),
                    notes.clone().into_tensor_arg(),
                    launched(step),
                );
            }
        }
        (at_products, at_inputs, through)
    }
}

fn empty(like: &CubeTensor, rows: usize, width: usize) -> CubeTensor {
    empty_device_contiguous_dtype(
        like.client.clone(),
        like.device.clone(),
        Shape::from([rows, width]),
        like.dtype,
    )
}
