//! Settings as a suite writes them. What is not computed here is refused by its name.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::bench::protocol::{Failure, Load};

/// The sizes that a preset stands for: layers, hidden, heads, intermediate, positions.
const PRESETS: [(&str, [usize; 5]); 5] = [
    ("bert-base", [12, 768, 12, 3072, 512]),
    ("small-2x256", [2, 256, 4, 1024, 512]),
    ("ehr-small", [8, 512, 8, 2048, 1024]),
    ("ehr-big", [12, 768, 12, 3072, 1024]),
    ("tiny", [2, 64, 2, 256, 512]),
];

/// Reads the settings of a job.
///
/// # Errors
/// One that is missing, not known, or of another kind.
pub fn read<T: DeserializeOwned>(load: &Load) -> Result<T, Failure> {
    let read = serde_json::from_value(Value::Object(load.settings.clone()));
    read.map_err(|error| Failure::unsupported(format!("settings of {}: {error}", load.model)))
}

/// Refuses the value of a setting unless `computed`.
///
/// # Errors
/// It is not computed.
pub fn only(computed: bool, setting: &str, found: impl std::fmt::Display, expected: &str) -> Result<(), Failure> {
    match computed {
        true => Ok(()),
        false => Err(Failure::unsupported(format!(
            "{setting} = {found}: the engine candle has {expected} only"
        ))),
    }
}

/// Refuses sizes of 0.
///
/// # Errors
/// The first of them.
pub fn at_least_1(sizes: &[(&str, usize)]) -> Result<(), Failure> {
    match sizes.iter().find(|(_, size)| *size == 0) {
        Some((setting, _)) => Err(Failure::failed(format!("{setting} = 0: expected at least 1"))),
        None => Ok(()),
    }
}

/// Refuses what is no probability below 1.
///
/// # Errors
/// The first of them.
pub fn probabilities(settings: &[(&str, f64)]) -> Result<(), Failure> {
    match settings.iter().find(|(_, value)| !(0.0..1.0).contains(value)) {
        Some((setting, value)) => Err(Failure::failed(format!(
            "{setting} = {value}: expected from 0 to below 1"
        ))),
        None => Ok(()),
    }
}

/// Refuses a supervision by evidence.
///
/// # Errors
/// There is one.
pub fn no_evidence(weight: f64) -> Result<(), Failure> {
    only(weight == 0.0, "evidence-weight", weight, "0")
}

/// Sizes and dropout of a BERT encoder.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct EncoderSettings {
    /// Transformer layers.
    pub layers: usize,
    /// Length of a state.
    pub hidden: usize,
    /// Attention heads of a layer.
    pub heads: usize,
    /// Width of the feed-forward network.
    pub intermediate: usize,
    /// The longest sequence.
    pub positions: usize,
    /// Dropout on the embeddings and on what each sub-layer adds.
    pub dropout: f64,
    /// Dropout on the attention weights.
    pub attention_dropout: f64,
    /// Deviation that matrices start from.
    pub initializer_range: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    preset: Option<String>,
    layers: Option<usize>,
    hidden: Option<usize>,
    heads: Option<usize>,
    intermediate: Option<usize>,
    positions: Option<usize>,
    dropout: f64,
    attention_dropout: f64,
    initializer_range: f64,
}

impl TryFrom<Written> for EncoderSettings {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let preset = match &written.preset {
            Some(name) => {
                let found = PRESETS.iter().find(|(known, _)| known == name);
                found
                    .ok_or_else(|| format!("encoder: preset {name:?} is not known"))?
                    .1
                    .map(Some)
            }
            None => [None; 5],
        };
        let [layers, hidden, heads, intermediate, positions] = preset;
        let size = |setting: &str, written: Option<usize>, preset: Option<usize>| match written.or(preset) {
            Some(size) if size > 0 => Ok(size),
            Some(_) => Err(format!("encoder.{setting} = 0: expected at least 1")),
            None => Err(format!("encoder: no {setting} and no preset")),
        };
        let sizes = Self {
            layers: size("layers", written.layers, layers)?,
            hidden: size("hidden", written.hidden, hidden)?,
            heads: size("heads", written.heads, heads)?,
            intermediate: size("intermediate", written.intermediate, intermediate)?,
            positions: size("positions", written.positions, positions)?,
            dropout: written.dropout,
            attention_dropout: written.attention_dropout,
            initializer_range: written.initializer_range,
        };
        match sizes.hidden.is_multiple_of(sizes.heads) {
            true => Ok(sizes),
            false => Err(format!(
                "encoder: hidden = {} is no multiple of heads = {}",
                sizes.hidden, sizes.heads
            )),
        }
    }
}

impl EncoderSettings {
    /// Refuses dropout that is none, and sequences that the positions do not hold.
    ///
    /// # Errors
    /// What does not fit; `name` says where `longest` comes from.
    pub fn check(&self, name: &str, longest: usize) -> Result<(), Failure> {
        probabilities(&[
            ("encoder.dropout", self.dropout),
            ("encoder.attention-dropout", self.attention_dropout),
        ])?;
        match longest <= self.positions {
            true => Ok(()),
            false => Err(Failure::failed(format!(
                "{name} = {longest} is above encoder.positions = {}: lower it, or give the encoder more positions",
                self.positions
            ))),
        }
    }
}

/// The two heads of Ji et al. 2021.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Head {
    /// One linear layer on the note's vector.
    FullyConnected,
    /// Label-wise attention.
    LabelAttention(BlockSize),
}

/// How many labels another engine computes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BlockSize {
    #[serde(rename = "label-block")]
    _label_block: usize,
}

/// Settings of logistic regression.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LogisticRegression {
    /// What a word's count becomes.
    pub features: String,
    /// Whether features are scaled to length 1.
    pub unit_length: bool,
    /// What is added to the loss.
    pub penalty: Value,
}

/// Settings of the bi-GRU with attention.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BigruAttention {
    /// Length of a word vector.
    pub embedding: usize,
    #[serde(rename = "pretrained-embedding")]
    _pretrained_embedding: IgnoredAny,
    /// Whether word vectors are trained.
    pub train_embedding: bool,
    /// Length of a state, of each direction.
    pub hidden: usize,
    /// Attention heads.
    pub heads: usize,
    /// Dropout on the word vectors.
    pub dropout: f64,
}

/// Settings of CAML.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Caml {
    /// Length of a word vector.
    pub embedding: usize,
    #[serde(rename = "pretrained-embedding")]
    _pretrained_embedding: IgnoredAny,
    /// Convolution filters.
    pub filters: usize,
    /// Words a filter reads.
    pub width: usize,
    /// Dropout on the word vectors.
    pub dropout: f64,
    #[serde(rename = "label-block")]
    _label_block: IgnoredAny,
    /// Whether padding is read.
    pub attend_to_padding: bool,
    /// DR-CAML's lambda.
    pub description_weight: f64,
    /// Weight of a supervision by evidence.
    #[serde(default)]
    pub evidence_weight: f64,
}

/// Settings of BERT-trun.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BertTrun {
    /// The encoder.
    pub encoder: EncoderSettings,
    /// Whether the fully connected head reads `[CLS]` through BERT's pooler.
    pub pooler: bool,
    /// Dropout on what the head reads.
    pub classifier_dropout: f64,
    /// What makes logits.
    pub head: Head,
}

/// Settings of BERT-hier.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BertHier {
    /// The encoder.
    pub encoder: EncoderSettings,
    /// Positions of a segment, `[CLS]` and `[SEP]` included.
    pub segment: usize,
    /// The layer over the segments.
    pub segment_layer: SegmentLayer,
    /// How states become one.
    pub pooling: Pooling,
    /// Dropout on what the head reads.
    pub classifier_dropout: f64,
    /// What makes logits.
    pub head: Head,
}

/// Sizes of the layer over the segments.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SegmentLayer {
    /// Attention heads.
    pub heads: usize,
    /// Width of its feed-forward network.
    pub intermediate: usize,
    /// Dropout everywhere in it.
    pub dropout: f64,
}

/// How several states become one.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The greatest of each element.
    Max,
}

/// Settings of BERT-XML.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BertXml {
    /// The encoder.
    pub encoder: EncoderSettings,
    /// What becomes of a note that does not fit the positions.
    pub long_notes: LongNotes,
    #[serde(rename = "label-vectors")]
    _label_vectors: IgnoredAny,
    /// Width between the two layers that all labels share.
    pub hidden: usize,
    #[serde(rename = "label-block")]
    _label_block: IgnoredAny,
    /// Weight of a supervision by evidence.
    #[serde(default)]
    pub evidence_weight: f64,
}

/// What becomes of a note that does not fit the positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LongNotes {
    /// There is none.
    Whole,
    /// It is split into chunks, the highest logit of which counts.
    Split,
    /// It is cut off.
    Truncate,
}

/// Settings of LongBERT.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LongBert {
    /// The encoder.
    pub encoder: EncoderSettings,
    /// Tokens of a segment.
    pub segment: usize,
    /// Tokens that two neighbouring segments share.
    pub overlap: usize,
    #[serde(rename = "label-block")]
    _label_block: IgnoredAny,
    /// Weight of a supervision by evidence.
    #[serde(default)]
    pub evidence_weight: f64,
}
