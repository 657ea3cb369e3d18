//! The scores of a plot on the scale they are printed in: percentages for shares.

use super::axes::ticks;
use super::by_length::{PrintedLine, Seeds, Values};
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

/// Run, length and the printed-scale value of each seed of the cells that have several.
pub(super) fn seeds(task: &TaskSummary<'_>, metric: &Metric) -> Seeds {
    let factor = if metric.ratio { 100.0 } else { 1.0 };
    let runs = task.runs.iter().enumerate();
    let cells = runs.flat_map(|(run, summary)| summary.cells.iter().map(move |(length, cell)| (run, *length, cell)));
    cells
        .map(|(run, length, cell)| {
            let scores = cell.outcomes().filter_map(|outcome| outcome.scores.get(&metric.name));
            (run, length, scores.map(|score| factor * score).collect::<Vec<f64>>())
        })
        .filter(|(_, _, values)| values.len() > 1)
        .collect()
}

/// Most lines of papers in one plot.
const MOST_PRINTED: usize = 8;

/// What papers print of the task, a line a model of theirs, on the printed scale: of the runs of the task, and of others of
/// the same models.
pub(super) fn printed(task: &TaskSummary<'_>, metric: &Metric) -> Vec<PrintedLine> {
    let cells = || {
        task.runs
            .iter()
            .flat_map(|run| run.cells.values())
            .flat_map(|cell| &cell.ok)
    };
    let mut lines: Vec<PrintedLine> = Vec::new();
    for point in task.printed.iter().filter(|point| point.metric == metric.name) {
        let run = task.runs.iter().position(|run| run.label == point.run);
        if run.is_none() && cells().all(|cell| cell.record.cell.model != point.model) {
            continue;
        }
        let label = format!("{}: {} (printed)", point.paper, point.run);
        let at = (
            point.length,
            if metric.ratio { 100.0 * point.value } else { point.value },
        );
        match lines.iter_mut().find(|line| line.label == label) {
            Some(line) => line.points.push(at),
            None => lines.push(PrintedLine {
                label,
                run,
                points: vec![at],
            }),
        }
    }
    lines.sort_by_key(|line| line.run.unwrap_or(usize::MAX));
    lines.truncate(MOST_PRINTED);
    lines
        .iter_mut()
        .for_each(|line| line.points.sort_by_key(|(length, _)| *length));
    lines
}

/// The values of some lines.
pub(super) fn points(lines: &[PrintedLine]) -> Vec<f64> {
    lines
        .iter()
        .flat_map(|line| line.points.iter().map(|(_, value)| *value))
        .collect()
}

fn scaled(value: Spread, metric: &Metric) -> Spread {
    value.scaled(if metric.ratio { 100.0 } else { 1.0 })
}

/// The ticks of an axis that spans all values and what papers print, and the prior if it is drawn. The prior takes part where it is at most
/// one such span away: further off it would press the runs into one line, and the table has it.
pub(super) fn axis(
    values: &[(usize, u32, Spread)],
    prior: Option<f64>,
    printed: &[f64],
    ratio: bool,
) -> (Vec<f64>, Option<f64>) {
    let reaches = || values.iter().map(|(_, _, value)| value.reach());
    let low = reaches()
        .map(|reach| reach.0)
        .chain(printed.iter().copied())
        .fold(f64::MAX, f64::min);
    let high = reaches()
        .map(|reach| reach.1)
        .chain(printed.iter().copied())
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
