//! What a pretrained encoder puts in the place of masked tokens, to be looked at (Zhang et al. 2020, figure 1): in a
//! generated note only.

use super::pretraining::read;
use super::{Stop, Workshop};
use crate::data::DatasetSettings;
use crate::plan::Cell;
use crate::pretraining::{Pieces, PretrainedStart, PretrainingModel, choose_masks};
use crate::record::StageName;
use crate::results::runner::Found;

/// Tokens that are shown at most.
const SHOWN: usize = 160;

/// The start of a generated note, some of its tokens masked.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskedNote {
    /// Its tokens in order.
    pub tokens: Vec<MaskedToken>,
    /// Tokens of the note after those.
    pub left_out: usize,
}

/// A token, and what stood for it.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskedToken {
    /// What the note has.
    pub token: String,
    /// Of a masked one: what the encoder holds most likely, and its probability.
    pub guess: Option<(String, f32)>,
}

impl Workshop<'_> {
    /// What the encoder that a cell's run starts from puts in the place of masked tokens of the first scored note; `None`
    /// where the notes are not generated, or the encoder was not pretrained on them or is not kept.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn masked_note(&self, cell: &Cell) -> Result<Option<MaskedNote>, Stop> {
        let generated = matches!(self.plan.suite.data, DatasetSettings::Synthetic(_));
        let Some((_, settings)) = self
            .pretraining_of(cell)
            .filter(|_| generated && cell.ensemble.is_none())
        else {
            return Ok(None);
        };
        // Nothing is made to be shown.
        let Found::Whole(mut found) = self.runner.look(self.wanted(cell, StageName::Pretraining), read)? else {
            return Ok(None);
        };
        let tokenizer = self.tokenizer(cell)?;
        let tokens = self.tokens(cell)?;
        let note = tokens.evaluation.note(0, usize::MAX);
        // [CLS] and [SEP] are read too.
        let shown = &note[..note.len().min(SHOWN).min(settings.length - 2)];
        let start = PretrainedStart {
            heads: std::mem::take(&mut found.heads),
            encoder: found.into_encoder().into(),
        };
        let Ok(pieces) = Pieces::of(&tokenizer) else {
            return Ok(None);
        };
        let Ok(model) = PretrainingModel::init(settings, pieces.size(), Some(&start), self.device) else {
            return Ok(None);
        };
        let masked = choose_masks(shown, &settings.objective, &pieces, settings.seed);
        let precision = self.plan.suite.precision;
        let guesses = model.guesses(shown, &masked, 1, &pieces, precision);
        let word = |id: u32| tokenizer.token(id).unwrap_or("?").to_owned();
        let mut tokens: Vec<MaskedToken> = shown
            .iter()
            .map(|&id| MaskedToken {
                token: word(id),
                guess: None,
            })
            .collect();
        for guess in guesses {
            tokens[guess.place].guess = guess.likely.first().map(|&(id, probability)| (word(id), probability));
        }
        Ok(Some(MaskedNote {
            tokens,
            left_out: note.len() - shown.len(),
        }))
    }
}
