//! Precision against recall over all (note, code) pairs, a line a seed, with lines of equal F1 to read it by.

use super::MOST_SEEDS;
use super::axes::{HEADING, Panel};
use super::legend;
use super::marker::Shape;
use super::marks::Anchor;
use super::scene::{Scene, SeriesStyle, WIDTH};
use super::theme::Ink;
use super::unit;
use crate::report::longest::{labels_of, with_curves};
use crate::report::summary::TaskSummary;

const PANEL_HEIGHT: f64 = 380.0;
const MARGIN: f64 = 16.0;
const LEFT: f64 = 52.0;
/// Room right of the panel for the names of the lines of equal F1.
const RIGHT: f64 = 64.0;

/// The plot, or `None` where no record has curves.
pub fn plot(id: String, task: &TaskSummary<'_>) -> Option<Scene> {
    let mut runs = with_curves(task);
    runs.retain(|run| run.curves().any(|(_, curves)| curves.precision_recall.len() > 1));
    if runs.is_empty() {
        return None;
    }
    let labels = labels_of(task, &runs);
    let entries = legend::of_runs(&runs, &labels);
    let width = f64::from(WIDTH);
    let top = MARGIN + legend::height(&entries, width - 2.0 * MARGIN) + 40.0;
    let title = format!("Precision against recall, {}", task.title);
    let mut scene = Scene::new(id, title, top + PANEL_HEIGHT + 58.0);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let panel = unit::panel((LEFT, top, width - RIGHT, top + PANEL_HEIGHT), 100.0);
    scene.heading((MARGIN, top - 14.0), "Precision (%)", HEADING);
    unit::square_grid(&mut scene, &panel);
    panel.x_title(&mut scene, "recall (%)", 42.0);
    equal_f1(&mut scene, &panel);
    for (run, label) in runs.iter().zip(&labels) {
        let style = SeriesStyle::of(run.run);
        for (_, curves) in run.curves().take(MOST_SEEDS) {
            let rows = curves.precision_recall.iter();
            let points: Vec<_> = rows
                .map(|row| panel.at((100.0 * row.recall, 100.0 * row.precision)))
                .collect();
            let line = SeriesStyle {
                shape: Shape::None,
                ..style
            };
            if points.len() > 1 {
                scene.series_line(&points, line, 1.6, 0.9);
            }
            for (row, point) in curves.precision_recall.iter().zip(points).step_by(10) {
                let (recall, precision) = (100.0 * row.recall, 100.0 * row.precision);
                scene.tip(
                    point,
                    format!("{label}: precision {precision:.1} at recall {recall:.1}"),
                );
            }
        }
    }
    for (run, label) in runs.iter().zip(&labels) {
        for (outcome, _) in run.curves().take(MOST_SEEDS) {
            let score = |name: &str| outcome.scores.get(name).map(|value| 100.0 * value);
            if let (Some(recall), Some(precision)) = (score("micro-recall"), score("micro-precision")) {
                let at = panel.at((recall, precision));
                scene.marker(at, SeriesStyle::of(run.run));
                let text = format!("{label} at its threshold: precision {precision:.1}, recall {recall:.1}");
                scene.tip(at, text);
            }
        }
    }
    Some(scene)
}

/// Where F1 is 20, 40, 60 and 80 %.
fn equal_f1(scene: &mut Scene, panel: &Panel) {
    for f1 in [20.0, 40.0, 60.0, 80.0] {
        // The recall at a precision of 100 %, and from there on to a recall of 100 %.
        let least = f1 / (200.0 - f1) * 100.0;
        let points: Vec<_> = (0..=60)
            .map(|step| least + (100.0 - least) * f64::from(step) / 60.0)
            .map(|recall| panel.at((recall, f1 * recall / (2.0 * recall - f1))))
            .collect();
        let end = points[points.len() - 1];
        scene.series_line(&points, SeriesStyle::reference(), 1.0, 0.8);
        scene.text(
            (end.0 + 8.0, end.1 + 4.5),
            &format!("F1 {f1:.0}"),
            12.0,
            Anchor::Start,
            Ink::Muted,
        );
    }
}
