//! Score against sequence length, one panel a metric, a line a run; a single length is left to [`dots`].

use super::by_length::{self, Axis, Quantity};
use super::dots;
use super::scene::Scene;
use super::score_points::{axis, names, points, printed, prior_of, seeds, values};
use super::tips;
use crate::report::metric::Metric;
use crate::report::scores::PRIOR;
use crate::report::summary::TaskSummary;

/// The plot, or `None` where no run was scored.
pub fn plot(id: String, task: &TaskSummary<'_>, metrics: &[Metric]) -> Option<Scene> {
    let scored = |metric: &&Metric| !values(task, metric).is_empty();
    let metrics: Vec<&Metric> = metrics.iter().filter(scored).collect();
    if metrics.is_empty() {
        return None;
    }
    let mut lengths: Vec<u32> = values(task, metrics[0]).iter().map(|(_, length, _)| *length).collect();
    lengths.extend(
        printed(task, metrics[0])
            .iter()
            .flat_map(|line| &line.points)
            .map(|(length, _)| *length),
    );
    lengths.sort_unstable();
    lengths.dedup();
    Some(match lengths.as_slice() {
        [length] if task.printed.is_empty() => dots::draw(id, task, &metrics, *length),
        _ => lines(id, task, &metrics),
    })
}

fn lines(id: String, task: &TaskSummary<'_>, metrics: &[&Metric]) -> Scene {
    let quantity = |metric: &&Metric| {
        let (values, printed) = (values(task, metric), printed(task, metric));
        let (ticks, reference) = axis(&values, prior_of(task, metric), &points(&printed), metric.ratio);
        Quantity {
            heading: metric.label_with_unit(),
            values,
            print: tips::score(metric.ratio),
            axis: Axis::linear(ticks),
            reference: reference.map(|value| (PRIOR, value)),
            seeds: seeds(task, metric),
            printed,
        }
    };
    let title = format!("{} by sequence length, {}", names(metrics), task.title);
    let quantities: Vec<Quantity> = metrics.iter().map(quantity).collect();
    by_length::draw(id, title, task, &quantities)
}
