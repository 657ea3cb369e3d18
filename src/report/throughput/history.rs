//! A plot of a history: what each cell took from revision to revision, and where that changed.

use crate::report::error::Error;
use crate::report::plots::marks::Anchor;
use crate::report::plots::paint;
use crate::report::plots::scene::{Scene, SeriesStyle, WIDTH};
use crate::report::plots::theme::Ink;
use crate::report::table::three_digits;
use crate::speed::{Entry, by_cell, change_points};

const MARGIN: f64 = 16.0;
const COLUMNS: usize = 3;
const BETWEEN: f64 = 24.0;
/// Of a cell's panel, without its heading.
const HEIGHT: f64 = 64.0;
const HEADING: f64 = 34.0;
const SMALL: f64 = 11.0;

/// The plot as SVG: a small panel a cell, its medians with their intervals in the order in which they were measured, a line
/// where they changed. `None` where there are no entries.
///
/// # Errors
/// The painter's own.
pub fn history(entries: &[Entry]) -> Result<Option<String>, Error> {
    let cells: Vec<(&str, Vec<&Entry>)> = by_cell(entries).into_iter().collect();
    if cells.is_empty() {
        return Ok(None);
    }
    let stem = "history";
    let rows = cells.len().div_ceil(COLUMNS) as f64;
    let mut scene = Scene::new(
        stem.into(),
        "Milliseconds from revision to revision; a vertical line where they changed".into(),
        2.0 * MARGIN + rows * (HEADING + HEIGHT + BETWEEN),
    );
    let width = (f64::from(WIDTH) - 2.0 * MARGIN - BETWEEN * (COLUMNS - 1) as f64) / COLUMNS as f64;
    for (place, (name, entries)) in cells.iter().enumerate() {
        let left = MARGIN + (place % COLUMNS) as f64 * (width + BETWEEN);
        let top = MARGIN + (place / COLUMNS) as f64 * (HEADING + HEIGHT + BETWEEN);
        cell(&mut scene, (left, top), width, name, entries);
    }
    let svg = paint::svg(&scene).map_err(|source| Error::Plot {
        plot: stem.into(),
        source,
    })?;
    Ok(Some(svg))
}

fn cell(scene: &mut Scene, (left, top): (f64, f64), width: f64, name: &str, entries: &[&Entry]) {
    let medians: Vec<f64> = entries.iter().map(|entry| entry.median_seconds).collect();
    let ends = |entry: &&Entry| {
        entry
            .interval_seconds
            .unwrap_or((entry.median_seconds, entry.median_seconds))
    };
    let low = entries.iter().map(|entry| ends(entry).0).fold(f64::MAX, f64::min);
    let high = entries.iter().map(|entry| ends(entry).1).fold(f64::MIN, f64::max);
    // A tenth of room, and some where all are alike.
    let room = (0.1 * (high - low)).max(0.02 * high);
    let (bottom, ceiling) = (low - room, high + room);
    let (first, last) = (medians[0], medians[medians.len() - 1]);
    scene.text((left, top + SMALL), name, SMALL, Anchor::Start, Ink::Text);
    let words = format!(
        "{} to {} ms, {} of the first",
        three_digits(1e3 * first),
        three_digits(1e3 * last),
        three_digits(last / first)
    );
    scene.text((left, top + 2.3 * SMALL), &words, SMALL, Anchor::Start, Ink::Muted);
    let plot = top + HEADING;
    let at = |index: usize, seconds: f64| {
        let across = (index as f64 + 0.5) / medians.len() as f64;
        let up = (seconds - bottom) / (ceiling - bottom);
        (left + across * width, plot + (1.0 - up) * HEIGHT)
    };
    scene.line(
        vec![(left, plot + HEIGHT), (left + width, plot + HEIGHT)],
        Ink::Axis,
        1.0,
    );
    for change in change_points(&medians, 1) {
        let x = left + change.at as f64 / medians.len() as f64 * width;
        scene.line(vec![(x, plot), (x, plot + HEIGHT)], Ink::Axis, 1.0);
        let said = format!(
            "{name}: {} ms before revision {}, {} ms since",
            three_digits(1e3 * change.before),
            short(entries[change.at]),
            three_digits(1e3 * change.after)
        );
        scene.tip((x, plot), said);
    }
    let style = SeriesStyle::of(0);
    let places: Vec<(f64, f64)> = medians
        .iter()
        .enumerate()
        .map(|(index, &median)| at(index, median))
        .collect();
    for (index, entry) in entries.iter().enumerate() {
        if let Some((low, high)) = entry.interval_seconds {
            scene.interval(at(index, high), at(index, low), style.ink);
        }
        let said = format!(
            "{name}, revision {}, {}: {} ms",
            short(entry),
            entry.date,
            three_digits(1e3 * entry.median_seconds)
        );
        scene.tip(places[index], said);
    }
    if places.len() > 1 {
        scene.series_line(&places, style, 1.5, 1.0);
    }
    for place in places {
        scene.marker(place, style);
    }
}

fn short(entry: &Entry) -> String {
    entry.revision.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(cell: &str, medians: &[f64]) -> Vec<Entry> {
        let entry = |(index, &median): (usize, &f64)| Entry {
            hardware: "h".into(),
            revision: format!("revision{index}"),
            date: "2026-01-01T00:00:00Z".into(),
            cell: cell.into(),
            runs: 9,
            median_seconds: median,
            interval_seconds: Some((0.99 * median, 1.01 * median)),
            instructions: None,
        };
        medians.iter().enumerate().map(entry).collect()
    }

    #[test]
    fn every_cell_has_a_panel_and_a_change_its_words() {
        let mut all = entries(
            "caml 512 step",
            &[
                0.010, 0.0101, 0.0099, 0.010, 0.0102, 0.015, 0.0151, 0.0149, 0.015, 0.0152,
            ],
        );
        all.extend(entries("long_bert 512 step", &[0.2]));
        let svg = history(&all).unwrap().unwrap();
        for said in [
            "caml 512 step",
            "long_bert 512 step",
            "10.0 to 15.2 ms, 1.52 of the first",
            "before revision revision5",
        ] {
            assert!(svg.contains(said), "{said}");
        }
        assert_eq!(svg.matches("before revision").count(), 1);
        assert!(history(&[]).unwrap().is_none());
    }
}
