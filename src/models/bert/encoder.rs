//! BERT's encoder (Devlin et al. 2019): embeddings of token, position and type, normalised, then layers. RoBERTa's (Liu et
//! al. 2019) is the same: the rows of its table of positions that no token has are left out when it is read.

use burn::module::{Module, Param};
use burn::tensor::{Tensor, activation};

use super::config::{EncoderConfig, TOKEN_TYPES};
use super::pretrained;
use crate::device::Precision;
use crate::models::batch::Pass;
use crate::models::coding_model::Task;
use crate::models::dropout::{Noise, dropout};
use crate::models::initialise::Initialiser;
use crate::models::layers::transformer::{Activation, Layer, LayerConfig};
use crate::models::layers::{Linear, Norm, Packed};
use crate::models::ops::{add_row, lookup};
use crate::models::parameters;
use crate::models::work::Work;

/// The encoder: token ids to states in their context.
#[derive(Module, Debug)]
pub struct Encoder {
    embeddings: Embeddings,
    layers: Vec<Layer>,
    /// Present where a model reads the pooled `[CLS]`.
    pooler: Option<Linear>,
}

/// Token, position and type vectors.
#[derive(Module, Debug)]
struct Embeddings {
    /// `[token, hidden]`.
    word: Param<Tensor<2>>,
    /// `[position, hidden]`.
    position: Param<Tensor<2>>,
    /// `[type, hidden]`.
    token_type: Param<Tensor<2>>,
    norm: Norm,
    #[module(skip)]
    dropout: f64,
}

impl Encoder {
    /// An encoder that starts from the task's pretrained one, or else as BERT: normal, biases 0.
    ///
    /// # Panics
    /// When the pretrained one does not fit, which [`EncoderConfig::check`] refuses.
    pub fn init(config: &EncoderConfig, task: &Task, pooler: bool, initialiser: &mut Initialiser) -> Self {
        let (hidden, range) = (config.hidden, config.initializer_range);
        let layer = LayerConfig {
            hidden,
            heads: config.heads,
            intermediate: config.intermediate,
            activation: Activation::Gelu,
            epsilon: config.norm_epsilon,
            dropout: config.dropout,
            attention_dropout: config.attention_dropout,
            inner_dropout: 0.0,
            initializer_range: range,
        };
        let encoder = Self {
            embeddings: Embeddings {
                word: initialiser.normal([task.vocabulary, hidden], range),
                position: initialiser.normal([config.positions, hidden], range),
                token_type: initialiser.normal([TOKEN_TYPES, hidden], range),
                norm: Norm::init(hidden, config.norm_epsilon, initialiser),
                dropout: config.dropout,
            },
            layers: (0..config.layers).map(|_| Layer::init(layer, initialiser)).collect(),
            pooler: pooler.then(|| Linear::init([hidden, hidden], range, initialiser)),
        };
        match &task.encoder {
            Some(pretrained) => {
                let filled = pretrained::fill(parameters::read(&encoder), pretrained);
                // OK because these are the encoder's own parameters, in their shapes.
                parameters::write(encoder, filled).expect("the encoder's own parameters")
            }
            None => encoder,
        }
    }

    /// States `[row, hidden]` of packed sequences, in the same rows.
    pub fn forward(&self, packed: &Packed, pass: Pass) -> Tensor<2> {
        let mut states = self.embeddings.forward(packed, pass.noise);
        for layer in &self.layers {
            states = layer.forward(states, &packed.layout, pass);
        }
        states
    }

    /// The work of [`forward`](Self::forward) on sequences of those lengths, specials included: all states of every
    /// layer, also where a head reads `[CLS]` only. Embeddings are looked up.
    pub fn work(config: &EncoderConfig, sequences: &[usize]) -> Work {
        (0..config.layers)
            .map(|_| Layer::work(config.hidden, config.intermediate, sequences))
            .sum()
    }

    /// The work of the pooler on so many sequences.
    pub fn pooler_work(config: &EncoderConfig, sequences: usize) -> Work {
        Linear::work(sequences, [config.hidden, config.hidden])
    }

    /// `tanh(W x + b)` of the `[CLS]` states, `[sequence, hidden]`: what BERT was pretrained to tell a next
    /// sentence by. The states themselves where this encoder has no pooler.
    pub fn pool(&self, cls: Tensor<2>, precision: Precision) -> Tensor<2> {
        match &self.pooler {
            Some(pooler) => activation::tanh(pooler.forward(cls, precision)),
            None => cls,
        }
    }
}

impl Embeddings {
    fn forward(&self, packed: &Packed, noise: Option<&Noise>) -> Tensor<2> {
        let words = lookup(self.word.val(), &packed.tokens);
        let positions = lookup(self.position.val(), &packed.positions);
        let first_type = self.token_type.val().narrow(0, 0, 1).squeeze_dim(0);
        let sum = add_row(words + positions, first_type);
        dropout(noise, self.norm.forward(sum), self.dropout)
    }
}
