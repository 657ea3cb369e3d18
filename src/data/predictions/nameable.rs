//! What a file of predictions may name.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::data::corpus::Corpus;
use crate::data::note::Note;

/// The notes and codes of a data set, and which of them are scored.
#[derive(Debug)]
pub struct Nameable {
    /// By identifier: the row of a note that is scored, nothing of another.
    notes: HashMap<String, Option<u32>>,
    /// By code in lower case: the column of one of the label set, nothing of another.
    codes: HashMap<String, Option<u32>>,
    /// Scored notes and codes.
    size: (usize, usize),
}

impl Nameable {
    /// `scored`: the notes in the order of the rows; `codes`: the label set in the order of the columns.
    pub fn new(corpus: &Corpus, scored: &[Arc<Note>], codes: &[String]) -> Self {
        let all = || corpus.parts.iter().flat_map(|part| &part.notes);
        let mut notes: HashMap<String, Option<u32>> = all().map(|note| (note.id.clone(), None)).collect();
        notes.extend(scored.iter().zip(0..).map(|(note, row)| (note.id.clone(), Some(row))));
        let every: BTreeSet<&String> = all().flat_map(|note| &note.codes).collect();
        let mut by_code: HashMap<String, Option<u32>> =
            every.into_iter().map(|code| (code.to_lowercase(), None)).collect();
        by_code.extend(
            codes
                .iter()
                .zip(0..)
                .map(|(code, column)| (code.to_lowercase(), Some(column))),
        );
        Self {
            notes,
            codes: by_code,
            size: (scored.len(), codes.len()),
        }
    }

    /// The row of a note, nothing for one that is not scored; an error says that there is no such note.
    pub(super) fn note(&self, id: &str) -> Result<Option<u32>, UnknownNote> {
        let found = self.notes.get(id).copied();
        found.ok_or_else(|| UnknownNote {
            // As programs write whole numbers that went through a column with gaps.
            as_fraction: id
                .strip_suffix(".0")
                .is_some_and(|whole| self.notes.contains_key(whole)),
        })
    }

    /// The same of a code. Codes are the same in upper and lower case.
    pub(super) fn code(&self, code: &str) -> Result<Option<u32>, UnknownCode> {
        let lower = code.to_lowercase();
        let found = self.codes.get(&lower).copied();
        found.ok_or_else(|| UnknownCode {
            without_dot: !lower.contains('.') && {
                let dotted = |at: usize| lower.is_char_boundary(at) && at < lower.len();
                let with_dot = [2, 3, 4].into_iter().filter(|&at| dotted(at));
                let mut with_dot = with_dot.map(|at| format!("{}.{}", &lower[..at], &lower[at..]));
                with_dot.any(|code| self.codes.contains_key(&code))
            },
        })
    }

    /// Scored notes and codes.
    pub(super) fn size(&self) -> (usize, usize) {
        self.size
    }
}

/// No note has this identifier.
pub(super) struct UnknownNote {
    /// Whether one has it without the `.0` at its end.
    pub(super) as_fraction: bool,
}

/// No note has this code.
pub(super) struct UnknownCode {
    /// Whether one has it with a dot in it.
    pub(super) without_dot: bool,
}
