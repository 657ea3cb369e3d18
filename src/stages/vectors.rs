//! Stage `vectors`: word vectors for a vocabulary, from a file or trained here.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Error, Stop, Workshop};
use crate::models::coding_model::WordVectors;
use crate::plan::Cell;
use crate::record::StageName;
use crate::results::files;
use crate::results::kept::{Kept, Trouble};
use crate::results::runner::Found;
use crate::suite::WordVectorChoice;
use crate::text::{self, Tokenizer, VectorFormat};

const FILE: &str = "vectors.f32";

#[derive(Serialize, Deserialize)]
struct Facts {
    dimension: usize,
    /// Words of the vocabulary that have a vector.
    found: u32,
}

impl Workshop<'_> {
    /// The word vectors of a cell's run, where its text choice names any.
    pub(super) fn vectors(&self, cell: &Cell) -> Result<Option<WordVectors>, Stop> {
        let name = self.text(cell);
        let Some(choice) = &self.plan.suite.text[name].word_vectors else {
            return Ok(None);
        };
        let wanted = self.wanted(cell, StageName::Vectors);
        // Where nothing is kept, the cells of a text share what the first has trained.
        if let Some((key, vectors)) = &*self.trained.borrow()
            && key == wanted.key
        {
            return Ok(Some(vectors.clone()));
        }
        let vectors = self
            .runner
            .obtain(wanted, &self.patience(), read, || -> Result<_, Stop> {
                let tokenizer = self.tokenizer(cell)?;
                let vectors = match choice {
                    WordVectorChoice::Trained(trained) => self.train_vectors(cell, &tokenizer, trained)?,
                    WordVectorChoice::File(file) => {
                        let wrong = |source| Error::Text {
                            name: name.into(),
                            source,
                        };
                        text::require_sha256(&file.file, &file.sha256).map_err(wrong)?;
                        text::WordVectors::read(&file.file, &tokenizer, file.dimension, file.scale).map_err(wrong)?
                    }
                };
                let facts = Facts {
                    dimension: vectors.dimension,
                    found: vectors.found_words() as u32,
                };
                self.tell_found(name, choice, facts.found, &tokenizer);
                self.runner.keep(wanted, &facts, |draft| -> Result<(), Error> {
                    Ok(draft.write(FILE, &super::scores::bytes(&vectors.values))?)
                })?;
                Ok(WordVectors {
                    dimension: vectors.dimension,
                    values: vectors.values,
                })
            })?;
        if !self.runner.keeps() {
            self.trained.replace(Some((wanted.key.to_owned(), vectors.clone())));
        }
        Ok(Some(vectors))
    }

    fn tell_found(&self, name: &str, choice: &WordVectorChoice, found: u32, tokenizer: &Tokenizer) {
        let words = tokenizer.words();
        let share = 100.0 * f64::from(found) / words as f64;
        let place = match choice {
            WordVectorChoice::File(_) => " in the file",
            WordVectorChoice::Trained(_) => "",
        };
        self.observer.notice(&format!(
            "[text.{name}] {found} of the {words} words of the vocabulary ({share:.1} %) have a vector{place}; the others start \
             from 0"
        ));
    }

    /// Writes the word vectors of a cell's text choice as a file, for other programs: the words of the vocabulary that have
    /// one, the most frequent first. Words derive from note text: the file is under the same data use agreement as the notes,
    /// and only its owner can read it. `false` where the text choice has no word vectors.
    ///
    /// # Errors
    /// The vectors cannot be had, or the file cannot be written.
    pub fn export_vectors(&self, cell: &Cell, format: VectorFormat, path: &Path) -> Result<bool, Stop> {
        let Some(vectors) = self.vectors(cell)? else {
            return Ok(false);
        };
        let tokenizer = self.tokenizer(cell)?;
        let rows = vectors.values.chunks_exact(vectors.dimension).zip(0..);
        // A word without a vector has zeros, which no training leaves.
        let known = rows.filter(|(row, _)| row.iter().any(|value| *value != 0.0));
        let known: Vec<(&[f32], &str)> = known
            .filter_map(|(row, id)| Some((row, tokenizer.token(id)?)))
            .collect();
        let words = known.iter().map(|(_, word)| *word);
        let values: Vec<f32> = known.iter().flat_map(|(row, _)| *row).copied().collect();
        files::write_atomically(path, &text::vector_file(format, words, &values), true)?;
        Ok(true)
    }

    /// How many words of the vocabulary have a vector, where the cell has any.
    pub(super) fn words_with_vector(&self, cell: &Cell) -> Result<Option<u32>, Stop> {
        if !cell.chain.contains_key(&StageName::Vectors) {
            return Ok(None);
        }
        let wanted = self.wanted(cell, StageName::Vectors);
        let facts = self.runner.look(wanted, |kept| kept.facts::<Facts>())?;
        Ok(match facts {
            Found::Whole(facts) => Some(facts.found),
            Found::Nothing | Found::Damaged(_) => None,
        })
    }
}

fn read(kept: &Kept) -> Result<WordVectors, Trouble> {
    let Facts { dimension, .. } = kept.facts()?;
    Ok(WordVectors {
        dimension,
        values: super::scores::numbers(&kept.read(FILE)?),
    })
}
