//! What a model reads in one note for one of its codes, to be looked at: of generated notes only.

use super::weights::Predictor;
use super::{Stop, Workshop};
use crate::data::DatasetSettings;
use crate::models::parameters;
use crate::plan::Cell;
use crate::record::StageName;
use crate::results::runner::Found;

/// Tokens that are shown around the one that the model reads most.
const AROUND: usize = 40;

/// A part of a generated note with the weights that a model gives its tokens for one code.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadNote {
    /// The code.
    pub code: String,
    /// Its title, where it has one.
    pub title: Option<String>,
    /// Tokens with their share of the weights.
    pub tokens: Vec<(String, f32)>,
    /// Tokens of the note before and after those.
    pub left_out: [usize; 2],
}

impl Workshop<'_> {
    /// What a cell's model reads in the first scored note for its most probable gold code; `None` where the notes are not
    /// generated, the model does not explain itself, or its weights were not kept.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn read_note(&self, cell: &Cell) -> Result<Option<ReadNote>, Stop> {
        let run = &self.plan.suite.runs[cell.run];
        let generated = matches!(self.plan.suite.data, DatasetSettings::Synthetic(_));
        if !generated || cell.ensemble.is_some() || !run.model.explains() {
            return Ok(None);
        }
        // Nothing is made to be shown.
        let read = |kept: &_| Predictor::open(kept, self.device);
        let found = self.runner.look(self.wanted(cell, StageName::Weights), read)?;
        let Found::Whole(predictor) = found else {
            return Ok(None);
        };
        let tokens = self.tokens(cell)?;
        let notes = self.notes(cell)?;
        let (model, codes) = (&predictor.model, predictor.codes.len());
        let batch = predictor.reading.batch(&tokens.evaluation, &[0], self.device);
        let logits = parameters::host(model.logits(&batch));
        let gold = notes.evaluation_gold[0]
            .iter()
            .map(|&code| code as usize)
            .filter(|&code| code < codes);
        let Some(code) = gold.max_by(|&a, &b| logits[a].total_cmp(&logits[b])) else {
            return Ok(None);
        };
        let Some(weights) = model.explain(&batch, &[code]).and_then(|mut explained| explained.pop()) else {
            return Ok(None);
        };
        let weights = parameters::host(weights);
        let tokenizer = &predictor.tokenizer;
        let words: Vec<&str> = batch
            .note(0)
            .iter()
            .map(|&id| tokenizer.token(id as u32).unwrap_or("?"))
            .collect();
        let peak = (0..words.len())
            .max_by(|&a, &b| weights[a].total_cmp(&weights[b]))
            .unwrap_or(0);
        let (first, end) = (peak.saturating_sub(AROUND), words.len().min(peak + AROUND + 1));
        Ok(Some(ReadNote {
            code: notes.codes[code].clone(),
            title: notes.titles[code].clone(),
            tokens: (first..end)
                .map(|place| (words[place].to_owned(), weights[place]))
                .collect(),
            left_out: [first, words.len() - end],
        }))
    }
}
