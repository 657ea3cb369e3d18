//! BERT's WordPiece (Devlin et al. 2019; Wu et al. 2016): clean, split at spaces and punctuation, then the
//! greedy longest match of each word, `##` before every piece that is not the first.

use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    Model, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};

use super::Error;
use super::kind::TokenizerKind;
use super::specials::Specials;

pub(super) const PREFIX: &str = "##";
/// BERT's own limit: a longer word becomes `[UNK]` whole.
pub(super) const MAX_CHARACTERS: usize = 100;

/// Where a WordPiece vocabulary comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Origin {
    /// Trained from the training split with these settings.
    Trained { vocabulary: usize, min_frequency: u64 },
    /// Read from a file. Its path is left out: it says nothing about the result.
    File,
}

/// What a suite asks of cleaning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) lowercase: bool,
    pub(super) strip_accents: Option<bool>,
    pub(super) split_chinese: Option<bool>,
}

/// How text is cleaned and words are cut; BERT's defaults but for what a suite and a published encoder's files say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cleaning {
    pub(super) lowercase: bool,
    pub(super) strip_accents: bool,
    pub(super) clean_text: bool,
    pub(super) split_chinese: bool,
    pub(super) max_characters: usize,
}

impl Cleaning {
    /// What is asked for, the rest as BERT does: control characters go, Chinese characters stand alone, and accents go
    /// with lower case.
    pub(super) fn asked(asked: Asked) -> Self {
        Self {
            lowercase: asked.lowercase,
            strip_accents: asked.strip_accents.unwrap_or(asked.lowercase),
            clean_text: true,
            split_chinese: asked.split_chinese.unwrap_or(true),
            max_characters: MAX_CHARACTERS,
        }
    }

    /// The words of a text, ready to be cut into pieces.
    pub(super) fn words(&self, text: &str) -> Vec<String> {
        let words = self.cut(text);
        words
            .get_splits(OffsetReferential::Normalized, OffsetType::Byte)
            .into_iter()
            .map(|(word, _, _)| word.to_owned())
            .collect()
    }

    /// The same, each with the characters of the text that it was made of.
    pub(super) fn located_words(&self, text: &str) -> Vec<(String, Range<usize>)> {
        let words = self.cut(text);
        words
            .get_splits(OffsetReferential::Original, OffsetType::Char)
            .into_iter()
            .map(|(word, (start, end), _)| (word.to_owned(), start..end))
            .collect()
    }

    fn cut(&self, text: &str) -> PreTokenizedString {
        let normalizer = BertNormalizer::new(
            self.clean_text,
            self.split_chinese,
            Some(self.strip_accents),
            self.lowercase,
        );
        let mut cleaned = NormalizedString::from(text);
        normalizer.normalize(&mut cleaned).unwrap(); // OK because the BERT normaliser has no error path.
        let mut words = PreTokenizedString::from(cleaned);
        BertPreTokenizer.pre_tokenize(&mut words).unwrap(); // OK because splitting by character has no error path.
        words
    }
}

/// All that makes a WordPiece vocabulary: what is saved and what is fingerprinted.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WordPieceTable {
    pub(super) origin: Origin,
    pub(super) cleaning: Cleaning,
    #[serde(default = "berts", skip_serializing_if = "Specials::are_berts")]
    pub(super) specials: Box<Specials>,
    /// By id.
    pub(super) tokens: Vec<String>,
}

fn berts() -> Box<Specials> {
    Box::new(Specials::bert())
}

/// A WordPiece table ready to encode.
#[derive(Clone)]
pub(super) struct WordPieceVocabulary {
    pub(super) table: WordPieceTable,
    model: WordPiece,
    pub(super) padding: u32,
    pub(super) unknown: u32,
}

impl WordPieceVocabulary {
    /// Checks the special tokens and builds the model. `path` only names the source in errors. Tokens are
    /// distinct by then: the reader of each file format says where a repeated one stands.
    pub(super) fn from_table(table: WordPieceTable, path: &Path) -> Result<Self, Error> {
        // An empty vocabulary, only for its map type: that belongs to a crate that is not a dependency here.
        let mut ids = WordPiece::read_bytes(&[]).unwrap(); // OK because no bytes hold no error.
        ids.extend(table.tokens.iter().cloned().zip(0..));
        let model = WordPiece::builder()
            .vocab(ids)
            .unk_token(table.specials.unknown.clone())
            .continuing_subword_prefix(PREFIX.to_owned())
            .max_input_chars_per_word(table.cleaning.max_characters)
            .build()
            .unwrap(); // OK because building fails only while reading a file, and none is given.
        let required = |token: &str| {
            model.token_to_id(token).ok_or_else(|| Error::MissingSpecialToken {
                path: path.to_owned(),
                token: token.to_owned(),
                size: table.tokens.len(),
                kind: TokenizerKind::WordPiece,
            })
        };
        Ok(Self {
            padding: required(&table.specials.padding)?,
            unknown: required(&table.specials.unknown)?,
            table,
            model,
        })
    }

    /// The ids of a normalised text, without special tokens. A note that spells `[SEP]` gets its pieces, never
    /// the special id.
    pub(super) fn encode(&self, normalised: &str) -> Vec<u32> {
        let mut ids = Vec::with_capacity(normalised.len() / 4);
        for word in self.table.cleaning.words(normalised) {
            ids.extend(self.pieces(&word));
        }
        ids
    }

    /// The ids of the pieces of a word.
    pub(super) fn pieces(&self, word: &str) -> Vec<u32> {
        let pieces = self.model.tokenize(word).unwrap(); // OK because the unknown token is in the vocabulary.
        pieces.iter().map(|piece| piece.id).collect()
    }

    /// The id of a token; `None` where the vocabulary lacks it.
    pub(super) fn id(&self, token: &str) -> Option<u32> {
        self.model.token_to_id(token)
    }
}
