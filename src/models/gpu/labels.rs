//! Label-wise attention between its products.

use burn::backend::fusion::custom::TensorSpec;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, TensorMetadata, backend_extension};
use burn::tensor::{Device, Int, Shape, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::{CubeCount, CubeDim};

use super::label_kernels::{self as kernels, LANES};
use super::rows::{softmax_rows, softmax_rows_back};

/// How many tokens each of some notes has.
#[derive(Clone, Debug)]
pub struct Lengths {
    of_notes: Tensor<1, Int>,
    longest: usize,
}

impl Lengths {
    /// On a device with kernels.
    pub fn new(lengths: &[usize], device: &Device) -> Self {
        let of_notes: Vec<i32> = lengths.iter().map(|&length| length as i32).collect();
        Self {
            of_notes: Tensor::from_data(of_notes.as_slice(), &device.clone().without_autodiff()),
            longest: lengths.iter().copied().max().unwrap_or(0),
        }
    }

    /// They themselves, for notes of so many rows.
    ///
    /// # Panics
    /// When there is not one a note, or one is above the rows.
    fn of(&self, notes: usize, width: usize) -> Tensor<1, Int> {
        assert!(self.of_notes.dims() == [notes] && self.longest <= width);
        self.of_notes.clone()
    }
}

/// What labels read of some notes' tokens; nothing is tracked.
#[derive(Clone, Debug)]
pub struct Read {
    /// The attention's mean of what is read, `[note, code]`.
    pub means: Tensor<2>,
    log_sums: Tensor<2>,
    lengths: Tensor<1, Int>,
}

/// What labels read, each with a softmax over a note's tokens. `both` is `[note, 2 code, token]`: the labels' scores, then
/// what they read of each token.
///
/// # Panics
/// When the lengths are not those of the notes, or there is an odd number of rows.
pub fn read(both: Tensor<3>, lengths: &Lengths) -> Read {
    let [notes, rows, width] = both.dims();
    assert!(rows.is_multiple_of(2));
    let lengths = lengths.of(notes, width);
    let (means, log_sums) = Dispatch::read_labels(both.into_dispatch(), lengths.clone().into_dispatch());
    Read {
        lengths,
        means: Tensor::from_dispatch(means),
        log_sums: Tensor::from_dispatch(log_sums),
    }
}

/// The gradient at `both` of [`read`], from that at the means; 0 past a note's end.
pub fn read_back(at_means: Tensor<2>, both: Tensor<3>, read: Read) -> Tensor<3> {
    Tensor::from_dispatch(Dispatch::read_labels_back(
        at_means.into_dispatch(),
        both.into_dispatch(),
        read.means.into_dispatch(),
        read.log_sums.into_dispatch(),
        read.lengths.into_dispatch(),
    ))
}

/// The softmax over each note's tokens of `[note, code, token]`, 0 past its end.
///
/// # Panics
/// When the lengths are not those of the notes.
pub fn document_weights(scores: Tensor<3>, lengths: &Lengths) -> Tensor<3> {
    let shape = scores.dims();
    let [notes, codes, width] = shape;
    let lengths = lengths.of(notes, width);
    softmax_rows(scores.reshape([notes * codes, width]), lengths, 1.0).reshape(shape)
}

/// The gradient at the scores of [`document_weights`], from that at the weights; untracked.
pub fn document_weights_back(at_weights: Tensor<3>, weights: Tensor<3>) -> Tensor<3> {
    let shape = weights.dims();
    let [notes, codes, width] = shape;
    let rows = |of: Tensor<3>| of.reshape([notes * codes, width]);
    softmax_rows_back(rows(at_weights), rows(weights), 1.0).reshape(shape)
}

/// Burn's extension point.
#[backend_extension(Cube, Fusion)]
pub trait LabelOps: Backend {
    /// The means and the logarithms of the softmax's sums; see [`read`].
    #[fusion(meta = after_read)]
    fn read_labels(both: FloatTensor<Self>, lengths: IntTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// See [`read_back`].
    #[fusion(dtype = both, shape = both)]
    fn read_labels_back(
        at_means: FloatTensor<Self>,
        both: FloatTensor<Self>,
        means: FloatTensor<Self>,
        log_sums: FloatTensor<Self>,
        lengths: IntTensor<Self>,
    ) -> FloatTensor<Self>;
}

fn after_read(both: &TensorSpec, _lengths: &TensorSpec) -> (TensorSpec, TensorSpec) {
    let spec = TensorSpec::new(Shape::from([both.shape[0], both.shape[1] / 2]), both.dtype);
    (spec.clone(), spec)
}

fn empty(like: &CubeTensor, shape: Shape) -> CubeTensor {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape, like.dtype)
}

impl LabelOps for CubeBackend {
    fn read_labels(both: CubeTensor, lengths: CubeTensor) -> (CubeTensor, CubeTensor) {
        let [both, lengths] = [both, lengths].map(into_contiguous);
        let [notes, rows, width]: [usize; 3] = both.shape().dims();
        let codes = rows / 2;
        let [means, log_sums] = [0, 1].map(|_| empty(&both, Shape::from([notes, codes])));
        let address = both.required_address_type();
        // SAFETY: a cube reads the two rows of its label and writes its own numbers; no length is above the width.
        unsafe {
            kernels::read::launch_unchecked(
                &means.client,
                CubeCount::Static(codes as u32, notes as u32, 1),
                CubeDim::new_1d(LANES),
                address,
                means.clone().into_tensor_arg(),
                log_sums.clone().into_tensor_arg(),
                both.into_tensor_arg(),
                lengths.into_tensor_arg(),
                codes as u32,
                width as u32,
            );
        }
        (means, log_sums)
    }

    fn read_labels_back(
        at_means: CubeTensor,
        both: CubeTensor,
        means: CubeTensor,
        log_sums: CubeTensor,
        lengths: CubeTensor,
    ) -> CubeTensor {
        let [at_means, both, means, log_sums, lengths] =
            [at_means, both, means, log_sums, lengths].map(into_contiguous);
        let [notes, rows, width]: [usize; 3] = both.shape().dims();
        let codes = rows / 2;
        let output = empty(&both, both.shape());
        let address = both.required_address_type();
        let across = (width as u32).div_ceil(LANES);
        // SAFETY: a unit reads and writes its token of its label.
        unsafe {
            kernels::read_back::launch_unchecked(
                &output.client,
                CubeCount::Static(across, codes as u32, notes as u32),
                CubeDim::new_1d(LANES),
                address,
                output.clone().into_tensor_arg(),
                at_means.into_tensor_arg(),
                both.into_tensor_arg(),
                means.into_tensor_arg(),
                log_sums.into_tensor_arg(),
                lengths.into_tensor_arg(),
                codes as u32,
                width as u32,
            );
        }
        output
    }
}
