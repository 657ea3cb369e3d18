//! `[pretrain.<name>]`: encoders that are pretrained on the notes' texts. Runs name them as they name those of
//! `[encoder.<name>]`.

use super::check::{repeats, undefined};
use super::{Run, Suite};
use crate::pretraining::{Pretraining, Start};
use crate::text::TokenizerSettings;

impl Suite {
    /// The pretraining that a run's encoder comes from, by its name; none where the run has no encoder, or one of
    /// `[encoder.<name>]`.
    pub fn pretraining(&self, run: &Run) -> Option<(&str, &Pretraining)> {
        let (name, settings) = self.pretrainings.get_key_value(run.encoder.as_ref()?)?;
        Some((name, settings))
    }

    /// The `[encoder.<name>]` that a run starts from, itself or through its pretraining.
    pub fn encoder_file<'s>(&'s self, run: &'s Run) -> Option<&'s str> {
        match self.pretraining(run) {
            Some((_, Pretraining { start, .. })) => match start {
                Start::Scratch => None,
                Start::Encoder(name) => Some(name),
            },
            None => run.encoder.as_deref(),
        }
    }

    /// What is wrong with the pretrainings, or with how runs name them.
    pub(super) fn check_pretrainings(&self) -> Result<(), (Vec<String>, String)> {
        for (name, settings) in &self.pretrainings {
            let at = |key: &[&str], problem: String| {
                let steps = ["pretrain", name].into_iter().chain(key.iter().copied());
                Err((steps.map(str::to_owned).collect(), problem))
            };
            if self.encoders.contains_key(name) {
                return at(
                    &[],
                    format!(
                        "[encoder.{name}] is called so too: give one of them another name, as runs name both alike"
                    ),
                );
            }
            match self.text.get(&settings.text).map(|choice| &choice.tokenizer) {
                None => return at(&["text"], undefined("text", &settings.text, self.text.keys())),
                Some(tokenizer @ (TokenizerSettings::Words { .. } | TokenizerSettings::ByteLevelBpe { .. })) => {
                    let found = match tokenizer {
                        TokenizerSettings::Words { .. } => "words",
                        _ => "byte-level BPE",
                    };
                    let problem = format!(
                        "[text.{}] is of {found}: expected a WordPiece vocabulary, with [MASK]",
                        settings.text
                    );
                    return at(&["text"], problem);
                }
                Some(TokenizerSettings::TrainWordPiece { .. } | TokenizerSettings::WordPiece { .. }) => {}
            }
            if let Start::Encoder(encoder) = &settings.start
                && !self.encoders.contains_key(encoder)
            {
                return at(&["start"], undefined("encoder", encoder, self.encoders.keys()));
            }
            if repeats(&settings.unlabelled) {
                return at(&["unlabelled"], "names a part twice".into());
            }
            let parts = self.division.parts();
            if let Some(part) = settings.unlabelled.iter().find(|part| parts.contains(&part.as_str())) {
                let problem = format!(
                    "{part:?} has a role in [division]: expected parts that have none, as held-out notes must not be \
                     read and training notes are read anyway"
                );
                return at(&["unlabelled"], problem);
            }
            if let Err((key, problem)) = settings.check() {
                return at(&[&key], problem);
            }
        }
        for (index, run) in self.runs.iter().enumerate() {
            if let Some((name, settings)) = self.pretraining(run)
                && settings.text != run.text
            {
                let steps = ["run", &index.to_string(), "text"].map(str::to_owned);
                let problem = format!(
                    "{:?}: expected {:?}, the [text.<name>] that [pretrain.{name}] reads",
                    run.text, settings.text
                );
                return Err((steps.to_vec(), problem));
            }
        }
        Ok(())
    }
}
