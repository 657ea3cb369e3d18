//! One metric of one record, over all its notes and in each redraw of them.

use super::error::Error;
use super::pairing::rows;
use crate::metrics::NoteScore;
use crate::metrics::resampled::{Decisions, Draws, NamedDraws, REDRAWS, Rows, resample_one};
use crate::record::{NoteRow, Record, Reported};

/// A metric and its redraws.
#[derive(Clone, Debug)]
pub struct Redrawn {
    /// Over all notes.
    pub value: f64,
    /// In each redraw.
    pub redraws: Vec<f64>,
    /// What the redraws are of.
    pub draws: String,
    /// Evaluation notes.
    pub notes: usize,
}

impl Redrawn {
    /// From what was resampled when the record was made; else from its rows by note, which do for all but areas.
    ///
    /// # Errors
    /// The record has no scores; neither is here; the metric is not among them.
    pub fn of(metric: &str, of: &Reported) -> Result<Self, Error> {
        let record = &of.record;
        let no_such = || Error::NotByNote {
            metric: metric.to_owned(),
        };
        let Some(outcome) = &record.outcome else {
            return Err(Error::NotScored {
                cell: record.cell.title(),
            });
        };
        if let Some(resamples) = &of.resamples {
            let redraws = resamples.values.get(metric).filter(|redraws| redraws.len() == REDRAWS);
            return Ok(Self {
                value: value(metric, record).ok_or_else(no_such)?,
                redraws: redraws.ok_or_else(no_such)?.clone(),
                draws: resamples.draws.clone(),
                notes: outcome.task.evaluation_notes as usize,
            });
        }
        let rows: Vec<&NoteRow> = rows(of)?.into_values().collect();
        let named = NamedDraws::new(rows.iter().map(|row| [&*row.note, &*row.patient]));
        let over = |draws: &Draws| one(metric, &rows, ranked_codes(record), draws).ok_or_else(no_such);
        Ok(Self {
            value: over(&Draws::once(rows.len()))?[0],
            redraws: over(&named.draws)?,
            draws: named.fingerprint,
            notes: rows.len(),
        })
    }
}

/// A score of a record, or that of a frequency bin.
fn value(metric: &str, record: &Record) -> Option<f64> {
    let outcome = record.outcome.as_ref()?;
    if let Some(value) = outcome.scores.get(metric) {
        return Some(*value);
    }
    let named = |name: &str, lower| crate::record::of_bin(name, lower) == metric;
    outcome.frequency_bins.iter().find_map(|bin| match bin.lower {
        lower if named("micro-f1", lower) => Some(bin.micro_f1),
        lower if named("macro-f1-present", lower) => bin.macro_f1_present,
        _ => None,
    })
}

/// A metric that is made of decisions and ranks, in each draw of some rows. `None` for another one.
pub fn one(metric: &str, rows: &[&NoteRow], codes: usize, draws: &Draws) -> Option<Vec<f64>> {
    let scores: Vec<NoteScore> = rows.iter().map(|row| score(row)).collect();
    let decisions = Decisions::new(rows.iter().map(|row| (&*row.gold, &*row.predicted)), codes);
    let rows = Rows {
        per_note: &scores,
        decisions: &decisions,
        at_k: &[],
    };
    resample_one(metric, &rows, draws)
}

fn score(row: &NoteRow) -> NoteScore {
    NoteScore {
        tp: row.tp,
        fp: row.fp,
        fn_: row.fn_,
        gold_ranks: row.gold_ranks.clone(),
    }
}

/// Codes that were ranked in each note: those the model knows, and those of the evaluation part alone.
pub fn ranked_codes(record: &Record) -> usize {
    let task = record.outcome.as_ref().map(|outcome| &outcome.task);
    task.map_or(0, |task| (task.codes + task.unseen_codes) as usize)
}
