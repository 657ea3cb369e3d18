//! Comparing records: what changed between two cells that were scored on the same notes, and how sure that is.
//!
//! Everything is computed from the records and what lies beside them; nothing here trains or scores.

mod change;
mod error;
mod exchange;
mod family;
mod matched;
mod pairing;
mod redrawn;
mod words;

pub use change::{Change, change};
pub use error::Error;
pub use family::{ALPHA, Comparison, Finding, Test, comparison, comparisons, holm, holm_of};
pub use matched::{Matched, Matching, Side, matched};

use crate::metrics::resampled::interval as interval_of;
use crate::record::{Record, Reported};
use redrawn::Redrawn;
pub use words::conclusions;

/// Redraws of the notes that an interval is made of.
pub const REDRAWS: usize = crate::metrics::resampled::REDRAWS;

/// The name of micro-F1 in the records.
pub const MICRO_F1: &str = "micro-f1";

/// The 95 % interval of a score of one record: what the record says, else made of what lies beside it.
///
/// # Errors
/// When the record has no scores, or the metric cannot be redrawn from what is here.
pub fn interval(metric: &str, of: &Reported) -> Result<(f64, f64), Error> {
    let said = of
        .record
        .outcome
        .as_ref()
        .and_then(|outcome| outcome.intervals.get(metric));
    if let Some(said) = said {
        return Ok((said.low, said.high));
    }
    let redrawn = Redrawn::of(metric, of)?;
    let found = interval_of(redrawn.value, &redrawn.redraws).ok_or_else(|| Error::MostlyUndefined {
        metric: metric.to_owned(),
    })?;
    let found = found.of_share();
    Ok((found.low, found.high))
}

/// How far a record's micro-F1 lies above that of the frequency prior: the predictor that gives every note the
/// codes' training frequencies. A plain difference: there are no rows of the prior by note to resample.
/// `None` where the record lacks either score.
pub fn margin_over_prior(record: &Record) -> Option<f64> {
    let outcome = record.outcome.as_ref()?;
    Some(outcome.scores.get(MICRO_F1)? - outcome.prior_scores.get(MICRO_F1)?)
}
