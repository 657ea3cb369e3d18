//! Whether a record and what lies beside it say the same: everything that can be made again without training is, and sums
//! must add up. A checksum tells that a file is as it was written; this tells that what was written can be believed.

mod copies;
mod differing;
mod external;
mod rows;
mod sums;

use serde::Serialize;
use serde_json::Value;

use crate::record::{Record, Reported, StageName, Status};

pub use copies::Copies;

/// What was found of one cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Audit {
    /// The record's key.
    pub key: String,
    /// The cell in words.
    pub cell: String,
    /// How far it could be looked into.
    pub verdict: Verdict,
    /// What does not fit, a sentence each.
    pub problems: Vec<String>,
}

/// How far a cell could be looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every metric was made again, from the kept scores and the rows by note.
    Whole,
    /// Every metric but the areas was made again, from the rows by note.
    ByRows,
    /// No rows by note are here: what can be added up does.
    BySums,
    /// It has no scores: its reason stands in the record.
    NoScores,
    /// Something does not fit.
    Wrong,
}

impl Verdict {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Whole => "made again from its scores",
            Self::ByRows => "made again from its rows by note, but for the areas",
            Self::BySums => "adds up; its rows by note are not here",
            Self::NoScores => "no scores",
            Self::Wrong => "does not fit",
        }
    }
}

/// Audits one cell. `scores` are the kept probabilities of the evaluation notes, `[note, code the model knows]`.
pub fn audit(reported: &Reported, scores: Option<&[f32]>) -> Audit {
    let record = &reported.record;
    let mut problems = provenance(record);
    problems.extend(description(record));
    if (record.status == Status::Ok) != record.outcome.is_some() {
        let has = if record.outcome.is_some() {
            "has scores"
        } else {
            "has no scores"
        };
        problems.push(format!("its status is {}, and it {has}", record.status.word()));
    }
    let mut verdict = Verdict::NoScores;
    if let Some(outcome) = &record.outcome {
        problems.extend(sums::problems(record, outcome));
        problems.extend(external::problems(record, outcome));
        verdict = match &reported.notes {
            None => Verdict::BySums,
            Some(notes) => {
                problems.extend(rows::problems(reported, outcome, notes, scores));
                if scores.is_some() {
                    Verdict::Whole
                } else {
                    Verdict::ByRows
                }
            }
        };
    }
    Audit {
        key: record.key.clone(),
        cell: record.cell.title(),
        verdict: if problems.is_empty() { verdict } else { Verdict::Wrong },
        problems,
    }
}

/// Who, when and by what it was made must be said.
fn provenance(record: &Record) -> Vec<String> {
    let made = &record.provenance;
    let said = [
        ("icdbench-version", &made.icdbench_version),
        ("git-revision", &made.git_revision),
        ("code-sha256", &made.code_sha256),
        ("cargo-lock-sha256", &made.cargo_lock_sha256),
        ("rustc", &made.rustc),
        ("build", &made.build),
        ("operating-system", &made.operating_system),
        ("cpu", &made.cpu),
        ("gpu", &made.gpu),
        ("started", &made.started),
        ("ended", &made.ended),
    ];
    let empty = said.iter().filter(|(_, text)| text.trim().is_empty());
    let mut problems: Vec<String> = empty.map(|(name, _)| format!("provenance.{name} is empty")).collect();
    if made.started > made.ended {
        problems.push(format!(
            "provenance: it started at {} and ended at {}",
            made.started, made.ended
        ));
    }
    if made.cpus == 0 || made.threads == 0 {
        problems.push("provenance: it was made by no CPU or no thread".into());
    }
    problems
}

/// What the record says that was asked for is what its stages were asked.
fn description(record: &Record) -> Vec<String> {
    let cell = &record.cell;
    let asked = |stage: StageName, name: &str| record.stages.get(&stage)?.settings.get(name).cloned();
    let model = asked(StageName::Weights, "model");
    let model = model
        .as_ref()
        .and_then(|model| model.as_object()?.keys().next().cloned());
    let told = [
        ("length", Some(cell.length.into()), asked(StageName::Record, "length")),
        ("seed", Some(cell.seed.into()), asked(StageName::Weights, "seed")),
        (
            "device",
            Some(cell.device.clone().into()),
            asked(StageName::Weights, "device"),
        ),
        (
            "precision",
            Some(cell.precision.clone().into()),
            asked(StageName::Weights, "precision"),
        ),
        ("model", Some(cell.model.clone().into()), model.map(Value::from)),
    ];
    let differing = told
        .into_iter()
        .filter(|(_, said, asked)| asked.is_some() && said != asked);
    let sentence = |(name, said, asked): (&str, Option<Value>, Option<Value>)| {
        let [said, asked] = [said, asked].map(|value| value.unwrap_or_default());
        format!("cell.{name} is {said}, its stages were asked for {asked}")
    };
    differing.map(sentence).collect()
}
