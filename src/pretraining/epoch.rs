//! The sequences of an epoch: where each begins and ends, and what follows in it. They depend on the notes, the settings,
//! the seed and the epoch alone, so that a run that goes on draws what the undisturbed run drew.
//!
//! Pairs are made as in BERT's own program (Devlin et al. 2019, appendix A.2; `create_pretraining_data.py`): sentences of a
//! note are gathered until they reach the length, and cut in two at random. In half of the cases, and where there is one
//! sentence only, the second part is replaced by sentences from a random place of another note, and what was cut off begins
//! the next sequence. Without next sentences a sequence is as many sentences of a note as fit.

use std::ops::Range;

use super::documents::Documents;
use super::random::{Random, What};
use super::settings::Pretraining;

/// Tries to draw another note than the sequence's own.
const TRIES: usize = 10;
/// How often the second part of a pair is from another note.
const RANDOM_NEXT: f64 = 0.5;

/// Which sentences a sequence is made of, counted over all notes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: Range<u32>,
    pub(super) second: Option<Second>,
}

/// The second part of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Second {
    pub(super) sentences: Range<u32>,
    /// Whether it is from another note.
    pub(super) is_random: bool,
}

/// One pass over the notes.
pub(super) struct Epoch {
    /// From 1; 0 for what is only looked at.
    pub(super) number: u32,
    /// In the order in which they are gone through.
    pub(super) spans: Vec<Span>,
}

impl Epoch {
    /// The pass of that number.
    pub(super) fn new(documents: &Documents, settings: &Pretraining, number: u32) -> Self {
        let mut spans = of_all(documents, settings, number);
        Random::new(settings.seed, What::Order, number, 0).shuffle(&mut spans);
        Self { number, spans }
    }

    /// How many sequences the pass of that number has.
    pub(super) fn sequences(documents: &Documents, settings: &Pretraining, number: u32) -> usize {
        of_all(documents, settings, number).len()
    }
}

/// Tokens of a sequence of that epoch without its special ones.
pub(super) fn room(settings: &Pretraining, epoch: u32) -> usize {
    let specials = if settings.objective.next_sentence { 3 } else { 2 };
    settings.length_of(epoch) - specials
}

fn of_all(documents: &Documents, settings: &Pretraining, number: u32) -> Vec<Span> {
    let mut spans = Vec::new();
    for document in 0..documents.len() {
        let mut of_note = OfNote {
            documents,
            document,
            random: Random::new(settings.seed, What::Pairs, number, document as u64),
            wanted: room(settings, number),
        };
        if of_note.random.happens(settings.short_sequences) {
            let least = of_note.wanted.min(2);
            of_note.wanted = of_note.random.between(least, of_note.wanted);
        }
        match settings.objective.next_sentence {
            true => of_note.pairs(&mut spans),
            false => of_note.singles(&mut spans),
        }
    }
    spans
}

/// The sequences of one note.
struct OfNote<'a> {
    documents: &'a Documents,
    document: usize,
    random: Random,
    /// Tokens that a sequence should have.
    wanted: usize,
}

impl OfNote<'_> {
    fn tokens(&self, sentences: Range<usize>) -> usize {
        self.documents.text(sentences).len()
    }

    fn pairs(&mut self, spans: &mut Vec<Span>) {
        let Range { mut start, end } = self.documents.of(self.document);
        let mut next = start;
        while next < end {
            next += 1;
            if next < end && self.tokens(start..next) < self.wanted {
                continue;
            }
            let count = next - start;
            let middle = match count {
                1 => start + 1,
                _ => start + self.random.between(1, count - 1),
            };
            let is_random = count == 1 || self.random.happens(RANDOM_NEXT);
            let sentences = match is_random {
                true => self.sentences_of_another(self.wanted.saturating_sub(self.tokens(start..middle))),
                false => middle..next,
            };
            spans.push(Span {
                first: narrow(start..middle),
                second: Some(Second {
                    sentences: narrow(sentences),
                    is_random,
                }),
            });
            if is_random {
                next = middle;
            }
            start = next;
        }
    }

    /// Sentences from a random place of another note on, until they have so many tokens or the note ends.
    fn sentences_of_another(&mut self, wanted: usize) -> Range<usize> {
        let mut other = self.document;
        for _ in 0..TRIES {
            other = self.random.below(self.documents.len());
            if other != self.document {
                break;
            }
        }
        let Range { start, end } = self.documents.of(other);
        let start = self.random.between(start, end - 1);
        let reaches = |next: &usize| self.tokens(start..*next) >= wanted;
        start..(start + 1..end).find(reaches).unwrap_or(end)
    }

    fn singles(&self, spans: &mut Vec<Span>) {
        let Range { mut start, end } = self.documents.of(self.document);
        while start < end {
            let fits = |next: &usize| self.tokens(start..*next) <= self.wanted;
            let next = (start + 1..=end).take_while(fits).last().unwrap_or(start + 1);
            spans.push(Span {
                first: narrow(start..next),
                second: None,
            });
            start = next;
        }
    }
}

/// OK because a billion sentences do not fit into memory as token ids beside a model.
fn narrow(sentences: Range<usize>) -> Range<u32> {
    sentences.start as u32..sentences.end as u32
}

#[cfg(test)]
mod tests;
