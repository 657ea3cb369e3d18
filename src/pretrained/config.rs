//! `config.json` of a BERT: the sizes, and refusal of what this program's encoder does not compute.

use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Error;
use crate::record::hex;
use crate::text;

/// What no size of a BERT comes near, in layers and in anything else: so that nothing is made from a size before the
/// weights show that they have it.
const MOST_LAYERS: usize = 1 << 10;
const MOST: usize = 1 << 24;

/// The LayerNorm epsilon of the encoder here and of BERT's own code.
pub(super) const LAYER_NORM_EPSILON: f64 = 1e-12;

/// Sizes and dropout of a BERT, as its `config.json` says them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BertConfig {
    /// Length of a token's state.
    #[serde(rename = "hidden_size")]
    pub hidden: usize,
    /// Transformer layers.
    #[serde(rename = "num_hidden_layers")]
    pub layers: usize,
    /// Attention heads of each layer.
    #[serde(rename = "num_attention_heads")]
    pub heads: usize,
    /// Width of the feed-forward part.
    #[serde(rename = "intermediate_size")]
    pub intermediate: usize,
    /// Entries of the token vocabulary.
    #[serde(rename = "vocab_size")]
    pub vocabulary: usize,
    /// Longest sequence, special tokens included.
    #[serde(rename = "max_position_embeddings")]
    pub positions: usize,
    /// Segment types.
    #[serde(rename = "type_vocab_size")]
    pub token_types: usize,
    /// Dropout on embeddings and sub-layer outputs when it was pretrained; a suite says its own.
    #[serde(rename = "hidden_dropout_prob")]
    pub dropout: Option<f64>,
    /// Dropout on attention probabilities when it was pretrained; a suite says its own.
    #[serde(rename = "attention_probs_dropout_prob")]
    pub attention_dropout: Option<f64>,
}

/// The keys that choose what is computed.
#[derive(Deserialize)]
struct Choices {
    model_type: Option<String>,
    hidden_act: Option<String>,
    layer_norm_eps: Option<f64>,
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
    #[serde(default)]
    add_cross_attention: bool,
}

/// Reads `config.json`; with it the file's SHA-256.
///
/// # Errors
/// The file is missing, is not JSON with BERT's sizes, or describes a model that the encoder here does not compute.
pub(super) fn read(path: &Path) -> Result<(BertConfig, String), Error> {
    let bytes = text::read_small(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        what: "an encoder's directory holds config.json, the weights and the vocabulary",
        source,
    })?;
    let malformed = |source| Error::Config {
        path: path.to_owned(),
        source,
    };
    let choices: Choices = serde_json::from_slice(&bytes).map_err(malformed)?;
    choices.check(path)?;
    let config: BertConfig = serde_json::from_slice(&bytes).map_err(malformed)?;
    config.check(path)?;
    Ok((config, hex(&Sha256::digest(&bytes))))
}

impl Choices {
    /// Files from before `transformers` 2.3 lack the first and the last key, files of other programs the epsilon:
    /// left out means BERT's own value.
    fn check(&self, path: &Path) -> Result<(), Error> {
        let choice = |key, found: &Option<String>, expected: &str| match found {
            Some(found) if found != expected => Err(unsupported(path, key, found, expected)),
            _ => Ok(()),
        };
        choice("model_type", &self.model_type, "bert")?;
        let activation = self.hidden_act.as_deref().unwrap_or("missing");
        if activation != "gelu" {
            let expected = "gelu, the exact one (erf)";
            return Err(unsupported(path, "hidden_act", activation, expected));
        }
        choice("position_embedding_type", &self.position_embedding_type, "absolute")?;
        if let Some(epsilon) = self.layer_norm_eps
            && epsilon != LAYER_NORM_EPSILON
        {
            return Err(unsupported(path, "layer_norm_eps", &format!("{epsilon:e}"), "1e-12"));
        }
        for (key, set) in [
            ("is_decoder", self.is_decoder),
            ("add_cross_attention", self.add_cross_attention),
        ] {
            if set {
                return Err(unsupported(path, key, "true", "false, as in an encoder"));
            }
        }
        Ok(())
    }
}

impl BertConfig {
    fn check(&self, path: &Path) -> Result<(), Error> {
        for (key, size) in [
            ("hidden_size", self.hidden),
            ("num_hidden_layers", self.layers),
            ("num_attention_heads", self.heads),
            ("intermediate_size", self.intermediate),
            ("vocab_size", self.vocabulary),
            ("max_position_embeddings", self.positions),
            ("type_vocab_size", self.token_types),
        ] {
            if size == 0 {
                return Err(unsupported(path, key, "0", "at least 1"));
            }
            let most = if key == "num_hidden_layers" { MOST_LAYERS } else { MOST };
            if size > most {
                return Err(unsupported(path, key, &size.to_string(), &format!("at most {most}")));
            }
        }
        if !self.hidden.is_multiple_of(self.heads) {
            let expected = format!("a divisor of hidden_size, {}", self.hidden);
            return Err(unsupported(
                path,
                "num_attention_heads",
                &self.heads.to_string(),
                &expected,
            ));
        }
        Ok(())
    }
}

fn unsupported(path: &Path, key: &'static str, found: &str, expected: &str) -> Error {
    Error::Unsupported {
        path: path.to_owned(),
        key,
        found: found.to_owned(),
        expected: expected.to_owned(),
    }
}
