//! Sums down columns and along rows, and what is made of them: a row added to all, layer norm, the weights of attention,
//! an Adam step.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, binary, unary};
use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Autodiff, Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Int, Shape, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::{CubeCount, CubeDim, calculate_cube_count_elemwise};

use super::row_kernels::{self as kernels, AdamFactorsLaunch, LANES, ROWS, STRIPES};

/// Rows that one cube adds up.
const PIECE: usize = 256;

/// The sum of each column of `[row, column]`, `[column]`, in a fixed order; untracked.
pub fn column_sums(rows: Tensor<2>) -> Tensor<1> {
    let sums: Tensor<2> = Tensor::from_dispatch(Dispatch::sum_columns(rows.into_dispatch()));
    sums.squeeze_dim(0)
}

/// `rows + row` for each row of `[row, column]`.
pub fn add_row(rows: Tensor<2>, row: Tensor<1>) -> Tensor<2> {
    let row: Tensor<2> = row.unsqueeze();
    Tensor::from_dispatch(Dispatch::rows_plus_row(rows.into_dispatch(), row.into_dispatch()))
}

/// Layer normalisation of each row of `[row, dimension]`.
pub fn norm(rows: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>, epsilon: f64) -> Tensor<2> {
    let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::normed_rows(
        rows.into_dispatch(),
        weight,
        bias,
        epsilon as f32,
    ))
}

/// `softmax(scale * scores)` over the first `lengths[sequence]` keys, 0 past them, for `[sequence, head, token, key]`.
///
/// # Panics
/// When there is not one length a sequence, or one is above the keys.
pub fn attention_weights(scores: Tensor<4>, lengths: &[usize], scale: f64) -> Tensor<4> {
    let [sequences, heads, tokens, keys] = scores.dims();
    assert!(lengths.len() == sequences && lengths.iter().all(|&length| length <= keys));
    let device = scores.device().without_autodiff();
    let lengths: Vec<i32> = lengths.iter().map(|&length| length as i32).collect();
    let lengths = Tensor::<1, Int>::from_data(lengths.as_slice(), &device);
    let rows = scores.reshape([sequences * heads * tokens, keys]);
    softmax_rows(rows, lengths, scale).reshape([sequences, heads, tokens, keys])
}

/// `softmax(scale * scores)` over the first keys of each row, `[row, key]`, 0 past them: each length is that of as many rows
/// as the others are.
pub(super) fn softmax_rows(rows: Tensor<2>, lengths: Tensor<1, Int>, scale: f64) -> Tensor<2> {
    let (rows, lengths) = (rows.into_dispatch(), lengths.into_dispatch());
    Tensor::from_dispatch(Dispatch::row_weights(rows, lengths, scale as f32))
}

/// The gradient at the scores of [`softmax_rows`], from that at the weights; untracked.
pub(super) fn softmax_rows_back(at_weights: Tensor<2>, weights: Tensor<2>, scale: f64) -> Tensor<2> {
    let (at_weights, weights) = (at_weights.into_dispatch(), weights.into_dispatch());
    Tensor::from_dispatch(Dispatch::softmax_rows_back(at_weights, weights, scale as f32))
}

/// One Adam or AdamW step's numbers; `crate::kernels::adam` has the rule.
#[derive(Clone, Copy, Debug)]
pub struct AdamFactors {
    /// Times the value, added to the gradient.
    pub penalty: f32,
    /// Times the value, before the change.
    pub shrink: f32,
    /// Decay of the moments.
    pub betas: [f32; 2],
    /// `1 - beta^time` of each.
    pub corrections: [f32; 2],
    /// Added to the root.
    pub epsilon: f32,
    /// The learning rate.
    pub rate: f32,
}

/// The new value, first and second moment of a parameter; all untracked.
///
/// # Panics
/// When they are not of one length.
pub fn adam([value, first, second]: [Tensor<1>; 3], gradient: Tensor<1>, factors: AdamFactors) -> [Tensor<1>; 3] {
    assert!([&first, &second, &gradient].iter().all(|of| of.dims() == value.dims()));
    let (value, first, second) = Dispatch::adam_step(
        value.into_dispatch(),
        first.into_dispatch(),
        second.into_dispatch(),
        gradient.into_dispatch(),
        factors,
    );
    [value, first, second].map(Tensor::from_dispatch)
}

/// Burn's extension point for what needs no gradient.
#[backend_extension(Cube, Fusion)]
pub trait RowOps: Backend {
    /// See [`column_sums`]; `[1, column]`.
    #[fusion(dtype = rows, shape = Shape::from([1, rows[1]]))]
    fn sum_columns(rows: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The norm, the normalised rows and the inverse deviations `[row, 1]`.
    #[fusion(meta = after_norm)]
    fn norm_rows(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f32,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// The gradient at the rows of a norm.
    #[fusion(dtype = gradient, shape = gradient)]
    fn norm_rows_back(
        gradient: FloatTensor<Self>,
        normalised: FloatTensor<Self>,
        inverse: FloatTensor<Self>,
        weight: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// See [`attention_weights`]; rows.
    #[fusion(dtype = scores, shape = scores)]
    fn softmax_rows(scores: FloatTensor<Self>, lengths: IntTensor<Self>, scale: f32) -> FloatTensor<Self>;

    /// The gradient at the scores.
    #[fusion(dtype = gradient, shape = gradient)]
    fn softmax_rows_back(gradient: FloatTensor<Self>, weights: FloatTensor<Self>, scale: f32) -> FloatTensor<Self>;

    /// See [`adam`].
    #[fusion(meta = after_adam)]
    fn adam_step(
        value: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        factors: AdamFactors,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

fn after_norm(
    rows: &TensorSpec,
    _weight: &TensorSpec,
    _bias: &TensorSpec,
    _epsilon: &f32,
) -> (TensorSpec, TensorSpec, TensorSpec) {
    let inverse = TensorSpec::new(Shape::from([rows.shape[0], 1]), rows.dtype);
    (rows.clone(), rows.clone(), inverse)
}

fn after_adam(
    value: &TensorSpec,
    _first: &TensorSpec,
    _second: &TensorSpec,
    _gradient: &TensorSpec,
    _factors: &AdamFactors,
) -> (TensorSpec, TensorSpec, TensorSpec) {
    (value.clone(), value.clone(), value.clone())
}

/// Rows and columns.
fn size(rows: &CubeTensor) -> [usize; 2] {
    rows.shape().dims()
}

/// A tensor for results, beside another.
fn empty(like: &CubeTensor, shape: Shape) -> CubeTensor {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape, like.dtype)
}

/// Cubes for kernels that go row by row.
fn by_rows(rows: usize) -> (CubeCount, CubeDim) {
    let cubes = (rows as u32).div_ceil(ROWS);
    let across = cubes.clamp(1, 1 << 15);
    (
        CubeCount::Static(across, cubes.div_ceil(across), 1),
        CubeDim::new_2d(LANES, ROWS),
    )
}

fn sum_pieces(rows: CubeTensor) -> CubeTensor {
    let [height, width] = size(&rows);
    let pieces = height.div_ceil(PIECE).max(1);
    let output = empty(&rows, Shape::from([pieces, width]));
    let count = CubeCount::Static((width as u32).div_ceil(LANES), pieces as u32, 1);
    let address = rows.required_address_type();
    // SAFETY: a unit reads rows below `height` and columns below `width`.
    unsafe {
        kernels::column_sums::launch_unchecked(
            &output.client,
            count,
            CubeDim::new_2d(LANES, STRIPES),
            address,
            output.clone().into_tensor_arg(),
            rows.into_tensor_arg(),
            height as u32,
            width as u32,
            PIECE as u32,
        );
    }
    output
}

impl RowOps for CubeBackend {
    fn sum_columns(rows: CubeTensor) -> CubeTensor {
        let mut sums = sum_pieces(into_contiguous(rows));
        while size(&sums)[0] > 1 {
            sums = sum_pieces(sums);
        }
        sums
    }

    fn norm_rows(
        rows: CubeTensor,
        weight: CubeTensor,
        bias: CubeTensor,
        epsilon: f32,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let [rows, weight, bias] = [rows, weight, bias].map(into_contiguous);
        let [height, width] = size(&rows);
        let (output, normalised) = (empty(&rows, rows.shape()), empty(&rows, rows.shape()));
        let inverse = empty(&rows, Shape::from([height, 1]));
        let (count, units) = by_rows(height);
        let address = rows.required_address_type();
        // SAFETY: a unit reads and writes its row, or the last one as another does.
        unsafe {
            kernels::norm::launch_unchecked(
                &output.client,
                count,
                units,
                address,
                output.clone().into_tensor_arg(),
                normalised.clone().into_tensor_arg(),
                inverse.clone().into_tensor_arg(),
                rows.into_tensor_arg(),
                weight.into_tensor_arg(),
                bias.into_tensor_arg(),
                height as u32,
                width as u32,
                epsilon,
            );
        }
        (output, normalised, inverse)
    }

    fn norm_rows_back(
        gradient: CubeTensor,
        normalised: CubeTensor,
        inverse: CubeTensor,
        weight: CubeTensor,
    ) -> CubeTensor {
        let [gradient, normalised, inverse, weight] = [gradient, normalised, inverse, weight].map(into_contiguous);
        let [height, width] = size(&gradient);
        let output = empty(&gradient, gradient.shape());
        let (count, units) = by_rows(height);
        let address = gradient.required_address_type();
        // SAFETY: a unit reads and writes its row, or the last one as another does.
        unsafe {
            kernels::norm_back::launch_unchecked(
                &output.client,
                count,
                units,
                address,
                output.clone().into_tensor_arg(),
                gradient.into_tensor_arg(),
                normalised.into_tensor_arg(),
                inverse.into_tensor_arg(),
                weight.into_tensor_arg(),
                height as u32,
                width as u32,
            );
        }
        output
    }

    fn softmax_rows(scores: CubeTensor, lengths: CubeTensor, scale: f32) -> CubeTensor {
        let [scores, lengths] = [scores, lengths].map(into_contiguous);
        let [height, width] = size(&scores);
        let share = height / lengths.meta.num_elements().max(1);
        let output = empty(&scores, scores.shape());
        let (count, units) = by_rows(height);
        let address = scores.required_address_type();
        // SAFETY: a unit reads and writes its row, or the last one as another does; no length is above the width.
        unsafe {
            kernels::softmax::launch_unchecked(
                &output.client,
                count,
                units,
                address,
                output.clone().into_tensor_arg(),
                scores.into_tensor_arg(),
                lengths.into_tensor_arg(),
                height as u32,
                width as u32,
                share as u32,
                scale,
            );
        }
        output
    }

    fn softmax_rows_back(gradient: CubeTensor, weights: CubeTensor, scale: f32) -> CubeTensor {
        let [gradient, weights] = [gradient, weights].map(into_contiguous);
        let [height, width] = size(&gradient);
        let output = empty(&gradient, gradient.shape());
        let (count, units) = by_rows(height);
        let address = gradient.required_address_type();
        // SAFETY: a unit reads and writes its row, or the last one as another does.
        unsafe {
            kernels::softmax_back::launch_unchecked(
                &output.client,
                count,
                units,
                address,
                output.clone().into_tensor_arg(),
                gradient.into_tensor_arg(),
                weights.into_tensor_arg(),
                height as u32,
                width as u32,
                scale,
            );
        }
        output
    }

    fn adam_step(
        value: CubeTensor,
        first: CubeTensor,
        second: CubeTensor,
        gradient: CubeTensor,
        factors: AdamFactors,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let [value, first, second, gradient] = [value, first, second, gradient].map(into_contiguous);
        let [new_value, new_first, new_second] = [&value, &first, &second].map(|old| empty(old, old.shape()));
        let elements = value.meta.num_elements();
        let units = CubeDim::new(&value.client, elements);
        let count = calculate_cube_count_elemwise(&value.client, elements, units);
        let address = value.required_address_type();
        let ([beta_1, beta_2], [correction_1, correction_2]) = (factors.betas, factors.corrections);
        let AdamFactors {
            penalty,
            shrink,
            epsilon,
            rate,
            ..
        } = factors;
        // SAFETY: a unit reads and writes its element.
        unsafe {
            kernels::adam::launch_unchecked(
                &new_value.client,
                count,
                units,
                address,
                new_value.clone().into_tensor_arg(),
                new_first.clone().into_tensor_arg(),
                new_second.clone().into_tensor_arg(),
                value.into_tensor_arg(),
                first.into_tensor_arg(),
                second.into_tensor_arg(),
                gradient.into_tensor_arg(),
                AdamFactorsLaunch::new(
                    penalty,
                    shrink,
                    beta_1,
                    beta_2,
                    correction_1,
                    correction_2,
                    epsilon,
                    rate,
                ),
            );
        }
        (new_value, new_first, new_second)
    }
}

/// Burn's extension point for what has a gradient.
#[backend_extension(Cube, Fusion, Autodiff)]
pub trait TrackedRowOps: Backend {
    /// See [`add_row`]; the row is `[1, column]`.
    #[fusion(default)]
    fn rows_plus_row(rows: FloatTensor<Self>, row: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_add(rows, row)
    }

    /// See [`norm`].
    #[fusion(dtype = rows, shape = rows)]
    fn normed_rows(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self>;

    /// See [`attention_weights`].
    #[fusion(dtype = scores, shape = scores)]
    fn row_weights(scores: FloatTensor<Self>, lengths: IntTensor<Self>, scale: f32) -> FloatTensor<Self>;
}

impl TrackedRowOps for CubeBackend {
    fn normed_rows(rows: CubeTensor, weight: CubeTensor, bias: CubeTensor, epsilon: f32) -> CubeTensor {
        Self::norm_rows(rows, weight, bias, epsilon).0
    }

    fn row_weights(scores: CubeTensor, lengths: CubeTensor, scale: f32) -> CubeTensor {
        Self::softmax_rows(scores, lengths, scale)
    }
}

#[derive(Debug)]
struct RowsPlusRow;

impl<B: RowOps> Backward<B, 2> for RowsPlusRow {
    type State = ();

    fn backward(self, ops: Ops<(), 2>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        binary::<B, _, _>(ops.parents, ops.node, gradients, |gradient| gradient, B::sum_columns);
    }
}

#[derive(Debug)]
struct NormedRows;

impl<B: RowOps> Backward<B, 3> for NormedRows {
    /// The normalised rows, the inverse deviations and the weight.
    type State = [FloatTensor<B>; 3];

    fn backward(self, ops: Ops<Self::State, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let [normalised, inverse, weight] = ops.state;
        let [of_rows, of_weight, of_bias] = ops.parents;
        let sums = |rows: FloatTensor<B>| {
            let columns = rows.shape()[1];
            B::float_reshape(B::sum_columns(rows), Shape::from([columns]))
        };
        if let Some(parent) = of_weight {
            let products = B::float_mul(gradient.clone(), normalised.clone());
            gradients.register::<B>(parent.id, sums(products));
        }
        if let Some(parent) = of_bias {
            gradients.register::<B>(parent.id, sums(gradient.clone()));
        }
        if let Some(parent) = of_rows {
            gradients.register::<B>(parent.id, B::norm_rows_back(gradient, normalised, inverse, weight));
        }
    }
}

#[derive(Debug)]
struct RowWeights;

impl<B: RowOps> Backward<B, 1> for RowWeights {
    /// The weights and the scale.
    type State = (FloatTensor<B>, f32);

    fn backward(self, ops: Ops<Self::State, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (weights, scale) = ops.state;
        unary::<B, _>(ops.parents, ops.node, gradients, |gradient| {
            B::softmax_rows_back(gradient, weights, scale)
        });
    }
}

impl<B: RowOps + TrackedRowOps, C: CheckpointStrategy> TrackedRowOps for Autodiff<B, C> {
    fn rows_plus_row(rows: FloatTensor<Self>, row: FloatTensor<Self>) -> FloatTensor<Self> {
        let ((rows, of_rows), (row, of_row)) = (rows.into_parts(), row.into_parts());
        let sum = B::float_add(rows, row);
        match RowsPlusRow.prepare::<C>([of_rows, of_row]).compute_bound().stateful() {
            OpsKind::UnTracked(step) => step.finish(sum),
            OpsKind::Tracked(step) => step.finish((), sum),
        }
    }

    fn normed_rows(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f32,
    ) -> FloatTensor<Self> {
        let (rows, of_rows) = rows.into_parts();
        let (weight, of_weight) = weight.into_parts();
        let (bias, of_bias) = bias.into_parts();
        let (output, normalised, inverse) = B::norm_rows(rows, weight.clone(), bias, epsilon);
        let guards = [of_rows, of_weight, of_bias];
        match NormedRows.prepare::<C>(guards).compute_bound().stateful() {
            OpsKind::UnTracked(step) => step.finish(output),
            OpsKind::Tracked(step) => step.finish([normalised, inverse, weight], output),
        }
    }

    fn row_weights(scores: FloatTensor<Self>, lengths: IntTensor<Self>, scale: f32) -> FloatTensor<Self> {
        let (scores, guard) = scores.into_parts();
        let weights = B::softmax_rows(scores, lengths, scale);
        match RowWeights.prepare::<C>([guard]).compute_bound().stateful() {
            OpsKind::UnTracked(step) => step.finish(weights),
            OpsKind::Tracked(step) => step.finish((weights.clone(), scale), weights),
        }
    }
}
