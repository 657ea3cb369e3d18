//! What is scored: probabilities by note and code, gold codes by note, and how ties are ordered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{Degenerate, Error};

/// Probabilities, row-major `[note, code]`. Every value is finite; that is checked once, here.
#[derive(Clone, Copy, Debug)]
pub struct Scores<'a> {
    values: &'a [f32],
    notes: usize,
    codes: usize,
}

impl<'a> Scores<'a> {
    /// Wraps `values`, of length `notes * codes`.
    ///
    /// # Errors
    /// [`Error::Empty`] without notes or codes, [`Error::ScoreLength`] for another length, and
    /// [`Degenerate::NotFinite`] with the first note row and code column that is NaN or infinite.
    pub fn new(values: &'a [f32], notes: usize, codes: usize) -> Result<Self, Error> {
        if notes == 0 || codes == 0 {
            return Err(Error::Empty { notes, codes });
        }
        if notes.checked_mul(codes) != Some(values.len()) {
            return Err(Error::ScoreLength {
                values: values.len(),
                notes,
                codes,
            });
        }
        if let Some(first) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::Degenerate(Degenerate::NotFinite {
                note: first / codes,
                code: first % codes,
                value: values[first],
                cells: values.iter().filter(|value| !value.is_finite()).count(),
                all: values.len(),
            }));
        }
        Ok(Scores { values, notes, codes })
    }

    /// Number of notes (rows), at least 1.
    pub fn notes(&self) -> usize {
        self.notes
    }

    /// Number of codes (columns), at least 1.
    pub fn codes(&self) -> usize {
        self.codes
    }

    /// All values, row-major.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// The probabilities of one note.
    pub fn row(&self, note: usize) -> &'a [f32] {
        &self.values[note * self.codes..(note + 1) * self.codes]
    }

    /// Rows in order.
    pub(super) fn rows(&self) -> std::slice::ChunksExact<'a, f32> {
        self.values.chunks_exact(self.codes)
    }
}

/// Gold codes: for each note its ascending, distinct columns (compressed sparse rows).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    offsets: Vec<usize>, // [note + 1]
    columns: Vec<u32>,   // [gold pair]
    codes: usize,
}

impl Targets {
    /// Takes one list of columns per note, each ascending, without repeats and below `codes`.
    /// A note may have no gold code.
    ///
    /// # Errors
    /// [`Error::TargetColumn`] or [`Error::TargetOrder`], naming the note's row.
    pub fn from_rows(rows: &[Vec<u32>], codes: usize) -> Result<Self, Error> {
        let mut offsets = Vec::with_capacity(rows.len() + 1);
        let mut columns = Vec::with_capacity(rows.iter().map(Vec::len).sum());
        offsets.push(0);
        for (note, row) in rows.iter().enumerate() {
            check_row(note, row, codes)?;
            columns.extend_from_slice(row);
            offsets.push(columns.len());
        }
        Ok(Targets {
            offsets,
            columns,
            codes,
        })
    }

    /// Number of notes (rows).
    pub fn notes(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of codes (columns).
    pub fn codes(&self) -> usize {
        self.codes
    }

    /// Number of gold (note, code) pairs.
    pub fn gold(&self) -> usize {
        self.columns.len()
    }

    /// The gold columns of one note, ascending.
    pub fn row(&self, note: usize) -> &[u32] {
        &self.columns[self.offsets[note]..self.offsets[note + 1]]
    }

    /// The same pairs by code: for each column the rows of its notes, ascending.
    pub(super) fn by_code(&self) -> NotesByCode {
        let mut offsets = vec![0; self.codes + 1];
        for &column in &self.columns {
            offsets[column as usize + 1] += 1;
        }
        for column in 0..self.codes {
            offsets[column + 1] += offsets[column];
        }
        let mut next = offsets.clone();
        let mut notes = vec![0; self.columns.len()];
        for note in 0..self.notes() {
            for &column in self.row(note) {
                notes[next[column as usize]] = note;
                next[column as usize] += 1;
            }
        }
        NotesByCode { offsets, notes }
    }
}

/// For each code, the rows of the notes that have it.
pub(super) struct NotesByCode {
    offsets: Vec<usize>, // [code + 1]
    notes: Vec<usize>,   // [gold pair]
}

impl NotesByCode {
    /// Rows of the notes with this code, ascending.
    pub(super) fn notes(&self, code: usize) -> &[usize] {
        &self.notes[self.offsets[code]..self.offsets[code + 1]]
    }
}

/// Which of two codes with the same score ranks first in a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TieOrder {
    /// The higher column: CAML's ascending argsort, read backwards.
    HigherIndexFirst,
    /// The lower column: a stable descending sort.
    LowerIndexFirst,
}

/// Refuses scores and targets of different shapes.
pub(super) fn check_shape(scores: &Scores, targets: &Targets) -> Result<(), Error> {
    if scores.notes() == targets.notes() && scores.codes() == targets.codes() {
        return Ok(());
    }
    Err(Error::Shape {
        score_notes: scores.notes(),
        score_codes: scores.codes(),
        target_notes: targets.notes(),
        target_codes: targets.codes(),
    })
}

/// Refuses scores and targets of different shapes, and a threshold that no score can be compared with.
pub(super) fn check(scores: &Scores, targets: &Targets, threshold: f32) -> Result<(), Error> {
    check_shape(scores, targets)?;
    if threshold.is_finite() {
        Ok(())
    } else {
        Err(Error::Threshold(threshold))
    }
}

fn check_row(note: usize, row: &[u32], codes: usize) -> Result<(), Error> {
    if let Some(&column) = row.iter().find(|&&column| column as usize >= codes) {
        return Err(Error::TargetColumn { note, column, codes });
    }
    match row.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => Err(Error::TargetOrder {
            note,
            previous: pair[0],
            column: pair[1],
        }),
        None => Ok(()),
    }
}
