//! The file of accepted scores: what a later run is compared with, wherever it is made. It has sums over all notes only.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::metrics::resampled::REDRAWS;
use crate::record::{CellDescription, Provenance, Record, Reported, Stage, StageName, Status, identity};

/// Rises when older files are no longer understood.
pub const FORMAT: u32 = 1;

/// Metrics that are compared where nobody says others, and the falls that are still the same: one point.
pub const MARGINS: [(&str, f64); 3] = [("micro-f1", 0.01), ("macro-f1-all", 0.01), ("map", 0.01)];

/// Digits after the point that redraws are kept with.
const SCALE: f64 = 1e6;

/// Scores that a later run may not fall behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Accepted {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// The suite's name.
    pub suite: String,
    /// Why these scores were accepted.
    pub reason: String,
    /// When, UTC.
    pub accepted: String,
    /// By metric the greatest fall that still counts as the same, 0 to 1.
    pub margins: BTreeMap<String, f64>,
    /// The scored cells.
    pub cells: Vec<AcceptedCell>,
}

/// One cell's scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AcceptedCell {
    /// What was asked for, in the words of the suite.
    pub cell: CellDescription,
    /// The key of its record.
    pub key: String,
    /// What the suite asks of all stages, hashed.
    pub identity: String,
    /// What the notes were made from: hash of the data, and of the suite's words about it.
    pub notes: String,
    /// Version of the metrics.
    pub metrics_version: String,
    /// Codes that were scored.
    pub codes: u32,
    /// SHA-256 of the scored weights.
    pub weights_sha256: String,
    /// The compared metrics.
    pub scores: BTreeMap<String, f64>,
    /// Fingerprint of the draws.
    pub draws: String,
    /// The compared metrics in each redraw, in millionths: a run on the same notes is redrawn alike, so that the two are
    /// compared in pairs. `-` where a metric is undefined.
    pub redraws: BTreeMap<String, String>,
    /// Where, when and by what program it was made.
    pub provenance: Provenance,
}

/// Why a file of accepted scores cannot be used, or scores cannot be accepted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("{path}: cannot read the accepted scores; make them by `icdbench accept`", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// It is no such file.
    #[error("{path}: found no accepted scores ({problem}), expected what `icdbench accept` writes", path = path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A cell that cannot be accepted.
    #[error("{cell} cannot be accepted: {reason}")]
    Cell {
        /// The cell in words.
        cell: String,
        /// Why not.
        reason: String,
    },
}

impl Accepted {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is of another shape or format.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        let shape = |problem: String| Error::Shape {
            path: path.to_owned(),
            problem,
        };
        let accepted: Self = serde_json::from_slice(&bytes).map_err(|error| shape(error.to_string()))?;
        if accepted.format != FORMAT {
            return Err(shape(format!(
                "format {}, this program reads {FORMAT}",
                accepted.format
            )));
        }
        accepted.check().map_err(shape)?;
        Ok(accepted)
    }
}

impl Accepted {
    /// What no run of this program writes, and a gate must not believe.
    fn check(&self) -> Result<(), String> {
        if self.margins.is_empty() {
            return Err("no margin, so that no metric is compared".into());
        }
        if let Some((metric, margin)) = self
            .margins
            .iter()
            .find(|(_, margin)| !(0.0 < **margin && **margin < 1.0))
        {
            return Err(format!(
                "a margin of {margin} for {metric}, expected above 0 and below 1"
            ));
        }
        let mut known = BTreeSet::new();
        for cell in &self.cells {
            let (of, title) = (&cell.cell, cell.cell.title());
            if !known.insert((
                &of.dataset,
                &of.labels,
                &of.evaluation_part,
                &of.run,
                of.length,
                of.seed,
            )) {
                return Err(format!("{title} twice"));
            }
            for metric in self.margins.keys() {
                let score = cell.scores.get(metric).filter(|score| (0.0..=1.0).contains(*score));
                if score.is_none() {
                    return Err(format!("no {metric} from 0 to 1 of {title}"));
                }
                let redraws = cell.redraws(metric).filter(|redraws| redraws.len() == REDRAWS);
                if redraws.is_none() {
                    return Err(format!("no {REDRAWS} redraws of {metric} of {title}"));
                }
            }
        }
        Ok(())
    }
}

impl AcceptedCell {
    /// A scored cell with the metrics that are to be compared.
    ///
    /// # Errors
    /// It is not scored, lacks a metric, or its redraws are not here.
    pub fn of(reported: &Reported, metrics: impl Iterator<Item = impl AsRef<str>>) -> Result<Self, Error> {
        let record = &reported.record;
        let wrong = |reason: String| Error::Cell {
            cell: record.cell.title(),
            reason,
        };
        let outcome = record.outcome.as_ref().filter(|_| record.status == Status::Ok);
        let outcome = outcome.ok_or_else(|| wrong(format!("it is {}", record.status.word())))?;
        let resamples = reported.resamples.as_ref().ok_or_else(|| {
            wrong("its metrics in redraws of the notes are not here; run the suite in this results directory".into())
        })?;
        let mut scores = BTreeMap::new();
        let mut redraws = BTreeMap::new();
        for metric in metrics {
            let metric = metric.as_ref();
            let found = outcome.scores.get(metric).zip(resamples.values.get(metric));
            let (score, values) = found.ok_or_else(|| wrong(format!("it has no {metric}, or no redraws of it")))?;
            scores.insert(metric.to_owned(), *score);
            redraws.insert(metric.to_owned(), text(values));
        }
        Ok(Self {
            cell: record.cell.clone(),
            key: record.key.clone(),
            identity: identity(&record.stages),
            notes: notes(record),
            metrics_version: metrics_version(record),
            codes: outcome.task.codes + outcome.task.unseen_codes,
            weights_sha256: outcome.weights_sha256.clone(),
            scores,
            draws: resamples.draws.clone(),
            redraws,
            provenance: record.provenance.clone(),
        })
    }

    /// A metric in each redraw.
    pub fn redraws(&self, metric: &str) -> Option<Vec<f64>> {
        numbers(self.redraws.get(metric)?)
    }
}

/// What a cell's notes were made from, without the code that read them.
pub(super) fn notes(record: &Record) -> String {
    let Some(stage) = record.stages.get(&StageName::Notes) else {
        return String::new();
    };
    let mut stage = Stage::clone(stage);
    stage.made_by.remove("code");
    stage.key()
}

pub(super) fn metrics_version(record: &Record) -> String {
    let stage = record.stages.get(&StageName::Record);
    let version = stage.and_then(|stage| stage.made_by.get("metrics-version"));
    version.cloned().unwrap_or_default()
}

fn text(values: &[f64]) -> String {
    let each = values.iter().map(|value| match value.is_finite() {
        true => format!("{:.0}", value * SCALE),
        false => "-".to_owned(),
    });
    each.collect::<Vec<_>>().join(" ")
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    let number = |word: &str| match word {
        "-" => Some(f64::NAN),
        word => word.parse::<i64>().ok().map(|value| value as f64 / SCALE),
    };
    text.split(' ').map(number).collect()
}
