//! `config.json` of a BERT or a RoBERTa: the sizes, and refusal of what this program's encoder does not compute.

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

/// The LayerNorm epsilon of a file that says none: of BERT's own code, and of `transformers` for RoBERTa too.
const LAYER_NORM_EPSILON: f64 = 1e-12;

/// The id of `<pad>` in RoBERTa's own vocabulary, of a file that says none.
const ROBERTA_PADDING: i64 = 1;

/// The encoders that are read: the same layers, with other vocabularies and positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// BERT (Devlin et al. 2019): WordPiece, positions from 0.
    #[default]
    Bert,
    /// RoBERTa (Liu et al. 2019): byte-level BPE, positions from one past the id of `<pad>`.
    Roberta,
}

/// Sizes and dropout of a BERT or a RoBERTa, as its `config.json` says them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct BertConfig {
    /// Which of the two. Left out, as in files from before `transformers` 2.3: BERT.
    #[serde(rename = "model_type", default)]
    pub architecture: Architecture,
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
    /// Rows of the table of positions: the longest sequence, special tokens included, and for RoBERTa the rows before
    /// its first position.
    #[serde(rename = "max_position_embeddings")]
    pub positions: usize,
    /// The id of the token that fills rows up; it matters for RoBERTa's positions.
    #[serde(rename = "pad_token_id")]
    pub padding: Option<i64>,
    /// Segment types.
    #[serde(rename = "type_vocab_size")]
    pub token_types: usize,
    /// Added to the variance in the norms.
    #[serde(rename = "layer_norm_eps", default = "berts_epsilon")]
    pub norm_epsilon: f64,
    /// Dropout on embeddings and sub-layer outputs when it was pretrained; a suite says its own.
    #[serde(rename = "hidden_dropout_prob")]
    pub dropout: Option<f64>,
    /// Dropout on attention probabilities when it was pretrained; a suite says its own.
    #[serde(rename = "attention_probs_dropout_prob")]
    pub attention_dropout: Option<f64>,
}

fn berts_epsilon() -> f64 {
    LAYER_NORM_EPSILON
}

/// The keys that choose what is computed.
#[derive(Deserialize)]
struct Choices {
    model_type: Option<String>,
    hidden_act: Option<String>,
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
    /// Files from before `transformers` 2.3 lack the first and the last key: left out means BERT's own value.
    fn check(&self, path: &Path) -> Result<(), Error> {
        let choice = |key, found: &Option<String>, expected: &str| match found {
            Some(found) if found != expected => Err(unsupported(path, key, found, expected)),
            _ => Ok(()),
        };
        if let Some(found) = self
            .model_type
            .as_ref()
            .filter(|found| !["bert", "roberta"].contains(&found.as_str()))
        {
            return Err(unsupported(path, "model_type", found, "bert or roberta"));
        }
        let activation = self.hidden_act.as_deref().unwrap_or("missing");
        if activation != "gelu" {
            let expected = "gelu, the exact one (erf)";
            return Err(unsupported(path, "hidden_act", activation, expected));
        }
        choice("position_embedding_type", &self.position_embedding_type, "absolute")?;
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
    /// Rows of the table of positions before that of a sequence's first token, which no token of a sequence has.
    /// `transformers` counts RoBERTa's positions from one past the id of `<pad>`, as its authors' code did.
    pub fn first_position(&self) -> usize {
        match self.architecture {
            Architecture::Bert => 0,
            Architecture::Roberta => self.padding.unwrap_or(ROBERTA_PADDING).max(0) as usize + 1,
        }
    }

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
        let tokens = 0..self.vocabulary as i64;
        if self.architecture == Architecture::Roberta
            && let Some(padding) = self.padding.filter(|padding| !tokens.contains(padding))
        {
            let expected = format!("from 0 to below vocab_size, {}", self.vocabulary);
            return Err(unsupported(path, "pad_token_id", &padding.to_string(), &expected));
        }
        let first = self.first_position();
        if self.positions <= first {
            let expected = format!("above {first}, the first position, which comes after pad_token_id");
            let found = self.positions.to_string();
            return Err(unsupported(path, "max_position_embeddings", &found, &expected));
        }
        if !(self.norm_epsilon > 0.0 && self.norm_epsilon < 1.0) {
            let found = format!("{:e}", self.norm_epsilon);
            return Err(unsupported(
                path,
                "layer_norm_eps",
                &found,
                "a number above 0 and below 1",
            ));
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

pub(super) fn unsupported(path: &Path, key: &'static str, found: &str, expected: &str) -> Error {
    Error::Unsupported {
        path: path.to_owned(),
        key,
        found: found.to_owned(),
        expected: expected.to_owned(),
    }
}
