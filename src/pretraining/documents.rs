//! Notes as token ids, cut into sentences: all that pretraining sees of them.

use std::fmt;
use std::ops::Range;

use rayon::prelude::*;

use super::random::{Random, What};
use super::settings::Pretraining;
use crate::data::FitTexts;
use crate::text::Tokenizer;

/// Notes read between two progress reports; also bounds the memory held twice while reading.
const NOTES_PER_STEP: usize = 256;

/// Notes as sentences of token ids, one after another. Each has a sentence and each sentence a token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Documents {
    tokens: Vec<u32>,
    /// Where each sentence ends among the tokens.
    sentences: Vec<usize>,
    /// Where each document ends among the sentences.
    documents: Vec<usize>,
}

/// The notes that an encoder may be pretrained on: they come of [`FitTexts`], which no held-out note gets into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FitDocuments(Documents);

impl Documents {
    /// Cuts texts into sentences, and these into tokens, in parallel, in order. What holds no token is left out.
    /// `progress` is called from the calling thread with (notes done, notes in all) after every few hundred notes.
    pub fn read<T: AsRef<str> + Sync>(
        texts: &[T],
        tokenizer: &Tokenizer,
        settings: &Pretraining,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Self {
        let mut all = Self::default();
        let mut done = 0;
        for step in texts.chunks(NOTES_PER_STEP) {
            let read = |text: &T| -> Vec<Vec<u32>> {
                let sentences = settings.sentences.cut(text.as_ref());
                sentences.iter().map(|sentence| tokenizer.encode(sentence)).collect()
            };
            let read: Vec<Vec<Vec<u32>>> = step.par_iter().map(read).collect();
            for sentences in read {
                all.push(&sentences, settings.longest_sentence);
            }
            done += step.len();
            progress(done, texts.len());
        }
        all.tokens.shrink_to_fit();
        all
    }

    /// From the token ids of each note's sentences; a sentence of more than `longest` is cut into several.
    pub fn new(notes: &[Vec<Vec<u32>>], longest: usize) -> Self {
        let mut all = Self::default();
        notes.iter().for_each(|sentences| all.push(sentences, longest));
        all
    }

    fn push(&mut self, sentences: &[Vec<u32>], longest: usize) {
        for sentence in sentences.iter().flat_map(|sentence| sentence.chunks(longest)) {
            self.tokens.extend_from_slice(sentence);
            self.sentences.push(self.tokens.len());
        }
        if self.documents.last().copied().unwrap_or(0) < self.sentences.len() {
            self.documents.push(self.sentences.len());
        }
    }

    /// How many notes there are.
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Tokens of all notes.
    pub fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Sentences of all notes.
    pub fn sentences(&self) -> usize {
        self.sentences.len()
    }

    /// The sentences of a note, counted over all notes.
    pub(super) fn of(&self, document: usize) -> Range<usize> {
        let start = document.checked_sub(1).map_or(0, |before| self.documents[before]);
        start..self.documents[document]
    }

    /// The tokens of some sentences that follow each other.
    pub(super) fn text(&self, sentences: Range<usize>) -> &[u32] {
        let start = |sentence: usize| sentence.checked_sub(1).map_or(0, |before| self.sentences[before]);
        &self.tokens[start(sentences.start)..start(sentences.end)]
    }

    /// One more than the greatest token id.
    pub(super) fn vocabulary(&self) -> usize {
        self.tokens.iter().max().map_or(0, |&most| most as usize + 1)
    }

    /// Some of the notes, in their order.
    fn some(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut some = Self::default();
        for document in (0..self.len()).filter(|&document| keep(document)) {
            for sentence in self.of(document) {
                some.tokens.extend_from_slice(self.text(sentence..sentence + 1));
                some.sentences.push(some.tokens.len());
            }
            some.documents.push(some.sentences.len());
        }
        some
    }
}

impl FitDocuments {
    /// See [`Documents::read`].
    pub fn read(
        texts: FitTexts<'_>,
        tokenizer: &Tokenizer,
        settings: &Pretraining,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Self {
        let texts: Vec<&str> = texts.iter().collect();
        Self(Documents::read(&texts, tokenizer, settings, progress))
    }

    /// The notes to train on, and that share of them, rounded and at least one of each, to look at. Which ones, the seed
    /// says.
    pub fn divided(self, share: f64, seed: u64) -> (Self, Documents) {
        let count = self.0.len();
        let looked_at = ((count as f64 * share).round() as usize).clamp(1, count.saturating_sub(1).max(1));
        let mut order: Vec<usize> = (0..count).collect();
        Random::new(seed, What::Development, 0, 0).shuffle(&mut order);
        let mut is_looked_at = vec![false; count];
        order
            .iter()
            .take(looked_at)
            .for_each(|&document| is_looked_at[document] = true);
        let training = self.0.some(|document| !is_looked_at[document]);
        (Self(training), self.0.some(|document| is_looked_at[document]))
    }

    /// What they are.
    pub fn documents(&self) -> &Documents {
        &self.0
    }
}

// By hand, so that no token reaches a log through `{:?}`.
impl fmt::Debug for Documents {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = (self.len(), self.sentences(), self.tokens());
        write!(formatter, "Documents {counts:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes() -> Documents {
        let notes = [
            vec![vec![1, 2, 3, 4, 5], vec![], vec![6]],
            vec![vec![], vec![]],
            vec![],
            vec![vec![7, 8]],
        ];
        Documents::new(&notes, 2)
    }

    #[test]
    fn sentences_keep_their_order_long_ones_are_cut_and_empty_notes_are_left_out() {
        let notes = notes();
        assert_eq!((notes.len(), notes.sentences(), notes.tokens()), (2, 5, 8));
        assert_eq!([notes.of(0), notes.of(1)], [0..4, 4..5]);
        let text = |sentences| notes.text(sentences).to_vec();
        assert_eq!([text(0..1), text(1..2), text(2..3)], [vec![1, 2], vec![3, 4], vec![5]]);
        assert_eq!([text(0..4), text(4..5)], [vec![1, 2, 3, 4, 5, 6], vec![7, 8]]);
        assert_eq!(notes.vocabulary(), 9);
        assert!(!format!("{notes:?}").contains('7'));
    }

    #[test]
    fn a_division_loses_no_note_and_depends_on_the_seed() {
        let notes: Vec<Vec<Vec<u32>>> = (0..40).map(|note| vec![vec![note], vec![note, note]]).collect();
        let all = FitDocuments(Documents::new(&notes, 9));
        let (training, looked_at) = all.clone().divided(0.1, 3);
        assert_eq!((training.documents().len(), looked_at.len()), (36, 4));
        let mut both: Vec<u32> = [training.documents(), &looked_at]
            .into_iter()
            .flat_map(|of| of.tokens.clone())
            .collect();
        both.sort_unstable();
        let mut expected = all.0.tokens.clone();
        expected.sort_unstable();
        assert_eq!(both, expected);
        assert_eq!(all.clone().divided(0.1, 3).1, looked_at);
        assert_ne!(all.divided(0.1, 4).1, looked_at);
    }
}
