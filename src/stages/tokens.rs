//! Stage `tokens`: the token ids of all notes and of the codes' titles, and how often tokens occur.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::made::Tokens;
use super::{Error, Stop, Workshop};
use crate::data::Note;
use crate::models::Task;
use crate::plan::Cell;
use crate::record::StageName;
use crate::results::kept::{Kept, Trouble};
use crate::text::{TokenStore, Tokenizer};

const TRAINING: &str = "training.tokens";
const VALIDATION: &str = "validation.tokens";
const EVALUATION: &str = "evaluation.tokens";
const TITLES: &str = "titles.json";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Titles {
    titles: Vec<Vec<u32>>,
    count_scale: Vec<f32>,
}

impl Workshop<'_> {
    /// The tokens of a cell's run; the last ones that were read stay in memory.
    pub(super) fn tokens(&self, cell: &Cell) -> Result<Arc<Tokens>, Stop> {
        let wanted = self.wanted(cell, StageName::Tokens);
        if let Some((key, tokens)) = &*self.tokens.borrow()
            && key == wanted.key
        {
            return Ok(tokens.clone());
        }
        self.tokens.replace(None);
        let tokens = self.runner.obtain(wanted, &self.patience(), read, || {
            let tokens = self.encode(cell)?;
            self.runner.keep(wanted, &(), |draft| -> Result<(), Error> {
                let parts = [
                    (TRAINING, &tokens.training),
                    (VALIDATION, &tokens.validation),
                    (EVALUATION, &tokens.evaluation),
                ];
                for (file, part) in parts {
                    draft.stream(file, |output| part.write_to(output))?;
                }
                let titles = Titles {
                    titles: tokens.titles.clone(),
                    count_scale: tokens.count_scale.clone(),
                };
                Ok(draft.json(TITLES, &titles)?)
            })?;
            Ok::<_, Stop>(tokens)
        })?;
        let tokens = Arc::new(tokens);
        self.tokens.replace(Some((wanted.key.to_owned(), tokens.clone())));
        Ok(tokens)
    }

    fn encode(&self, cell: &Cell) -> Result<Tokens, Stop> {
        let name = self.text(cell);
        let tokenizer = self.tokenizer(cell)?;
        let notes = self.notes(cell)?;
        let division = &self.texts()?.division;
        let encode = |notes: &[Arc<Note>]| {
            let texts: Vec<&str> = notes.iter().map(|note| note.text.as_str()).collect();
            TokenStore::encode(&tokenizer, &texts, &mut |_, _| {})
        };
        let fitted = self.encoded.borrow_mut().remove(name);
        let training = fitted.unwrap_or_else(|| encode(division.fit.notes()));
        let validation = encode(&division.validation);
        let evaluation = encode(&division.evaluation);
        for (role, store) in [
            ("training", &training),
            ("validation", &validation),
            ("evaluation", &evaluation),
        ] {
            if let Some(index) = store.empty_notes().first() {
                let error = Error::EmptyNote {
                    text: name.into(),
                    role,
                    position: index + 1,
                    all: store.len(),
                };
                return Err(error.into());
            }
        }
        let titles = notes.titles.iter();
        let titles = titles.map(|title| title.as_ref().map_or_else(Vec::new, |title| tokenizer.encode(title)));
        Ok(Tokens {
            titles: titles.collect(),
            count_scale: count_scale(&training, tokenizer.size()),
            training,
            validation,
            evaluation,
        })
    }

    /// What a cell's model is built for, without an encoder.
    pub(super) fn task(&self, cell: &Cell, tokens: &Tokens) -> Result<Task, Stop> {
        let notes = self.notes(cell)?;
        let tokenizer = self.tokenizer(cell)?;
        let codes = notes.fitted();
        Ok(Task {
            codes,
            training_notes: tokens.training.len(),
            code_frequency: notes.train_frequency[..codes].to_vec(),
            count_scale: tokens.count_scale.clone(),
            descriptions: tokens.titles[..codes].to_vec(),
            word_vectors: self.vectors(cell)?,
            encoder: None,
            ..task_of(&tokenizer)
        })
    }
}

/// What a tokenizer says of a task.
pub(super) fn task_of(tokenizer: &Tokenizer) -> Task {
    Task {
        vocabulary: tokenizer.size(),
        padding: tokenizer.padding(),
        cls: tokenizer.cls(),
        separator: tokenizer.sep(),
        document_frequency: tokenizer.document_frequency().map(<[u32]>::to_vec),
        ..Task::default()
    }
}

fn read(kept: &Kept) -> Result<Tokens, Trouble> {
    let store = |file: &str| kept.stream(file, TokenStore::read_from);
    let Titles { titles, count_scale } = kept.json(TITLES)?;
    Ok(Tokens {
        training: store(TRAINING)?,
        validation: store(VALIDATION)?,
        evaluation: store(EVALUATION)?,
        titles,
        count_scale,
    })
}

/// The root mean square of each token's count over the notes.
fn count_scale(notes: &TokenStore, vocabulary: usize) -> Vec<f32> {
    let mut squares = vec![0f64; vocabulary];
    let mut counts = vec![0u32; vocabulary];
    for note in 0..notes.len() {
        let tokens = notes.note(note, usize::MAX);
        for &token in tokens {
            counts[token as usize] += 1;
        }
        // Each token once: its count is 0 again after the first time.
        for &token in tokens {
            let count = std::mem::take(&mut counts[token as usize]);
            squares[token as usize] += f64::from(count).powi(2);
        }
    }
    let notes = notes.len() as f64;
    squares.into_iter().map(|sum| (sum / notes).sqrt() as f32).collect()
}
