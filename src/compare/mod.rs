//! Comparing records: what changed between two cells that were scored on the same notes, and how sure that is.
//!
//! Everything is computed from the records and their rows by note; nothing here trains or scores.

mod bootstrap;
mod error;
mod pairing;

pub use bootstrap::{Change, RESAMPLES};
pub use error::Error;

use crate::metrics::NoteMetric;
use crate::record::{Record, Reported};
use pairing::paired;

/// The name of micro-F1 in the records.
pub const MICRO_F1: &str = "micro-f1";

/// The change of a note-wise metric (`micro-f1`, `map`, `precision-at-8`, ...) from one record to another, with its
/// interval from a paired bootstrap over the evaluation notes: see [`Change`].
///
/// # Errors
/// When the metric is not made of what is known by note, a record has no scores or its rows are not here, or the two
/// were not scored on the same notes and codes.
pub fn change(metric: &str, from: &Reported, to: &Reported) -> Result<Change, Error> {
    let sides = paired(from, to)?;
    let notes = sides[0].len();
    let [before, after] = [(from, &sides[0]), (to, &sides[1])].map(|(side, rows)| {
        let metric_of_side = NoteMetric::new(metric, rows, ranked_codes(&side.record));
        metric_of_side.ok_or_else(|| Error::NotByNote {
            metric: metric.to_owned(),
        })
    });
    Ok(bootstrap::change(&before?, &after?, notes))
}

/// The 95 % interval of a note-wise metric of one record, from a bootstrap over its evaluation notes: see [`Change`].
///
/// # Errors
/// When the metric is not made of what is known by note, or the record has no scores or its rows are not here.
pub fn interval(metric: &str, of: &Reported) -> Result<(f64, f64), Error> {
    let rows = pairing::rows(of)?;
    let tabulated = NoteMetric::new(metric, &rows, ranked_codes(&of.record));
    let tabulated = tabulated.ok_or_else(|| Error::NotByNote {
        metric: metric.to_owned(),
    })?;
    Ok(bootstrap::interval(&tabulated, rows.len()))
}

/// Codes that were ranked in each note: those the model knows, and those of the evaluation part alone.
fn ranked_codes(record: &Record) -> usize {
    let task = record.outcome.as_ref().map(|outcome| &outcome.task);
    task.map_or(0, |task| (task.codes + task.unseen_codes) as usize)
}

/// How far a record's micro-F1 lies above that of the frequency prior: the predictor that gives every note the
/// codes' training frequencies. A plain difference: there are no rows of the prior by note to resample.
/// `None` where the record lacks either score.
pub fn margin_over_prior(record: &Record) -> Option<f64> {
    let outcome = record.outcome.as_ref()?;
    Some(outcome.scores.get(MICRO_F1)? - outcome.prior_scores.get(MICRO_F1)?)
}
