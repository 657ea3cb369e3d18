//! Sizes of a BERT or RoBERTa encoder: written out, or by the name of a published one.

use serde::{Deserialize, Serialize};

/// Sizes and dropout of a BERT encoder. In a suite: all settings, or a `preset` for the sizes, of which `positions` may
/// be set otherwise, and the rest. What moves a score has no default: dropout and the start are written in any case.
/// RoBERTa's differs from BERT in `norm-epsilon` alone: its positions are counted here from the first that a sequence has.
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
    /// Deviation of the normal distribution that matrices and embeddings start from; Hugging Face's name for it. BERT's
    /// is 0.02, which narrow encoders learn slowly from when they start from the seed.
    pub initializer_range: f64,
    /// What the norms add to the variance. Left out: BERT's 1e-12; RoBERTa's is 1e-5.
    #[serde(skip_serializing_if = "is_berts")]
    pub norm_epsilon: f64,
}

/// BERT adds this to the variance in its norms.
const BERT_EPSILON: f64 = 1e-12;
/// RoBERTa this.
const ROBERTA_EPSILON: f64 = 1e-5;

fn is_berts(epsilon: &f64) -> bool {
    *epsilon == BERT_EPSILON
}

/// BERT's segment types; a note is of the first throughout.
pub(super) const TOKEN_TYPES: usize = 2;

/// The sizes of the encoders that the papers use, and one for tests: layers, hidden, heads, intermediate, positions; and
/// what their norms add to the variance.
const PRESETS: [(&str, [usize; 5], f64); 6] = [
    // Devlin et al. 2019.
    ("bert-base", [12, 768, 12, 3072, 512], BERT_EPSILON),
    // Liu et al. 2019; PLM-ICD's encoders are of this size.
    ("roberta-base", [12, 768, 12, 3072, 512], ROBERTA_EPSILON),
    // LongBERT's, Google's small BERT L-2 H-256 A-4.
    ("small-2x256", [2, 256, 4, 1024, 512], BERT_EPSILON),
    // BERT-XML, table 1.
    ("ehr-small", [8, 512, 8, 2048, 1024], BERT_EPSILON),
    ("ehr-big", [12, 768, 12, 3072, 1024], BERT_EPSILON),
    ("tiny", [2, 64, 2, 256, 512], BERT_EPSILON),
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
    norm_epsilon: Option<f64>,
}

impl TryFrom<Written> for EncoderConfig {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let fixed = [
            ("layers", written.layers),
            ("hidden", written.hidden),
            ("heads", written.heads),
            ("intermediate", written.intermediate),
            ("positions", written.positions),
        ];
        let mut sizes = [0; 5];
        let mut epsilon = written.norm_epsilon.unwrap_or(BERT_EPSILON);
        match &written.preset {
            Some(name) => {
                if written.norm_epsilon.is_some() {
                    return Err(format!(
                        "preset {name:?} fixes `norm-epsilon`: remove it, or write the encoder out without a preset"
                    ));
                }
                if let Some((setting, _)) = fixed[..4].iter().find(|(_, value)| value.is_some()) {
                    return Err(format!(
                        "preset {name:?} fixes `{setting}`: remove it, or write the encoder out without a preset"
                    ));
                }
                (sizes, epsilon) = preset(name)?;
                sizes[4] = written.positions.unwrap_or(sizes[4]);
            }
            None => {
                for (size, (setting, value)) in sizes.iter_mut().zip(fixed) {
                    *size = value.ok_or_else(|| format!("the encoder lacks `{setting}`: give it, or a `preset`"))?;
                }
            }
        }
        let given = |setting: &str, value: Option<f64>| {
            value.ok_or_else(|| format!("the encoder lacks `{setting}`: give it, a preset fixes sizes only"))
        };
        let [layers, hidden, heads, intermediate, positions] = sizes;
        Ok(Self {
            layers,
            hidden,
            heads,
            intermediate,
            positions,
            dropout: given("dropout", written.dropout)?,
            attention_dropout: given("attention-dropout", written.attention_dropout)?,
            initializer_range: given("initializer-range", written.initializer_range)?,
            norm_epsilon: epsilon,
        })
    }
}

/// The sizes of a published encoder and its norms' epsilon, or an error that lists the known ones.
fn preset(name: &str) -> Result<([usize; 5], f64), String> {
    let found = PRESETS.iter().find(|(known, ..)| *known == name);
    found.map(|(_, sizes, epsilon)| (*sizes, *epsilon)).ok_or_else(|| {
        let known: Vec<&str> = PRESETS.iter().map(|(known, ..)| *known).collect();
        let known = known.join(", ");
        format!("encoder preset {name:?} is not known: expected one of {known}")
    })
}

impl EncoderConfig {
    /// A published encoder by name, as BERT was published: dropout of 0.1, a deviation of 0.02.
    ///
    /// # Errors
    /// An unknown name; the error lists the known ones.
    pub fn preset(name: &str) -> Result<Self, String> {
        let (sizes, norm_epsilon) = preset(name)?;
        Ok(Self {
            norm_epsilon,
            ..Self::as_bert(sizes)
        })
    }

    /// Those sizes with BERT's own dropout and start.
    fn as_bert([layers, hidden, heads, intermediate, positions]: [usize; 5]) -> Self {
        Self {
            layers,
            hidden,
            heads,
            intermediate,
            positions,
            dropout: 0.1,
            attention_dropout: 0.1,
            initializer_range: 0.02,
            norm_epsilon: BERT_EPSILON,
        }
    }

    /// LongBERT's encoder, Google's small BERT L-2 H-256 A-4, with so many positions. Every BERT model is timed with
    /// it, so that their times compare.
    pub(crate) fn small(positions: usize) -> Self {
        Self::as_bert([2, 256, 4, 1024, positions])
    }

    /// An encoder for contract tests.
    pub(crate) fn smallest() -> Self {
        Self::as_bert([2, 8, 2, 12, 40])
    }
}
