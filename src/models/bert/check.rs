//! What an encoder of these settings cannot be.

use super::config::EncoderConfig;
use super::pretrained;
use crate::models::coding_model::Task;
use crate::models::settings::{at_least_1, probability};

impl EncoderConfig {
    /// What is wrong with the settings for this task, whose sequences have `longest` tokens at most.
    /// `specials` says whether the model adds `[CLS]` and `[SEP]`.
    pub fn check(&self, task: &Task, longest: (&str, usize), specials: bool) -> Result<(), String> {
        at_least_1(&[
            ("encoder.layers", self.layers),
            ("encoder.hidden", self.hidden),
            ("encoder.heads", self.heads),
            ("encoder.intermediate", self.intermediate),
            ("encoder.positions", self.positions),
        ])?;
        if !self.hidden.is_multiple_of(self.heads) {
            return Err(format!(
                "encoder.hidden = {} is not a multiple of encoder.heads = {}: each head takes an equal share of a state",
                self.hidden, self.heads
            ));
        }
        probability("encoder.dropout", self.dropout)?;
        probability("encoder.attention-dropout", self.attention_dropout)?;
        if !(self.initializer_range > 0.0 && self.initializer_range.is_finite()) {
            return Err(format!(
                "encoder.initializer-range = {}: expected a number above 0",
                self.initializer_range
            ));
        }
        if !(self.norm_epsilon > 0.0 && self.norm_epsilon < 1.0) {
            return Err(format!(
                "encoder.norm-epsilon = {}: expected a number above 0 and below 1",
                self.norm_epsilon
            ));
        }
        pretrained::check(self, task)?;
        if specials && self.positions < 3 {
            return Err(format!(
                "encoder.positions = {}: expected at least 3, for [CLS], a token and [SEP]",
                self.positions
            ));
        }
        let (name, longest) = longest;
        if longest > self.positions {
            return Err(format!(
                "{name} = {longest} is above encoder.positions = {}: lower it, or give the encoder more positions \
                 (those past a pretrained encoder's own start at random)",
                self.positions
            ));
        }
        if specials && (task.cls.is_none() || task.separator.is_none()) {
            return Err(
                "the tokenizer has no [CLS] and [SEP]: give the run a [text.<name>] with a WordPiece vocabulary or a \
                 byte-level BPE"
                    .into(),
            );
        }
        Ok(())
    }
}
