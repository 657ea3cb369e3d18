//! Reads the vocabularies that published BERT models come with: `vocab.txt`, one token per line, or a
//! `tokenizer.json`. Refuses what it could not encode exactly as the model's authors do.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::Error;
use super::companions::{AddedToken, Typed, kind_of, tokens_in_order};
use super::files;
use super::kind::TokenizerKind;
use super::saying::saying;
use super::specials::Called;
use super::wordpiece::PREFIX;
use super::wordpiece_said::Said;

/// A vocabulary, and what its file says of reading text.
pub(super) struct VocabularyFile {
    /// By id.
    pub(super) tokens: Vec<String>,
    pub(super) said: Said,
}

/// Reads a vocabulary; a name that ends in `.json` is a `tokenizer.json`, anything else a `vocab.txt`.
/// `expected_sha256` is compared with the file's bytes first.
pub(super) fn read(path: &Path, expected_sha256: Option<&str>) -> Result<VocabularyFile, Error> {
    let bytes = files::read_small(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        what: "WordPiece vocabulary",
        source,
    })?;
    if let Some(expected) = expected_sha256 {
        files::check_sha256(path, &bytes, expected)?;
    }
    match path.extension().is_some_and(|extension| extension == "json") {
        true => tokenizer_json(path, &bytes),
        false => Ok(VocabularyFile {
            tokens: vocab_txt(path, &bytes)?,
            said: Said::default(),
        }),
    }
}

/// The tokens of a `vocab.txt`, by line. Empty lines at the end of the file hold no token.
fn vocab_txt(path: &Path, bytes: &[u8]) -> Result<Vec<String>, Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| Error::NotUtf8 {
        path: path.to_owned(),
        line: 1 + bytes[..error.valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count(),
    })?;
    let mut first_lines: HashMap<&str, usize> = HashMap::new();
    // Only line ends are cut: some vocabularies hold tokens that are Unicode spaces.
    for (line, token) in (1..).zip(text.trim_end_matches(['\r', '\n']).lines()) {
        if token.is_empty() {
            return Err(Error::EmptyLine {
                path: path.to_owned(),
                line,
            });
        }
        if let Some(first_line) = first_lines.insert(token, line) {
            return Err(Error::DuplicateToken {
                path: path.to_owned(),
                line,
                first_line,
            });
        }
    }
    Ok(text.trim_end_matches(['\r', '\n']).lines().map(str::to_owned).collect())
}

/// The parts of a `tokenizer.json` that decide how a text without special tokens is encoded. The
/// post-processor, decoder, truncation and padding do not.
#[derive(Deserialize)]
struct TokenizerJson {
    normalizer: Option<Normalizer>,
    pre_tokenizer: Option<Typed>,
    model: Typed,
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
}

#[derive(Deserialize)]
struct Normalizer {
    #[serde(rename = "type")]
    kind: String,
    clean_text: Option<bool>,
    handle_chinese_chars: Option<bool>,
    strip_accents: Option<bool>,
    lowercase: Option<bool>,
}

/// Read after the model's type is known: other models have a vocabulary of another shape.
#[derive(Deserialize)]
struct WordPieceJson {
    model: WordPieceModel,
}

#[derive(Deserialize)]
struct WordPieceModel {
    unk_token: Option<String>,
    continuing_subword_prefix: Option<String>,
    max_input_chars_per_word: Option<usize>,
    vocab: HashMap<String, u32>,
}

fn tokenizer_json(path: &Path, bytes: &[u8]) -> Result<VocabularyFile, Error> {
    let malformed = |source| Error::Malformed {
        path: path.to_owned(),
        source,
    };
    let expect = |key: &'static str, found: &str, expected: &str| match found == expected {
        true => Ok(()),
        false => Err(unsupported(path, key, found, expected)),
    };
    let file: TokenizerJson = serde_json::from_slice(bytes).map_err(malformed)?;
    expect("model.type", kind_of(&file.model), "WordPiece")?;
    let Some(normalizer) = file.normalizer else {
        return Err(unsupported(path, "normalizer.type", "missing", "BertNormalizer"));
    };
    expect("normalizer.type", &normalizer.kind, "BertNormalizer")?;
    let pre_tokenizer = file.pre_tokenizer.as_ref().map_or("missing", kind_of);
    expect("pre_tokenizer.type", pre_tokenizer, "BertPreTokenizer")?;

    let model = serde_json::from_slice::<WordPieceJson>(bytes).map_err(malformed)?.model;
    let prefix = model.continuing_subword_prefix.as_deref().unwrap_or(PREFIX);
    expect("model.continuing_subword_prefix", prefix, PREFIX)?;
    let size = model.vocab.len();
    for added in &file.added_tokens {
        added.check(path, size, TokenizerKind::WordPiece)?;
    }
    let said = Said {
        lowercase: saying(path, "normalizer.lowercase", normalizer.lowercase),
        strip_accents: saying(path, "normalizer.strip_accents", normalizer.strip_accents),
        split_chinese: saying(path, "normalizer.handle_chinese_chars", normalizer.handle_chinese_chars),
        clean_text: saying(path, "normalizer.clean_text", normalizer.clean_text),
        max_characters: saying(path, "model.max_input_chars_per_word", model.max_input_chars_per_word),
        specials: Called {
            unknown: saying(path, "model.unk_token", model.unk_token),
            ..Called::default()
        },
    };
    Ok(VocabularyFile {
        tokens: tokens_in_order(path, "model.vocab", model.vocab, TokenizerKind::WordPiece)?,
        said,
    })
}

fn unsupported(path: &Path, key: &'static str, found: &str, expected: &str) -> Error {
    Error::unsupported(path, key, found, expected, TokenizerKind::WordPiece)
}
