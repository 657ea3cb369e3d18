//! Reads the vocabularies that published BERT models come with: `vocab.txt`, one token per line, or a
//! `tokenizer.json`. Refuses what it could not encode exactly as the model's authors do.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Error;
use super::files;
use super::wordpiece::{Cleaning, MAX_CHARACTERS, Origin, PREFIX, WordPieceTable, WordPieceVocabulary};

/// Reads a vocabulary; a name that ends in `.json` is a `tokenizer.json`, anything else a `vocab.txt`.
/// `expected_sha256` is compared with the file's bytes first.
pub(super) fn read(path: &Path, expected_sha256: Option<&str>, lowercase: bool) -> Result<WordPieceVocabulary, Error> {
    let bytes = files::read_small(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        what: "WordPiece vocabulary",
        source,
    })?;
    if let Some(expected) = expected_sha256 {
        check_sha256(path, &bytes, expected)?;
    }
    let table = match path.extension().is_some_and(|extension| extension == "json") {
        true => tokenizer_json(path, &bytes, lowercase)?,
        false => WordPieceTable {
            origin: Origin::File,
            cleaning: Cleaning::bert(lowercase),
            tokens: vocab_txt(path, &bytes)?,
        },
    };
    WordPieceVocabulary::from_table(table, path)
}

/// Reads a file and compares its SHA-256 with what a suite says.
///
/// # Errors
/// When the file cannot be read, or the hash is another one.
pub fn require_sha256(path: &Path, expected: &str) -> Result<(), Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        what: "file of word vectors",
        source,
    })?;
    check_sha256(path, &bytes, expected)
}

/// The tokens of a `vocab.txt` or (by the ending `.json`) a `tokenizer.json`, in the order of their ids.
///
/// # Errors
/// When the file cannot be read, or is not a WordPiece vocabulary.
pub fn word_piece_tokens(path: &Path) -> Result<Vec<String>, Error> {
    let bytes = files::read_small(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        what: "WordPiece vocabulary",
        source,
    })?;
    if path.extension().is_none_or(|extension| extension != "json") {
        return vocab_txt(path, &bytes);
    }
    let file: WordPieceJson = serde_json::from_slice(&bytes).map_err(|source| Error::Malformed {
        path: path.to_owned(),
        source,
    })?;
    tokens_in_order(path, file.model.vocab)
}

fn check_sha256(path: &Path, bytes: &[u8], expected: &str) -> Result<(), Error> {
    let found = format!("{:x}", Sha256::digest(bytes));
    if found.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Error::Checksum {
        path: path.to_owned(),
        found,
        expected: expected.to_owned(),
    })
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
struct Typed {
    #[serde(rename = "type")]
    kind: Option<String>,
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

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
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

fn tokenizer_json(path: &Path, bytes: &[u8], lowercase: bool) -> Result<WordPieceTable, Error> {
    let malformed = |source| Error::Malformed {
        path: path.to_owned(),
        source,
    };
    let expect = |key: &'static str, found: &str, expected: &str| match found == expected {
        true => Ok(()),
        false => Err(Error::Unsupported {
            path: path.to_owned(),
            key,
            found: found.to_owned(),
            expected: expected.to_owned(),
        }),
    };
    let file: TokenizerJson = serde_json::from_slice(bytes).map_err(malformed)?;
    expect("model.type", kind(&file.model), "WordPiece")?;
    let normalizer = file.normalizer.as_ref();
    let normalizer_kind = normalizer.map_or("missing", |normalizer| &normalizer.kind);
    expect("normalizer.type", normalizer_kind, "BertNormalizer")?;
    let pre_tokenizer = file.pre_tokenizer.as_ref().map_or("missing", kind);
    expect("pre_tokenizer.type", pre_tokenizer, "BertPreTokenizer")?;

    let model = serde_json::from_slice::<WordPieceJson>(bytes).map_err(malformed)?.model;
    expect(
        "model.unk_token",
        model.unk_token.as_deref().unwrap_or("[UNK]"),
        "[UNK]",
    )?;
    let prefix = model.continuing_subword_prefix.as_deref().unwrap_or(PREFIX);
    expect("model.continuing_subword_prefix", prefix, PREFIX)?;
    let size = model.vocab.len();
    if let Some(added) = file.added_tokens.iter().find(|added| added.id as usize >= size) {
        let expected = format!("an id below {size}, the size of model.vocab");
        expect("added_tokens.id", &added.id.to_string(), &expected)?;
    }
    let cleaning = Cleaning {
        max_characters: model.max_input_chars_per_word.unwrap_or(MAX_CHARACTERS),
        ..normalizer.map_or(Cleaning::bert(true), cleaning)
    };
    let said = format!("{lowercase}, as `lowercase` in the suite says");
    if cleaning.lowercase != lowercase {
        expect("normalizer.lowercase", &cleaning.lowercase.to_string(), &said)?;
    }
    Ok(WordPieceTable {
        origin: Origin::File,
        cleaning,
        tokens: tokens_in_order(path, model.vocab)?,
    })
}

fn tokens_in_order(path: &Path, vocabulary: HashMap<String, u32>) -> Result<Vec<String>, Error> {
    let size = vocabulary.len();
    by_id(vocabulary).ok_or_else(|| Error::Unsupported {
        path: path.to_owned(),
        key: "model.vocab",
        found: format!("{size} tokens whose ids have gaps or repeats"),
        expected: format!("each id from 0 to {} once", size.saturating_sub(1)),
    })
}

fn kind(typed: &Typed) -> &str {
    typed.kind.as_deref().unwrap_or("missing")
}

/// What the file says; what it leaves out is as in BERT, uncased.
fn cleaning(normalizer: &Normalizer) -> Cleaning {
    let lowercase = normalizer.lowercase.unwrap_or(true);
    Cleaning {
        lowercase,
        strip_accents: normalizer.strip_accents.unwrap_or(lowercase),
        clean_text: normalizer.clean_text.unwrap_or(true),
        split_chinese: normalizer.handle_chinese_chars.unwrap_or(true),
        max_characters: MAX_CHARACTERS,
    }
}

/// Tokens in the order of their ids; `None` unless the ids are 0, 1, 2, ...
pub(super) fn by_id(vocabulary: HashMap<String, u32>) -> Option<Vec<String>> {
    let mut tokens: Vec<(u32, String)> = vocabulary.into_iter().map(|(token, id)| (id, token)).collect();
    tokens.sort_unstable();
    let contiguous = (0..).zip(&tokens).all(|(expected, (id, _))| expected == *id);
    contiguous.then(|| tokens.into_iter().map(|(_, token)| token).collect())
}
