//! A transformer layer: self-attention and a feed-forward network, each added to its input and normalised (post-norm).

use std::sync::Arc;

use candle_core::{Result, Tensor};

use super::linear::{Linear, Norm};
use super::pass::Pass;
use super::rows::{Gelu, MaskedSoftmax, by_row};
use super::weights::Weights;
use crate::bench::protocol::Failure;

/// Attention weights that inference computes at a time: 256 MiB of them.
const WEIGHTS_AT_A_TIME: usize = 1 << 26;

/// Sizes and dropout of a layer.
#[derive(Clone, Copy)]
pub struct LayerSizes {
    /// Length of a state.
    pub hidden: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the feed-forward network.
    pub intermediate: usize,
    /// Added to the variance in the norms.
    pub epsilon: f32,
    /// Dropout on what each sub-layer adds.
    pub dropout: f64,
    /// Dropout on the attention weights.
    pub attention_dropout: f64,
    /// Dropout between the two feed-forward matrices.
    pub inner_dropout: f64,
    /// What stands between them.
    pub activation: Activation,
}

/// What stands between the feed-forward matrices.
#[derive(Clone, Copy)]
pub enum Activation {
    /// `x` times the normal distribution function of `x`, exactly.
    Gelu,
    /// The greater of `x` and 0.
    Relu,
}

/// The layer.
pub struct Layer {
    query_key_value: Linear,
    attention_output: Linear,
    attention_norm: Norm,
    intermediate: Linear,
    output: Linear,
    output_norm: Norm,
    sizes: LayerSizes,
}

impl Layer {
    /// The layer whose parameters have names that begin with `path`.
    ///
    /// # Errors
    /// The weights lack one or have it in another shape.
    pub fn take(weights: &mut Weights, path: &str, sizes: LayerSizes) -> std::result::Result<Self, Failure> {
        let LayerSizes {
            hidden,
            intermediate,
            epsilon,
            ..
        } = sizes;
        let name = |part: &str| format!("{path}.{part}");
        Ok(Self {
            query_key_value: Linear::take(weights, &name("query_key_value"), hidden, 3 * hidden)?,
            attention_output: Linear::take(weights, &name("attention_output"), hidden, hidden)?,
            attention_norm: Norm::take(weights, &name("attention_norm"), hidden, epsilon)?,
            intermediate: Linear::take(weights, &name("intermediate"), hidden, intermediate)?,
            output: Linear::take(weights, &name("output"), intermediate, hidden)?,
            output_norm: Norm::take(weights, &name("output_norm"), hidden, epsilon)?,
            sizes,
        })
    }

    /// States `[sequence * width, hidden]` to states of the same shape. A state attends to the first `lengths` of its
    /// own sequence, of which there is at least one each.
    pub fn forward(&self, states: &Tensor, lengths: &Arc<[usize]>, pass: &Pass) -> Result<Tensor> {
        let dropout = self.sizes.dropout;
        let attended = self.attend(&self.query_key_value.forward(states, pass)?, lengths, pass)?;
        let attended = pass.dropout(&self.attention_output.forward(&attended, pass)?, dropout)?;
        let states = self.attention_norm.forward(&(attended + states)?, pass)?;
        let inner = self.intermediate.forward(&states, pass)?;
        let inner = match self.sizes.activation {
            Activation::Gelu => by_row(Gelu, &inner)?,
            Activation::Relu => inner.relu()?,
        };
        let inner = pass.dropout(&inner, self.sizes.inner_dropout)?;
        let added = pass.dropout(&self.output.forward(&inner, pass)?, dropout)?;
        self.output_norm.forward(&(added + states)?, pass)
    }

    /// What the heads read, `[row, hidden]`, from `[row, 3 * hidden]`.
    fn attend(&self, projected: &Tensor, lengths: &Arc<[usize]>, pass: &Pass) -> Result<Tensor> {
        let LayerSizes { hidden, heads, .. } = self.sizes;
        let (rows, _) = projected.dims2()?;
        let sequences = lengths.len();
        let (width, part) = (rows / sequences, hidden / heads);
        // [3, sequence * head, place, part]
        let split = projected.reshape(vec![sequences, width, 3, heads, part])?;
        let split = split.permute([2, 0, 3, 1, 4])?.contiguous()?;
        let split = split.reshape((3, sequences * heads, width, part))?;
        let [queries, keys, values] = [split.get(0)?, split.get(1)?, split.get(2)?];
        let together = match pass.trains() {
            true => sequences * heads,
            false => (WEIGHTS_AT_A_TIME / (width * width)).clamp(1, sequences * heads),
        };
        let mut read = Vec::new();
        for first in (0..sequences * heads).step_by(together) {
            let count = together.min(sequences * heads - first);
            let part_of = |tensor: &Tensor| tensor.narrow(0, first, count);
            let scores = part_of(&queries)?.matmul(&part_of(&keys)?.t()?)?;
            let softmax = MaskedSoftmax {
                lengths: lengths.clone(),
                group: heads * width,
                first: first * width,
                factor: 1.0 / (part as f32).sqrt(),
            };
            let weights = pass.dropout(&by_row(softmax, &scores)?, self.sizes.attention_dropout)?;
            read.push(weights.matmul(&part_of(&values)?)?);
        }
        let read = match &read[..] {
            [all] => all.clone(),
            parts => Tensor::cat(parts, 0)?,
        };
        let read = read.reshape((sequences, heads, width, part))?;
        read.transpose(1, 2)?.contiguous()?.reshape((rows, hidden))
    }
}
