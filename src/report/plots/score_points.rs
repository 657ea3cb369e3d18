//! The scores of a plot on the scale they are printed in: percentages for shares.

use super::axes::ticks;
use super::by_length::Values;
use crate::report::metric::Metric;
use crate::report::spread::Spread;
use crate::report::summary::TaskSummary;

/// Run, length and printed-scale spread of each scored cell.
pub(super) fn values(task: &TaskSummary<'_>, metric: &Metric) -> Values {
    let runs = task.runs.iter().enumerate();
    let cells = runs.flat_map(|(run, summary)| {
        let cells = summary.cells.iter();
        cells.filter_map(move |(length, cell)| Some((run, *length, scaled(cell.score(&metric.name)?, metric))))
    });
    cells.collect()
}

fn scaled(value: Spread, metric: &Metric) -> Spread {
    value.scaled(if metric.ratio { 100.0 } else { 1.0 })
}

/// The ticks of an axis that spans all values, and the prior if it is drawn. The prior takes part where it is at most
/// one such span away: further off it would press the runs into one line, and the table has it.
pub(super) fn axis(values: &[(usize, u32, Spread)], prior: Option<f64>, ratio: bool) -> (Vec<f64>, Option<f64>) {
    let low = values
        .iter()
        .map(|(_, _, value)| value.reach().0)
        .fold(f64::MAX, f64::min);
    let high = values
        .iter()
        .map(|(_, _, value)| value.reach().1)
        .fold(f64::MIN, f64::max);
    // A single point, or points that hardly differ, must not fill the axis with noise.
    let least = if ratio { 2.0 } else { 1e-3 };
    let middle = (low + high) / 2.0;
    let (low, high) = (low.min(middle - least / 2.0), high.max(middle + least / 2.0));
    let span = high - low;
    let prior = prior.filter(|prior| *prior > low - span && *prior < high + span);
    let (low, high) = prior.map_or((low, high), |prior| (low.min(prior), high.max(prior)));
    let low = if ratio { (low - 0.05 * span).max(0.0) } else { low };
    let high = if ratio { (high + 0.05 * span).min(100.0) } else { high };
    (ticks(low, high), prior)
}

/// The prior's score on the printed scale.
pub(super) fn prior_of(task: &TaskSummary<'_>, metric: &Metric) -> Option<f64> {
    Some(scaled(task.prior(&metric.name)?, metric).mean)
}

/// The metrics' headings in a sentence.
pub(super) fn names(metrics: &[&Metric]) -> String {
    let labels: Vec<&str> = metrics.iter().map(|metric| metric.label.as_str()).collect();
    labels.join(" and ")
}
