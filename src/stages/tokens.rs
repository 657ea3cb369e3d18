//! Stage `tokens`: the token ids of all notes and of the codes' titles, and how often tokens occur.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::made::{Marked, MarkedNote, Texts, Tokens};
use super::{Error, Stop, Workshop};
use crate::data::{self, LabelSet, Note};
use crate::models::Task;
use crate::models::evidence::{Evidence, EvidenceNote, EvidenceSpan};
use crate::plan::Cell;
use crate::record::StageName;
use crate::results::kept::{Kept, Trouble};
use crate::text::{LocatedToken, TokenStore, Tokenizer, TokenizerKind};

const TRAINING: &str = "training.tokens";
const VALIDATION: &str = "validation.tokens";
const EVALUATION: &str = "evaluation.tokens";
const TITLES: &str = "titles.json";
const MARKED: &str = "marked.json";

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
                draft.json(TITLES, &titles)?;
                Ok(draft.json(MARKED, &tokens.marked)?)
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
            marked: marked(self.texts()?, &tokenizer),
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
            evidence: self.evidence(cell, tokens)?.map(Arc::new),
            ..task_of(&tokenizer)
        })
    }

    /// Words of a training note that the vocabulary of the cell's run does not have whole, on average; `None` where it is
    /// not WordPiece.
    pub(super) fn words_in_pieces(&self, cell: &Cell, tokens: &Tokens) -> Result<Option<f64>, Stop> {
        let tokenizer = self.tokenizer(cell)?;
        let is_pieces = tokenizer.kind() == TokenizerKind::WordPiece;
        Ok(is_pieces.then(|| words_in_pieces(&tokens.training, &tokenizer)))
    }

    /// What annotators marked in the training notes, as far as the cell's model reads them.
    fn evidence(&self, cell: &Cell, tokens: &Tokens) -> Result<Option<Evidence>, Stop> {
        let Some(marked) = &tokens.marked else { return Ok(None) };
        let notes = self.notes(cell)?;
        let length = self.plan.suite.runs[cell.run].model.reads(cell.length as usize);
        let of_note = |(note, (marks, gold)): (usize, (&Vec<(u32, Vec<u32>)>, &Vec<u32>))| {
            let read = tokens.training.note(note, length);
            let inside = |(code, places): &(u32, Vec<u32>)| EvidenceSpan {
                code: *code,
                places: places
                    .iter()
                    .copied()
                    .filter(|&place| (place as usize) < read.len())
                    .collect(),
            };
            EvidenceNote {
                tokens: read.iter().map(|&token| token as i32).collect(),
                codes: gold.clone(),
                spans: marks
                    .iter()
                    .map(inside)
                    .filter(|span| !span.places.is_empty())
                    .collect(),
            }
        };
        let marks = marked.training.iter().zip(&notes.training_gold);
        Ok(Some(Evidence {
            notes: marks.enumerate().map(of_note).collect(),
        }))
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
        marked: kept.json(MARKED)?,
    })
}

/// What annotators marked, as tokens; `None` where nothing is marked or the tokenizer does not tell where its tokens lie.
fn marked(texts: &Texts, tokenizer: &Tokenizer) -> Option<Marked> {
    let division = &texts.division;
    let is_marked = |note: &Arc<Note>| !note.evidence.is_empty();
    if !division.fit.notes().iter().any(is_marked) {
        return None;
    }
    let fit = division.fit.notes().par_iter();
    let training = fit.map(|note| Some(places(note, &tokenizer.locate(&note.text)?, &texts.labels)));
    let scored = |notes: &[Arc<Note>]| -> Option<Vec<MarkedNote>> {
        notes.par_iter().map(|note| scored(note, tokenizer)).collect()
    };
    Some(Marked {
        training: training.collect::<Option<_>>()?,
        validation: scored(&division.validation)?,
        evaluation: scored(&division.evaluation)?,
    })
}

/// Each mark of a note whose code is a label: its column, and the tokens that share a character with it.
fn places(note: &Note, tokens: &[LocatedToken], labels: &LabelSet) -> Vec<(u32, Vec<u32>)> {
    let of_mark = |evidence: &data::Evidence| {
        let column = labels.columns(std::slice::from_ref(&evidence.code)).first().copied()?;
        let touched = |token: &LocatedToken| {
            let shares =
                |piece: &Range<usize>| piece.start < token.characters.end && token.characters.start < piece.end;
            evidence.spans.iter().any(shares)
        };
        let places = tokens.iter().enumerate().filter(|(_, token)| touched(token));
        let places: Vec<u32> = places.map(|(place, _)| place as u32).collect();
        (labels.is_fitted(column) && !places.is_empty()).then_some((column, places))
    };
    note.evidence.iter().filter_map(of_mark).collect()
}

fn scored(note: &Note, tokenizer: &Tokenizer) -> Option<MarkedNote> {
    let place = |range: &Range<usize>| [range.start as u32, range.end as u32];
    let tokens = tokenizer.locate(&note.text)?;
    let mark = |evidence: &data::Evidence| (evidence.code.clone(), evidence.spans.iter().map(place).collect());
    Some(MarkedNote {
        tokens: tokens.iter().map(|token| place(&token.characters)).collect(),
        gold: note.evidence.iter().map(mark).collect(),
    })
}

/// Words of a note that are unknown or in several pieces, on average: those that no token stands for.
fn words_in_pieces(notes: &TokenStore, tokenizer: &Tokenizer) -> f64 {
    let continues = |id: u32| tokenizer.token(id).is_some_and(|token| token.starts_with("##"));
    let continues: Vec<bool> = (0..tokenizer.size() as u32).map(continues).collect();
    let of_note = |note: usize| {
        let tokens = notes.note(note, usize::MAX);
        let in_pieces = |place: usize| tokens.get(place + 1).is_some_and(|&next| continues[next as usize]);
        let is_outside = |&(place, &token): &(usize, &u32)| {
            !continues[token as usize] && (token == tokenizer.unknown() || in_pieces(place))
        };
        tokens.iter().enumerate().filter(is_outside).count()
    };
    let words: usize = (0..notes.len()).map(of_note).sum();
    words as f64 / notes.len() as f64
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
