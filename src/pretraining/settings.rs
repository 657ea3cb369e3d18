//! A pretraining as a suite writes it: `[pretrain.<name>]`. Nothing in it has a default.

use serde::{Deserialize, Serialize};

use crate::models::bert::EncoderConfig;
use crate::train::{Optimiser, Recipe, Schedule, Select};

/// How an encoder is pretrained on notes (Devlin et al. 2019, as Zhang et al. 2020, sections 3.2 and 4.2.1, do on theirs).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pretraining {
    /// Which of the suite's `[text.<name>]` cuts the notes into tokens: a WordPiece vocabulary with `[CLS]`, `[SEP]` and
    /// `[MASK]`.
    pub text: String,
    /// Parts without codes whose notes are read beside the training notes; empty for none.
    pub unlabelled: Vec<String>,
    /// Sizes and dropout of the encoder.
    pub encoder: EncoderConfig,
    /// Where its parameters come from.
    pub start: Start,
    /// What is to be predicted.
    pub objective: Objective,
    /// Where one sentence ends and the next begins.
    pub sentences: Sentences,
    /// Tokens of a sentence, at most: a longer one is cut into several. From `length` on nothing is cut, and what does not
    /// fit into a sequence is left out, as in BERT's own program.
    pub longest_sentence: usize,
    /// Tokens of a sequence at most, `[CLS]` and `[SEP]` included.
    pub length: usize,
    /// The epochs before all others, whose sequences are shorter; left out, all epochs have sequences of `length`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<FirstEpochs>,
    /// Share of the notes whose sequences are made shorter, to any length from 2 tokens on (0.1 in BERT's own program).
    pub short_sequences: f64,
    /// Passes over the notes. Each has pairs and masks of its own.
    pub epochs: u32,
    /// Optimiser steps after which pretraining ends in any case; left out, the epochs end it. The learning rate follows
    /// whichever ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_steps: Option<u64>,
    /// Sequences computed at a time. It moves rounding only: a step's loss is the mean over all of its sequences.
    pub batch_size: usize,
    /// Batches of an optimiser step.
    pub accumulate: usize,
    /// What makes a step of the gradients: `adam` or `adamw`.
    pub optimiser: Optimiser,
    /// The rate that the schedule's factor multiplies.
    pub learning_rate: f64,
    /// How the learning rate moves.
    pub schedule: Schedule,
    /// Greatest Euclidean norm of all gradients together; 0 for no clipping.
    pub clip_norm: f64,
    /// Entries of the vocabulary that are computed at a time: memory grows with it, what is learned does not depend on it.
    pub vocabulary_block: usize,
    /// On what it is looked at how far learning has come.
    pub development: Development,
    /// Seed of the parameters, the pairs, the masks, the order and the dropout.
    pub seed: u64,
}

/// Where the parameters of a pretraining come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Start {
    /// All are drawn from the seed.
    Scratch,
    /// Those of the suite's `[encoder.<name>]`, with its heads of the pretraining tasks where its file has them. Positions
    /// past its own are drawn from the seed (the paper's fine-tuned BERT, whose positions 512 to 1,024 are).
    Encoder(String),
}

/// The epochs that a pretraining begins with. BERT's own took 90 % of its steps on 128 tokens and the others on 512, which
/// its positions past 128 were learned from (Devlin et al. 2019, appendix A.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FirstEpochs {
    /// How many of the epochs they are.
    pub epochs: u32,
    /// Tokens of their sequences at most, `[CLS]` and `[SEP]` included.
    pub length: usize,
}

/// What is to be predicted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Objective {
    /// Share of a sequence's tokens that are to be predicted (0.15 in BERT).
    pub masked: f64,
    /// Share of those that `[MASK]` stands for (0.8 in BERT).
    pub as_mask: f64,
    /// Share of those that a random token stands for (0.1 in BERT). The rest stays as it is.
    pub as_random: f64,
    /// Whether the pieces of a word are chosen together.
    pub whole_word: bool,
    /// Whether sequences are pairs, half of them with a second part from another note, and it is to be told which.
    pub next_sentence: bool,
}

/// Where one sentence of a note ends and the next begins. What is empty or white space is no sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sentences {
    /// Each line is a sentence.
    LineEnds,
    /// A full stop, a question mark or an exclamation mark ends one where white space follows; line ends are white space.
    FullStops,
    /// Both end one.
    LineEndsAndFullStops,
}

/// What is looked at to see how far learning has come. Nothing is chosen by it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Development {
    /// Which notes.
    pub notes: DevelopmentNotes,
    /// Sequences that are made of them, at most. Their pairs and masks are the same at each look.
    pub sequences: usize,
    /// Optimiser steps from one look to the next; 0 to look at the end of each epoch only, which is done in any case.
    pub every: u64,
}

/// Which notes show how far learning has come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DevelopmentNotes {
    /// The validation notes.
    Validation,
    /// This share of the notes that would be trained on, drawn from the seed, which are then left out of training.
    Share(f64),
}

impl Pretraining {
    /// Tokens of a sequence of that epoch at most, special tokens included. Epochs count from 1; 0 is what is only looked at,
    /// at full length.
    pub fn length_of(&self, epoch: u32) -> usize {
        match self.first {
            Some(first) if (1..=first.epochs).contains(&epoch) => first.length,
            _ => self.length,
        }
    }

    /// What is wrong with the settings, if anything: the setting, what was found, what was expected.
    ///
    /// # Errors
    /// The first setting that cannot be.
    pub fn check(&self) -> Result<(), (String, String)> {
        self.recipe().check(|_| true)?;
        let Objective {
            masked,
            as_mask,
            as_random,
            next_sentence,
            ..
        } = self.objective;
        let specials = if next_sentence { 3 } else { 2 };
        let parts = if next_sentence { 2 } else { 1 };
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let of_notes = match self.development.notes {
            DevelopmentNotes::Validation => true,
            DevelopmentNotes::Share(share) => share > 0.0 && share < 1.0,
        };
        let rules = [
            (
                matches!(self.optimiser, Optimiser::Adam(_) | Optimiser::AdamW(_)),
                "optimiser",
                "expected adam or adamw: pretraining goes step by step".into(),
            ),
            (
                masked > 0.0 && masked < 1.0,
                "objective",
                format!("masked {masked}: expected a share above 0 and below 1"),
            ),
            (
                share(as_mask) && share(as_random) && as_mask + as_random <= 1.0,
                "objective",
                format!("as-mask {as_mask} and as-random {as_random}: expected shares of 1 in all at most"),
            ),
            (
                self.longest_sentence >= 1,
                "longest-sentence",
                "0: expected at least 1 token".into(),
            ),
            (
                self.length >= specials + parts,
                "length",
                format!(
                    "{}: expected at least {}, for {specials} special tokens and {parts} more",
                    self.length,
                    specials + parts
                ),
            ),
            (
                self.length <= self.encoder.positions,
                "length",
                format!(
                    "{} is above encoder.positions = {}: lower it, or give the encoder more positions",
                    self.length, self.encoder.positions
                ),
            ),
            (
                self.first.is_none_or(|first| (1..=self.epochs).contains(&first.epochs)),
                "first",
                format!(
                    "epochs {}: expected 1 to {}, all epochs of the pretraining",
                    self.first.map_or(0, |first| first.epochs),
                    self.epochs
                ),
            ),
            (
                self.first
                    .is_none_or(|first| (specials + parts..self.length).contains(&first.length)),
                "first",
                format!(
                    "length {}: expected at least {} and less than length = {}",
                    self.first.map_or(0, |first| first.length),
                    specials + parts,
                    self.length
                ),
            ),
            (
                share(self.short_sequences),
                "short-sequences",
                format!("{}: expected a share, 0 to 1", self.short_sequences),
            ),
            (
                self.most_steps != Some(0),
                "most-steps",
                "0: expected at least 1, or leave it out".into(),
            ),
            (
                self.vocabulary_block >= 1,
                "vocabulary-block",
                "0: expected at least 1".into(),
            ),
            (
                of_notes,
                "development",
                "notes: expected \"validation\", or a share above 0 and below 1".into(),
            ),
            (
                self.development.sequences >= 1,
                "development",
                "sequences 0: expected at least 1".into(),
            ),
        ];
        match rules.into_iter().find(|(good, ..)| !good) {
            None => Ok(()),
            Some((_, setting, problem)) => Err((setting.into(), problem)),
        }
    }

    /// What it shares with the recipes of models.
    fn recipe(&self) -> Recipe {
        Recipe {
            epochs: self.epochs,
            budget: None,
            batch_size: self.batch_size,
            accumulate: self.accumulate,
            replicas: 1,
            bucket: 1,
            optimiser: self.optimiser,
            learning_rate: self.learning_rate,
            encoder: None,
            schedule: self.schedule,
            clip_norm: self.clip_norm,
            select: Select::Last,
        }
    }
}
