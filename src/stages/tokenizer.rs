//! Stage `tokenizer`: a vocabulary, fitted once on the training notes or read from a published file.

use std::sync::Arc;

use super::{Error, Stop, Workshop};
use crate::plan::Cell;
use crate::record::StageName;
use crate::results::kept::{Kept, Trouble};
use crate::text::Tokenizer;

pub(super) const FILE: &str = "tokenizer.json";

impl Workshop<'_> {
    /// The tokenizer of a cell's run.
    pub(super) fn tokenizer(&self, cell: &Cell) -> Result<Arc<Tokenizer>, Stop> {
        let name = self.text(cell);
        if let Some(found) = self.tokenizers.borrow().get(name) {
            return Ok(found.clone());
        }
        let wanted = self.wanted(cell, StageName::Tokenizer);
        let tokenizer = self
            .runner
            .obtain(wanted, &self.patience(), read, || -> Result<_, Stop> {
                let settings = self.plan.suite.text[name].settings();
                let texts = self.texts()?.division.fit.texts();
                let fitted = Tokenizer::fit(&settings, texts).map_err(|source| Error::Text {
                    name: name.into(),
                    source,
                });
                let (tokenizer, training) = fitted?;
                self.encoded
                    .borrow_mut()
                    .extend(training.map(|training| (name.to_owned(), training)));
                self.runner.keep(wanted, &(), |draft| -> Result<(), Error> {
                    Ok(draft.write(FILE, &tokenizer.to_json())?)
                })?;
                Ok(tokenizer)
            })?;
        let tokenizer = Arc::new(tokenizer);
        self.tokenizers.borrow_mut().insert(name.to_owned(), tokenizer.clone());
        Ok(tokenizer)
    }
}

/// Reads a tokenizer that was kept.
pub(super) fn read(kept: &Kept) -> Result<Tokenizer, Trouble> {
    let path = kept.path(FILE);
    Tokenizer::from_json(&kept.read(FILE)?, &path).map_err(|error| Trouble::Damaged {
        path,
        problem: error.to_string(),
    })
}
