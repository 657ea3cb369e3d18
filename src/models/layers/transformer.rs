//! One transformer layer, normalised after each sub-layer (Vaswani et al. 2017; Devlin et al. 2019).

use burn::module::Module;
use burn::tensor::{Tensor, activation};

use super::linear::Linear;
use super::norm::Norm;
use crate::models::batch::Pass;
use crate::models::dropout::dropout;
use crate::models::initialise::Initialiser;
use crate::models::ops::{self, Layout};
use crate::models::work::Work;

/// The feed-forward network's activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Exact GELU, as BERT.
    Gelu,
    /// ReLU, as PyTorch's `nn.TransformerEncoderLayer`.
    Relu,
}

/// Sizes and dropout of a layer.
#[derive(Clone, Copy, Debug)]
pub struct LayerConfig {
    /// Length of a state.
    pub hidden: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the feed-forward network.
    pub intermediate: usize,
    /// What stands between the feed-forward matrices.
    pub activation: Activation,
    /// Added to the variance in the norms.
    pub epsilon: f64,
    /// Dropout on what each sub-layer adds.
    pub dropout: f64,
    /// Dropout on the attention weights.
    pub attention_dropout: f64,
    /// Dropout between the two feed-forward matrices.
    pub inner_dropout: f64,
    /// Deviation that matrices start from.
    pub initializer_range: f64,
}

/// Self-attention and a feed-forward network, each added to its input and normalised.
#[derive(Module, Debug)]
pub struct Layer {
    query_key_value: Linear,
    attention_output: Linear,
    attention_norm: Norm,
    intermediate: Linear,
    output: Linear,
    output_norm: Norm,
    #[module(skip)]
    config: LayerConfig,
}

impl Layer {
    /// A layer with BERT's start.
    pub fn init(config: LayerConfig, initialiser: &mut Initialiser) -> Self {
        let LayerConfig {
            hidden,
            intermediate,
            epsilon,
            initializer_range: range,
            ..
        } = config;
        Self {
            query_key_value: Linear::init([hidden, 3 * hidden], range, initialiser),
            attention_output: Linear::init([hidden, hidden], range, initialiser),
            attention_norm: Norm::init(hidden, epsilon, initialiser),
            intermediate: Linear::init([hidden, intermediate], range, initialiser),
            output: Linear::init([intermediate, hidden], range, initialiser),
            output_norm: Norm::init(hidden, epsilon, initialiser),
            config,
        }
    }

    /// The work on sequences of those lengths. Heads share the states among them: their number does not matter.
    pub fn work(hidden: usize, intermediate: usize, sequences: &[usize]) -> Work {
        let rows: usize = sequences.iter().sum();
        let linears = [
            [hidden, 3 * hidden],
            [hidden, hidden],
            [hidden, intermediate],
            [intermediate, hidden],
        ];
        let linears: Work = linears.map(|sides| Linear::work(rows, sides)).into_iter().sum();
        let attention = |&length: &usize| {
            // Scores, then the weighted sums of the values.
            Work::product([length, hidden, length]) + Work::product([length, length, hidden])
        };
        linears + sequences.iter().map(attention).sum()
    }

    /// States `[row, hidden]` of the sequences in `layout` to states of the same shape. Each token attends
    /// to the tokens of its own sequence.
    pub fn forward(&self, states: Tensor<2>, layout: &Layout, pass: Pass) -> Tensor<2> {
        let config = &self.config;
        let Pass { noise, precision } = pass;
        let projected = self.query_key_value.forward(states.clone(), precision);
        let attended = ops::attention(projected, layout, config.heads, config.attention_dropout, pass);
        let attended = self.attention_output.forward(attended, precision);
        let states = self.attention_norm.add(attended, states, noise, config.dropout);
        let inner = self.intermediate.forward(states.clone(), precision);
        let inner = match config.activation {
            Activation::Gelu => ops::gelu(inner),
            Activation::Relu => activation::relu(inner),
        };
        let inner = self
            .output
            .forward(dropout(noise, inner, config.inner_dropout), precision);
        self.output_norm.add(inner, states, noise, config.dropout)
    }
}
