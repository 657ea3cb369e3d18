//! The operators on the CPU: Burn's extension point, its autodiff and the kernels joined.
//!
//! Under autodiff each is one node of the tape that keeps no more than its backward pass needs.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::{Device, TensorData};

use crate::kernels::dropout::Masks;
use crate::kernels::{attention, gelu, layer_norm};

/// Whether the kernels of `crate::kernels` compute for a device: that of the pure Rust backend, `flex`. LibTorch on a
/// CPU is a device like any other.
pub fn has_kernels(device: &Device) -> bool {
    *device == Device::flex()
}

/// A tensor of the CPU backend.
pub(super) type Values = FloatTensor<Flex>;

/// How rows are cut into sequences and columns into heads.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Rows of each sequence.
    pub lengths: Arc<Vec<usize>>,
    /// Attention heads.
    pub heads: usize,
}

impl Cut {
    fn shape(&self, hidden: usize) -> attention::Shape<'_> {
        attention::Shape {
            lengths: &self.lengths,
            heads: self.heads,
            hidden,
        }
    }
}

/// What the CPU does in one go. Rows are `[row, dimension]`.
#[backend_extension(Flex, Autodiff)]
pub trait CpuOps: Backend {
    /// Self-attention of packed sequences, `[row, 3 hidden]` to `[row, hidden]`.
    fn packed_attention(projected: FloatTensor<Self>, cut: Cut, dropout: Option<Masks>) -> FloatTensor<Self>;

    /// GELU with the exact error function.
    fn exact_gelu(rows: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `norm(residual + dropout(rows))`.
    fn add_norm(
        rows: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
        dropout: Option<Masks>,
    ) -> FloatTensor<Self>;

    /// `norm(rows)`.
    fn row_norm(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self>;
}

/// The tensor with its elements one after another from the start of its storage.
pub(super) fn plain(tensor: Values) -> Values {
    match tensor.is_contiguous() && tensor.layout().start_offset() == 0 {
        true => tensor,
        false => tensor.to_contiguous(),
    }
}

pub(super) fn slice(tensor: &Values) -> &[f32] {
    &tensor.storage::<f32>()[..tensor.layout().num_elements()]
}

/// The elements to write to: the tensor's own where nobody else holds it, a copy of them otherwise. It must be `plain`.
pub(super) fn slice_mut(tensor: &mut Values) -> &mut [f32] {
    let count = tensor.layout().num_elements();
    &mut tensor.storage_mut::<f32>()[..count]
}

pub(super) fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Values {
    Values::from_data(TensorData::new(values, shape))
}

/// A node's way back: each tracked parent is given its part of what `back` makes of the state and the node's gradient.
pub(super) fn back_through<S, const N: usize>(
    ops: Ops<S, N>,
    gradients: &mut Gradients,
    back: impl FnOnce(S, Values) -> [Values; N],
) {
    let gradient = plain(gradients.consume::<Flex>(&ops.node));
    for (parent, gradient) in ops.parents.into_iter().zip(back(ops.state, gradient)) {
        if let Some(parent) = parent {
            gradients.register::<Flex>(parent.id, gradient);
        }
    }
}

/// Attention's output and the logarithms of its softmax sums.
fn attend(projected: &Values, cut: &Cut, dropout: Option<&Masks>) -> (Values, Vec<f32>) {
    let [rows, width] = projected.shape().dims();
    let hidden = width / 3;
    let mut out = vec![0.0; rows * hidden];
    let mut log_sums = vec![0.0; rows * cut.heads];
    attention::forward(slice(projected), cut.shape(hidden), dropout, &mut out, &mut log_sums);
    (tensor(out, [rows, hidden]), log_sums)
}

fn activate(rows: &Values) -> Values {
    let shape: [usize; 2] = rows.shape().dims();
    let mut out = vec![0.0; shape.iter().product()];
    gelu::forward(slice(rows), &mut out);
    tensor(out, shape)
}

/// What a norm leaves for its way back.
#[derive(Clone, Debug)]
struct Normed {
    normalised: Values,
    inverse: Arc<Vec<f32>>,
    weight: Values,
    dropout: Option<Masks>,
}

fn norm(
    rows: Values,
    residual: Option<Values>,
    weight: Values,
    bias: Values,
    epsilon: f64,
    dropout: Option<Masks>,
) -> (Values, Normed) {
    let (mut rows, weight, bias) = (plain(rows), plain(weight), plain(bias));
    let residual = residual.map(plain);
    let shape: [usize; 2] = rows.shape().dims();
    let mut out = vec![0.0; shape[0] * shape[1]];
    let mut inverse = vec![0.0; shape[0]];
    layer_norm::forward(
        slice_mut(&mut rows),
        residual.as_ref().map(slice),
        dropout.as_ref(),
        [slice(&weight), slice(&bias)],
        epsilon as f32,
        Some(layer_norm::Saved {
            inverse: &mut inverse,
            y: &mut out,
        }),
    );
    let normed = Normed {
        normalised: rows,
        inverse: Arc::new(inverse),
        weight,
        dropout,
    };
    (tensor(out, shape), normed)
}

/// The norm alone, with nothing left for a way back.
fn norm_only(
    rows: Values,
    residual: Option<Values>,
    [weight, bias]: [Values; 2],
    epsilon: f64,
    dropout: Option<&Masks>,
) -> Values {
    let (mut rows, weight, bias) = (plain(rows), plain(weight), plain(bias));
    let residual = residual.map(plain);
    let parameters = [slice(&weight), slice(&bias)];
    let residual = residual.as_ref().map(slice);
    layer_norm::forward(
        slice_mut(&mut rows),
        residual,
        dropout,
        parameters,
        epsilon as f32,
        None,
    );
    rows
}

/// Gradients at the rows (where dropout makes it another than the residual's), the residual, weight and bias.
fn norm_back(normed: &Normed, mut gradient: Values) -> (Option<Values>, [Values; 3]) {
    let shape: [usize; 2] = gradient.shape().dims();
    let mut at_rows = normed.dropout.as_ref().map(|_| vec![0.0; shape[0] * shape[1]]);
    let mut weight = vec![0.0; shape[1]];
    let mut bias = vec![0.0; shape[1]];
    let dropout = normed.dropout.as_ref().zip(at_rows.as_deref_mut());
    layer_norm::backward(
        slice_mut(&mut gradient),
        slice(&normed.normalised),
        &normed.inverse,
        slice(&normed.weight),
        layer_norm::Gradients {
            dropout,
            weight: &mut weight,
            bias: &mut bias,
        },
    );
    let at_rows = at_rows.map(|values| tensor(values, shape));
    let [_, dimension] = shape;
    let others = [gradient, tensor(weight, [dimension]), tensor(bias, [dimension])];
    (at_rows, others)
}

impl CpuOps for Flex {
    fn packed_attention(projected: Values, cut: Cut, dropout: Option<Masks>) -> Values {
        attend(&plain(projected), &cut, dropout.as_ref()).0
    }

    fn exact_gelu(rows: Values) -> Values {
        let mut rows = plain(rows);
        gelu::in_place(slice_mut(&mut rows));
        rows
    }

    fn add_norm(
        rows: Values,
        residual: Values,
        weight: Values,
        bias: Values,
        epsilon: f64,
        dropout: Option<Masks>,
    ) -> Values {
        norm_only(rows, Some(residual), [weight, bias], epsilon, dropout.as_ref())
    }

    fn row_norm(rows: Values, weight: Values, bias: Values, epsilon: f64) -> Values {
        norm_only(rows, None, [weight, bias], epsilon, None)
    }
}

#[derive(Debug)]
struct PackedAttention;

#[derive(Clone, Debug)]
struct Attended {
    projected: Values,
    out: Values,
    log_sums: Arc<Vec<f32>>,
    cut: Cut,
    dropout: Option<Masks>,
}

impl Backward<Flex, 1> for PackedAttention {
    type State = Attended;

    fn backward(self, ops: Ops<Attended, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let state = ops.state;
        unary::<Flex, _>(ops.parents, ops.node, gradients, |gradient| {
            let gradient = plain(gradient);
            let shape: [usize; 2] = state.projected.shape().dims();
            let mut back = vec![0.0; shape[0] * shape[1]];
            attention::backward(
                slice(&gradient),
                slice(&state.projected),
                [slice(&state.out), &state.log_sums],
                state.cut.shape(shape[1] / 3),
                state.dropout.as_ref(),
                &mut back,
            );
            tensor(back, shape)
        });
    }
}

#[derive(Debug)]
struct ExactGelu;

impl Backward<Flex, 1> for ExactGelu {
    type State = Values;

    fn backward(self, ops: Ops<Values, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let rows = ops.state;
        unary::<Flex, _>(ops.parents, ops.node, gradients, |gradient| {
            let mut gradient = plain(gradient);
            gelu::backward(slice(&rows), slice_mut(&mut gradient));
            gradient
        });
    }
}

#[derive(Debug)]
struct AddNorm;

impl Backward<Flex, 4> for AddNorm {
    type State = Normed;

    fn backward(self, ops: Ops<Normed, 4>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        back_through(ops, gradients, |state, gradient| {
            let (at_rows, [at_residual, at_weight, at_bias]) = norm_back(&state, gradient);
            let at_rows = at_rows.unwrap_or_else(|| at_residual.clone());
            [at_rows, at_residual, at_weight, at_bias]
        });
    }
}

#[derive(Debug)]
struct RowNorm;

impl Backward<Flex, 3> for RowNorm {
    type State = Normed;

    fn backward(self, ops: Ops<Normed, 3>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        back_through(ops, gradients, |state, gradient| norm_back(&state, gradient).1);
    }
}

impl<C: CheckpointStrategy> CpuOps for Autodiff<Flex, C> {
    fn packed_attention(projected: FloatTensor<Self>, cut: Cut, dropout: Option<Masks>) -> FloatTensor<Self> {
        let (projected, guard) = projected.into_parts();
        let projected = plain(projected);
        let (out, log_sums) = attend(&projected, &cut, dropout.as_ref());
        match PackedAttention.prepare::<C>([guard]).compute_bound().stateful() {
            OpsKind::UnTracked(step) => step.finish(out),
            OpsKind::Tracked(step) => {
                let state = Attended {
                    projected,
                    out: out.clone(),
                    log_sums: Arc::new(log_sums),
                    cut,
                    dropout,
                };
                step.finish(state, out)
            }
        }
    }

    fn exact_gelu(rows: FloatTensor<Self>) -> FloatTensor<Self> {
        let (rows, guard) = rows.into_parts();
        let rows = plain(rows);
        let out = activate(&rows);
        match ExactGelu.prepare::<C>([guard]).compute_bound().stateful() {
            OpsKind::UnTracked(step) => step.finish(out),
            OpsKind::Tracked(step) => step.finish(rows, out),
        }
    }

    fn add_norm(
        rows: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
        dropout: Option<Masks>,
    ) -> FloatTensor<Self> {
        let (rows, of_rows) = rows.into_parts();
        let (residual, of_residual) = residual.into_parts();
        let (weight, of_weight) = weight.into_parts();
        let (bias, of_bias) = bias.into_parts();
        let (out, state) = norm(rows, Some(residual), weight, bias, epsilon, dropout);
        let guards = [of_rows, of_residual, of_weight, of_bias];
        match AddNorm.prepare::<C>(guards).compute_bound().stateful() {
            OpsKind::UnTracked(step) => step.finish(out),
            OpsKind::Tracked(step) => step.finish(state, out),
        }
    }

    fn row_norm(
        rows: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        let (rows, of_rows) = rows.into_parts();
        let (weight, of_weight) = weight.into_parts();
        let (bias, of_bias) = bias.into_parts();
        let (out, state) = norm(rows, None, weight, bias, epsilon, None);
        match RowNorm
            .prepare::<C>([of_rows, of_weight, of_bias])
            .compute_bound()
            .stateful()
        {
            OpsKind::UnTracked(step) => step.finish(out),
            OpsKind::Tracked(step) => step.finish(state, out),
        }
    }
}
