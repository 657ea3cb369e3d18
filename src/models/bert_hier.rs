//! BERT-hier: a BERT on each segment of a note, a transformer layer over the segments' `[CLS]` states (Ji,
//! Hölttä, Marttinen 2021, section 3.2, figure 2), and a fully connected or label-wise head (3.3).
//!
//! The layer over the segments is PyTorch's `nn.TransformerEncoderLayer`, whose feed-forward width of 2,048
//! gives the paper's parameter counts: ReLU, epsilon 1e-5. The paper names no position information
//! for segments and does not say how the fully connected head reads several of them: `pooling` does.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::bert::{self, Encoder, EncoderConfig, HeadConfig, Input, with_specials};
use super::blockwise::{CPU_BLOCK, gradients_through};
use super::dropout::dropout;
use super::label_attention::LabelAttention;
use super::layers::transformer::{Activation, Layer, LayerConfig};
use super::layers::{Gather, Linear};
use super::ops::Layout;
use super::settings::{at_least_1, probability};
use super::{Batch, CodingModel, Depth, Initialiser, NoteSize, Task, Tokens, Work, coding_model};

/// PyTorch's default in its transformer layer and its layer norm.
const EPSILON: f64 = 1e-5;

/// Settings of BERT-hier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// Reads each segment alone.
    pub encoder: EncoderConfig,
    /// Positions of a segment, `[CLS]` and `[SEP]` included. The paper uses 512.
    pub segment: usize,
    /// Lets the segments' `[CLS]` states attend to one another.
    pub segment_layer: SegmentLayer,
    /// How the segments' states become one vector for the fully connected head.
    pub pooling: Pooling,
    /// Dropout probability on what the fully connected head reads.
    pub classifier_dropout: f64,
    /// What makes logits of the segments' states.
    pub head: HeadConfig,
}

/// Sizes of the layer over the segments.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SegmentLayer {
    /// Attention heads.
    pub heads: usize,
    /// Width of its feed-forward network: 2,048 matches the paper's parameter counts.
    pub intermediate: usize,
    /// Dropout probability everywhere in it.
    pub dropout: f64,
}

/// How several states become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The greatest of each element.
    Max,
}

/// An encoder over segments, a layer over their `[CLS]` states, and either head.
#[derive(Module, Debug)]
pub struct BertHier {
    encoder: Encoder,
    segment_layer: Layer,
    classifier: Option<Linear>,
    label_attention: Option<LabelAttention>,
    #[module(skip)]
    pooling: Pooling,
    #[module(skip)]
    classifier_dropout: f64,
    #[module(skip)]
    input: Input,
}

impl CodingModel for BertHier {
    type Config = Config;

    const ABOUT: &'static str = "BERT on segments, a transformer layer over their [CLS] states (Ji et al. 2021)";

    const TAKES_ENCODER: bool = true;

    const TOKENS: Tokens = Tokens::WordPieces;

    fn tiny() -> Config {
        Config {
            encoder: EncoderConfig::smallest(),
            segment: 8,
            segment_layer: SegmentLayer {
                heads: 2,
                intermediate: 10,
                dropout: 0.1,
            },
            pooling: Pooling::Mean,
            classifier_dropout: 0.1,
            head: HeadConfig::LabelAttention { label_block: 7 },
        }
    }

    fn published(_length: usize) -> Config {
        Config {
            encoder: EncoderConfig::small(512),
            segment: 512,
            segment_layer: SegmentLayer {
                heads: 4,
                intermediate: 2048,
                dropout: 0.1,
            },
            pooling: Pooling::Mean,
            classifier_dropout: 0.1,
            head: HeadConfig::LabelAttention { label_block: CPU_BLOCK },
        }
    }

    fn label_block(config: &mut Config) -> Option<&mut usize> {
        config.head.label_block()
    }

    fn segmented(config: Config, segment: usize, _overlap: usize) -> Config {
        Config { segment, ..config }
    }

    fn depth(path: &str) -> Depth {
        bert::depth("encoder", path)
    }

    fn check(config: &Config, task: &Task, _length: usize) -> Result<(), String> {
        if config.segment < 3 {
            return Err(format!(
                "segment = {}: expected at least 3, for [CLS], a token and [SEP]",
                config.segment
            ));
        }
        config.encoder.check(task, ("segment", config.segment), true)?;
        config.head.check()?;
        let layer = &config.segment_layer;
        at_least_1(&[
            ("segment-layer.heads", layer.heads),
            ("segment-layer.intermediate", layer.intermediate),
        ])?;
        if !config.encoder.hidden.is_multiple_of(layer.heads) {
            return Err(format!(
                "encoder.hidden = {} is not a multiple of segment-layer.heads = {}: each head takes an equal share of a \
                 state",
                config.encoder.hidden, layer.heads
            ));
        }
        probability("segment-layer.dropout", layer.dropout)?;
        probability("classifier-dropout", config.classifier_dropout)
    }

    fn work(config: &Config, codes: usize, notes: &[NoteSize]) -> Option<Work> {
        let hidden = config.encoder.hidden;
        let of_note = |note: &NoteSize| bert::tokens_of_sequences(note.tokens, config.segment, true);
        let of_notes: Vec<Vec<usize>> = notes.iter().map(of_note).collect();
        let segments: Vec<usize> = of_notes.iter().map(Vec::len).collect();
        let encoder = Encoder::work(&config.encoder, &with_specials(&of_notes.concat()));
        let segment_layer = Layer::work(hidden, config.segment_layer.intermediate, &segments);
        Some(encoder + segment_layer + config.head.work(codes, hidden, &segments))
    }

    fn init(config: &Config, task: &Task, initialiser: &mut Initialiser) -> Self {
        let hidden = config.encoder.hidden;
        let SegmentLayer {
            heads,
            intermediate,
            dropout,
        } = config.segment_layer;
        let encoder = Encoder::init(&config.encoder, task, false, initialiser);
        let segment_layer = LayerConfig {
            hidden,
            heads,
            intermediate,
            activation: Activation::Relu,
            epsilon: EPSILON,
            dropout,
            attention_dropout: dropout,
            inner_dropout: dropout,
            initializer_range: config.encoder.initializer_range,
        };
        let segment_layer = Layer::init(segment_layer, initialiser);
        let (classifier, label_attention) = config.head.init(task.codes, &config.encoder, initialiser);
        Self {
            encoder,
            segment_layer,
            classifier,
            label_attention,
            pooling: config.pooling,
            classifier_dropout: config.classifier_dropout,
            input: Input::new(task, config.segment, true),
        }
    }

    fn logits(&self, batch: &Batch) -> Tensor<2> {
        let (states, segments) = self.segment_states(batch);
        match (&self.classifier, &self.label_attention) {
            (Some(classifier), _) => {
                let pooled = self.pooling.apply(states, &segments);
                classifier.forward(
                    dropout(batch.noise.as_ref(), pooled, self.classifier_dropout),
                    batch.precision,
                )
            }
            (None, Some(head)) => head.logits(states, &segments.lengths(), batch.precision),
            (None, None) => unreachable!("one of the two heads is present"),
        }
    }

    fn gradients(&self, batch: &Batch, targets: Tensor<2>) -> (Tensor<1>, GradientsParams) {
        let Some(head) = &self.label_attention else {
            return coding_model::backpropagated(self, batch, targets);
        };
        let (states, segments) = self.segment_states(batch);
        gradients_through(self, head, states, &segments.lengths(), &targets, batch.precision, None)
    }
}

impl BertHier {
    /// States of each note's segments after the layer over them, `[note, segment, hidden]`, and which segments are
    /// whose.
    fn segment_states(&self, batch: &Batch) -> (Tensor<3>, Gather) {
        let sequences = self.input.sequences(batch);
        let tokens = self.encoder.forward(&sequences.packed, batch.pass());
        let cls = sequences.cls.apply(tokens).squeeze_dim(1); // [segment, hidden]
        let segments = sequences.of_note.iter().map(ExactSizeIterator::len).collect();
        let states = self.segment_layer.forward(cls, &Layout::packed(segments), batch.pass());
        let of_note = Gather::new(sequences.of_note.into_iter().map(Iterator::collect).collect());
        (of_note.apply(states), of_note)
    }
}

impl Pooling {
    /// `[note, dimension]` from states `[note, entry, dimension]`.
    fn apply(self, states: Tensor<3>, entries: &Gather) -> Tensor<2> {
        let mask = entries.mask(&states.device());
        let inside: Tensor<3> = mask.clone().unsqueeze_dim(2);
        match self {
            Self::Mean => {
                let sum: Tensor<2> = (states * inside).sum_dim(1).squeeze_dim(1);
                sum / mask.sum_dim(1)
            }
            // Below any state of a real segment.
            Self::Max => (states + (inside - 1.0) * 1e30).max_dim(1).squeeze_dim(1),
        }
    }
}
