//! A forest plot: differences with their intervals, one under the other, beside a line at 0.

use super::axes::{LABEL, Panel, tick_label, ticks};
use super::marks::Anchor;
use super::paint::text_width;
use super::scene::{Scene, SeriesStyle, WIDTH};
use super::theme::Ink;
use crate::compare::Finding;

const MARGIN: f64 = 16.0;
const ROW: f64 = 24.0;

/// One difference.
#[derive(Clone, Debug)]
pub struct Line {
    /// What stands above the lines that share it.
    pub group: String,
    /// What stands beside it.
    pub label: String,
    /// The difference in points.
    pub change: f64,
    /// The ends of its interval.
    pub ends: (f64, f64),
    /// Whether it was found to be one.
    pub found: Finding,
}

/// Draws the plot, or `None` without lines.
pub fn draw(id: String, title: String, lines: &[Line]) -> Option<Scene> {
    let low = lines.iter().map(|line| line.ends.0).reduce(f64::min)?.min(0.0);
    let high = lines.iter().map(|line| line.ends.1).reduce(f64::max)?.max(0.0);
    let middle = (low + high) / 2.0;
    let ticks = ticks(low.min(middle - 0.5), high.max(middle + 0.5));
    let groups = lines.chunk_by(|one, other| one.group == other.group).count();
    let widest = lines
        .iter()
        .map(|line| text_width(&line.label, LABEL, false))
        .fold(0.0, f64::max);
    let left = (1.06 * widest + MARGIN + 24.0).min(0.6 * f64::from(WIDTH));
    let top = MARGIN + 40.0;
    let bottom = top + ROW * (lines.len() + groups) as f64 + 8.0;
    let mut scene = Scene::new(id, title.clone(), bottom + 36.0);
    scene.heading((MARGIN, MARGIN + 12.0), &title, LABEL + 1.0);
    let edges = (left, top, f64::from(WIDTH) - MARGIN, bottom);
    let mut panel = Panel::new(edges, (ticks[0], ticks[ticks.len() - 1]), false, (0.0, 1.0));
    panel.x.pixels = (panel.left, panel.right);
    let label = tick_label(&ticks);
    for tick in &ticks {
        let x = panel.x.at(*tick);
        scene.line(vec![(x, top), (x, bottom)], Ink::Grid, 1.0);
        scene.text((x, bottom + 20.0), &label(*tick), LABEL, Anchor::Middle, Ink::Muted);
    }
    let zero = panel.x.at(0.0);
    scene.line(vec![(zero, top), (zero, bottom)], Ink::Axis, 1.5);
    let mut y = top + 4.0;
    for group in lines.chunk_by(|one, other| one.group == other.group) {
        y += ROW;
        scene.heading((MARGIN, y - 6.0), &group[0].group, LABEL);
        for line in group {
            y += ROW;
            let at = y - 10.0;
            scene.text((left - 12.0, at + 4.5), &line.label, LABEL, Anchor::End, Ink::Text);
            let style = match line.found {
                Finding::Unclear => SeriesStyle {
                    ink: Ink::Muted,
                    ..SeriesStyle::of(0)
                },
                _ => SeriesStyle::of(0),
            };
            let ends = [line.ends.0, line.ends.1].map(|end| (panel.x.at(end), at));
            scene.line(ends.to_vec(), style.ink, 2.0);
            scene.marker((panel.x.at(line.change), at), style);
            let found = match line.found {
                Finding::Better => "better",
                Finding::Worse => "worse",
                Finding::Unclear => "cannot be told",
            };
            let [low, high] = [line.ends.0, line.ends.1].map(|end| format!("{end:+.1}"));
            scene.tip(
                (panel.x.at(line.change), at),
                format!(
                    "{}, {}: {:+.1} points; 95 % interval {low} to {high}; {found}",
                    line.group, line.label, line.change
                ),
            );
        }
    }
    Some(scene)
}
