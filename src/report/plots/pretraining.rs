//! How far pretraining came, look by look: the loss of masked tokens, and the shares that were guessed right.

use super::axes::{HEADING, Panel, tick_label, ticks};
use super::legend::{self, Entry};
use super::marker::Shape;
use super::scene::{Scene, SeriesStyle, WIDTH};
use crate::record::LookRow;
use crate::report::pretrainings::{Shown, perplexity, pretrainings};
use crate::report::summary::TaskSummary;
use crate::report::table::{grouped, three_digits};

const PANEL_HEIGHT: f64 = 190.0;
const MARGIN: f64 = 16.0;
const LEFT: f64 = 56.0;

/// What a line shows of a look; `None` where the look lacks it.
type Quantity = fn(&LookRow) -> Option<f64>;

/// A panel: its heading, and its quantities with what tips call them. The second is drawn as of another kind.
const PANELS: [(&str, &[(&str, Quantity)]); 2] = [
    (
        "Cross-entropy of masked tokens",
        &[("cross-entropy", |look| Some(look.mlm_loss))],
    ),
    (
        "Guessed right (%): masked tokens, and pairs (dashed)",
        &[
            ("masked tokens", |look| Some(100.0 * look.mlm_accuracy)),
            ("pairs", |look| Some(100.0 * look.nsp_accuracy?)),
        ],
    ),
];

/// The plot, or `None` where no cell's encoder was pretrained on the notes.
pub fn plot(id: String, task: &TaskSummary<'_>) -> Option<Scene> {
    let shown = pretrainings(task);
    if shown.is_empty() {
        return None;
    }
    let width = f64::from(WIDTH);
    let entries: Vec<Entry> = shown
        .iter()
        .enumerate()
        .map(|(index, shown)| (SeriesStyle::of(index), shown.label.clone()))
        .collect();
    let top = MARGIN + legend::height(&entries, width - 2.0 * MARGIN) + 52.0;
    let title = format!("Pretraining, {}", task.title);
    let mut scene = Scene::new(id, title, top + PANEL_HEIGHT + 56.0);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let half = (width - MARGIN) / 2.0;
    for (place, panel) in PANELS.iter().enumerate() {
        let left = place as f64 * half;
        draw(&mut scene, &shown, (left, left + half, top), *panel);
    }
    Some(scene)
}

fn draw(
    scene: &mut Scene,
    shown: &[Shown<'_>],
    (left, right, top): (f64, f64, f64),
    (heading, quantities): (&str, &[(&str, Quantity)]),
) {
    let looks = || shown.iter().flat_map(|shown| &shown.facts.looks);
    let values = quantities
        .iter()
        .flat_map(|(_, quantity)| looks().filter_map(*quantity));
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let last = looks().map(|look| look.step).max().unwrap_or(0).max(1) as f64;
    let (x_ticks, y_ticks) = (ticks(0.0, last), ticks(low, high));
    let edges = (left + LEFT, top, right - MARGIN, top + PANEL_HEIGHT);
    let shown_values = (y_ticks[0], y_ticks[y_ticks.len() - 1]);
    let panel = Panel::new(edges, (0.0, last), false, shown_values);
    scene.heading((left + MARGIN, top - 24.0), heading, HEADING);
    panel.horizontal_grid(scene, &y_ticks, tick_label(&y_ticks));
    // A label is as wide as its digits: every second one where they would touch.
    let every = if x_ticks.len() > 5 { 2 } else { 1 };
    let label = |(place, tick): (usize, &f64)| {
        let text = if place % every == 0 {
            grouped(*tick as u64)
        } else {
            String::new()
        };
        (*tick, text)
    };
    let within = x_ticks.iter().filter(|tick| **tick <= last);
    let within: Vec<(f64, String)> = within.enumerate().map(label).collect();
    panel.base_line(scene, &within);
    panel.x_title(scene, "optimiser steps", 40.0);
    for (index, shown) in shown.iter().enumerate() {
        for (kind, (name, quantity)) in quantities.iter().enumerate() {
            let of_look = |look: &LookRow| Some((look.step as f64, quantity(look)?));
            let points = shown.facts.looks.iter().filter_map(of_look);
            let points: Vec<(f64, f64)> = points.map(|point| panel.at(point)).collect();
            let style = SeriesStyle {
                shape: Shape::None,
                ..SeriesStyle::of(index)
            };
            let style = if kind == 0 { style } else { style.printed() };
            if points.len() > 1 {
                scene.series_line(&points, style, 1.5, 0.9);
            }
            tips(scene, &panel, shown, (name, *quantity));
        }
    }
}

/// What stands at the first and at the last look.
fn tips(scene: &mut Scene, panel: &Panel, shown: &Shown<'_>, (name, quantity): (&str, Quantity)) {
    let looks = &shown.facts.looks;
    let ends = [looks.first(), looks.last()].into_iter().flatten();
    for look in ends {
        let Some(value) = quantity(look) else { continue };
        let text = format!(
            "{}: {name} {} after {} steps, perplexity {}",
            shown.label,
            three_digits(value),
            grouped(look.step),
            three_digits(perplexity(look))
        );
        scene.tip(panel.at((look.step as f64, value)), text);
    }
}
