//! The legend above the panels: one entry per series, wrapped to the width, never over the data.

use super::axes::LABEL;
use super::marks::{Anchor, Point};
use super::paint::text_width;
use super::scene::{Scene, SeriesStyle};
use super::theme::Ink;
use crate::report::longest::Longest;

const SAMPLE: f64 = 34.0;
const GAP: f64 = 8.0;
const BETWEEN: f64 = 24.0;
const LINE: f64 = 24.0;
/// Fallback fonts may be wider than Noto Sans, in which the widths are computed.
const SLACK: f64 = 1.06;

/// How a series is drawn, and its label.
pub type Entry = (SeriesStyle, String);

/// The entries of runs at their longest length, by their labels.
pub fn of_runs(runs: &[Longest<'_, '_>], labels: &[String]) -> Vec<Entry> {
    let named = runs.iter().zip(labels);
    named
        .map(|(run, label)| (SeriesStyle::of(run.run), label.clone()))
        .collect()
}

/// Height of the legend within a width; 0 for no entries.
pub fn height(entries: &[Entry], width: f64) -> f64 {
    places(entries, width).last().map_or(0.0, |(_, y)| y + LINE)
}

/// Draws the legend with its upper left corner at a point.
pub fn draw(scene: &mut Scene, entries: &[Entry], (left, top): Point, width: f64) {
    for ((style, label), (x, y)) in entries.iter().zip(places(entries, width)) {
        let middle = top + y + LINE / 2.0;
        let from = left + x;
        let sample = [(from, middle), (from + SAMPLE, middle)];
        scene.series_line(&sample, *style, 2.0, 1.0);
        scene.marker((from + SAMPLE / 2.0, middle), *style);
        let at = (from + SAMPLE + GAP, middle + 4.5);
        scene.text(at, label, LABEL, Anchor::Start, Ink::Text);
    }
}

/// Upper left corners of the entries, relative to the legend's.
fn places(entries: &[Entry], width: f64) -> Vec<Point> {
    let (mut x, mut y) = (0.0, 0.0);
    let mut places = Vec::new();
    for (_, label) in entries {
        let wide = SAMPLE + GAP + text_width(label, LABEL, false) * SLACK;
        if x > 0.0 && x + wide > width {
            x = 0.0;
            y += LINE;
        }
        places.push((x, y));
        x += wide + BETWEEN;
    }
    places
}
