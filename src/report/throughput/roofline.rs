//! The roofline of training steps (Williams, Waterman and Patterson 2009): what each reaches, below what products and memory
//! allow.

use super::panels::{BETWEEN, HEIGHT, LEFT, MARGIN};
use super::tables::{least_bytes, median, operations};
use super::timings::Timings;
use crate::bench::Peak;
use crate::bench::protocol::Kind;
use crate::report::plots::axes::{Panel, log_ticks};
use crate::report::plots::legend;
use crate::report::plots::scene::{Scene, SeriesStyle, WIDTH};
use crate::report::table::{grouped, three_digits};

const GIGA: f64 = 1e9;

/// A step: its model's place, its length, operations a byte, operations a second.
struct Point {
    model: usize,
    length: usize,
    intensity: f64,
    rate: f64,
}

/// Name and plot: a panel an engine, a point a model and length; `None` where no peak was measured or no step was timed.
pub(super) fn plot(timings: &Timings<'_>) -> Option<(String, Scene)> {
    let peak = timings.peak?;
    let models = timings.models();
    let panels: Vec<(String, Vec<Point>)> = timings
        .engines()
        .into_iter()
        .map(|engine| (engine.clone(), points(timings, &models, &engine)))
        .filter(|(_, points)| !points.is_empty())
        .collect();
    let all = || panels.iter().flat_map(|(_, points)| points);
    let (left, across) = log_ticks(
        all().map(|point| point.intensity).reduce(f64::min)?,
        all().map(|point| point.intensity).reduce(f64::max)?,
    );
    let (bottom, up) = log_ticks(
        all().map(|point| point.rate / GIGA).reduce(f64::min)?,
        peak.flops_per_second / GIGA,
    );

    let width = f64::from(WIDTH);
    let styles = models.iter().enumerate();
    let entries: Vec<legend::Entry> = styles
        .map(|(index, model)| (SeriesStyle::of(index), (*model).to_owned()))
        .collect();
    let top = MARGIN + legend::height(&entries, width - 2.0 * MARGIN) + 40.0;
    let stem = "roofline-training-step";
    let title = "GFLOP/s, training step, by operations a byte; the line is what the machine allows";
    let mut scene = Scene::new(stem.to_owned(), title.to_owned(), top + HEIGHT + 62.0);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let count = panels.len() as f64;
    let panel_width = (width - LEFT - MARGIN - BETWEEN * (count - 1.0)) / count;
    for (index, (engine, points)) in panels.iter().enumerate() {
        let start = LEFT + index as f64 * (panel_width + BETWEEN);
        let edges = (start, top, start + panel_width, top + HEIGHT);
        let mut panel = Panel::new(edges, left, true, bottom);
        panel.y.logarithmic = true;
        let heading = match index {
            0 => format!("GFLOP/s: {engine}"),
            _ => engine.clone(),
        };
        panel.heading(&mut scene, &heading);
        let values: Vec<f64> = up.iter().map(|(tick, _)| *tick).collect();
        panel.horizontal_grid(&mut scene, &values, |tick| {
            let label = up.iter().find(|(known, _)| *known == tick).filter(|_| index == 0);
            label.map_or(String::new(), |(_, label)| label.clone())
        });
        panel.base_line(&mut scene, &powers(&across));
        panel.x_title(&mut scene, "operations a byte that AdamW moves", 46.0);
        let roof = roof(peak, left, bottom);
        let roof: Vec<_> = roof.into_iter().map(|point| panel.at(point)).collect();
        scene.series_line(&roof, SeriesStyle::reference(), 1.5, 1.0);
        for point in points {
            let at = panel.at((point.intensity, point.rate / GIGA));
            let said = format!(
                "{}, {engine}, {} tokens: {} GFLOP/s at {} operations a byte",
                models[point.model],
                grouped(point.length as u64),
                three_digits(point.rate / GIGA),
                three_digits(point.intensity)
            );
            scene.tip(at, said);
            scene.marker(at, SeriesStyle::of(point.model));
        }
    }
    Some((stem.to_owned(), scene))
}

fn points(timings: &Timings<'_>, models: &[&str], engine: &str) -> Vec<Point> {
    let point = |group: &crate::throughput::Group| {
        let timing = group.timing(engine, Kind::Step)?;
        super::tables::share(timings, group, timing)?;
        let operations = operations(group, timing)? as f64;
        let bytes = least_bytes(timing);
        (bytes > 0).then_some(())?;
        Some(Point {
            model: models.iter().position(|model| *model == group.model)?,
            length: group.length,
            intensity: operations / bytes as f64,
            rate: operations / median(timing)?,
        })
    };
    timings.lengths().filter_map(point).collect()
}

/// Where the roof begins, where it bends, and where it ends, as far as that is in the plot; in GFLOP/s.
fn roof(peak: &Peak, (left, right): (f64, f64), (bottom, _): (f64, f64)) -> Vec<(f64, f64)> {
    let slope = peak.bytes_per_second / GIGA;
    let flat = peak.flops_per_second / GIGA;
    let at = |intensity: f64| (intensity, (slope * intensity).min(flat));
    let bend = flat / slope;
    let begin = left.max(bottom / slope);
    let mut points = vec![at(begin)];
    if begin < bend && bend < right {
        points.push((bend, flat));
    }
    points.push(at(right));
    points
}

/// Ticks at powers of ten alone: panels are narrow.
fn powers(ticks: &[(f64, String)]) -> Vec<(f64, String)> {
    let is_power = |tick: f64| (tick.log10() - tick.log10().round()).abs() < 1e-9;
    ticks.iter().filter(|(tick, _)| is_power(*tick)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Precision;

    #[test]
    fn the_roof_rises_with_memory_and_bends_at_the_products_rate() {
        let peak = Peak {
            flops_per_second: 100e9,
            product: [1, 1, 1],
            precision: Precision::F32,
            bytes_per_second: 20e9,
            threads: Some(2),
        };
        let whole = roof(&peak, (0.01, 1000.0), (0.1, 100.0));
        assert_eq!(whole, [(0.01, 0.2), (5.0, 100.0), (1000.0, 100.0)]);
        // It begins where it enters the plot.
        assert_eq!(roof(&peak, (0.01, 1000.0), (2.0, 100.0))[0], (0.1, 2.0));
        // Left of the bend alone, right of it alone.
        assert_eq!(roof(&peak, (0.1, 1.0), (0.1, 100.0)), [(0.1, 2.0), (1.0, 20.0)]);
        assert_eq!(
            roof(&peak, (10.0, 100.0), (0.1, 100.0)),
            [(10.0, 100.0), (100.0, 100.0)]
        );
    }
}
