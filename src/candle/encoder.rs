//! BERT's encoder (Devlin et al. 2019), with the exact GELU.

use candle_core::{Result, Tensor};

use super::linear::{Linear, Norm};
use super::pass::Pass;
use super::rows::add_row;
use super::sequences::{Sequences, indices};
use super::settings::EncoderSettings;
use super::transformer::{Activation, Layer, LayerSizes};
use super::weights::{Parameter, Start, Weights};
use crate::bench::protocol::Failure;

/// Added to the variance in the norms, as BERT has it.
const EPSILON: f32 = 1e-12;

/// Token types that BERT knows; notes are of the first.
const TOKEN_TYPES: usize = 2;

/// Token ids to states in their context.
pub struct Encoder {
    /// `[token, hidden]`.
    word: Parameter,
    /// `[position, hidden]`.
    position: Parameter,
    /// `[type, hidden]`.
    token_type: Parameter,
    norm: Norm,
    dropout: f64,
    layers: Vec<Layer>,
    pooler: Option<Linear>,
}

impl Encoder {
    /// The encoder of the weights, whose names begin with `encoder`.
    ///
    /// # Errors
    /// The weights lack a part or have it in another shape.
    pub fn take(
        weights: &mut Weights,
        settings: &EncoderSettings,
        vocabulary: usize,
        pooler: bool,
    ) -> std::result::Result<Self, Failure> {
        let (hidden, start) = (settings.hidden, Start::deviation(settings.initializer_range));
        let sizes = LayerSizes {
            hidden,
            heads: settings.heads,
            intermediate: settings.intermediate,
            epsilon: EPSILON,
            dropout: settings.dropout,
            attention_dropout: settings.attention_dropout,
            inner_dropout: 0.0,
            activation: Activation::Gelu,
        };
        let path = "encoder.embeddings";
        Ok(Self {
            word: weights.take(&format!("{path}.word"), &[vocabulary, hidden], start)?,
            position: weights.take(&format!("{path}.position"), &[settings.positions, hidden], start)?,
            token_type: weights.take(&format!("{path}.token_type"), &[TOKEN_TYPES, hidden], start)?,
            norm: Norm::take(weights, &format!("{path}.norm"), hidden, EPSILON)?,
            dropout: settings.dropout,
            layers: (0..settings.layers)
                .map(|layer| Layer::take(weights, &format!("encoder.layers.{layer}"), sizes))
                .collect::<std::result::Result<_, _>>()?,
            pooler: match pooler {
                true => Some(Linear::take(weights, "encoder.pooler", hidden, hidden)?),
                false => None,
            },
        })
    }

    /// States `[sequence * width, hidden]`; what stands in the places of padding means nothing.
    pub fn forward(&self, sequences: &Sequences, pass: &Pass) -> Result<Tensor> {
        let words = self.word.on(pass).index_select(&sequences.ids, 0)?;
        let width = sequences.width as u32;
        let places = (0..sequences.count()).flat_map(|_| 0..width).collect();
        let positions = self.position.on(pass).index_select(&indices(places)?, 0)?;
        let sum = add_row(&(words + positions)?, &self.token_type.on(pass).get(0)?)?;
        let mut states = pass.dropout(&self.norm.forward(&sum, pass)?, self.dropout)?;
        for layer in &self.layers {
            states = layer.forward(&states, &sequences.lengths, pass)?;
        }
        Ok(states)
    }

    /// `tanh(W x + b)` of the states of `[CLS]`, `[sequence, hidden]`; the states themselves where there is no pooler.
    pub fn pool(&self, cls: Tensor, pass: &Pass) -> Result<Tensor> {
        match &self.pooler {
            Some(pooler) => pooler.forward(&cls, pass)?.tanh(),
            None => Ok(cls),
        }
    }
}
