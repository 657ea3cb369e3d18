//! Vocabularies of published models, whatever their kind, and what the files beside them say.

use std::path::Path;

use super::error::Error;
use super::kind::TokenizerKind;
use super::specials::Specials;
use super::{bpe_folder, bpe_said, wordpiece_folder, wordpiece_said};

/// A published vocabulary and how its text is read.
#[derive(Clone, Debug)]
pub struct Published {
    /// By id.
    pub tokens: Vec<String>,
    /// What its files say.
    pub said: Said,
}

/// What the files of a published model say of reading text.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// Of BERT's WordPiece.
    WordPiece(wordpiece_said::Said),
    /// Of RoBERTa's byte-level BPE.
    ByteLevelBpe(bpe_said::Said),
}

impl Said {
    /// The kind of tokenizer that they are of.
    pub(super) fn kind(&self) -> TokenizerKind {
        match self {
            Said::WordPiece(_) => TokenizerKind::WordPiece,
            Said::ByteLevelBpe(_) => TokenizerKind::ByteLevelBpe,
        }
    }

    /// What the token is called that fills rows up.
    pub fn padding(&self) -> String {
        match self {
            Said::WordPiece(said) => said.specials.or(Specials::bert()).padding,
            Said::ByteLevelBpe(said) => said.specials().padding,
        }
    }
}

/// Reads a vocabulary of that kind, and what it and the files beside it say: for WordPiece `vocab.txt` or (by the ending
/// `.json`) `tokenizer.json`, for byte-level BPE `vocab.json` with its `merges.txt`, or `tokenizer.json`.
///
/// # Errors
/// When a file cannot be read, is not what its name says, or would not be encoded as its authors encode it.
pub fn published(vocabulary: &Path, kind: TokenizerKind) -> Result<Published, Error> {
    if kind == TokenizerKind::ByteLevelBpe {
        let file = bpe_folder::read_all(vocabulary, None)?;
        return Ok(Published {
            tokens: file.tokens,
            said: Said::ByteLevelBpe(file.said),
        });
    }
    let folder = wordpiece_folder::read_all(vocabulary, None)?;
    Ok(Published {
        tokens: folder.tokens,
        said: Said::WordPiece(folder.said),
    })
}
