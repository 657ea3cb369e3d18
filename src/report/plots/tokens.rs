//! How long the notes are: the share of notes that a sequence length holds in full.

use super::axes::{HEADING, LABEL, Panel, length_ticks};
use super::legend::{self, Entry};
use super::marker::Shape;
use super::marks::Anchor;
use super::paint::text_width;
use super::scene::{Scene, SeriesStyle, WIDTH};
use super::theme::Ink;
use crate::record::MOST_TOKENS;
use crate::report::facts::{Tokenisation, tokenisations};
use crate::report::summary::TaskSummary;
use crate::report::table::grouped;

const PANEL_HEIGHT: f64 = 260.0;
const MARGIN: f64 = 16.0;
const LEFT: f64 = 52.0;
const ROW: f64 = 22.0;

/// Share of the notes with at most that many tokens, from 0 to 1, by linear interpolation
/// between the quantiles.
pub fn share_that_fits(quantiles: &[u32], length: u32) -> Option<f64> {
    let (first, last) = (*quantiles.first()?, *quantiles.last()?);
    if length >= last {
        return Some(1.0);
    }
    if length < first {
        return Some(0.0);
    }
    let above = quantiles.iter().position(|quantile| *quantile > length)?;
    let (low, high) = (quantiles[above - 1], quantiles[above]);
    let part = f64::from(length - low) / f64::from(high - low);
    Some((above as f64 - 1.0 + part) / (quantiles.len() - 1) as f64)
}

/// How long the notes are in one way of cutting them.
pub struct Curve {
    /// For the legend.
    pub label: String,
    /// Quantiles of the tokens of a note, from the least to the greatest in equal steps.
    pub quantiles: Vec<u32>,
}

/// The plot, or `None` where no record says how long the notes are.
pub fn plot(id: String, task: &TaskSummary<'_>) -> Option<Scene> {
    let curve = |curve: &Tokenisation<'_>| Curve {
        label: format!("as read by {}", cut(&curve.runs)),
        quantiles: curve.outcome.task.token_length_quantiles.clone(),
    };
    let curves: Vec<Curve> = tokenisations(task).iter().map(curve).collect();
    let title = format!("Note length and what a sequence length holds, {}", task.title);
    let heading = "Share of evaluation notes with at most so many tokens (%)";
    let lengths: Vec<u32> = task
        .lengths
        .iter()
        .copied()
        .filter(|length| *length != MOST_TOKENS)
        .collect();
    of_curves(id, (&title, heading), &lengths, curves)
}

/// The plot of some curves, or `None` where none of them has a point. `lengths` are the sequence lengths to mark, one at
/// least.
pub fn of_curves(id: String, (title, heading): (&str, &str), lengths: &[u32], mut curves: Vec<Curve>) -> Option<Scene> {
    curves.retain(|curve| curve.quantiles.len() > 1);
    if curves.is_empty() {
        return None;
    }
    let width = f64::from(WIDTH);
    let entries = entries(&curves);
    let top = MARGIN + legend::height(&entries, width - 2.0 * MARGIN) + 40.0;
    let rows = curves.len() as f64;
    let mut scene = Scene::new(id, title.to_owned(), top + PANEL_HEIGHT + 72.0 + ROW * rows);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let edges = (LEFT, top, width - MARGIN, top + PANEL_HEIGHT);
    let panel = Panel::new(edges, bounds(lengths, &curves), true, (0.0, 100.0));
    scene.heading((MARGIN, top - 14.0), heading, HEADING);
    panel.horizontal_grid(&mut scene, &[0.0, 25.0, 50.0, 75.0, 100.0], |tick| format!("{tick:.0}"));
    for length in lengths {
        let x = panel.x.at(f64::from(*length));
        scene.series_line(&[(x, panel.top), (x, panel.bottom)], SeriesStyle::reference(), 1.0, 1.0);
    }
    let ticks = length_ticks(lengths, panel.closest(lengths));
    let all_ticks: Vec<_> = shorter(&panel, lengths[0]).into_iter().chain(ticks.clone()).collect();
    panel.base_line(&mut scene, &all_ticks);
    for (index, curve) in curves.iter().enumerate() {
        draw_curve(&mut scene, &panel, curve, index);
        let baseline = panel.bottom + 20.0 + ROW * (index as f64 + 1.0);
        shares(&mut scene, &panel, curve, (index, baseline), &ticks);
    }
    let below = 20.0 + ROW * rows + 30.0;
    panel.x_title(
        &mut scene,
        "sequence length (tokens, doubling scale); below each: notes that fit",
        below,
    );
    Some(scene)
}

fn draw_curve(scene: &mut Scene, panel: &Panel, curve: &Curve, index: usize) {
    let quantiles = &curve.quantiles;
    let last = (quantiles.len() - 1) as f64;
    let mut points: Vec<(f64, f64)> = quantiles
        .iter()
        .enumerate()
        .filter(|(_, tokens)| f64::from(**tokens) >= panel.x.values.0)
        .map(|(percent, tokens)| panel.at((f64::from(*tokens), 100.0 * percent as f64 / last)))
        .collect();
    points.push((panel.right, panel.y.at(100.0)));
    let style = SeriesStyle {
        shape: Shape::None,
        ..SeriesStyle::of(index)
    };
    scene.series_line(&points, style, 2.2, 1.0);
}

/// The share of notes that fit, in a row under the ticks, marked like the curve.
fn shares(scene: &mut Scene, panel: &Panel, curve: &Curve, (index, baseline): (usize, f64), ticks: &[(f64, String)]) {
    let style = SeriesStyle {
        shape: Shape::None,
        ..SeriesStyle::of(index)
    };
    let y = baseline - 4.5;
    scene.series_line(&[(MARGIN, y), (MARGIN + 28.0, y)], style, 2.2, 1.0);
    for (length, _) in ticks.iter().filter(|(_, label)| !label.is_empty()) {
        let quantiles = &curve.quantiles;
        let Some(share) = share_that_fits(quantiles, *length as u32) else {
            continue;
        };
        let text = format!("{:.0} %", 100.0 * share);
        let at = (panel.x.at(*length), baseline);
        scene.text(at, &text, LABEL, Anchor::Middle, Ink::Text);
    }
}

/// Powers of two left of the least sequence length, for orientation.
fn shorter(panel: &Panel, least: u32) -> Vec<(f64, String)> {
    let powers = (0..31).map(|exponent| 1u32 << exponent);
    let room = |tokens: &u32| panel.x.at(f64::from(*tokens)) + 44.0 <= panel.x.at(f64::from(least));
    let shown = powers.filter(|tokens| f64::from(*tokens) >= panel.x.values.0 && room(tokens));
    shown
        .map(|tokens| (f64::from(tokens), grouped(u64::from(tokens))))
        .collect()
}

/// From the shortest note or length to the longest, the few shortest notes aside.
fn bounds(lengths: &[u32], curves: &[Curve]) -> (f64, f64) {
    let quantiles = curves.iter().map(|curve| &curve.quantiles);
    let low = quantiles
        .clone()
        .filter_map(|quantiles| quantiles.get(quantiles.len() / 50))
        .min();
    let high = quantiles.filter_map(|quantiles| quantiles.last()).max();
    let low = low.copied().unwrap_or(1).max(1).min(lengths[0]);
    let high = high.copied().unwrap_or(1).max(lengths[lengths.len() - 1]);
    (f64::from(low), f64::from(high.max(low + 1)))
}

fn entries(curves: &[Curve]) -> Vec<Entry> {
    let entry = |(index, curve): (usize, &Curve)| {
        let style = SeriesStyle {
            shape: Shape::None,
            ..SeriesStyle::of(index)
        };
        (style, curve.label.clone())
    };
    curves.iter().enumerate().map(entry).collect()
}

/// The names as far as they fit into a line of the legend.
fn cut(runs: &str) -> String {
    let room = f64::from(WIDTH) - 2.0 * MARGIN - 160.0;
    let names: Vec<&str> = runs.split(", ").collect();
    let shown = (1..=names.len())
        .rev()
        .find(|count| text_width(&names[..*count].join(", "), LABEL, false) < room);
    let shown = shown.unwrap_or(1);
    match names.len() - shown {
        0 => runs.to_owned(),
        left => format!("{} and {left} more", names[..shown].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_that_fits_is_read_off_the_quantiles() {
        let quantiles: Vec<u32> = (0..=100).map(|percent| 100 + 10 * percent).collect();
        assert_eq!(share_that_fits(&quantiles, 99), Some(0.0));
        assert_eq!(share_that_fits(&quantiles, 600), Some(0.5));
        assert_eq!(share_that_fits(&quantiles, 605), Some(0.505));
        assert_eq!(share_that_fits(&quantiles, 1100), Some(1.0));
        assert_eq!(share_that_fits(&[], 5), None);
        assert_eq!(share_that_fits(&[7, 7, 7], 7), Some(1.0));
    }
}
