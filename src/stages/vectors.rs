//! Stage `vectors`: pretrained word vectors for a vocabulary.

use serde::{Deserialize, Serialize};

use super::{Error, Stop, Workshop};
use crate::models::coding_model::WordVectors;
use crate::plan::Cell;
use crate::record::StageName;
use crate::results::kept::{Kept, Trouble};
use crate::text;

const FILE: &str = "vectors.f32";

#[derive(Serialize, Deserialize)]
struct Facts {
    dimension: usize,
    /// Words of the vocabulary that the file has.
    found: usize,
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
                    found: vectors.found_words(),
                };
                self.observer.notice(&format!(
                    "[text.{name}] {} of {} words have a vector in the file",
                    facts.found,
                    tokenizer.size()
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
}

fn read(kept: &Kept) -> Result<WordVectors, Trouble> {
    let Facts { dimension, .. } = kept.facts()?;
    Ok(WordVectors {
        dimension,
        values: super::scores::numbers(&kept.read(FILE)?),
    })
}
