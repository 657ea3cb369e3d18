//! Word vocabularies, built from the training split alone: a word is kept when it occurs in enough training
//! notes (CAML and Edin et al.: three).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::normalise::{Normalisation, raw_words};
use super::store::TokenStore;
use crate::data::FitTexts;

/// Id 0 of every word vocabulary.
pub(super) const PADDING: u32 = 0;
/// Id 1: every word that is not in the vocabulary.
pub(super) const UNKNOWN: u32 = 1;
const SPECIAL: [&str; 2] = ["<pad>", "<unk>"];

/// All that makes a word vocabulary: what is saved and what is fingerprinted.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WordTable {
    min_documents: u32,
    max_size: Option<usize>,
    pub(super) training_documents: usize,
    /// By id; the first two are padding and unknown.
    pub(super) words: Vec<String>,
    /// By id; training notes that hold the word. 0 for padding; for unknown, the notes with a dropped word.
    pub(super) document_frequency: Vec<u32>,
}

/// A word table and its inverse.
#[derive(Clone)]
pub(super) struct WordVocabulary {
    pub(super) table: WordTable,
    ids: HashMap<String, u32>,
}

impl WordVocabulary {
    /// Counts the words of the training notes and keeps those in at least `min_documents` of them, most
    /// frequent first, ties alphabetically; at most `max_size` of them. Also gives the training notes' ids: each
    /// text is normalised once.
    pub(super) fn fit(
        recipe: Normalisation,
        min_documents: u32,
        max_size: Option<usize>,
        texts: FitTexts<'_>,
    ) -> Result<(Self, TokenStore), Error> {
        check_positive("min-documents", min_documents as usize)?;
        check_positive("max-size", max_size.unwrap_or(1))?;
        let mut counted = Counted::of(recipe, texts);
        if counted.words.is_empty() {
            return Err(Error::EmptyTrainingSplit { notes: texts.len() });
        }
        let enough = |word: &u32| counted.documents[*word as usize] >= min_documents;
        let mut kept: Vec<u32> = (0..counted.words.len() as u32).filter(enough).collect();
        if kept.is_empty() {
            return Err(Error::NoWordKept {
                min_documents,
                notes: texts.len(),
            });
        }
        let rank = |&word: &u32| {
            let word = word as usize;
            (Reverse(counted.documents[word]), counted.words[word].as_str())
        };
        kept.par_sort_unstable_by(|a, b| rank(a).cmp(&rank(b)));
        kept.truncate(max_size.unwrap_or(usize::MAX));
        let frequency = kept.iter().map(|&word| counted.documents[word as usize]);
        let frequency: Vec<u32> = [0, 0].into_iter().chain(frequency).collect();
        let mut ids = vec![UNKNOWN; counted.words.len()];
        let mut words: Vec<String> = SPECIAL.map(String::from).to_vec();
        for &word in &kept {
            ids[word as usize] = words.len() as u32;
            words.push(std::mem::take(&mut counted.words[word as usize]));
        }
        let mut training = counted.store;
        training
            .tokens
            .par_iter_mut()
            .for_each(|token| *token = ids[*token as usize]);
        let mut vocabulary = Self::from_table(WordTable {
            min_documents,
            max_size,
            training_documents: texts.len(),
            words,
            document_frequency: frequency,
        });
        let has_unknown = |note: &usize| training.note(*note, usize::MAX).contains(&UNKNOWN);
        let unknown = (0..training.len()).into_par_iter().filter(has_unknown).count();
        vocabulary.table.document_frequency[UNKNOWN as usize] = unknown as u32;
        Ok((vocabulary, training))
    }

    /// A vocabulary from its saved table.
    pub(super) fn from_table(table: WordTable) -> Self {
        let ids = table.words.iter().cloned().zip(0..).skip(SPECIAL.len()).collect();
        Self { table, ids }
    }

    /// The ids of a normalised text.
    pub(super) fn encode(&self, recipe: Normalisation, normalised: &str) -> Vec<u32> {
        split(recipe, normalised)
            .map(|word| self.id(word).unwrap_or(UNKNOWN))
            .collect()
    }

    /// The id of a word; `None` for an unknown word and for the names of the two special ids.
    pub(super) fn id(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied()
    }
}

/// Notes that one task of [`Counted::of`] splits.
const NOTES_A_TASK: usize = 512;

/// The distinct words of the training notes by a number of their own, and the notes as such numbers.
pub(super) struct Counted {
    pub(super) words: Vec<String>,
    /// Notes that hold the word.
    documents: Vec<u32>,
    pub(super) store: TokenStore,
}

impl Counted {
    /// Splits each text once. Parts of the notes are numbered in parallel and joined in order, so the numbers do not
    /// depend on the threads.
    pub(super) fn of(recipe: Normalisation, texts: FitTexts<'_>) -> Self {
        let starts: Vec<usize> = (0..texts.len()).step_by(NOTES_A_TASK).collect();
        let mut all = Self::empty();
        let mut numbers: HashMap<String, u32> = HashMap::new();
        // A few tasks at a time: what they give is held twice until it is joined.
        for some in starts.chunks(2 * rayon::current_num_threads()) {
            let parts: Vec<Self> = some
                .par_iter()
                .map(|&start| Self::part(recipe, texts, start..texts.len().min(start + NOTES_A_TASK)))
                .collect();
            for part in parts {
                all.join(part, &mut numbers);
            }
        }
        all.store.tokens.shrink_to_fit();
        all
    }

    fn empty() -> Self {
        Self {
            words: Vec::new(),
            documents: Vec::new(),
            store: TokenStore::empty(),
        }
    }

    fn part(recipe: Normalisation, texts: FitTexts<'_>, notes: Range<usize>) -> Self {
        let mut part = Self::empty();
        let mut numbers: HashMap<String, u32> = HashMap::new();
        // Per word, one more than the last note that it was counted in.
        let mut counted_in: Vec<usize> = Vec::new();
        for note in notes {
            let normalised = recipe.normalise(texts.text(note));
            for word in split(recipe, &normalised) {
                let number = match numbers.get(word) {
                    Some(&number) => number,
                    None => {
                        let number = part.words.len() as u32;
                        numbers.insert(word.to_owned(), number);
                        part.words.push(word.to_owned());
                        part.documents.push(0);
                        counted_in.push(0);
                        number
                    }
                };
                if std::mem::replace(&mut counted_in[number as usize], note + 1) != note + 1 {
                    part.documents[number as usize] += 1;
                }
                part.store.tokens.push(number);
            }
            part.store.end_note();
        }
        part
    }

    fn join(&mut self, part: Self, numbers: &mut HashMap<String, u32>) {
        let own: Vec<u32> = part
            .words
            .into_iter()
            .zip(part.documents)
            .map(|(word, documents)| {
                let next = self.words.len() as u32;
                let number = *numbers.entry(word).or_insert_with_key(|word| {
                    self.words.push(word.clone());
                    self.documents.push(0);
                    next
                });
                self.documents[number as usize] += documents;
                number
            })
            .collect();
        for note in 0..part.store.len() {
            let tokens = part.store.note(note, usize::MAX);
            self.store
                .tokens
                .extend(tokens.iter().map(|&token| own[token as usize]));
            self.store.end_note();
        }
    }
}

/// The words of a normalised text. All recipes but `none` leave words separated by spaces; raw text is split into
/// runs of Unicode word characters and single other characters.
fn split(recipe: Normalisation, normalised: &str) -> Box<dyn Iterator<Item = &str> + '_> {
    match recipe {
        Normalisation::Caml | Normalisation::Edin | Normalisation::SpanishStems => {
            Box::new(normalised.split_ascii_whitespace())
        }
        Normalisation::None => Box::new(raw_words(normalised).map(|(word, _)| word)),
    }
}

fn check_positive(key: &'static str, found: usize) -> Result<(), Error> {
    match found {
        0 => Err(Error::Setting {
            key,
            found,
            expected: "1 or more",
        }),
        _ => Ok(()),
    }
}
