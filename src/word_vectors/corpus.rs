//! What is trained on, as plain numbers.

/// Texts as words by number. Words are numbered by how often they occur, the most frequent first.
#[derive(Clone, Copy, Debug)]
pub struct Corpus<'a> {
    /// How often each word occurs, by number: never rising.
    pub counts: &'a [u64],
    /// The words of all texts, one text after the other.
    pub words: &'a [u32],
    /// Where each text ends in `words`.
    pub ends: &'a [usize],
}

impl<'a> Corpus<'a> {
    /// How many texts there are.
    pub fn texts(&self) -> usize {
        self.ends.len()
    }

    /// The words of a text.
    pub fn text(&self, text: usize) -> &'a [u32] {
        let start = if text == 0 { 0 } else { self.ends[text - 1] };
        &self.words[start..self.ends[text]]
    }

    /// Words that occur at least `least` times: those with a lower number.
    pub fn frequent(&self, least: u64) -> usize {
        self.counts.partition_point(|&count| count >= least)
    }
}

/// The labels of each text, by number.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// How many labels there are.
    pub count: usize,
    /// Of each text, each label once.
    pub of_text: &'a [Vec<u32>],
}
