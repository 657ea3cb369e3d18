//! Which codes a model predicts: chosen on the fit notes alone, ordered by how frequent they are
//! there, and optionally followed by the evaluation codes that no fit note has.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checksum::Fingerprint;
use super::error::Error;
use super::fit::FitNotes;
use super::note::Note;

/// Which codes become labels: `"all"`, `{ top = 50 }` or `{ min-count = 10 }` of those that fit notes have, or
/// `{ codes = [...] }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LabelRule {
    /// Every code that some fit note has.
    All,
    /// The given number of codes that most fit notes have; among equals the first in code order.
    Top(u32),
    /// Codes that at least the given number of fit notes have.
    MinCount(u32),
    /// These and no others, as published lists have them; each must have a fit note.
    Codes(Vec<String>),
}

/// What becomes of evaluation codes that no fit note has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnseenCodes {
    /// They are not labels: no metric knows of them.
    Ignore,
    /// They are labels without a score, so that each occurrence counts as missed.
    CountAsMissed,
}

/// The labels, in the order of the columns of scores and targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSet {
    codes: Vec<String>,
    train_frequency: Vec<u32>,
    column: HashMap<String, u32>,
    outside: BTreeSet<String>,
}

impl LabelSet {
    /// Chooses the labels. Columns are ordered by descending number of fit notes, then by code.
    ///
    /// # Errors
    /// [`Error::Setting`] when the rule asks for no code or for more than there are, or nothing
    /// meets it.
    pub fn fit(fit: &FitNotes, rule: &LabelRule) -> Result<Self, Error> {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for note in fit.notes() {
            for code in &note.codes {
                *counts.entry(code).or_default() += 1;
            }
        }
        let mut ranked: Vec<(&str, u32)> = counts.into_iter().collect();
        // The sort is stable, so equal counts stay in code order.
        ranked.sort_by_key(|&(_, count)| Reverse(count));
        if let LabelRule::Codes(codes) = rule {
            listed_first(&mut ranked, codes)?;
        }
        let chosen = chosen(&ranked, rule)?;
        let outside = ranked[chosen..].iter().map(|(code, _)| code.to_string());
        let mut labels = Self {
            codes: Vec::new(),
            train_frequency: Vec::new(),
            column: HashMap::new(),
            outside: outside.collect(),
        };
        for &(code, count) in &ranked[..chosen] {
            labels.push(code, count);
        }
        Ok(labels)
    }

    /// Appends, in code order and with frequency 0, the codes of the evaluation notes that no fit
    /// note has. Codes that fit notes have and the rule left out stay outside: they are outside
    /// the task, not unseen.
    #[must_use]
    pub fn with_unseen(mut self, evaluation: &[Arc<Note>]) -> Self {
        let codes: BTreeSet<&str> = evaluation
            .iter()
            .flat_map(|note| &note.codes)
            .map(String::as_str)
            .collect();
        for code in codes {
            if !self.column.contains_key(code) && !self.outside.contains(code) {
                self.push(code, 0);
            }
        }
        self
    }

    /// The codes, by column.
    pub fn codes(&self) -> &[String] {
        &self.codes
    }

    /// How many fit notes have the code, by column; 0 for unseen codes.
    pub fn train_frequency(&self) -> &[u32] {
        &self.train_frequency
    }

    /// How many columns there are, those of unseen codes included.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there is no column. [`LabelSet::fit`] never makes such.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// How many columns were fitted: a model's number of outputs. They come first.
    pub fn fitted(&self) -> usize {
        self.train_frequency.partition_point(|&count| count > 0)
    }

    /// Whether a model has an output for the column.
    pub fn is_fitted(&self, column: u32) -> bool {
        (column as usize) < self.fitted()
    }

    /// The columns of a note's codes in ascending order; codes that are no label are left out.
    pub fn columns(&self, codes: &[String]) -> Vec<u32> {
        let known = codes.iter().filter_map(|code| self.column.get(code).copied());
        let mut columns: Vec<u32> = known.collect();
        columns.sort_unstable();
        columns
    }

    /// SHA-256 over codes and frequencies in column order.
    pub fn fingerprint(&self) -> String {
        let mut fingerprint = Fingerprint::new("icdbench label set 1");
        for (code, &count) in self.codes.iter().zip(&self.train_frequency) {
            fingerprint.text(code);
            fingerprint.number(u64::from(count));
        }
        fingerprint.finish()
    }

    fn push(&mut self, code: &str, count: u32) {
        self.column.insert(code.into(), self.codes.len() as u32);
        self.codes.push(code.into());
        self.train_frequency.push(count);
    }
}

/// Puts the listed codes before the others.
fn listed_first(ranked: &mut [(&str, u32)], codes: &[String]) -> Result<(), Error> {
    let listed: HashSet<&str> = codes.iter().map(String::as_str).collect();
    let known: HashSet<&str> = ranked.iter().map(|(code, _)| *code).collect();
    let missing = listed.iter().filter(|code| !known.contains(*code)).count();
    let wrong = |found: String, expected: &str| Error::Setting {
        key: "labels.rule",
        found,
        expected: expected.into(),
    };
    if codes.is_empty() || listed.len() < codes.len() {
        let found = format!("{} codes, {} of them different", codes.len(), listed.len());
        return Err(wrong(found, "one code at least, and each once"));
    }
    if missing > 0 {
        let found = format!("{missing} of {} codes that no training note has", codes.len());
        let expected = "codes of the training notes: see that they are spelt as the data spell them (dots, zeros), and that \
                        the data are those that the list is of";
        return Err(wrong(found, expected));
    }
    // Stable, so that both keep their order.
    ranked.sort_by_key(|(code, _)| !listed.contains(code));
    Ok(())
}

/// How many of the ranked codes the rule takes.
fn chosen(ranked: &[(&str, u32)], rule: &LabelRule) -> Result<usize, Error> {
    let refused = |found: String, expected: String| {
        Err(Error::Setting {
            key: "labels",
            found,
            expected,
        })
    };
    let available = ranked.len();
    let (found, count) = match *rule {
        LabelRule::All => ("all".to_string(), available),
        LabelRule::Codes(ref codes) => (format!("{} codes", codes.len()), codes.len()),
        LabelRule::Top(top) => (format!("top = {top}"), top as usize),
        LabelRule::MinCount(0) => {
            return refused("min-count = 0".into(), "a count of at least 1".into());
        }
        LabelRule::MinCount(least) => {
            let enough = ranked.partition_point(|&(_, count)| count >= least);
            (format!("min-count = {least}"), enough)
        }
    };
    if count == 0 || count > available {
        let most = ranked.first().map_or(0, |&(_, count)| count);
        let expected = format!(
            "a rule that the fit notes can meet: they have {available} codes, the most frequent in {most} notes"
        );
        return refused(found, expected);
    }
    Ok(count)
}
