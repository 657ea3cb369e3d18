//! What another threshold would have given: F1, precision and recall of the evaluation notes at every threshold.

use std::collections::BTreeMap;

use super::MOST_SEEDS;
use super::axes::{Panel, tick_label, ticks};
use super::legend;
use super::marker::Shape;
use super::scene::{Scene, SeriesStyle, WIDTH};
use super::unit;
use crate::record::ThresholdRow;
use crate::report::longest::{Longest, labels_of, with_curves};
use crate::report::spread::Spread;
use crate::report::summary::TaskSummary;

const PANEL_HEIGHT: f64 = 200.0;
const MARGIN: f64 = 16.0;
const LEFT: f64 = 52.0;
const BETWEEN: f64 = 60.0;
/// From the bottom of a panel to the top of the one below it.
const BELOW: f64 = 92.0;

/// A metric with its heading.
type Measure = (&'static str, &'static str, fn(&ThresholdRow) -> Option<f64>);

const MEASURES: [Measure; 4] = [
    ("micro-f1", "Micro-F1 (%)", |row| Some(row.micro_f1)),
    ("macro-f1-present", "Macro-F1 of the codes present (%)", |row| {
        row.macro_f1_present
    }),
    ("micro-precision", "Micro-precision (%)", precision),
    ("micro-recall", "Micro-recall (%)", |row| Some(row.micro_recall)),
];

/// Where nothing is right, precision is 0 or undefined: the line ends there.
fn precision(row: &ThresholdRow) -> Option<f64> {
    (row.micro_recall > 0.0).then_some(row.micro_precision)
}

/// The plot, or `None` where no record has curves.
pub fn plot(id: String, task: &TaskSummary<'_>) -> Option<Scene> {
    let runs = with_curves(task);
    if runs.is_empty() {
        return None;
    }
    let labels = labels_of(task, &runs);
    let entries = legend::of_runs(&runs, &labels);
    let width = f64::from(WIDTH);
    let top = MARGIN + legend::height(&entries, width - 2.0 * MARGIN) + 40.0;
    let title = format!("Scores by decision threshold, {}", task.title);
    let mut scene = Scene::new(id, title, top + 2.0 * PANEL_HEIGHT + BELOW + 58.0);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let panel_width = (width - LEFT - MARGIN - BETWEEN) / 2.0;
    for (place, measure) in MEASURES.iter().enumerate() {
        let left = LEFT + (place % 2) as f64 * (panel_width + BETWEEN);
        let top = top + (place / 2) as f64 * (PANEL_HEIGHT + BELOW);
        let edges = (left, top, left + panel_width, top + PANEL_HEIGHT);
        draw_panel(&mut scene, edges, measure, (&runs, &labels));
    }
    Some(scene)
}

/// The spread over the seeds at the thresholds that all of them have, in percent; ascending by threshold, in hundredths.
fn by_threshold(run: &Longest<'_, '_>, value: fn(&ThresholdRow) -> Option<f64>) -> Vec<(u32, Spread)> {
    let seeds = run.curves().count();
    let mut found: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for row in run.curves().flat_map(|(_, curves)| &curves.thresholds) {
        let hundredths = (100.0 * row.threshold).round() as u32;
        found
            .entry(hundredths)
            .or_default()
            .extend(value(row).map(|value| 100.0 * value));
    }
    found.retain(|_, values| values.len() == seeds);
    let spread = |(threshold, values): (u32, Vec<f64>)| Some((threshold, Spread::of(values)?));
    found.into_iter().filter_map(spread).collect()
}

fn draw_panel(
    scene: &mut Scene,
    edges: (f64, f64, f64, f64),
    (metric, heading, value): &Measure,
    (runs, labels): (&[Longest<'_, '_>], &[String]),
) {
    let lines: Vec<Vec<(u32, Spread)>> = runs.iter().map(|run| by_threshold(run, *value)).collect();
    let highest = lines
        .iter()
        .flatten()
        .map(|(_, value)| value.reach().1)
        .fold(1.0, f64::max);
    let ticks = ticks(0.0, highest.min(100.0));
    let panel = unit::panel(edges, ticks[ticks.len() - 1]);
    panel.heading(scene, heading);
    panel.horizontal_grid(scene, &ticks, tick_label(&ticks));
    let across: Vec<(f64, String)> = unit::SHARES
        .iter()
        .map(|tick| (*tick, format!("{:.1}", tick / 100.0)))
        .collect();
    panel.base_line(scene, &across);
    panel.x_title(scene, "decision threshold", 42.0);
    for (run, line) in runs.iter().zip(&lines) {
        draw_band(scene, &panel, line, SeriesStyle::of(run.run));
    }
    for ((run, line), label) in runs.iter().zip(&lines).zip(labels) {
        let style = SeriesStyle {
            shape: Shape::None,
            ..SeriesStyle::of(run.run)
        };
        let points: Vec<_> = line
            .iter()
            .map(|(at, value)| panel.at((f64::from(*at), value.mean)))
            .collect();
        if points.len() > 1 {
            scene.series_line(&points, style, 1.8, 1.0);
        }
        // Every tenth, so that a page of many runs stays light.
        for ((at, value), point) in line.iter().zip(&points).filter(|((at, _), _)| at % 10 == 0) {
            let threshold = f64::from(*at) / 100.0;
            scene.tip(
                *point,
                format!("{label}: {heading} {:.1} at threshold {threshold:.2}", value.mean),
            );
        }
    }
    for (run, label) in runs.iter().zip(labels) {
        for (outcome, _) in run.curves().take(MOST_SEEDS) {
            if let Some(score) = outcome.scores.get(*metric) {
                let at = panel.at((100.0 * f64::from(outcome.threshold), 100.0 * score));
                scene.marker(at, SeriesStyle::of(run.run));
                let text = format!(
                    "{label}: {heading} {:.1} at its threshold, {:.2}",
                    100.0 * score,
                    outcome.threshold
                );
                scene.tip(at, text);
            }
        }
    }
}

/// One standard deviation around the mean over the seeds.
fn draw_band(scene: &mut Scene, panel: &Panel, line: &[(u32, Spread)], style: SeriesStyle) {
    let ends = |sign: f64| {
        let end = move |(at, value): &(u32, Spread)| {
            let end = value.mean + sign * value.sd.unwrap_or(0.0);
            panel.at((f64::from(*at), end.clamp(0.0, panel.y.values.1)))
        };
        line.iter().map(end).collect::<Vec<_>>()
    };
    if line.iter().any(|(_, value)| value.sd.is_some()) {
        unit::band(scene, &ends(1.0), &ends(-1.0), style.ink);
    }
}
