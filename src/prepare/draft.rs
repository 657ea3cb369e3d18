//! The table before it is written: which documents there are, of which texts, with which codes. The texts themselves are
//! in the spill file.

use std::collections::HashMap;

use super::spill::Piece;
use crate::data::CodeKind;
use crate::data::prepared::{Input, Step};

/// All documents, and what was counted on the way to them.
pub(super) struct Draft {
    pub notes: Vec<DraftNote>,
    pub codes: Codes,
    pub steps: Vec<Step>,
    pub inputs: Vec<Input>,
    /// Titles of codes, by kind and code as it is written.
    pub titles: HashMap<(CodeKind, String), String>,
}

/// A document.
pub(super) struct DraftNote {
    pub note: String,
    pub subject: String,
    pub admission: String,
    pub pieces: Vec<Piece>,
    /// What stands between them.
    pub separator: &'static str,
    /// In the order of the admission's lists, no code twice.
    pub codes: Vec<DraftCode>,
    /// Whether it had one before rules removed some.
    pub had_codes: bool,
    /// Its place in [`PARTS`](crate::data::PARTS), once it is known.
    pub part: Option<u8>,
}

/// A code of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DraftCode {
    /// See [`Codes::name`].
    pub code: u32,
    pub kind: CodeKind,
    pub order: u32,
}

/// Every different code once.
#[derive(Default)]
pub(super) struct Codes {
    names: Vec<String>,
    by_name: HashMap<String, u32>,
}

impl Codes {
    /// The number of a code.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.by_name.get(name) {
            return number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.by_name.insert(name.to_owned(), number);
        number
    }

    /// The code of a number.
    pub fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }
}

impl Draft {
    pub fn new() -> Self {
        Self {
            notes: Vec::new(),
            codes: Codes::default(),
            steps: Vec::new(),
            inputs: Vec::new(),
            titles: HashMap::new(),
        }
    }

    /// Says what was counted.
    pub fn step(&mut self, what: impl Into<String>, count: u64) {
        self.steps.push(Step {
            what: what.into(),
            count,
        });
    }

    /// Removes the codes that fewer than `least` documents have, diagnoses and procedures apart.
    pub fn keep_frequent(&mut self, least: u32) {
        for note in &mut self.notes {
            note.had_codes = !note.codes.is_empty();
        }
        if least <= 1 {
            return;
        }
        let mut counts: HashMap<(CodeKind, u32), u32> = HashMap::new();
        for code in self.notes.iter().flat_map(|note| &note.codes) {
            *counts.entry((code.kind, code.code)).or_default() += 1;
        }
        let rare = counts.values().filter(|&&count| count < least).count() as u64;
        let mut removed = 0;
        for note in &mut self.notes {
            let before = note.codes.len();
            note.codes.retain(|code| counts[&(code.kind, code.code)] >= least);
            removed += (before - note.codes.len()) as u64;
        }
        self.step(format!("codes of fewer than {least} documents, removed"), rare);
        self.step("(document, code) pairs of these", removed);
    }

    /// Removes what `keep` does not hold, and counts it.
    pub fn retain(&mut self, what: impl Into<String>, keep: impl FnMut(&DraftNote) -> bool) {
        let before = self.notes.len();
        self.notes.retain(keep);
        self.step(what, (before - self.notes.len()) as u64);
    }
}
