//! A tokenizer as JSON, so that the weights beside it can be used long after the training split is out of reach. The
//! fingerprint in it is checked on reading.

use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::Error;
use super::normalise::{NORMALISE_VERSION, Recipe};
use super::tokenizer::Tokenizer;
use super::tokenizer::Vocabulary;
use super::wordpiece::{WordPieceTable, WordPieceVocabulary};
use super::words::{WordTable, WordVocabulary};

const FORMAT: &str = "icdbench tokenizer";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Artifact<'a> {
    format: Cow<'a, str>,
    fingerprint: Cow<'a, str>,
    content: Content<'a>,
}

/// What is fingerprinted: the JSON of this struct, whose field order is fixed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<'a> {
    normalise: Recipe,
    normalise_version: u32,
    vocabulary: Table<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Table<'a> {
    Words(Cow<'a, WordTable>),
    WordPiece(Cow<'a, WordPieceTable>),
}

impl Tokenizer {
    /// The tokenizer as JSON. It holds the vocabulary: it is under the data use agreement of the training data.
    pub fn to_json(&self) -> Vec<u8> {
        let artifact = Artifact {
            format: FORMAT.into(),
            fingerprint: self.fingerprint.as_str().into(),
            content: content(self.recipe, &self.vocabulary),
        };
        serde_json::to_vec(&artifact).unwrap() // OK because the structs hold only strings and numbers.
    }

    /// Reads what [`Tokenizer::to_json`] gave; `path` names it in errors.
    ///
    /// # Errors
    /// When it is something else, was written for another version of the normalisation recipes, or does not match its
    /// own fingerprint.
    pub fn from_json(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let refuse = |found: String, expected: String| Error::Artifact {
            path: path.to_owned(),
            found,
            expected,
        };
        // Only the position: the reader's own words may quote a token.
        let artifact: Artifact<'_> = serde_json::from_slice(bytes).map_err(|error| {
            refuse(
                format!("something else at line {}, column {}", error.line(), error.column()),
                "the JSON of a saved tokenizer".to_owned(),
            )
        })?;
        if artifact.format != FORMAT {
            return Err(refuse("another `format`".to_owned(), format!("{FORMAT:?}")));
        }
        let version = artifact.content.normalise_version;
        if version != NORMALISE_VERSION {
            return Err(refuse(
                format!("normalisation version {version}"),
                format!("version {NORMALISE_VERSION}"),
            ));
        }
        let actual = digest(&artifact.content);
        if artifact.fingerprint != actual {
            return Err(refuse(
                format!("content with fingerprint {actual}"),
                format!("{}, as the file itself says", artifact.fingerprint),
            ));
        }
        let vocabulary = match artifact.content.vocabulary {
            Table::Words(table) => Vocabulary::Words(WordVocabulary::from_table(table.into_owned())),
            Table::WordPiece(table) => {
                Vocabulary::WordPiece(WordPieceVocabulary::from_table(table.into_owned(), path)?)
            }
        };
        Ok(Tokenizer {
            recipe: artifact.content.normalise,
            vocabulary,
            fingerprint: actual,
        })
    }
}

/// Hex sha256 over the recipe, its version and the vocabulary with its options.
pub(super) fn fingerprint(recipe: Recipe, vocabulary: &Vocabulary) -> String {
    digest(&content(recipe, vocabulary))
}

fn content(recipe: Recipe, vocabulary: &Vocabulary) -> Content<'_> {
    Content {
        normalise: recipe,
        normalise_version: NORMALISE_VERSION,
        vocabulary: match vocabulary {
            Vocabulary::Words(words) => Table::Words(Cow::Borrowed(&words.table)),
            Vocabulary::WordPiece(pieces) => Table::WordPiece(Cow::Borrowed(&pieces.table)),
        },
    }
}

fn digest(content: &Content<'_>) -> String {
    let bytes = serde_json::to_vec(content).unwrap(); // OK because the structs hold only strings and numbers.
    format!("{:x}", Sha256::digest(bytes))
}
