//! Reads the vocabularies that published RoBERTa models come with: `vocab.json` with `merges.txt` beside it, or a
//! `tokenizer.json`. Refuses what it could not encode exactly as the model's authors do.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::bpe_said::{Merges, Said};
use super::companions::{AddedToken, tokens_in_order};
use super::error::Error;
use super::files;
use super::kind::TokenizerKind;
use super::saying::saying;
use super::specials::Called;

pub(super) const MERGES: &str = "merges.txt";

/// A vocabulary, and what its file says of reading text.
pub(super) struct BpeFile {
    /// By id.
    pub(super) tokens: Vec<String>,
    pub(super) said: Said,
}

/// The parts of a `tokenizer.json` that decide how a text without special tokens is encoded. The post-processor, decoder,
/// truncation and padding do not.
#[derive(Deserialize)]
struct TokenizerJson {
    normalizer: Option<Value>,
    pre_tokenizer: Option<PreTokenizer>,
    model: Model,
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
}

#[derive(Deserialize)]
struct PreTokenizer {
    #[serde(rename = "type")]
    kind: String,
    add_prefix_space: Option<bool>,
    use_regex: Option<bool>,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: Option<String>,
    dropout: Option<f64>,
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    #[serde(default)]
    ignore_merges: bool,
    /// Read after the model's kind is known: other models have one of another shape.
    #[serde(default)]
    vocab: Value,
    #[serde(default)]
    merges: Value,
}

/// A merge in a `tokenizer.json`: a pair, or as a line of `merges.txt`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Pair(String, String),
    Line(String),
}

/// Reads a vocabulary: a `tokenizer.json` where the JSON has a model inside, else a `vocab.json`, to which the `merges.txt`
/// beside it belongs. `expected_sha256` is compared with the file's bytes first.
pub(super) fn read(path: &Path, expected_sha256: Option<&str>) -> Result<BpeFile, Error> {
    let bytes = bytes_of(path)?;
    if let Some(expected) = expected_sha256 {
        files::check_sha256(path, &bytes, expected)?;
    }
    let malformed = |source| Error::NotBpe {
        path: path.to_owned(),
        source,
    };
    let json: Value = serde_json::from_slice(&bytes).map_err(malformed)?;
    // A vocabulary may well have a token `model`, whose id is a number.
    if json.get("model").is_some_and(Value::is_object) {
        let file: TokenizerJson = serde_json::from_value(json).map_err(malformed)?;
        return tokenizer_json(path, file);
    }
    let vocabulary: HashMap<String, u32> = serde_json::from_value(json).map_err(malformed)?;
    let tokens = tokens_in_order(path, "the vocabulary", vocabulary, TokenizerKind::ByteLevelBpe)?;
    let merges = merges_txt(&path.with_file_name(MERGES))?;
    Ok(BpeFile {
        tokens,
        said: Said {
            merges: Some(merges),
            ..Said::default()
        },
    })
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, Error> {
    files::read_small(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        what: "byte-level BPE",
        source,
    })
}

/// The pairs of a `merges.txt`, one a line, after a line with the version of the format. Empty lines at the end of the file
/// hold none.
fn merges_txt(path: &Path) -> Result<Merges, Error> {
    let bytes = bytes_of(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| Error::NotUtf8 {
        path: path.to_owned(),
        line: 1 + bytes[..error.valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count(),
    })?;
    let lines = (1..).zip(text.trim_end_matches(['\r', '\n']).lines());
    let pairs = lines.filter(|(_, line)| !line.starts_with("#version"));
    let pairs = pairs.map(|(number, line)| pair(path, line, || format!("line {number}")));
    Ok(Merges {
        path: path.to_owned(),
        pairs: pairs.collect::<Result<_, _>>()?,
    })
}

fn pair(path: &Path, line: &str, place: impl Fn() -> String) -> Result<(String, String), Error> {
    match line.split(' ').collect::<Vec<_>>()[..] {
        [left, right] if !left.is_empty() && !right.is_empty() => Ok((left.to_owned(), right.to_owned())),
        _ => Err(Error::Merge {
            path: path.to_owned(),
            place: place(),
            problem: "expected two parts with a space between",
        }),
    }
}

fn tokenizer_json(path: &Path, file: TokenizerJson) -> Result<BpeFile, Error> {
    let unsupported = |key: &'static str, found: &str, expected: &str| {
        Err(Error::unsupported(
            path,
            key,
            found,
            expected,
            TokenizerKind::ByteLevelBpe,
        ))
    };
    let malformed = |source| Error::NotBpe {
        path: path.to_owned(),
        source,
    };
    let model = file.model;
    let kind = model.kind.as_deref().unwrap_or("missing");
    if kind != "BPE" {
        return unsupported("model.type", kind, "BPE");
    }
    if let Some(normalizer) = &file.normalizer {
        let found = normalizer.get("type").and_then(Value::as_str).unwrap_or("there");
        return unsupported("normalizer.type", found, "none: RoBERTa cleans nothing");
    }
    let found = file.pre_tokenizer.as_ref().map_or("missing", |cut| cut.kind.as_str());
    let cut = match &file.pre_tokenizer {
        Some(cut) if cut.kind == "ByteLevel" => cut,
        _ => return unsupported("pre_tokenizer.type", found, "ByteLevel"),
    };
    if cut.use_regex == Some(false) {
        return unsupported("pre_tokenizer.use_regex", "false", "true: text is cut into words");
    }
    if let Some(dropout) = model.dropout.filter(|dropout| *dropout != 0.0) {
        return unsupported("model.dropout", &dropout.to_string(), "none");
    }
    for (key, affix) in [
        ("model.continuing_subword_prefix", &model.continuing_subword_prefix),
        ("model.end_of_word_suffix", &model.end_of_word_suffix),
    ] {
        if let Some(affix) = affix.as_ref().filter(|affix| !affix.is_empty()) {
            return unsupported(key, affix, "none");
        }
    }
    if model.ignore_merges {
        return unsupported("model.ignore_merges", "true", "false");
    }
    let vocabulary: HashMap<String, u32> = serde_json::from_value(model.vocab).map_err(malformed)?;
    let merges: Vec<Merge> = serde_json::from_value(model.merges).map_err(malformed)?;
    let pairs = (1..).zip(merges).map(|(number, merge)| match merge {
        Merge::Pair(left, right) => Ok((left, right)),
        Merge::Line(line) => pair(path, &line, || format!("merge {number}")),
    });
    let pairs = pairs.collect::<Result<_, _>>()?;
    for added in &file.added_tokens {
        added.check(path, vocabulary.len(), TokenizerKind::ByteLevelBpe)?;
    }
    Ok(BpeFile {
        tokens: tokens_in_order(path, "model.vocab", vocabulary, TokenizerKind::ByteLevelBpe)?,
        said: Said {
            add_prefix_space: saying(path, "pre_tokenizer.add_prefix_space", cut.add_prefix_space),
            specials: Called {
                unknown: saying(path, "model.unk_token", model.unk_token),
                ..Called::default()
            },
            merges: Some(Merges {
                path: path.to_owned(),
                pairs,
            }),
        },
    })
}
