//! The embedded data set: synthetic discharge summaries with ICD-10-CM codes, generated from a seed.
//!
//! Anyone can run the benchmark on it without a data use agreement. It keeps what makes the real task hard: Zipf-like
//! code frequencies with codes never seen in training, conditions that come together, wordings shared between sibling
//! codes, evidence spread over long notes, and mentions that are not coded (negated, family, past, suspected).
//! The same settings give the same bytes on every machine and with any number of threads.

mod bank;
mod distractor;
mod draw;
pub mod exports;
mod files;
mod filler;
mod generate;
mod orders;
mod patient;
mod phrases;
mod section;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use self::bank::BANK;
use self::draw::Draw;
pub use self::files::{WriteError, write_files};
pub use self::patient::Part;
use self::patient::Patient;
pub use self::settings::{FEWEST_NOTES, LONGEST_MEDIAN, MOST_NOTES, SyntheticError, SyntheticSettings};
use crate::data::{self, Note};

/// Rises whenever the same settings give other bytes; belongs in the fingerprint of the data.
pub const GENERATOR_VERSION: u32 = 1;

/// The generated notes, each part in order of patient and admission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntheticNotes {
    /// For training, about 70 % of the notes.
    pub train: Vec<Note>,
    /// For choosing settings and thresholds, about 10 %.
    pub dev: Vec<Note>,
    /// For the scores, about 20 %.
    pub test: Vec<Note>,
}

/// Generates the data set.
///
/// # Errors
/// [`SyntheticError`] when the settings are out of range.
pub fn generate(settings: &SyntheticSettings) -> Result<SyntheticNotes, SyntheticError> {
    settings.validate()?;
    let plans = patient::plan(settings);
    let write = |(index, plan): (usize, &patient::Plan)| {
        let number = index as u64 + 1;
        let mut draw = Draw::new(settings.seed, number); // stream 0 laid out the patients
        let patient = Patient::draw(plan, &mut draw);
        let names = (1..).map(|admission| format!("syn-{number:06}-{admission}"));
        let one = |(codes, id): (&Vec<usize>, String)| {
            generate::note(
                id,
                format!("syn-{number:06}"),
                &patient,
                codes,
                settings.median_words,
                &mut draw,
            )
        };
        patient.admissions.iter().zip(names).map(one).collect::<Vec<Note>>()
    };
    let written: Vec<Vec<Note>> = plans.par_iter().enumerate().map(|(i, plan)| write((i, plan))).collect();
    let mut notes = SyntheticNotes {
        train: Vec::new(),
        dev: Vec::new(),
        test: Vec::new(),
    };
    for (plan, patient_notes) in plans.iter().zip(written) {
        match plan.part {
            Part::Train => notes.train.extend(patient_notes),
            Part::Dev => notes.dev.extend(patient_notes),
            Part::Test => notes.test.extend(patient_notes),
        }
    }
    Ok(notes)
}

/// The parts as every data set's reader gives them.
pub(super) fn parts(settings: &SyntheticSettings) -> Result<Vec<data::Part>, SyntheticError> {
    let notes = generate(settings)?;
    let part = |name: &str, notes: Vec<Note>| data::Part {
        name: name.into(),
        notes: notes.into_iter().map(Arc::new).collect(),
        coded: true,
        uncoded_reason: None,
    };
    Ok(vec![
        part("train", notes.train),
        part("dev", notes.dev),
        part("test", notes.test),
    ])
}

/// [`code_titles`] as every data set's reader gives them.
pub(super) fn titles() -> BTreeMap<String, String> {
    code_titles().map(|(code, title)| (code.into(), title.into())).collect()
}

impl SyntheticNotes {
    /// The notes of one part, in order of patient and admission.
    pub fn part(&self, part: Part) -> &[Note] {
        match part {
            Part::Train => &self.train,
            Part::Dev => &self.dev,
            Part::Test => &self.test,
        }
    }
}

/// Every code of the phrase bank with its title, sorted by code: descriptions for models that read them.
pub fn code_titles() -> impl Iterator<Item = (&'static str, &'static str)> {
    BANK.entries.iter().map(|entry| (entry.code, entry.title))
}

/// Our wordings of a code; empty for codes the bank does not have.
pub fn wordings(code: &str) -> &'static [&'static str] {
    let at = BANK.entries.binary_search_by(|entry| entry.code.cmp(code));
    at.map_or(&[], |i| &BANK.entries[i].wordings)
}
