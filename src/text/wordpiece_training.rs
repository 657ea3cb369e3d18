//! Trains a WordPiece vocabulary from the training split, as BERT-XML does for its EHR vocabulary, through the
//! `tokenizers` trainer (byte-pair merges by count).
//!
//! That trainer gives ids to `##` characters in the order of a randomly seeded hash map, and ties between
//! merges are decided by id, so two runs would differ. Here every `##` character is put into the vocabulary
//! beforehand, sorted, which leaves nothing to chance.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainer};
use tokenizers::{AddedToken, Model, Trainer};

use super::companions::by_id;
use super::error::Error;
use super::normalise::Normalisation;
use super::specials::Specials;
use super::wordpiece::{Asked, Cleaning, Origin, PREFIX, WordPieceTable, WordPieceVocabulary};
use crate::data::FitTexts;

/// Ids 0 to 4 of a trained vocabulary.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// Trains on the normalised training notes. The result has at most `vocabulary` tokens, fewer when no pair of
/// pieces occurs `min_frequency` times any more.
pub(super) fn train(
    recipe: Normalisation,
    vocabulary: usize,
    min_frequency: u64,
    asked: Asked,
    texts: FitTexts<'_>,
) -> Result<WordPieceVocabulary, Error> {
    if min_frequency == 0 {
        return Err(Error::Setting {
            key: "min-frequency",
            found: 0,
            expected: "1 or more",
        });
    }
    let cleaning = Cleaning::asked(asked);
    let alphabet = Mutex::new(Alphabet::default());
    let mut trainer = WordPieceTrainer::builder()
        .show_progress(false)
        .vocab_size(vocabulary)
        .min_frequency(min_frequency)
        .build();
    let fed = trainer.feed(texts.iter(), |text| {
        let words = cleaning.words(&recipe.normalise(text));
        let own = Alphabet::of(&words);
        alphabet.lock().unwrap().merge(own); // OK because no thread panics while it holds the lock.
        Ok(words)
    });
    fed.unwrap(); // OK because the closure above never returns an error.
    let alphabet = alphabet.into_inner().unwrap(); // OK as above.
    if alphabet.all.is_empty() {
        return Err(Error::EmptyTrainingSplit { notes: texts.len() });
    }
    let needed = SPECIAL.len() + alphabet.all.len() + alphabet.continuing.len();
    if vocabulary < needed {
        return Err(Error::VocabularyTooSmall {
            found: vocabulary,
            needed,
        });
    }
    trainer.set_special_tokens(alphabet.first_tokens());
    let mut model = WordPiece::default();
    trainer.train(&mut model).unwrap(); // OK because the trainer only fails while feeding.
    let tokens = by_id(model.get_vocab()).unwrap(); // OK because the trainer counts its ids up from 0.
    let table = WordPieceTable {
        origin: Origin::Trained {
            vocabulary,
            min_frequency,
        },
        cleaning,
        specials: Box::new(Specials::bert()),
        tokens,
    };
    WordPieceVocabulary::from_table(table, Path::new("trained vocabulary"))
}

/// The characters of the training text.
#[derive(Default)]
struct Alphabet {
    all: BTreeSet<char>,
    /// Those that occur after the first place of a word, and so need a `##` token.
    continuing: BTreeSet<char>,
}

impl Alphabet {
    fn of(words: &[String]) -> Self {
        let mut alphabet = Self::default();
        for word in words {
            alphabet.all.extend(word.chars());
            alphabet.continuing.extend(word.chars().skip(1));
        }
        alphabet
    }

    fn merge(&mut self, mut other: Self) {
        self.all.append(&mut other.all);
        self.continuing.append(&mut other.continuing);
    }

    /// The special tokens, then every `##` character in order; the trainer adds the plain ones, sorted.
    fn first_tokens(&self) -> Vec<AddedToken> {
        let continuing = self.continuing.iter().map(|character| format!("{PREFIX}{character}"));
        SPECIAL
            .into_iter()
            .map(str::to_owned)
            .chain(continuing)
            .map(|token| AddedToken::from(token, true))
            .collect()
    }
}
