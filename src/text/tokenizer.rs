//! The tokenizer of a suite: a normalisation recipe and a vocabulary, with a fingerprint of everything that
//! decides which ids a text gets.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::kind::TokenizerKind;
use super::normalise::Normalisation;
use super::published::Said;
use super::specials::Specials;
use super::store::TokenStore;
use super::vocabulary::{self, Vocabulary};
use super::wordpiece::Asked;
use super::words::{self, WordVocabulary};
use super::{bpe_folder, wordpiece_folder, wordpiece_training};
use crate::data::FitTexts;

/// What a suite says about text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TextSettings {
    /// The recipe applied to the whole note first.
    pub normalise: Normalisation,
    /// How the normalised text becomes tokens.
    pub tokenizer: TokenizerSettings,
}

/// Which tokenizer, and all of its settings: `words`, `train-word-piece`, `word-piece` or `byte-level-bpe` in a suite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum TokenizerSettings {
    /// Whole words, from the training split.
    Words {
        /// A word is kept when it occurs in at least this many training notes.
        min_documents: u32,
        /// Keep only this many words, the most frequent by notes; padding and unknown are not counted. Left
        /// out: all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_size: Option<usize>,
    },
    /// WordPiece trained from the training split.
    TrainWordPiece {
        /// Most tokens the vocabulary may have, special tokens and single characters included.
        vocabulary: usize,
        /// A pair of pieces is merged when it occurs at least this often.
        min_frequency: u64,
        /// Lowercase.
        lowercase: bool,
        /// Strip accents. Left out: with lower case, as BERT.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strip_accents: Option<bool>,
        /// Whether each Chinese character is a word of its own. Left out: it is, as in BERT.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        split_chinese: Option<bool>,
    },
    /// The WordPiece vocabulary of a published model. The files beside it that say how its text is read
    /// (`tokenizer_config.json`, `tokenizer.json`, `special_tokens_map.json`, `added_tokens.json`) are obeyed; a setting
    /// that contradicts them is refused.
    WordPiece {
        /// `vocab.txt` or `tokenizer.json` (by the ending `.json`).
        file: PathBuf,
        /// Lower-case hex digest the file must have. Left out: any file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
        /// Lowercase.
        lowercase: bool,
        /// Strip accents. Left out: what the files say, else with lower case, as BERT.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strip_accents: Option<bool>,
        /// Whether each Chinese character is a word of its own. Left out: what the files say, else it is, as in BERT.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        split_chinese: Option<bool>,
    },
    /// The byte-level BPE of a published RoBERTa. The files beside it that say how its text is read are obeyed, as for
    /// WordPiece; a setting that contradicts them is refused.
    ByteLevelBpe {
        /// `vocab.json`, with `merges.txt` beside it, or `tokenizer.json`.
        file: PathBuf,
        /// Lower-case hex digest the file must have. Left out: any file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<String>,
        /// Whether a space is put before a text that begins without. Left out: what the files say, else none, as RoBERTa.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        add_prefix_space: Option<bool>,
    },
}

impl TokenizerSettings {
    /// The kind of tokenizer that comes of them.
    pub fn kind(&self) -> TokenizerKind {
        match self {
            Self::Words { .. } => TokenizerKind::Words,
            Self::TrainWordPiece { .. } | Self::WordPiece { .. } => TokenizerKind::WordPiece,
            Self::ByteLevelBpe { .. } => TokenizerKind::ByteLevelBpe,
        }
    }

    /// The published vocabulary that they name.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Words { .. } | Self::TrainWordPiece { .. } => None,
            Self::WordPiece { file, .. } | Self::ByteLevelBpe { file, .. } => Some(file),
        }
    }

    /// The files beside that one which can change the ids of a text, those that are there.
    pub fn companions(&self) -> Vec<(&'static str, PathBuf)> {
        match self {
            Self::Words { .. } | Self::TrainWordPiece { .. } => Vec::new(),
            Self::WordPiece { file, .. } => wordpiece_folder::companions(file),
            Self::ByteLevelBpe { file, .. } => bpe_folder::companions(file),
        }
    }
}

/// Turns a note into token ids. Its vocabulary derives from note text (unless it was read from a published
/// file), so it is under the data use agreement of the data it was fitted on.
#[derive(Clone)]
pub struct Tokenizer {
    pub(super) recipe: Normalisation,
    pub(super) vocabulary: Vocabulary,
    pub(super) fingerprint: String,
}

impl Tokenizer {
    /// Builds the tokenizer that the settings describe; a published vocabulary does not look at the texts. Where fitting
    /// has read every text anyway, their ids come with it.
    ///
    /// # Errors
    /// A setting out of range, a training split without text, or a vocabulary file that is missing, is not
    /// the expected one or cannot be reproduced.
    pub fn fit(settings: &TextSettings, texts: FitTexts<'_>) -> Result<(Self, Option<TokenStore>), Error> {
        let recipe = settings.normalise;
        let (vocabulary, training) = match &settings.tokenizer {
            TokenizerSettings::Words {
                min_documents,
                max_size,
            } => {
                let (words, training) = WordVocabulary::fit(recipe, *min_documents, *max_size, texts)?;
                (Vocabulary::Words(words), Some(training))
            }
            TokenizerSettings::TrainWordPiece {
                vocabulary,
                min_frequency,
                lowercase,
                strip_accents,
                split_chinese,
            } => {
                let asked = Asked {
                    lowercase: *lowercase,
                    strip_accents: *strip_accents,
                    split_chinese: *split_chinese,
                };
                let pieces = wordpiece_training::train(recipe, *vocabulary, *min_frequency, asked, texts)?;
                (Vocabulary::WordPiece(pieces), None)
            }
            TokenizerSettings::WordPiece {
                file,
                sha256,
                lowercase,
                strip_accents,
                split_chinese,
            } => {
                let asked = Asked {
                    lowercase: *lowercase,
                    strip_accents: *strip_accents,
                    split_chinese: *split_chinese,
                };
                let pieces = wordpiece_folder::read(file, sha256.as_deref(), asked)?;
                (Vocabulary::WordPiece(pieces), None)
            }
            TokenizerSettings::ByteLevelBpe {
                file,
                sha256,
                add_prefix_space,
            } => {
                let pieces = bpe_folder::read(file, sha256.as_deref(), *add_prefix_space)?;
                (Vocabulary::ByteLevelBpe(pieces), None)
            }
        };
        Ok((Self::new(recipe, vocabulary), training))
    }

    pub(super) fn new(recipe: Normalisation, vocabulary: Vocabulary) -> Self {
        Self {
            recipe,
            fingerprint: vocabulary::fingerprint(recipe, &vocabulary),
            vocabulary,
        }
    }

    /// The ids of a whole note, raw as the data set has it. No special tokens, no truncation.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let normalised = self.recipe.normalise(text);
        match &self.vocabulary {
            Vocabulary::Words(words) => words.encode(self.recipe, &normalised),
            Vocabulary::WordPiece(pieces) => pieces.encode(&normalised),
            Vocabulary::ByteLevelBpe(pieces) => pieces.encode(&normalised),
        }
    }

    /// Whole words, WordPiece or byte-level BPE.
    pub fn kind(&self) -> TokenizerKind {
        match &self.vocabulary {
            Vocabulary::Words(_) => TokenizerKind::Words,
            Vocabulary::WordPiece(_) => TokenizerKind::WordPiece,
            Vocabulary::ByteLevelBpe(_) => TokenizerKind::ByteLevelBpe,
        }
    }

    /// The recipe applied before splitting.
    pub fn recipe(&self) -> Normalisation {
        self.recipe
    }

    /// Number of ids, special ones included: the rows of an embedding table.
    pub fn size(&self) -> usize {
        self.tokens().len()
    }

    /// Words of a vocabulary of words: its size without padding and unknown.
    pub fn words(&self) -> usize {
        self.size() - 2
    }

    /// Compares how this tokenizer reads text with what the files of a published encoder say.
    ///
    /// # Errors
    /// They say something else.
    pub fn reads_as(&self, said: &Said) -> Result<(), Error> {
        match (&self.vocabulary, said) {
            (Vocabulary::Words(_), _) => Ok(()),
            (Vocabulary::WordPiece(pieces), Said::WordPiece(said)) => {
                said.compare(&pieces.table.cleaning, &pieces.table.specials)
            }
            (Vocabulary::ByteLevelBpe(pieces), Said::ByteLevelBpe(said)) => said.compare(&pieces.table),
            _ => Err(Error::OtherKind {
                found: self.kind().name(),
                expected: said.kind().name(),
            }),
        }
    }

    /// The id that fills a batch up: 0 for words, that of `[PAD]` for WordPiece, of `<pad>` for byte-level BPE.
    pub fn padding(&self) -> u32 {
        match &self.vocabulary {
            Vocabulary::Words(_) => words::PADDING,
            Vocabulary::WordPiece(pieces) => pieces.padding,
            Vocabulary::ByteLevelBpe(pieces) => pieces.padding,
        }
    }

    /// The id of everything outside the vocabulary: 1 for words, that of `[UNK]` for WordPiece, of `<unk>` for byte-level
    /// BPE, which has no use for it.
    pub fn unknown(&self) -> u32 {
        match &self.vocabulary {
            Vocabulary::Words(_) => words::UNKNOWN,
            Vocabulary::WordPiece(pieces) => pieces.unknown,
            Vocabulary::ByteLevelBpe(pieces) => pieces.unknown,
        }
    }

    /// The id of `[CLS]`, for byte-level BPE of `<s>`; `None` for words, and for a vocabulary without it.
    pub fn cls(&self) -> Option<u32> {
        self.special(|specials| &specials.cls)
    }

    /// The id of `[SEP]`, for byte-level BPE of `</s>`; `None` for words, and for a vocabulary without it.
    pub fn sep(&self) -> Option<u32> {
        self.special(|specials| &specials.separator)
    }

    /// The token of an id, `None` from [`Tokenizer::size`] on. Derives from note text: show it to a person who
    /// may see the notes, never write it to a record, a log or an error.
    pub fn token(&self, id: u32) -> Option<&str> {
        self.tokens().get(id as usize).map(String::as_str)
    }

    /// The id of a token; `None` when it is not in the vocabulary.
    pub fn id(&self, token: &str) -> Option<u32> {
        match &self.vocabulary {
            Vocabulary::Words(words) => words.id(token),
            Vocabulary::WordPiece(pieces) => pieces.id(token),
            Vocabulary::ByteLevelBpe(pieces) => pieces.id(token),
        }
    }

    /// Training notes that hold each word, by id, for tf-idf: 0 for padding; for unknown, the notes with at
    /// least one word outside the vocabulary. `None` for pieces of words.
    pub fn document_frequency(&self) -> Option<&[u32]> {
        match &self.vocabulary {
            Vocabulary::Words(words) => Some(&words.table.document_frequency),
            Vocabulary::WordPiece(_) | Vocabulary::ByteLevelBpe(_) => None,
        }
    }

    /// Notes the document frequencies were counted on. `None` for pieces of words.
    pub fn training_documents(&self) -> Option<usize> {
        match &self.vocabulary {
            Vocabulary::Words(words) => Some(words.table.training_documents),
            Vocabulary::WordPiece(_) | Vocabulary::ByteLevelBpe(_) => None,
        }
    }

    /// Hex sha256 over the recipe and its version, the kind, the whole vocabulary in order, its options and
    /// (words) the document frequencies. Equal fingerprints give equal ids for every text. The training text
    /// itself and file paths are not part of it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn special(&self, name: impl Fn(&Specials) -> &String) -> Option<u32> {
        match &self.vocabulary {
            Vocabulary::Words(_) => None,
            Vocabulary::WordPiece(pieces) => pieces.id(name(&pieces.table.specials)),
            Vocabulary::ByteLevelBpe(pieces) => pieces.id(name(&pieces.table.specials)),
        }
    }

    fn tokens(&self) -> &[String] {
        match &self.vocabulary {
            Vocabulary::Words(words) => &words.table.words,
            Vocabulary::WordPiece(pieces) => &pieces.table.tokens,
            Vocabulary::ByteLevelBpe(pieces) => &pieces.table.tokens,
        }
    }
}

// By hand, so that no token reaches a log through `{:?}`.
impl fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tokenizer")
            .field("kind", &self.kind().name())
            .field("recipe", &self.recipe)
            .field("size", &self.size())
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}
