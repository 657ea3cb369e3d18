//! Score against sequence length, one panel a metric, a line a run; a single length is left to [`dots`].

use super::axes::{Panel, length_ticks, tick_label, ticks};
use super::legend::{self, Entry};
use super::scene::{Scene, SeriesStyle};
use super::{WIDTH, dots};
use crate::report::metric::Metric;
use crate::report::scores::PRIOR;
use crate::report::summary::{Spread, TaskSummary};

const PANEL_HEIGHT: f64 = 280.0;
const MARGIN: f64 = 16.0;
const LEFT: f64 = 52.0;
const BETWEEN: f64 = 68.0;

/// The plot, or `None` where no run was scored.
pub fn plot(id: String, task: &TaskSummary<'_>, metrics: &[Metric]) -> Option<Scene> {
    let scored = |metric: &&Metric| !values(task, metric).is_empty();
    let metrics: Vec<&Metric> = metrics.iter().filter(scored).collect();
    if metrics.is_empty() {
        return None;
    }
    let mut lengths: Vec<u32> = values(task, metrics[0]).iter().map(|(_, length, _)| *length).collect();
    lengths.sort_unstable();
    lengths.dedup();
    Some(match lengths.as_slice() {
        [length] => dots::draw(id, task, &metrics, *length),
        _ => lines(id, task, &metrics, &lengths),
    })
}

/// Run, length and printed-scale spread of each scored cell.
pub(super) fn values(task: &TaskSummary<'_>, metric: &Metric) -> Vec<(usize, u32, Spread)> {
    let runs = task.runs.iter().enumerate();
    let cells = runs.flat_map(|(run, summary)| {
        let cells = summary.cells.iter();
        cells.filter_map(move |(length, cell)| Some((run, *length, scaled(cell.score(&metric.name)?, metric))))
    });
    cells.collect()
}

fn scaled(value: Spread, metric: &Metric) -> Spread {
    let factor = if metric.ratio { 100.0 } else { 1.0 };
    Spread {
        mean: factor * value.mean,
        sd: value.sd.map(|sd| factor * sd),
        n: value.n,
    }
}

/// One standard deviation below and above the mean.
pub(super) fn ends(value: &Spread) -> (f64, f64) {
    let sd = value.sd.unwrap_or(0.0);
    (value.mean - sd, value.mean + sd)
}

/// The ticks of an axis that spans all values, and the prior if it is drawn. The prior takes part where it is at most one such span away: further off
/// it would press the runs into one line, and the table has it.
pub(super) fn axis(values: &[(usize, u32, Spread)], prior: Option<f64>, ratio: bool) -> (Vec<f64>, Option<f64>) {
    let low = values
        .iter()
        .map(|(_, _, value)| ends(value).0)
        .fold(f64::MAX, f64::min);
    let high = values
        .iter()
        .map(|(_, _, value)| ends(value).1)
        .fold(f64::MIN, f64::max);
    // A single point, or points that hardly differ, must not fill the axis with noise.
    let least = if ratio { 2.0 } else { 1e-3 };
    let middle = (low + high) / 2.0;
    let (low, high) = (low.min(middle - least / 2.0), high.max(middle + least / 2.0));
    let span = high - low;
    let prior = prior.filter(|prior| *prior > low - span && *prior < high + span);
    let (low, high) = prior.map_or((low, high), |prior| (low.min(prior), high.max(prior)));
    let low = if ratio { (low - 0.05 * span).max(0.0) } else { low };
    let high = if ratio { (high + 0.05 * span).min(100.0) } else { high };
    (ticks(low, high), prior)
}

fn lines(id: String, task: &TaskSummary<'_>, metrics: &[&Metric], lengths: &[u32]) -> Scene {
    let width = f64::from(WIDTH);
    let axes: Vec<_> = metrics
        .iter()
        .map(|metric| axis(&values(task, metric), prior_of(task, metric), metric.ratio))
        .collect();
    let mut entries: Vec<Entry> = Vec::new();
    for (index, run) in task.runs.iter().enumerate() {
        if run.longest().is_some() {
            entries.push((SeriesStyle::of(index), run.short_label()));
        }
    }
    if axes.iter().any(|(_, prior)| prior.is_some()) {
        entries.push((SeriesStyle::reference(), PRIOR.to_owned()));
    }
    let legend_height = legend::height(&entries, width - 2.0 * MARGIN);
    let top = MARGIN + legend_height + 40.0;
    let title = format!("{} by sequence length, {}", names(metrics), task.title);
    let mut scene = Scene::new(id, title, top + PANEL_HEIGHT + 62.0);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let count = metrics.len() as f64;
    let panel_width = (width - LEFT - MARGIN - BETWEEN * (count - 1.0)) / count;
    let bounds = (f64::from(lengths[0]), f64::from(lengths[lengths.len() - 1]));
    for (index, (metric, (ticks, prior))) in metrics.iter().zip(&axes).enumerate() {
        let left = LEFT + index as f64 * (panel_width + BETWEEN);
        let edges = (left, top, left + panel_width, top + PANEL_HEIGHT);
        let panel = Panel::new(edges, bounds, true, (ticks[0], ticks[ticks.len() - 1]));
        panel.heading(&mut scene, &metric.label_with_unit());
        panel.horizontal_grid(&mut scene, ticks, tick_label(ticks));
        panel.base_line(&mut scene, &length_ticks(lengths, closest(&panel, lengths)));
        panel.x_title(&mut scene, "sequence length (tokens, doubling scale)", 46.0);
        if let Some(prior) = prior {
            let y = panel.y.at(*prior);
            scene.series_line(&[(panel.left, y), (panel.right, y)], SeriesStyle::reference(), 1.5, 1.0);
        }
        draw_runs(&mut scene, &panel, &values(task, metric), task.runs.len());
    }
    scene
}

/// Error bars, then lines, then markers. Runs are moved apart by a few pixels so that bars do not hide each other.
fn draw_runs(scene: &mut Scene, panel: &Panel, values: &[(usize, u32, Spread)], runs: usize) {
    let apart = (24.0 / runs as f64).min(5.0);
    let mut markers = Vec::new();
    for run in 0..runs {
        let style = SeriesStyle::of(run);
        let shift = (run as f64 - (runs as f64 - 1.0) / 2.0) * apart;
        let mut points = Vec::new();
        for (_, length, value) in values.iter().filter(|(of, _, _)| *of == run) {
            let (x, y) = panel.at((f64::from(*length), value.mean));
            if value.sd.is_some() {
                let (low, high) = ends(value);
                scene.error_bar(
                    x + shift,
                    (panel.y.at(high), panel.y.at(low).min(panel.bottom)),
                    style.ink,
                );
            }
            points.push((x + shift, y));
        }
        if points.len() > 1 {
            scene.series_line(&points, style, 2.0, 1.0);
        }
        markers.extend(points.into_iter().map(|point| (point, style)));
    }
    for (point, style) in markers {
        scene.marker(point, style);
    }
}

/// The prior's score on the printed scale.
pub(super) fn prior_of(task: &TaskSummary<'_>, metric: &Metric) -> Option<f64> {
    Some(scaled(task.prior(&metric.name)?, metric).mean)
}

/// The metrics' headings in a sentence.
pub(super) fn names(metrics: &[&Metric]) -> String {
    let labels: Vec<&str> = metrics.iter().map(|metric| metric.label.as_str()).collect();
    labels.join(" and ")
}

/// Least distance between neighbouring lengths in pixels.
fn closest(panel: &Panel, lengths: &[u32]) -> f64 {
    let place = |length: u32| panel.x.at(f64::from(length));
    let gaps = lengths.windows(2).map(|pair| place(pair[1]) - place(pair[0]));
    gaps.fold(f64::MAX, f64::min)
}
