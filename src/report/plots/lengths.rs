//! Score against sequence length, one panel a metric, a line a run; a single length is left to [`dots`].

use super::axes::ticks;
use super::by_length::{self, Axis, Quantity, ends};
use super::dots;
use super::scene::Scene;
use crate::report::metric::Metric;
use crate::report::scores::PRIOR;
use crate::report::summary::{Spread, TaskSummary};

/// The plot, or `None` where no run was scored.
pub fn plot(id: String, task: &TaskSummary<'_>, metrics: &[Metric]) -> Option<Scene> {
    let scored = |metric: &&Metric| !values(task, metric).is_empty();
    let metrics: Vec<&Metric> = metrics.iter().filter(scored).collect();
    if metrics.is_empty() {
        return None;
    }
    let mut lengths: Vec<u32> = values(task, metrics[0]).iter().map(|(_, length, _)| *length).collect();
    lengths.sort_unstable();
    lengths.dedup();
    Some(match lengths.as_slice() {
        [length] => dots::draw(id, task, &metrics, *length),
        _ => lines(id, task, &metrics),
    })
}

/// Run, length and printed-scale spread of each scored cell.
pub(super) fn values(task: &TaskSummary<'_>, metric: &Metric) -> Vec<(usize, u32, Spread)> {
    let runs = task.runs.iter().enumerate();
    let cells = runs.flat_map(|(run, summary)| {
        let cells = summary.cells.iter();
        cells.filter_map(move |(length, cell)| Some((run, *length, scaled(cell.score(&metric.name)?, metric))))
    });
    cells.collect()
}

fn scaled(value: Spread, metric: &Metric) -> Spread {
    let factor = if metric.ratio { 100.0 } else { 1.0 };
    Spread {
        mean: factor * value.mean,
        sd: value.sd.map(|sd| factor * sd),
        n: value.n,
    }
}

/// The ticks of an axis that spans all values, and the prior if it is drawn. The prior takes part where it is at most one such span away: further off
/// it would press the runs into one line, and the table has it.
pub(super) fn axis(values: &[(usize, u32, Spread)], prior: Option<f64>, ratio: bool) -> (Vec<f64>, Option<f64>) {
    let low = values
        .iter()
        .map(|(_, _, value)| ends(value).0)
        .fold(f64::MAX, f64::min);
    let high = values
        .iter()
        .map(|(_, _, value)| ends(value).1)
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

fn lines(id: String, task: &TaskSummary<'_>, metrics: &[&Metric]) -> Scene {
    let quantity = |metric: &&Metric| {
        let values = values(task, metric);
        let (ticks, reference) = axis(&values, prior_of(task, metric), metric.ratio);
        Quantity {
            heading: metric.label_with_unit(),
            values,
            axis: Axis::linear(ticks),
            reference: reference.map(|value| (PRIOR, value)),
        }
    };
    let title = format!("{} by sequence length, {}", names(metrics), task.title);
    let quantities: Vec<Quantity> = metrics.iter().map(quantity).collect();
    by_length::draw(id, title, task, &quantities)
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
