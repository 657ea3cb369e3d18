//! A tokenizer as JSON, so that the weights beside it can be used long after the training split is out of reach. The
//! fingerprint in it is checked on reading.

use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::bpe::BpeVocabulary;
use super::error::Error;
use super::normalise::NORMALISE_VERSION;
use super::tokenizer::Tokenizer;
use super::vocabulary::{Content, Table, Vocabulary, content, digest};
use super::wordpiece::WordPieceVocabulary;
use super::words::WordVocabulary;

const FORMAT: &str = "icdbench tokenizer";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Artifact<'a> {
    format: Cow<'a, str>,
    fingerprint: Cow<'a, str>,
    content: Content<'a>,
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
            Table::ByteLevelBpe(table) => {
                Vocabulary::ByteLevelBpe(BpeVocabulary::from_table(table.into_owned(), path)?)
            }
        };
        Ok(Tokenizer {
            recipe: artifact.content.normalise,
            vocabulary,
            fingerprint: actual,
        })
    }
}
