//! Word vocabularies, built from the training split alone: a word is kept when it occurs in enough training
//! notes (CAML and Edin et al.: three).

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use rayon::prelude::*;
use regex::Regex;
use serde::{Deserialize, Serialize};

use super::{Error, Recipe};

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
    /// frequent first, ties alphabetically; at most `max_size` of them.
    pub(super) fn fit<T: AsRef<str> + Sync>(
        recipe: Recipe,
        min_documents: u32,
        max_size: Option<usize>,
        texts: &[T],
    ) -> Result<Self, Error> {
        check_positive("min-documents", min_documents as usize)?;
        check_positive("max-size", max_size.unwrap_or(1))?;
        let frequency = document_frequency(recipe, texts);
        if frequency.is_empty() {
            return Err(Error::EmptyTrainingSplit { notes: texts.len() });
        }
        let mut kept: Vec<(String, u32)> = frequency
            .into_iter()
            .filter(|(_, documents)| *documents >= min_documents)
            .collect();
        if kept.is_empty() {
            return Err(Error::NoWordKept {
                min_documents,
                notes: texts.len(),
            });
        }
        kept.par_sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        kept.truncate(max_size.unwrap_or(usize::MAX));
        let (kept, frequency): (Vec<String>, Vec<u32>) = kept.into_iter().unzip();
        let mut vocabulary = Self::from_table(WordTable {
            min_documents,
            max_size,
            training_documents: texts.len(),
            words: SPECIAL.map(String::from).into_iter().chain(kept).collect(),
            document_frequency: [0, 0].into_iter().chain(frequency).collect(),
        });
        vocabulary.table.document_frequency[UNKNOWN as usize] = vocabulary.notes_with_unknown(recipe, texts);
        Ok(vocabulary)
    }

    /// A vocabulary from its saved table.
    pub(super) fn from_table(table: WordTable) -> Self {
        let ids = table.words.iter().cloned().zip(0..).skip(SPECIAL.len()).collect();
        Self { table, ids }
    }

    /// The ids of a normalised text.
    pub(super) fn encode(&self, recipe: Recipe, normalised: &str) -> Vec<u32> {
        split(recipe, normalised)
            .map(|word| self.id(word).unwrap_or(UNKNOWN))
            .collect()
    }

    /// The id of a word; `None` for an unknown word and for the names of the two special ids.
    pub(super) fn id(&self, word: &str) -> Option<u32> {
        self.ids.get(word).copied()
    }

    fn notes_with_unknown<T: AsRef<str> + Sync>(&self, recipe: Recipe, texts: &[T]) -> u32 {
        let has_unknown = |text: &T| {
            let normalised = recipe.normalise(text.as_ref());
            split(recipe, &normalised).any(|word| self.id(word).is_none())
        };
        texts.par_iter().filter(|text| has_unknown(text)).count() as u32
    }
}

/// Training notes per word. Sums do not depend on the order in which threads finish.
fn document_frequency<T: AsRef<str> + Sync>(recipe: Recipe, texts: &[T]) -> HashMap<String, u32> {
    let count = |mut counts: HashMap<String, u32>, text: &T| {
        let normalised = recipe.normalise(text.as_ref());
        let distinct: HashSet<&str> = split(recipe, &normalised).collect();
        for word in distinct {
            match counts.get_mut(word) {
                Some(documents) => *documents += 1,
                None => {
                    counts.insert(word.to_owned(), 1);
                }
            }
        }
        counts
    };
    let merge = |a: HashMap<String, u32>, b: HashMap<String, u32>| {
        let (mut large, small) = if a.len() >= b.len() { (a, b) } else { (b, a) };
        for (word, documents) in small {
            *large.entry(word).or_default() += documents;
        }
        large
    };
    texts.par_iter().fold(HashMap::new, count).reduce(HashMap::new, merge)
}

static RAW_WORD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\w+|[^\w\s]").unwrap() // OK because the pattern is a constant that every test compiles.
});

/// The words of a normalised text. `caml` and `edin` leave words separated by spaces; raw text is split into
/// runs of Unicode word characters and single other characters.
fn split(recipe: Recipe, normalised: &str) -> Box<dyn Iterator<Item = &str> + '_> {
    match recipe {
        Recipe::Caml | Recipe::Edin => Box::new(normalised.split_ascii_whitespace()),
        Recipe::None => Box::new(RAW_WORD.find_iter(normalised).map(|word| word.as_str())),
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
