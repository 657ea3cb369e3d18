//! The scores as they are read.

use std::path::{Path, PathBuf};

use super::nameable::{Nameable, UnknownCode, UnknownNote};
use crate::data::error::Error;
use crate::record::LeftOut;

/// What a file says of the notes that are scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Row-major `[note, code]`, 0 to 1; 0 where the file has no such pair. Of a system that only decides 1 for a code that
    /// is predicted.
    pub scores: Vec<f32>,
    /// Whether the file has scores other than 0 and 1; otherwise the system only decides.
    pub scored: bool,
    /// What was not taken, and of what.
    pub left_out: LeftOut,
}

/// Where a row or a column of predictions goes: to a place of the scores, or nowhere.
pub(super) type Place = Option<u32>;

/// What a column of codes is of.
#[derive(Clone, Copy)]
pub(super) enum CodePlace {
    /// A column of the scores.
    Column(u32),
    /// A code of the data set outside of the label set.
    Outside,
    /// No code of the data set.
    Unknown,
}

/// Scores that are read pair by pair.
pub(super) struct Filling<'n> {
    path: PathBuf,
    nameable: &'n Nameable,
    /// Not a number where nothing was read yet.
    scores: Vec<f32>,
    named: Vec<bool>,
    /// Whether the pairs have scores, by the first of them, and its row.
    scored: Option<(bool, usize)>,
    left_out: LeftOut,
    /// Pairs of unknown codes that would be known with a dot.
    without_dot: u64,
    rows: u64,
}

impl<'n> Filling<'n> {
    pub(super) fn new(path: &Path, nameable: &'n Nameable) -> Self {
        let (notes, codes) = nameable.size();
        Self {
            path: path.to_owned(),
            nameable,
            scores: vec![f32::NAN; notes * codes],
            named: vec![false; notes],
            scored: None,
            left_out: LeftOut::default(),
            without_dot: 0,
            rows: 0,
        }
    }

    /// An error about a row, counted from 1 as an editor counts lines.
    pub(super) fn wrong(&self, row: usize, found: impl Into<String>, expected: impl Into<String>) -> Error {
        Error::Row {
            path: self.path.clone(),
            row,
            found: found.into(),
            expected: expected.into(),
            next: "correct the row, or have the system write the file again".into(),
        }
    }

    /// The place of the note that a row is of.
    pub(super) fn note(&mut self, row: usize, id: &str) -> Result<Place, Error> {
        self.rows += 1;
        if id.trim().is_empty() {
            return Err(self.wrong(row, "no note", "a note's identifier in every row"));
        }
        match self.nameable.note(id.trim()) {
            Ok(place) => {
                if let Some(place) = place {
                    self.named[place as usize] = true;
                }
                Ok(place)
            }
            Err(UnknownNote { as_fraction: true }) => Err(self.wrong(
                row,
                "a note's identifier with .0 behind it",
                "identifiers as the data set has them: write the column as text or whole numbers",
            )),
            Err(UnknownNote { as_fraction: false }) => Err(self.wrong(
                row,
                "a note that the data set does not have",
                "identifiers of its notes, of whatever part",
            )),
        }
    }

    /// What a code is.
    pub(super) fn code(&mut self, row: usize, code: &str) -> Result<(CodePlace, bool), Error> {
        if code.trim().is_empty() {
            return Err(self.wrong(row, "no code", "a code in every row"));
        }
        Ok(match self.nameable.code(code.trim()) {
            Ok(Some(column)) => (CodePlace::Column(column), false),
            Ok(None) => (CodePlace::Outside, false),
            Err(UnknownCode { without_dot }) => (CodePlace::Unknown, without_dot),
        })
    }

    /// Takes a pair. `score` is absent where the system only decides, and this is a code that it predicts.
    pub(super) fn pair(
        &mut self,
        row: usize,
        note: Place,
        (code, without_dot): (CodePlace, bool),
        score: Option<f32>,
    ) -> Result<(), Error> {
        if let Some(score) = score.filter(|score| !(0.0..=1.0).contains(score)) {
            let found = match score.is_finite() {
                true => format!("a score of {score}"),
                false => "a score that is no number".to_owned(),
            };
            let expected = "0 to 1; a logistic function brings other scores there and keeps their order";
            return Err(self.wrong(row, found, expected));
        }
        match self.scored {
            None => self.scored = Some((score.is_some(), row)),
            Some((scored, first)) if scored != score.is_some() => {
                let words = |scored: bool| if scored { "a score" } else { "no score" };
                return Err(self.wrong(
                    row,
                    words(!scored),
                    format!("{}, as row {first} has: all pairs have one or none has", words(scored)),
                ));
            }
            Some(_) => {}
        }
        let (note, column) = match (note, code) {
            (None, _) => {
                self.left_out.pairs_of_other_notes += 1;
                return Ok(());
            }
            (_, CodePlace::Outside) => {
                self.left_out.pairs_outside_labels += 1;
                return Ok(());
            }
            (_, CodePlace::Unknown) => {
                self.left_out.pairs_of_unknown_codes += 1;
                self.without_dot += u64::from(without_dot);
                return Ok(());
            }
            (Some(note), CodePlace::Column(column)) => (note as usize, column as usize),
        };
        let place = note * self.nameable.size().1 + column;
        if !self.scores[place].is_nan() {
            return Err(self.wrong(row, "a note and a code that an earlier row has", "each pair once"));
        }
        self.scores[place] = score.unwrap_or(1.0);
        self.left_out.pairs += 1;
        Ok(())
    }

    /// The scores, where not too much is left out.
    pub(super) fn finish(mut self, most: f64) -> Result<Predictions, Error> {
        let whole = |found: String, expected: &str, next: String| Error::Predictions {
            path: self.path.clone(),
            found,
            expected: expected.into(),
            next,
        };
        let Some((scored, _)) = self.scored.filter(|_| self.left_out.pairs > 0) else {
            let found = match (self.rows, self.left_out.pairs_of_other_notes) {
                (0, _) => "no row".to_owned(),
                (rows, 0) => format!("no code of the label set in {rows} rows"),
                (rows, others) => format!(
                    "no pair of a scored note and a code of the label set in {rows} rows; {others} pairs are of other notes"
                ),
            };
            return Err(whole(
                found,
                "predictions for the notes that the suite scores",
                "see that the file is of this data set and part".into(),
            ));
        };
        let missing = self.named.iter().filter(|named| !**named).count();
        let unknown = self.left_out.pairs_of_unknown_codes;
        let pairs = self.left_out.pairs + self.left_out.pairs_outside_labels + unknown;
        let share = |count: u64, all: u64| count as f64 / all.max(1) as f64;
        let allow = |share: f64| {
            // Rounded up, so that the share that is named lets it through.
            format!("if it is meant so, say --most-left-out {}", (share * 1e4).ceil() / 1e4)
        };
        let of_notes = share(missing as u64, self.named.len() as u64);
        if of_notes > most {
            return Err(whole(
                format!("no row for {missing} of {} scored notes", self.named.len()),
                &format!("predictions for all, or all but a share of {most}"),
                format!(
                    "name every note, one for which nothing is predicted with a code whose score is 0; {}",
                    allow(of_notes)
                ),
            ));
        }
        let of_pairs = share(unknown, pairs);
        if of_pairs > most {
            let hint = match self.without_dot {
                0 => String::new(),
                some => format!("{some} of them would be codes of the data set with a dot in them: write the dots; "),
            };
            return Err(whole(
                format!("codes that no note of the data set has in {unknown} of {pairs} pairs"),
                &format!("codes of the data set in all, or all but a share of {most}"),
                format!(
                    "{hint}see that the codes are of the same system and release; {}",
                    allow(of_pairs)
                ),
            ));
        }
        self.left_out.notes_without_prediction = missing as u32;
        for score in self.scores.iter_mut().filter(|score| score.is_nan()) {
            *score = 0.0;
        }
        // Scores of 0 and 1 alone are decisions that were written as numbers.
        let scored = scored && self.scores.iter().any(|score| *score != 0.0 && *score != 1.0);
        Ok(Predictions {
            scores: self.scores,
            scored,
            left_out: self.left_out,
        })
    }
}
