//! The token ids of a list of notes, one after the other in one block of memory.

use rayon::prelude::*;

/// Token ids in compressed sparse rows: note `i` is `tokens[offsets[i]..offsets[i + 1]]`.
///
/// A note can be empty: nothing may be left of it after normalisation. It keeps its place with length 0, so
/// that note indices stay those of the data set; [`TokenStore::empty_notes`] lists such notes, and a caller
/// that cannot score them refuses there.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenStore {
    pub(super) offsets: Vec<usize>,
    pub(super) tokens: Vec<u32>,
}

impl TokenStore {
    /// No note yet.
    pub(super) fn empty() -> Self {
        Self {
            offsets: vec![0],
            tokens: Vec::new(),
        }
    }

    /// The tokens since the last call are a note.
    pub(super) fn end_note(&mut self) {
        self.offsets.push(self.tokens.len());
    }

    /// Number of notes.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are no notes at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `max_length` tokens of a note, or all of them where it has fewer.
    ///
    /// # Panics
    /// When `note` is not below [`TokenStore::len`].
    pub fn note(&self, note: usize, max_length: usize) -> &[u32] {
        let whole = &self.tokens[self.offsets[note]..self.offsets[note + 1]];
        &whole[..whole.len().min(max_length)]
    }

    /// The whole length of every note, in tokens.
    pub fn lengths(&self) -> Vec<usize> {
        self.offsets.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Indices of the notes without a single token.
    pub fn empty_notes(&self) -> Vec<usize> {
        let is_empty = |note: &usize| self.offsets[*note] == self.offsets[note + 1];
        (0..self.len()).filter(is_empty).collect()
    }

    /// Tokens in all notes together.
    pub fn token_count(&self) -> usize {
        self.tokens.len()
    }

    /// How often a token occurs in all notes together. With [`Tokenizer::unknown`](super::Tokenizer::unknown), over
    /// [`TokenStore::token_count`]: the out-of-vocabulary rate.
    pub fn count(&self, token: u32) -> usize {
        self.tokens.par_iter().filter(|found| **found == token).count()
    }
}

// By hand, so that no note reaches a log through `{:?}`.
impl std::fmt::Debug for TokenStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("TokenStore")
            .field("notes", &self.len())
            .field("tokens", &self.token_count())
            .finish_non_exhaustive()
    }
}
