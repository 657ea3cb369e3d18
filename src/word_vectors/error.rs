//! Why no vectors were trained. No message holds a word: vocabularies derive from notes.

/// Why training ended without vectors.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too few words to tell apart.
    #[error(
        "{words} words occur min-count = {min_count} times or more, expected at least 2. Lower min-count or use more notes"
    )]
    TooFewWords {
        /// Words that occur often enough.
        words: usize,
        /// What the suite says.
        min_count: u64,
    },
    /// No text has both a word and a label.
    #[error(
        "none of the {texts} training notes has a word that occurs min-count times and a code. Lower min-count or use more notes"
    )]
    NoExample {
        /// How many texts there are.
        texts: usize,
    },
    /// A vector that is not a finite number.
    #[error("the word vectors are no longer finite numbers after {epochs} epochs: lower {setting}")]
    Diverged {
        /// All of them.
        epochs: u32,
        /// The learning rate's name.
        setting: &'static str,
    },
    /// The listener asked to stop.
    #[error("stopped")]
    Stopped,
}
