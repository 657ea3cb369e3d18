//! RoBERTa's byte-level BPE (Radford et al. 2019; Sennrich et al. 2016; Liu et al. 2019): text is cut at spaces,
//! punctuation and between letters and digits, a space going with the word after it; each byte is written as a character of
//! its own, and pairs are merged in the order of a list. Nothing is cleaned, and no text is outside the vocabulary.

use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{Model, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

use super::error::Error;
use super::kind::TokenizerKind;
use super::specials::Specials;

/// All that makes a byte-level BPE: what is saved and what is fingerprinted.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BpeTable {
    /// Whether a space is put before a text that begins without.
    pub(super) add_prefix_space: bool,
    pub(super) specials: Specials,
    /// By id.
    pub(super) tokens: Vec<String>,
    /// Pairs that are merged, the first first.
    pub(super) merges: Vec<(String, String)>,
}

/// A table ready to encode.
#[derive(Clone)]
pub(super) struct BpeVocabulary {
    pub(super) table: BpeTable,
    model: BPE,
    pub(super) padding: u32,
    pub(super) unknown: u32,
}

impl BpeVocabulary {
    /// Checks special tokens, bytes and merges, and builds the model. `path` only names the source in errors.
    pub(super) fn from_table(table: BpeTable, path: &Path) -> Result<Self, Error> {
        let size = table.tokens.len();
        let mut ids = Vocab::new();
        ids.extend(table.tokens.iter().cloned().zip(0..));
        let bytes = ByteLevel::alphabet();
        let lacking = bytes.iter().filter(|byte| !ids.contains_key(&byte.to_string())).count();
        if lacking > 0 {
            let found = format!("without the signs of {lacking} bytes");
            let expected = "a sign for each of the 256 bytes, so that no text is outside it";
            let kind = TokenizerKind::ByteLevelBpe;
            return Err(Error::unsupported(path, "the vocabulary", &found, expected, kind));
        }
        let required = |token: &str| {
            ids.get(token).copied().ok_or_else(|| Error::MissingSpecialToken {
                path: path.to_owned(),
                token: token.to_owned(),
                size,
                kind: TokenizerKind::ByteLevelBpe,
            })
        };
        let (padding, unknown) = (required(&table.specials.padding)?, required(&table.specials.unknown)?);
        for (number, (left, right)) in (1..).zip(&table.merges) {
            let known = [left, right, &format!("{left}{right}")].map(|token| ids.contains_key(token));
            if known.contains(&false) {
                return Err(Error::Merge {
                    path: path.to_owned(),
                    place: format!("merge {number}"),
                    problem: "its parts or what they make are not in the vocabulary",
                });
            }
        }
        let model = BPE::builder().vocab_and_merges(ids, table.merges.clone());
        Ok(Self {
            model: model.build().unwrap(), // OK because all that merges name is in the vocabulary.
            padding,
            unknown,
            table,
        })
    }

    /// The ids of a normalised text, without special tokens. A note that spells `</s>` gets its pieces, never the special
    /// id.
    pub(super) fn encode(&self, normalised: &str) -> Vec<u32> {
        let words = self.cut(normalised);
        let words = words.get_splits(OffsetReferential::Normalized, OffsetType::Byte);
        words.into_iter().flat_map(|(word, _, _)| self.pieces(word)).collect()
    }

    /// The same, each with the characters of the text that its word was made of, the spaces before it left out.
    pub(super) fn located(&self, text: &str) -> Vec<(u32, Range<usize>)> {
        let words = self.cut(text);
        let characters: Vec<char> = text.chars().collect();
        let mut located = Vec::new();
        for (word, (start, end), _) in words.get_splits(OffsetReferential::Original, OffsetType::Char) {
            let own = characters.get(start..end).unwrap_or_default();
            let spaces = own.iter().take_while(|character| character.is_whitespace()).count();
            let start = if spaces < own.len() { start + spaces } else { start };
            located.extend(self.pieces(word).map(|id| (id, start..end)));
        }
        located
    }

    /// The id of a token; `None` where the vocabulary lacks it.
    pub(super) fn id(&self, token: &str) -> Option<u32> {
        self.model.token_to_id(token)
    }

    fn cut(&self, text: &str) -> PreTokenizedString {
        let mut words = PreTokenizedString::from(text);
        let cut = ByteLevel::new(self.table.add_prefix_space, true, true).pre_tokenize(&mut words);
        cut.unwrap(); // OK because splitting and writing bytes as characters have no error path.
        words
    }

    fn pieces(&self, word: &str) -> impl Iterator<Item = u32> + use<> {
        let pieces = self.model.tokenize(word).unwrap(); // OK because every byte is in the vocabulary.
        pieces.into_iter().map(|piece| piece.id)
    }
}
