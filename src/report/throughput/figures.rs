//! Plots of timings against the length: a panel an engine, a line a model, both axes logarithmic.

use super::panels::{BETWEEN, HEIGHT, LEFT, MARGIN};
use super::roofline;
use super::tables::{peak_bytes, share};
use super::timings::{Timings, word};
use crate::bench::protocol::Kind;
use crate::report::plots::axes::{Panel, length_ticks, log_ticks};
use crate::report::plots::legend;
use crate::report::plots::scene::{Scene, SeriesStyle, WIDTH};
use crate::report::table::{grouped, three_digits};
use crate::speed::summary;
use crate::throughput::{Group, Timing};

/// A value with its interval.
type Value = (f64, Option<(f64, f64)>);

/// Model, length and value.
type Points = Vec<(usize, usize, Value)>;

/// What is drawn of a timing.
struct Quantity {
    stem: &'static str,
    title: &'static str,
    value: fn(&Timings<'_>, &Group, &Timing) -> Option<Value>,
}

const QUANTITIES: [Quantity; 3] = [
    Quantity {
        stem: "tokens-per-second",
        title: "Tokens a second",
        value: tokens_per_second,
    },
    Quantity {
        stem: "memory",
        title: "Peak memory (MiB)",
        value: |_, _, timing| peak_bytes(timing).map(|bytes| (bytes / (1 << 20) as f64, None)),
    },
    Quantity {
        stem: "share-of-peak",
        title: "Share of the machine's peak (%)",
        value: |timings, group, timing| {
            let share = share(timings, group, timing)?;
            Some((100.0 * share, None))
        },
    },
];

fn tokens_per_second(_: &Timings<'_>, group: &Group, timing: &Timing) -> Option<Value> {
    let summary = summary(&timing.seconds).ok().flatten()?;
    let rate = |seconds: f64| group.tokens as f64 / seconds;
    let interval = summary.interval.map(|(low, high)| (rate(high), rate(low)));
    Some((rate(summary.median), interval))
}

/// Name and plot of every quantity that has values.
pub(super) fn all(timings: &Timings<'_>) -> Vec<(String, Scene)> {
    let mut plots = Vec::new();
    for quantity in &QUANTITIES {
        for &kind in timings.kinds() {
            let stem = format!("{}-{}", quantity.stem, word(kind).replace(' ', "-"));
            plots.extend(plot(timings, quantity, kind, &stem).map(|scene| (stem, scene)));
        }
    }
    plots.extend(roofline::plot(timings));
    plots
}

fn plot(timings: &Timings<'_>, quantity: &Quantity, kind: Kind, stem: &str) -> Option<Scene> {
    let models = timings.models();
    let points = |engine: &str| -> Points {
        let place = |group: &Group| models.iter().position(|model| *model == group.model);
        let point = |group: &Group| {
            let timing = group.timing(engine, kind)?;
            let value = (quantity.value)(timings, group, timing).filter(|(value, _)| *value > 0.0)?;
            Some((place(group)?, group.length, value))
        };
        timings.lengths().filter_map(point).collect()
    };
    let panels: Vec<(String, Points)> = timings
        .engines()
        .into_iter()
        .map(|engine| (engine.clone(), points(&engine)))
        .filter(|(_, points)| !points.is_empty())
        .collect();
    let all = || panels.iter().flat_map(|(_, points)| points);
    let mut lengths: Vec<u32> = all().map(|(_, length, _)| *length as u32).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let (first, last) = (f64::from(*lengths.first()?), f64::from(*lengths.last()?));
    let low = all().map(|(_, _, (value, _))| *value).fold(f64::MAX, f64::min);
    let high = all().map(|(_, _, (value, _))| *value).fold(f64::MIN, f64::max);
    let (ends, ticks) = log_ticks(low, high);

    let width = f64::from(WIDTH);
    let entries: Vec<legend::Entry> = models
        .iter()
        .enumerate()
        .map(|(index, model)| (SeriesStyle::of(index), (*model).to_owned()))
        .collect();
    let top = MARGIN + legend::height(&entries, width - 2.0 * MARGIN) + 40.0;
    let title = format!("{}, {}, by sequence length", quantity.title, word(kind));
    let mut scene = Scene::new(stem.to_owned(), title, top + HEIGHT + 62.0);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let count = panels.len() as f64;
    let panel_width = (width - LEFT - MARGIN - BETWEEN * (count - 1.0)) / count;
    for (index, (engine, points)) in panels.iter().enumerate() {
        let left = LEFT + index as f64 * (panel_width + BETWEEN);
        let edges = (left, top, left + panel_width, top + HEIGHT);
        let mut panel = Panel::new(edges, (first, last), true, ends);
        panel.y.logarithmic = true;
        let heading = match index {
            0 => format!("{}: {engine}", quantity.title),
            _ => engine.clone(),
        };
        panel.heading(&mut scene, &heading);
        let values: Vec<f64> = ticks.iter().map(|(tick, _)| *tick).collect();
        panel.horizontal_grid(&mut scene, &values, |tick| match index {
            0 => ticks
                .iter()
                .find(|(known, _)| *known == tick)
                .map_or(String::new(), |(_, label)| label.clone()),
            _ => String::new(),
        });
        panel.base_line(&mut scene, &length_ticks(&lengths, panel.closest(&lengths)));
        panel.x_title(&mut scene, "tokens", 46.0);
        for (model, name) in models.iter().enumerate() {
            line(&mut scene, &panel, (model, name, engine), points);
        }
    }
    Some(scene)
}

fn line(scene: &mut Scene, panel: &Panel, (model, name, engine): (usize, &str, &str), points: &Points) {
    let style = SeriesStyle::of(model);
    let mut places = Vec::new();
    for (_, length, (value, interval)) in points.iter().filter(|(of, _, _)| *of == model) {
        let at = panel.at((*length as f64, *value));
        if let Some((low, high)) = interval {
            let (above, below) = (panel.y.at(*high), panel.y.at(*low).min(panel.bottom));
            scene.interval((at.0, above), (at.0, below), style.ink);
        }
        let said = format!(
            "{name}, {engine}, {} tokens: {}",
            grouped(*length as u64),
            three_digits(*value)
        );
        scene.tip(at, said);
        places.push(at);
    }
    if places.len() > 1 {
        scene.series_line(&places, style, 2.0, 1.0);
    }
    for place in places {
        scene.marker(place, style);
    }
}
