//! What changed from one record to another, and what chance in the choice of the notes does to it.

use super::error::Error;
use super::pairing;
use super::redrawn::Redrawn;
use crate::metrics::resampled::interval;
use crate::record::Reported;

/// A change of a metric and what chance in the choice of evaluation notes does to it.
///
/// Patients are drawn with replacement, as many as there are, with all their notes, and the metric is computed in both records
/// over the same draw (Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 10 and 13; for pairs of systems
/// Koehn 2004, Statistical Significance Tests for Machine Translation Evaluation). It speaks of the notes only: another
/// training seed may move the scores further.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The metric in the second record minus that in the first, over all notes; -1 to 1.
    pub change: f64,
    /// Least and greatest change in the 95 % interval.
    pub interval: (f64, f64),
    /// Standard deviation of the change over the redraws.
    pub standard_error: f64,
    /// Evaluation notes that both records have, and that are drawn from.
    pub notes: usize,
}

impl Change {
    /// Whether the interval lies wholly above or wholly below 0.
    pub fn excludes_zero(&self) -> bool {
        self.interval.0 > 0.0 || self.interval.1 < 0.0
    }
}

/// The change of a metric (`micro-f1`, `map`, `precision-at-8`, ...) from one record to another.
///
/// # Errors
/// When a record has no scores, the metric cannot be redrawn from what is here, or the two were not scored on the same notes
/// and codes.
pub fn change(metric: &str, from: &Reported, to: &Reported) -> Result<Change, Error> {
    pairing::check(from, to)?;
    between(
        metric,
        (&Redrawn::of(metric, from)?, &from.record.cell.title()),
        (&Redrawn::of(metric, to)?, &to.record.cell.title()),
    )
}

fn between(metric: &str, (from, first): (&Redrawn, &str), (to, second): (&Redrawn, &str)) -> Result<Change, Error> {
    if from.draws != to.draws {
        return Err(Error::OtherDraws {
            first: first.to_owned(),
            second: second.to_owned(),
        });
    }
    let change = to.value - from.value;
    let differences: Vec<f64> = to
        .redraws
        .iter()
        .zip(&from.redraws)
        .map(|(to, from)| to - from)
        .collect();
    let found = interval(change, &differences).ok_or_else(|| Error::MostlyUndefined {
        metric: metric.to_owned(),
    })?;
    Ok(Change {
        change,
        interval: (found.low, found.high),
        standard_error: found.se,
        notes: from.notes,
    })
}
