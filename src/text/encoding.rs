//! From the texts of notes to their token ids, on all threads.

use rayon::prelude::*;

use super::store::TokenStore;
use super::tokenizer::Tokenizer;

/// Notes encoded between two progress reports; also bounds the memory held twice while encoding.
const NOTES_PER_STEP: usize = 256;

impl TokenStore {
    /// Encodes all notes, in parallel, in order. `progress` is called from the calling thread with (notes
    /// done, notes in all) after every few hundred notes.
    pub fn encode<T: AsRef<str> + Sync>(
        tokenizer: &Tokenizer,
        texts: &[T],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Self {
        let mut store = Self::empty();
        for step in texts.chunks(NOTES_PER_STEP) {
            let encoded: Vec<Vec<u32>> = step.par_iter().map(|text| tokenizer.encode(text.as_ref())).collect();
            for note in encoded {
                store.tokens.extend_from_slice(&note);
                store.end_note();
            }
            progress(store.len(), texts.len());
        }
        store.tokens.shrink_to_fit();
        store
    }
}
