//! Stage `vectors`: pretrained word vectors for a vocabulary.

use serde::{Deserialize, Serialize};

use super::{Error, Stop, Workshop};
use crate::models::coding_model::WordVectors;
use crate::plan::Cell;
use crate::record::StageName;
use crate::results::kept::{Kept, Trouble};
use crate::results::runner::Found;
use crate::text;

const FILE: &str = "vectors.f32";

#[derive(Serialize, Deserialize)]
struct Facts {
    dimension: usize,
    /// Words of the vocabulary that the file has.
    found: u32,
}

impl Workshop<'_> {
    /// The word vectors of a cell's run, where its text choice names any.
    pub(super) fn vectors(&self, cell: &Cell) -> Result<Option<WordVectors>, Stop> {
        let name = self.text(cell);
        let Some(file) = &self.plan.suite.text[name].word_vectors else {
            return Ok(None);
        };
        let wanted = self.wanted(cell, StageName::Vectors);
        let vectors = self
            .runner
            .obtain(wanted, &self.patience(), read, || -> Result<_, Stop> {
                let wrong = |source| Error::Text {
                    name: name.into(),
                    source,
                };
                let tokenizer = self.tokenizer(cell)?;
                text::require_sha256(&file.file, &file.sha256).map_err(wrong)?;
                let vectors =
                    text::WordVectors::read(&file.file, &tokenizer, file.dimension, file.scale).map_err(wrong)?;
                let facts = Facts {
                    dimension: vectors.dimension,
                    found: vectors.found_words() as u32,
                };
                let (found, words) = (facts.found, tokenizer.words());
                let share = 100.0 * f64::from(found) / words as f64;
                self.observer.notice(&format!(
                    "[text.{name}] {found} of the {words} words of the vocabulary ({share:.1} %) have a vector in the file; \
                     the others start from 0"
                ));
                self.runner.keep(wanted, &facts, |draft| -> Result<(), Error> {
                    Ok(draft.write(FILE, &super::scores::bytes(&vectors.values))?)
                })?;
                Ok(WordVectors {
                    dimension: vectors.dimension,
                    values: vectors.values,
                })
            })?;
        Ok(Some(vectors))
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
