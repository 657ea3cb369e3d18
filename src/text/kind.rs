//! The kinds of tokenizers.

/// What a tokenizer makes of a word: itself, or pieces of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenizerKind {
    /// Whole words.
    Words,
    /// BERT's WordPiece, trained here or read from a file.
    WordPiece,
    /// RoBERTa's byte-level BPE, read from files.
    ByteLevelBpe,
}

impl TokenizerKind {
    /// `words`, `word-piece` or `byte-level-bpe`.
    pub fn name(self) -> &'static str {
        match self {
            TokenizerKind::Words => "words",
            TokenizerKind::WordPiece => "word-piece",
            TokenizerKind::ByteLevelBpe => "byte-level-bpe",
        }
    }

    /// A published vocabulary of that kind, as an error expects it.
    pub(super) fn vocabulary(self) -> &'static str {
        match self {
            TokenizerKind::Words => "a vocabulary of words",
            TokenizerKind::WordPiece => "a BERT vocabulary with [PAD] and [UNK]",
            TokenizerKind::ByteLevelBpe => "a RoBERTa vocabulary with <pad> and <unk>",
        }
    }

    /// What a published model of that kind comes with, as the next step of an error.
    pub(super) fn files(self) -> &'static str {
        match self {
            TokenizerKind::Words => "a vocabulary of words",
            TokenizerKind::WordPiece => "the vocab.txt of a BERT WordPiece model",
            TokenizerKind::ByteLevelBpe => "the vocab.json and merges.txt of a RoBERTa model",
        }
    }
}
