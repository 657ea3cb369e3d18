//! Where each token of a note lies in the note's own text.

use std::ops::Range;

use super::tokenizer::Tokenizer;
use super::vocabulary::Vocabulary;
use super::words::UNKNOWN;

/// A token and the characters of the note's own text (not bytes) that it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocatedToken {
    /// Its id.
    pub id: u32,
    /// The first character and the one after the last. Pieces of a word have the word's.
    pub characters: Range<usize>,
}

impl Tokenizer {
    /// The ids of a whole note as [`Tokenizer::encode`] gives them, each with its place in the text; `None` where the
    /// normalisation does not tell places (`edin`, and any but `none` before pieces of words).
    pub fn locate(&self, text: &str) -> Option<Vec<LocatedToken>> {
        match &self.vocabulary {
            Vocabulary::Words(words) => {
                let located = self.recipe.locate(text)?.into_iter();
                let token = |(word, characters): (String, Range<usize>)| LocatedToken {
                    id: words.id(&word).unwrap_or(UNKNOWN),
                    characters,
                };
                Some(located.map(token).collect())
            }
            Vocabulary::WordPiece(pieces) => self.recipe.keeps_the_text().then(|| {
                let words = pieces.table.cleaning.located_words(text).into_iter();
                let tokens = words.flat_map(|(word, characters)| {
                    let ids = pieces.pieces(&word).into_iter();
                    ids.map(move |id| LocatedToken {
                        id,
                        characters: characters.clone(),
                    })
                });
                tokens.collect()
            }),
            Vocabulary::ByteLevelBpe(pieces) => self.recipe.keeps_the_text().then(|| {
                let tokens = pieces.located(text).into_iter();
                tokens.map(|(id, characters)| LocatedToken { id, characters }).collect()
            }),
        }
    }
}
