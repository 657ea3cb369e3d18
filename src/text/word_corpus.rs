//! The words of the training notes by number, the most frequent first: what word vectors are trained on. All words count, also
//! those that a model's vocabulary leaves out.

use std::cmp::Reverse;

use rayon::prelude::*;

use super::normalise::Normalisation;
use super::store::TokenStore;
use super::words::Counted;
use crate::data::FitTexts;

/// Words and the texts they are from. Derives from note text: it is under the same data use agreement.
#[derive(Clone)]
pub struct WordCorpus {
    words: Vec<String>,
    counts: Vec<u64>,
    texts: TokenStore,
}

impl WordCorpus {
    /// Normalises the texts and numbers their words by falling count, ties alphabetically.
    pub fn of(recipe: Normalisation, texts: FitTexts<'_>) -> Self {
        let Counted {
            mut words, mut store, ..
        } = Counted::of(recipe, texts);
        let mut counts = vec![0u64; words.len()];
        for &word in &store.tokens {
            counts[word as usize] += 1;
        }
        let mut order: Vec<u32> = (0..words.len() as u32).collect();
        let rank = |&word: &u32| (Reverse(counts[word as usize]), words[word as usize].as_str());
        order.par_sort_unstable_by(|one, other| rank(one).cmp(&rank(other)));
        let mut numbers = vec![0; words.len()];
        for (number, &word) in order.iter().enumerate() {
            numbers[word as usize] = number as u32;
        }
        store
            .tokens
            .par_iter_mut()
            .for_each(|word| *word = numbers[*word as usize]);
        let take = |word: &u32| std::mem::take(&mut words[*word as usize]);
        Self {
            counts: order.iter().map(|&word| counts[word as usize]).collect(),
            words: order.iter().map(take).collect(),
            texts: store,
        }
    }

    /// The words by number. Show them to a person who may see the notes, never write them to a record, a log or an error.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// How often each word occurs.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The words of all texts, one text after the other.
    pub fn tokens(&self) -> &[u32] {
        &self.texts.tokens
    }

    /// Where each text ends in [`tokens`](Self::tokens).
    pub fn ends(&self) -> &[usize] {
        &self.texts.offsets[1..]
    }
}
