//! Scores at a single sequence length: a row a run, a dot with its value, a panel a metric.

use super::MOST_SEEDS;
use super::axes::{HEADING, LABEL, Panel, tick_label};
use super::by_length::ends;
use super::marks::Anchor;
use super::paint::text_width;
use super::scene::{Scene, SeriesStyle, WIDTH};
use super::score_points::{axis, names, prior_of, seeds, values};
use super::theme::{Ink, MARKER_RADIUS};
use super::tips;
use crate::record::MOST_TOKENS;
use crate::report::metric::Metric;
use crate::report::scores::PRIOR;
use crate::report::summary::TaskSummary;

const MARGIN: f64 = 16.0;
const ROW: f64 = 30.0;
const BETWEEN: f64 = 44.0;
/// Room right of the last tick for the value beside a dot.
const VALUE: f64 = 44.0;

/// Draws the plot of the runs that have the first metric.
pub(super) fn draw(id: String, task: &TaskSummary<'_>, metrics: &[&Metric], length: u32) -> Scene {
    let width = f64::from(WIDTH);
    let mut shown: Vec<usize> = values(task, metrics[0]).iter().map(|(run, _, _)| *run).collect();
    shown.dedup();
    let labels: Vec<String> = shown.iter().map(|run| task.runs[*run].legend(None)).collect();
    let widest = labels.iter().map(|label| text_width(label, LABEL, false));
    let left = widest.fold(0.0, f64::max) * 1.06 + MARGIN + 14.0;
    let axis_of = |metric: &&Metric| axis(&values(task, metric), prior_of(task, metric), &[], metric.ratio);
    let axes: Vec<_> = metrics.iter().map(axis_of).collect();
    let with_prior = axes.iter().any(|(_, prior)| prior.is_some());
    let top = MARGIN + if with_prior { 46.0 } else { 24.0 };
    let bottom = top + ROW * shown.len() as f64 + 12.0;
    let title = match length {
        MOST_TOKENS => format!("{} on whole notes, {}", names(metrics), task.title),
        length => format!("{} at length {length}, {}", names(metrics), task.title),
    };
    let mut scene = Scene::new(id, title, bottom + 32.0);
    for (place, label) in labels.iter().enumerate() {
        let at = (left - 12.0, row_middle(top, place) + 4.5);
        scene.text(at, label, LABEL, Anchor::End, Ink::Text);
    }
    let count = metrics.len() as f64;
    let panel_width = (width - left - MARGIN - BETWEEN * (count - 1.0)) / count;
    for (index, (metric, (ticks, prior))) in metrics.iter().zip(&axes).enumerate() {
        let from = left + index as f64 * (panel_width + BETWEEN);
        let edges = (from, top, from + panel_width - VALUE, bottom);
        let mut panel = Panel::new(edges, (ticks[0], ticks[ticks.len() - 1]), false, (0.0, 1.0));
        panel.x.pixels = (panel.left, panel.right);
        scene.heading((from, MARGIN + 12.0), &metric.label_with_unit(), HEADING);
        frame(&mut scene, &panel, ticks, *prior);
        draw_runs(&mut scene, &panel, (task, metric), &shown);
    }
    scene
}

fn row_middle(top: f64, place: usize) -> f64 {
    top + 6.0 + ROW * (place as f64 + 0.5)
}

/// Vertical grid lines with their labels, and the prior.
fn frame(scene: &mut Scene, panel: &Panel, ticks: &[f64], prior: Option<f64>) {
    let label = tick_label(ticks);
    for tick in ticks {
        let x = panel.x.at(*tick);
        scene.line(vec![(x, panel.top), (x, panel.bottom)], Ink::Grid, 1.0);
        let at = (x, panel.bottom + 20.0);
        scene.text(at, &label(*tick), LABEL, Anchor::Middle, Ink::Muted);
    }
    if let Some(prior) = prior {
        let x = panel.x.at(prior);
        let line = [(x, panel.top), (x, panel.bottom)];
        scene.series_line(&line, SeriesStyle::reference(), 1.5, 1.0);
        scene.text((x, panel.top - 6.0), PRIOR, 12.0, Anchor::Middle, Ink::Muted);
    }
}

fn draw_runs(scene: &mut Scene, panel: &Panel, (task, metric): (&TaskSummary<'_>, &Metric), shown: &[usize]) {
    for (run, at_length, value) in values(task, metric) {
        let Some(place) = shown.iter().position(|shown| *shown == run) else {
            continue;
        };
        let style = SeriesStyle::of(run);
        let (x, y) = (panel.x.at(value.mean), row_middle(panel.top, place));
        if let Some((low, high)) = value.interval {
            let from = panel.x.at(low).max(panel.left);
            scene.interval((from, y), (panel.x.at(high), y), style.ink);
        }
        if value.sd.is_some() {
            let (low, high) = ends(&value);
            let from = panel.x.at(low).max(panel.left);
            scene.line(vec![(from, y), (panel.x.at(high), y)], style.ink, 1.5);
        }
        // Below the bar: in a row there is room, and none is hidden by the marker.
        for (_, _, values) in seeds(task, metric)
            .iter()
            .filter(|(of, length, _)| (*of, *length) == (run, at_length))
        {
            values
                .iter()
                .take(MOST_SEEDS)
                .for_each(|value| scene.seed((panel.x.at(*value), y + 9.0), style.ink));
        }
        let reach = panel.x.at(value.reach().1);
        scene.marker((x, y), style);
        let said = tips::words(&metric.label_with_unit(), &value, tips::score(metric.ratio));
        scene.tip((x, y), format!("{}: {said}", task.runs[run].legend(None)));
        let at = (reach.max(x + MARKER_RADIUS) + 8.0, y + 4.5);
        // The axis shows percentages; `print` takes the value as the records have it.
        let printed = metric.print(if metric.ratio { value.mean / 100.0 } else { value.mean });
        scene.text(at, &printed, LABEL, Anchor::Start, Ink::Text);
    }
}
