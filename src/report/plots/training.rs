//! Training loss and the validation metric by epoch, a column of panels a length, a line a seed.

use std::collections::BTreeSet;

use super::MOST_SEEDS;
use super::axes::{HEADING, LABEL, Panel, tick_label, ticks};
use super::legend::{self, Entry};
use super::marker::Shape;
use super::marks::Anchor;
use super::scene::{Scene, SeriesStyle, WIDTH};
use super::theme::Ink;
use crate::record::EpochRow;
use crate::report::metric::{Metric, choose};
use crate::report::summary::TaskSummary;
use crate::report::table::{at_length, length_word, three_digits};

const PANEL_HEIGHT: f64 = 170.0;
const MARGIN: f64 = 16.0;
const LEFT: f64 = 56.0;
const BETWEEN: f64 = 24.0;
/// More columns than this would be too narrow to read: the longest lengths are shown.
const MOST_LENGTHS: usize = 5;

/// One seed of one run at one length.
struct Curve<'a> {
    run: usize,
    /// As a tip names it.
    label: String,
    length: u32,
    epochs: &'a [EpochRow],
    best: u32,
}

/// What a panel shows of an epoch; `None` where the epoch lacks it.
type Quantity<'q> = &'q dyn Fn(&EpochRow) -> Option<f64>;

/// The plot, or `None` where no record has an epoch.
pub fn plot(id: String, task: &TaskSummary<'_>) -> Option<Scene> {
    let mut curves = curves(task);
    let lengths: BTreeSet<u32> = curves.iter().map(|curve| curve.length).collect();
    let shown: Vec<u32> = lengths.into_iter().rev().take(MOST_LENGTHS).collect();
    curves.retain(|curve| shown.contains(&curve.length));
    let shown: Vec<u32> = shown.into_iter().rev().collect();
    if curves.is_empty() {
        return None;
    }
    let width = f64::from(WIDTH);
    let metric = validation_metric(&curves);
    let entries = entries(task, &curves);
    let title = format!("Training curves, {}", task.title);
    let top = MARGIN + legend::height(&entries, width - 2.0 * MARGIN) + 52.0;
    // One length: the two quantities side by side. Several: one above the other, a column a length.
    let beside = shown.len() == 1 && metric.is_some();
    let half = (width - MARGIN) / 2.0;
    let (full, row) = (width - MARGIN, PANEL_HEIGHT + 108.0);
    let (first, second) = if beside {
        ((0.0, half, top), (half, full, top))
    } else {
        ((0.0, full, top), (0.0, full, top + row))
    };
    let rows = if beside || metric.is_none() { 1.0 } else { 2.0 };
    let mut scene = Scene::new(id, title, top + row * rows - 52.0);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let loss = |row: &EpochRow| Some(row.training_loss);
    panels(
        &mut scene,
        (&curves, &shown),
        first,
        "Training loss",
        (&loss, metric.is_none()),
    );
    if let Some(metric) = &metric {
        let factor = if metric.ratio { 100.0 } else { 1.0 };
        let score = |row: &EpochRow| row.validation.get(&metric.name).map(|value| factor * value);
        let name = format!("Validation {}", metric.label_with_unit());
        panels(&mut scene, (&curves, &shown), second, &name, (&score, true));
    }
    Some(scene)
}

fn curves<'a>(task: &TaskSummary<'a>) -> Vec<Curve<'a>> {
    let mut curves = Vec::new();
    for (run, summary) in task.runs.iter().enumerate() {
        for (length, cell) in &summary.cells {
            for of_seed in cell.ok.iter().take(MOST_SEEDS) {
                let outcomes = of_seed.record.outcome.as_ref();
                let Some(outcome) = outcomes.filter(|outcome| !outcome.epochs.is_empty()) else {
                    continue;
                };
                let (label, seed) = (summary.legend(Some(*length)), of_seed.record.cell.seed);
                curves.push(Curve {
                    run,
                    label: format!("{label} {}, seed {seed}", at_length(*length)),
                    length: *length,
                    epochs: &outcome.epochs,
                    best: outcome.best_epoch,
                });
            }
        }
    }
    curves
}

/// The first metric of the report's default list that the epochs have.
fn validation_metric(curves: &[Curve<'_>]) -> Option<Metric> {
    let epochs = curves.iter().flat_map(|curve| curve.epochs);
    let present: BTreeSet<String> = epochs.flat_map(|row| row.validation.keys().cloned()).collect();
    let usual = choose(&present).into_iter().next();
    usual.or_else(|| present.first().map(|name| Metric::named(name)))
}

fn entries(task: &TaskSummary<'_>, curves: &[Curve<'_>]) -> Vec<Entry> {
    let runs: BTreeSet<usize> = curves.iter().map(|curve| curve.run).collect();
    runs.into_iter()
        .map(|run| (SeriesStyle::of(run), task.runs[run].legend(None)))
        .collect()
}

/// One row of panels with a common vertical axis between two edges: a column a length.
fn panels(
    scene: &mut Scene,
    (curves, lengths): (&[Curve<'_>], &[u32]),
    (left, right, top): (f64, f64, f64),
    name: &str,
    (quantity, marked): (Quantity<'_>, bool),
) {
    let values = curves.iter().flat_map(|curve| curve.epochs).filter_map(quantity);
    let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    if values.is_empty() {
        return;
    }
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), value| {
        (low.min(*value), high.max(*value))
    });
    let y_ticks = ticks(low, high);
    let label = tick_label(&y_ticks);
    let epochs = curves.iter().flat_map(|curve| curve.epochs).map(|row| row.epoch);
    let epochs = epochs.max().unwrap_or(1);
    let count = lengths.len() as f64;
    let panel_width = (right - left - LEFT - BETWEEN * (count - 1.0)) / count;
    scene.heading((left + MARGIN, top - 32.0), name, HEADING);
    for (place, length) in lengths.iter().enumerate() {
        let left = left + LEFT + place as f64 * (panel_width + BETWEEN);
        let edges = (left, top, left + panel_width, top + PANEL_HEIGHT);
        let bounds = (1.0, f64::from(epochs.max(2)));
        let shown = (y_ticks[0], y_ticks[y_ticks.len() - 1]);
        let panel = Panel::new(edges, bounds, false, shown);
        let at = (left, top - 12.0);
        let heading = format!("length {}", length_word(*length));
        scene.text(at, &heading, LABEL, Anchor::Start, Ink::Muted);
        panel.horizontal_grid(
            scene,
            &y_ticks,
            |tick| {
                if place == 0 { label(tick) } else { String::new() }
            },
        );
        panel.base_line(scene, &epoch_ticks(epochs, panel_width));
        panel.x_title(scene, "epoch", 40.0);
        for curve in curves.iter().filter(|curve| curve.length == *length) {
            draw_curve(scene, &panel, curve, (name, quantity, marked));
        }
    }
}

fn draw_curve(
    scene: &mut Scene,
    panel: &Panel,
    curve: &Curve<'_>,
    (name, quantity, marked): (&str, Quantity<'_>, bool),
) {
    let style = SeriesStyle::of(curve.run);
    let value = |row: &EpochRow| quantity(row).filter(|value| value.is_finite());
    let point = |row: &EpochRow| Some(panel.at((f64::from(row.epoch), value(row)?)));
    let points: Vec<_> = curve.epochs.iter().filter_map(point).collect();
    let line = SeriesStyle {
        shape: Shape::None,
        ..style
    };
    if points.len() > 1 {
        scene.series_line(&points, line, 1.5, 0.85);
    }
    let best = curve.epochs.iter().find(|row| row.epoch == curve.best);
    if let Some(at) = best.and_then(point).filter(|_| marked) {
        scene.marker(at, style);
    }
    // The end of the line says what came of it, the marker what was scored.
    let last = curve.epochs.last();
    let ends = [(best, "the epoch that was scored"), (last, "the last epoch")];
    let same = curve.epochs.last().is_some_and(|row| row.epoch == curve.best);
    for (row, what) in &ends[..if same { 1 } else { 2 }] {
        let Some((row, at)) = row.and_then(|row| Some((row, point(row)?))) else {
            continue;
        };
        let value = value(row).map(three_digits).unwrap_or_default();
        scene.tip(
            at,
            format!("{}: {name} {value}; epoch {}, {what}", curve.label, row.epoch),
        );
    }
}

/// The first epoch and round ones after it.
fn epoch_ticks(epochs: u32, panel_width: f64) -> Vec<(f64, String)> {
    let most = (panel_width / 30.0).max(2.0) as u32;
    let round = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500];
    let rounder = (3..9).flat_map(|power| [1, 2, 5].map(|factor| factor * 10u32.pow(power)));
    let step = round.into_iter().chain(rounder).find(|step| epochs / step <= most);
    let step = step.unwrap_or(1_000_000_000);
    let mut shown: Vec<u32> = match step {
        2 => (1..=epochs).step_by(2).collect(),
        _ => (step..=epochs).step_by(step as usize).collect(),
    };
    if shown.first() != Some(&1) {
        shown.insert(0, 1);
    }
    shown
        .into_iter()
        .map(|epoch| (f64::from(epoch), epoch.to_string()))
        .collect()
}
