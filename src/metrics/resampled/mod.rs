//! Every metric in many redraws of the evaluation notes at once: the stuff of intervals and of tests. Notes are put in order
//! and listed by code once; a redraw is only another weight for each note, and all redraws are counted side by side.

mod areas;
mod codes;
mod decisions;
mod draws;
mod interval;
mod named;

use std::collections::BTreeMap;

use rayon::prelude::*;

pub use codes::group_f1;
pub use decisions::Decisions;
pub use draws::Draws;
pub use interval::{INSIDE, Interval, interval};
pub use named::{NamedDraws, REDRAWS};

use super::fractions::harmonic_mean;
use super::input::{Scores, Targets};
use super::notes::{NoteMetric, NoteScore, Sum, note_metrics};

/// Metric to its value in every redraw, in their order; not a number where it is undefined in one.
pub type Redraws = BTreeMap<String, Vec<f64>>;

/// What is drawn from: a row a note of `draws`.
pub struct Rows<'a> {
    /// Decisions and ranks by note.
    pub per_note: &'a [NoteScore],
    /// The same decisions by code.
    pub decisions: &'a Decisions,
    /// The k of precision, recall and F1 at k.
    pub at_k: &'a [usize],
}

/// All metrics that are made of decisions and ranks: those by note, and those that are means over codes.
pub fn resample(rows: &Rows<'_>, draws: &Draws) -> Redraws {
    let names: Vec<String> = note_metrics(rows.at_k).collect();
    let by_note = names.into_par_iter().filter_map(|name| {
        let metric = NoteMetric::new(&name, rows.per_note, rows.decisions.codes())?;
        Some((name, over_draws(&metric, draws)))
    });
    let mut found: Redraws = by_note.collect();
    let by_code = codes::NAMES.into_iter().zip(codes::code_metrics(rows.decisions, draws));
    found.extend(by_code.map(|(name, values)| (name.to_owned(), values)));
    found
}

/// One metric that is made of decisions and ranks; `None` for another one.
pub fn resample_one(name: &str, rows: &Rows<'_>, draws: &Draws) -> Option<Vec<f64>> {
    if let Some(metric) = NoteMetric::new(name, rows.per_note, rows.decisions.codes()) {
        return Some(over_draws(&metric, draws));
    }
    let place = codes::NAMES.iter().position(|known| *known == name)?;
    Some(codes::code_metrics(rows.decisions, draws)[place].clone())
}

/// A note-wise metric in every redraw.
fn over_draws(NoteMetric(sum): &NoteMetric, draws: &Draws) -> Vec<f64> {
    let notes = draws.count(|_| 1);
    let mean = |shares: &[f64]| -> Vec<f64> {
        let sums = draws.sum(|note| shares[note]).into_iter();
        sums.zip(&notes)
            .map(|(sum, &notes)| sum / (notes as f64).max(1.0))
            .collect()
    };
    match sum {
        Sum::Pooled { counts, fraction } => {
            let [tp, fp, missed] = [0, 1, 2].map(|kind| draws.count(|note| counts[note][kind]));
            let redraws = 0..draws.redraws();
            redraws
                .map(|redraw| fraction([tp[redraw], fp[redraw], missed[redraw]]))
                .collect()
        }
        Sum::Mean(shares) => mean(shares),
        Sum::OfMeans([first, second]) => {
            let both = mean(first).into_iter().zip(mean(second));
            both.map(|(first, second)| harmonic_mean(first, second)).collect()
        }
    }
}

/// The areas under the curves. That over the cells of present codes keeps to the codes that all the notes together have.
///
/// # Panics
/// When scores, targets and draws are not of the same notes.
pub fn resample_areas(scores: &Scores, targets: &Targets, draws: &Draws) -> Redraws {
    assert!(scores.notes() == targets.notes() && scores.notes() == draws.notes());
    let found = areas::NAMES
        .into_iter()
        .zip(areas::area_metrics(scores, targets, draws));
    found.map(|(name, values)| (name.to_owned(), values)).collect()
}

#[cfg(test)]
mod tests;
