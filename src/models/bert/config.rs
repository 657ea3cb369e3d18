//! Sizes of a BERT encoder: written out, or by the name of a published one.

use serde::{Deserialize, Serialize};

/// Sizes and dropout of a BERT encoder. In a suite: all settings, or `preset` with any of
/// `positions`, `dropout` and `attention-dropout` set otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", try_from = "Written")]
pub struct EncoderConfig {
    /// Transformer layers.
    pub layers: usize,
    /// Length of a token state.
    pub hidden: usize,
    /// Attention heads of a layer.
    pub heads: usize,
    /// Width of the feed-forward network.
    pub intermediate: usize,
    /// Learned positions: the longest sequence, `[CLS]` and `[SEP]` included.
    pub positions: usize,
    /// Dropout probability on the embeddings and on what each sub-layer adds.
    pub dropout: f64,
    /// Dropout probability on the attention weights.
    pub attention_dropout: f64,
    /// Deviation of the normal distribution that matrices and embeddings start from; Hugging Face's name for it.
    /// Left out in a suite it is BERT's 0.02, which narrow encoders learn slowly from when they start from the seed.
    pub initializer_range: f64,
}

/// BERT's segment types; a note is of the first throughout.
pub(super) const TOKEN_TYPES: usize = 2;

/// What BERT starts from.
const INITIALIZER_RANGE: f64 = 0.02;

/// The encoders that the papers use, and one for tests: name, layers, hidden, heads, intermediate, positions.
const PRESETS: [(&str, [usize; 5]); 5] = [
    // Devlin et al. 2019.
    ("bert-base", [12, 768, 12, 3072, 512]),
    // LongBERT's, Google's small BERT L-2 H-256 A-4.
    ("small-2x256", [2, 256, 4, 1024, 512]),
    // BERT-XML, table 1.
    ("ehr-small", [8, 512, 8, 2048, 1024]),
    ("ehr-big", [12, 768, 12, 3072, 1024]),
    ("tiny", [2, 64, 2, 256, 512]),
];

/// What a suite may write.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    preset: Option<String>,
    layers: Option<usize>,
    hidden: Option<usize>,
    heads: Option<usize>,
    intermediate: Option<usize>,
    positions: Option<usize>,
    dropout: Option<f64>,
    attention_dropout: Option<f64>,
    initializer_range: Option<f64>,
}

impl TryFrom<Written> for EncoderConfig {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let initializer_range = written.initializer_range.unwrap_or(INITIALIZER_RANGE);
        let Some(name) = written.preset else {
            let missing = |setting: &str| format!("the encoder lacks `{setting}`: give it, or a `preset`");
            return Ok(Self {
                layers: written.layers.ok_or_else(|| missing("layers"))?,
                hidden: written.hidden.ok_or_else(|| missing("hidden"))?,
                heads: written.heads.ok_or_else(|| missing("heads"))?,
                intermediate: written.intermediate.ok_or_else(|| missing("intermediate"))?,
                positions: written.positions.ok_or_else(|| missing("positions"))?,
                dropout: written.dropout.ok_or_else(|| missing("dropout"))?,
                attention_dropout: written.attention_dropout.ok_or_else(|| missing("attention-dropout"))?,
                initializer_range,
            });
        };
        let fixed = [
            ("layers", written.layers),
            ("hidden", written.hidden),
            ("heads", written.heads),
            ("intermediate", written.intermediate),
        ];
        if let Some((setting, _)) = fixed.iter().find(|(_, value)| value.is_some()) {
            return Err(format!(
                "preset {name:?} fixes `{setting}`: remove it, or write the encoder out without a preset"
            ));
        }
        let preset = Self::preset(&name)?;
        Ok(Self {
            positions: written.positions.unwrap_or(preset.positions),
            dropout: written.dropout.unwrap_or(preset.dropout),
            attention_dropout: written.attention_dropout.unwrap_or(preset.attention_dropout),
            initializer_range,
            ..preset
        })
    }
}

impl EncoderConfig {
    /// A published encoder by name, with BERT's dropout of 0.1.
    ///
    /// # Errors
    /// An unknown name; the error lists the known ones.
    pub fn preset(name: &str) -> Result<Self, String> {
        let found = PRESETS.iter().find(|(known, _)| *known == name);
        let Some(&(_, [layers, hidden, heads, intermediate, positions])) = found else {
            let known: Vec<&str> = PRESETS.iter().map(|(known, _)| *known).collect();
            return Err(format!(
                "encoder preset {name:?} is not known: expected one of {}",
                known.join(", ")
            ));
        };
        Ok(Self {
            layers,
            hidden,
            heads,
            intermediate,
            positions,
            dropout: 0.1,
            attention_dropout: 0.1,
            initializer_range: INITIALIZER_RANGE,
        })
    }

    /// LongBERT's encoder, Google's small BERT L-2 H-256 A-4, with so many positions. Every BERT model is timed with
    /// it, so that their times compare.
    pub(crate) fn small(positions: usize) -> Self {
        Self {
            layers: 2,
            hidden: 256,
            heads: 4,
            intermediate: 1024,
            positions,
            dropout: 0.1,
            attention_dropout: 0.1,
            initializer_range: INITIALIZER_RANGE,
        }
    }

    /// An encoder for contract tests.
    pub(crate) fn smallest() -> Self {
        Self {
            layers: 2,
            hidden: 8,
            heads: 2,
            intermediate: 12,
            positions: 40,
            dropout: 0.1,
            attention_dropout: 0.1,
            initializer_range: INITIALIZER_RANGE,
        }
    }
}
