//! Functions of a tensor's rows, each row on its own: candle's own elementwise operators run on one thread and keep
//! every step of a composed function for the gradient, so these are operators of candle's extension point.
//!
//! A row is what lies along the last dimension. All tensors are f32, on the CPU.

use std::f32::consts::{FRAC_1_SQRT_2, PI};
use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

/// Elements that are worth handing to a thread.
const GRAIN: usize = 4096;

/// A function of a row and its gradient.
pub trait RowFunction: Send + Sync + 'static {
    /// For errors.
    const NAME: &'static str;

    /// Fills `y` with the function of `x`. `row` counts from 0.
    fn forward(&self, row: usize, x: &[f32], y: &mut [f32]);

    /// Fills `dx` with the gradient at `x`, from what `forward` gave and the gradient `dy` at it.
    fn backward(&self, row: usize, x: &[f32], y: &[f32], dy: &[f32], dx: &mut [f32]);
}

/// The function of each row of a tensor.
pub fn by_row(function: impl RowFunction, tensor: &Tensor) -> Result<Tensor> {
    tensor.contiguous()?.apply_op1(Forward(Arc::new(function)))
}

struct Forward<F>(Arc<F>);

impl<F: RowFunction> CustomOp1 for Forward<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = elements(storage, layout)?;
        let (width, least) = (width(layout)?, least(layout)?);
        let mut y = vec![0f32; x.len()];
        let rows = y.par_chunks_mut(width).zip(x.par_chunks(width)).enumerate();
        rows.with_min_len(least)
            .for_each(|(row, (y, x))| self.0.forward(row, x, y));
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let backward = Backward(self.0.clone());
        x.apply_op3_no_bwd(y, &dy.contiguous()?, &backward).map(Some)
    }
}

struct Backward<F>(Arc<F>);

impl<F: RowFunction> CustomOp3 for Backward<F> {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        y: &CpuStorage,
        y_layout: &Layout,
        dy: &CpuStorage,
        dy_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, y, dy) = (elements(x, x_layout)?, elements(y, y_layout)?, elements(dy, dy_layout)?);
        let (width, least) = (width(x_layout)?, least(x_layout)?);
        let mut dx = vec![0f32; x.len()];
        let read = x.par_chunks(width).zip(y.par_chunks(width)).zip(dy.par_chunks(width));
        let rows = dx.par_chunks_mut(width).zip(read).enumerate();
        rows.with_min_len(least)
            .for_each(|(row, (dx, ((x, y), dy)))| self.0.backward(row, x, y, dy, dx));
        Ok((CpuStorage::F32(dx), x_layout.shape().clone()))
    }
}

/// A tensor's elements, one after another.
pub fn elements<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("expected a tensor whose elements lie one after another"),
    }
}

fn width(layout: &Layout) -> Result<usize> {
    match layout.dims().last() {
        Some(&width) if width > 0 => Ok(width),
        _ => bail!(
            "expected rows of at least one element, found the shape {:?}",
            layout.dims()
        ),
    }
}

/// Rows that are worth handing to a thread.
fn least(layout: &Layout) -> Result<usize> {
    Ok(GRAIN.div_ceil(width(layout)?))
}

/// Sums run in so many lanes, which the processor adds side by side.
const LANES: usize = 16;

fn sum(x: &[f32]) -> f32 {
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut lanes = [0f32; LANES];
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane += x);
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}

fn inner(x: &[f32], y: &[f32]) -> f32 {
    let ((x_chunks, x_rest), (y_chunks, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    let mut lanes = [0f32; LANES];
    for (x, y) in x_chunks.iter().zip(y_chunks) {
        lanes
            .iter_mut()
            .zip(x.iter().zip(y))
            .for_each(|(lane, (x, y))| *lane += x * y);
    }
    let rest: f32 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    lanes.iter().sum::<f32>() + rest
}

fn greatest(x: &[f32]) -> f32 {
    let greater = |found: f32, x: f32| if x > found { x } else { found };
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        lanes
            .iter_mut()
            .zip(chunk)
            .for_each(|(lane, x)| *lane = greater(*lane, *x));
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, greater)
}

/// Softmax over the first elements of a row; the rest get 0.
pub struct MaskedSoftmax {
    /// How many elements of a row count, of each group of rows; at least 1.
    pub lengths: Arc<[usize]>,
    /// Rows of a group.
    pub group: usize,
    /// Number of the first row.
    pub first: usize,
    /// What elements are multiplied by before.
    pub factor: f32,
}

impl RowFunction for MaskedSoftmax {
    const NAME: &'static str = "masked-softmax";

    fn forward(&self, row: usize, x: &[f32], y: &mut [f32]) {
        let length = self.lengths[(self.first + row) / self.group];
        let (x, y) = (&x[..length], &mut y[..length]);
        let greatest = greatest(x);
        y.iter_mut()
            .zip(x)
            .for_each(|(y, x)| *y = ((x - greatest) * self.factor).exp());
        let scale = 1.0 / sum(y);
        y.iter_mut().for_each(|y| *y *= scale);
    }

    fn backward(&self, _row: usize, _x: &[f32], y: &[f32], dy: &[f32], dx: &mut [f32]) {
        let inner = inner(y, dy);
        for (dx, (y, dy)) in dx.iter_mut().zip(y.iter().zip(dy)) {
            *dx = self.factor * y * (dy - inner);
        }
    }
}

/// A row less its mean, over its deviation: layer normalisation before its weight and bias.
pub struct Normalise {
    /// Added to the variance.
    pub epsilon: f32,
}

impl Normalise {
    /// Puts a row less its mean into `y`; gives 1 over the deviation.
    fn centre(&self, x: &[f32], y: &mut [f32]) -> f32 {
        let count = x.len() as f32;
        let mean = sum(x) / count;
        y.iter_mut().zip(x).for_each(|(y, x)| *y = x - mean);
        1.0 / (inner(y, y) / count + self.epsilon).sqrt()
    }
}

impl RowFunction for Normalise {
    const NAME: &'static str = "normalise";

    fn forward(&self, _row: usize, x: &[f32], y: &mut [f32]) {
        let scale = self.centre(x, y);
        y.iter_mut().for_each(|y| *y *= scale);
    }

    fn backward(&self, _row: usize, x: &[f32], y: &[f32], dy: &[f32], dx: &mut [f32]) {
        let scale = self.centre(x, dx);
        let count = x.len() as f32;
        let (mean, along) = (sum(dy) / count, inner(y, dy) / count);
        for (dx, (y, dy)) in dx.iter_mut().zip(y.iter().zip(dy)) {
            *dx = scale * (dy - mean - y * along);
        }
    }
}

/// `x` times the standard normal distribution's probability of less than `x`.
pub struct Gelu;

fn below(x: f32) -> f32 {
    0.5 * (1.0 + candle_core::cpu::erf::erf_f32(x * FRAC_1_SQRT_2))
}

impl RowFunction for Gelu {
    const NAME: &'static str = "gelu";

    fn forward(&self, _row: usize, x: &[f32], y: &mut [f32]) {
        y.iter_mut().zip(x).for_each(|(y, x)| *y = x * below(*x));
    }

    fn backward(&self, _row: usize, x: &[f32], _y: &[f32], dy: &[f32], dx: &mut [f32]) {
        let density = |x: f32| (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
        for (dx, (&x, dy)) in dx.iter_mut().zip(x.iter().zip(dy)) {
            *dx = dy * (below(x) + x * density(x));
        }
    }
}

/// Each row of `tensor`, `[.., width]`, plus `row`, `[width]`.
pub fn add_row(tensor: &Tensor, row: &Tensor) -> Result<Tensor> {
    tensor.contiguous()?.apply_op2(row, AddRow)
}

/// Each row of `tensor`, `[.., width]`, times `row`, `[width]`, element by element.
pub fn multiply_row(tensor: &Tensor, row: &Tensor) -> Result<Tensor> {
    tensor.contiguous()?.apply_op2(row, MultiplyRow)
}

struct AddRow;

struct MultiplyRow;

impl CustomOp2 for AddRow {
    fn name(&self) -> &'static str {
        "add-row"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_at: &Layout, row: &CpuStorage, row_at: &Layout) -> Result<(CpuStorage, Shape)> {
        with_row(x, x_at, row, row_at, |x, row| x + row)
    }

    fn bwd(&self, _x: &Tensor, _row: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((Some(dy.clone()), Some(column_sums(dy)?)))
    }
}

impl CustomOp2 for MultiplyRow {
    fn name(&self) -> &'static str {
        "multiply-row"
    }

    fn cpu_fwd(&self, x: &CpuStorage, x_at: &Layout, row: &CpuStorage, row_at: &Layout) -> Result<(CpuStorage, Shape)> {
        with_row(x, x_at, row, row_at, |x, row| x * row)
    }

    fn bwd(&self, x: &Tensor, row: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dx = dy.contiguous()?.apply_op2_no_bwd(row, &MultiplyRow)?;
        Ok((Some(dx), Some(column_sums(&(dy * x)?)?)))
    }
}

fn with_row(
    x: &CpuStorage,
    x_at: &Layout,
    row: &CpuStorage,
    row_at: &Layout,
    function: impl Fn(f32, f32) -> f32 + Sync,
) -> Result<(CpuStorage, Shape)> {
    let (x, row, width) = (elements(x, x_at)?, elements(row, row_at)?, width(x_at)?);
    if row.len() != width {
        bail!("expected a row of {width} elements, found {}", row.len());
    }
    let mut y = vec![0f32; x.len()];
    let rows = y.par_chunks_mut(width).zip(x.par_chunks(width));
    rows.with_min_len(least(x_at)?).for_each(|(y, x)| {
        for (y, (&x, &row)) in y.iter_mut().zip(x.iter().zip(row)) {
            *y = function(x, row);
        }
    });
    Ok((CpuStorage::F32(y), x_at.shape().clone()))
}

/// The sum of all rows, `[width]`: a product with a row of ones, which takes all threads.
pub fn column_sums(tensor: &Tensor) -> Result<Tensor> {
    let tensor = tensor.contiguous()?.flatten_to(tensor.rank().saturating_sub(2))?;
    let (rows, width) = tensor.dims2()?;
    let ones = Tensor::ones((1, rows), tensor.dtype(), tensor.device())?;
    ones.matmul(&tensor)?.reshape(width)
}
