//! What pretraining has to know of a vocabulary: its size, its special tokens, and which tokens go on with a word.

use crate::text::{MASK, Tokenizer};

/// A WordPiece vocabulary as token ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// `[CLS]`.
    pub cls: u32,
    /// `[SEP]`.
    pub separator: u32,
    /// `[MASK]`.
    pub mask: u32,
    /// What fills rows up.
    pub padding: u32,
    /// By id, whether a token goes on with the word of the one before (`##`).
    pub continues: Vec<bool>,
    /// The tokens that a random one is drawn from: all but the special ones.
    ordinary: Vec<u32>,
}

impl Pieces {
    /// The vocabulary of a tokenizer.
    ///
    /// # Errors
    /// In words: it is one of words, or lacks a special token that pretraining needs, or no Hugging Face directory can say
    /// how it reads text.
    pub fn of(tokenizer: &Tokenizer) -> Result<Self, String> {
        let lacks = |name: &str| {
            format!("the vocabulary lacks {name}: name one of BERT's kind, `train-word-piece` or `word-piece`")
        };
        let cls = tokenizer.cls().ok_or_else(|| lacks("[CLS]"))?;
        let separator = tokenizer.sep().ok_or_else(|| lacks("[SEP]"))?;
        let mask = tokenizer.id(MASK).ok_or_else(|| lacks(MASK))?;
        tokenizer.as_hugging_face()?;
        let token = |id: u32| tokenizer.token(id).unwrap_or_default();
        let continues = (0..tokenizer.size() as u32)
            .map(|id| token(id).starts_with("##"))
            .collect();
        let specials = [cls, separator, mask, tokenizer.padding(), tokenizer.unknown()];
        Self::new(specials, continues)
    }

    /// From the ids of `[CLS]`, `[SEP]`, `[MASK]`, `[PAD]` and `[UNK]`, and which tokens go on with a word.
    ///
    /// # Errors
    /// In words: there is no token beside them.
    pub fn new([cls, separator, mask, padding, unknown]: [u32; 5], continues: Vec<bool>) -> Result<Self, String> {
        let specials = [cls, separator, mask, padding, unknown];
        let ordinary: Vec<u32> = (0..continues.len() as u32)
            .filter(|id| !specials.contains(id))
            .collect();
        if ordinary.is_empty() {
            return Err("the vocabulary has special tokens only: name another".into());
        }
        Ok(Self {
            cls,
            separator,
            mask,
            padding,
            continues,
            ordinary,
        })
    }

    /// Entries of the vocabulary.
    pub fn size(&self) -> usize {
        self.continues.len()
    }

    /// Whether a token is one that is never to be predicted. An unknown word is, as in BERT.
    pub(super) fn is_special(&self, token: u32) -> bool {
        [self.cls, self.separator, self.mask, self.padding].contains(&token)
    }

    /// All tokens but the special ones, the unknown word among these.
    pub(super) fn ordinary(&self) -> &[u32] {
        &self.ordinary
    }
}
