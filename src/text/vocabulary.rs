//! The vocabulary of a tokenizer, of whichever kind, and the fingerprint of everything that decides which ids a text gets.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::bpe::{BpeTable, BpeVocabulary};
use super::normalise::{NORMALISE_VERSION, Normalisation};
use super::wordpiece::{WordPieceTable, WordPieceVocabulary};
use super::words::{WordTable, WordVocabulary};

#[derive(Clone)]
pub(super) enum Vocabulary {
    Words(WordVocabulary),
    WordPiece(WordPieceVocabulary),
    ByteLevelBpe(BpeVocabulary),
}

/// What is fingerprinted: the JSON of this struct, whose field order is fixed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content<'a> {
    pub(super) normalise: Normalisation,
    pub(super) normalise_version: u32,
    pub(super) vocabulary: Table<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Table<'a> {
    Words(Cow<'a, WordTable>),
    WordPiece(Cow<'a, WordPieceTable>),
    ByteLevelBpe(Cow<'a, BpeTable>),
}

/// Hex sha256 over the recipe, its version and the vocabulary with its options.
pub(super) fn fingerprint(recipe: Normalisation, vocabulary: &Vocabulary) -> String {
    digest(&content(recipe, vocabulary))
}

pub(super) fn content(recipe: Normalisation, vocabulary: &Vocabulary) -> Content<'_> {
    Content {
        normalise: recipe,
        normalise_version: NORMALISE_VERSION,
        vocabulary: match vocabulary {
            Vocabulary::Words(words) => Table::Words(Cow::Borrowed(&words.table)),
            Vocabulary::WordPiece(pieces) => Table::WordPiece(Cow::Borrowed(&pieces.table)),
            Vocabulary::ByteLevelBpe(pieces) => Table::ByteLevelBpe(Cow::Borrowed(&pieces.table)),
        },
    }
}

/// Hex sha256 of the content's JSON.
pub(super) fn digest(content: &Content<'_>) -> String {
    let bytes = serde_json::to_vec(content).unwrap(); // OK because the structs hold only strings and numbers.
    format!("{:x}", Sha256::digest(bytes))
}
