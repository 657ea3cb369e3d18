//! Whether probabilities mean what they say: a reliability diagram, and how many pairs stand behind each of its points.

use super::axes::{Panel, log_ticks};
use super::legend;
use super::marks::Point;
use super::scene::{Scene, SeriesStyle, WIDTH};
use super::unit;
use crate::record::CalibrationBinRow;
use crate::report::longest::{Longest, labels_of, with_curves};
use crate::report::summary::TaskSummary;
use crate::report::table::grouped;

const PANEL_HEIGHT: f64 = 340.0;
const MARGIN: f64 = 16.0;
const LEFT: f64 = 52.0;
const BETWEEN: f64 = 92.0;
/// Edges at which bins may begin, in equal steps.
const EDGES: u32 = 20;

/// The pairs of all seeds of a run between two edges.
struct Bin {
    pairs: f64,
    mean: f64,
    share: f64,
}

/// The plot, or `None` where no record has a calibration.
pub fn plot(id: String, task: &TaskSummary<'_>) -> Option<Scene> {
    let mut runs = with_curves(task);
    runs.retain(|run| {
        run.curves()
            .any(|(_, curves)| curves.calibration.as_ref().is_some_and(|found| !found.bins.is_empty()))
    });
    if runs.is_empty() {
        return None;
    }
    let labels = labels_of(task, &runs);
    let entries = legend::of_runs(&runs, &labels);
    let width = f64::from(WIDTH);
    let top = MARGIN + legend::height(&entries, width - 2.0 * MARGIN) + 40.0;
    let title = format!("Calibration, {}", task.title);
    let mut scene = Scene::new(id, title, top + PANEL_HEIGHT + 58.0);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let panel_width = (width - LEFT - BETWEEN - MARGIN) / 2.0;
    let lines: Vec<Vec<Bin>> = runs.iter().map(bins).collect();
    let edges = (LEFT, top, LEFT + panel_width, top + PANEL_HEIGHT);
    let reliability = unit::panel(edges, 100.0);
    reliability.heading(&mut scene, "Share of the pairs that is gold (%)");
    unit::square_grid(&mut scene, &reliability);
    let diagonal = [reliability.at((0.0, 0.0)), reliability.at((100.0, 100.0))];
    scene.series_line(&diagonal, SeriesStyle::reference(), 1.5, 1.0);
    let left = LEFT + panel_width + BETWEEN;
    let counts = counts_panel(&mut scene, (left, top, left + panel_width, top + PANEL_HEIGHT), &lines);
    for panel in [&reliability, &counts] {
        panel.x_title(&mut scene, "mean probability in the bin (%)", 42.0);
    }
    draw_lines(&mut scene, (&runs, &labels, &lines), |bin| {
        reliability.at((100.0 * bin.mean, 100.0 * bin.share))
    });
    draw_lines(&mut scene, (&runs, &labels, &lines), |bin| {
        counts.at((100.0 * bin.mean, bin.pairs))
    });
    Some(scene)
}

/// The seeds' bins put together between the edges that lie inside no bin of any seed; pairs are the mean over the seeds.
fn bins(run: &Longest<'_, '_>) -> Vec<Bin> {
    let seeds: Vec<&[CalibrationBinRow]> = run
        .curves()
        .filter_map(|(_, curves)| Some(curves.calibration.as_ref()?.bins.as_slice()))
        .collect();
    let rows = || seeds.iter().copied().flatten();
    let edge = |step: u32| f64::from(step) / f64::from(EDGES);
    let free = |step: &u32| rows().all(|row| edge(*step) <= row.lower || edge(*step) >= row.upper);
    let edges: Vec<u32> = (0..=EDGES).filter(free).collect();
    let between = |ends: &[u32]| {
        let inside = rows().filter(|row| edge(ends[0]) <= row.lower && row.upper <= edge(ends[1]));
        let weighed =
            |value: fn(&CalibrationBinRow) -> f64| inside.clone().map(|row| row.pairs as f64 * value(row)).sum::<f64>();
        let pairs = weighed(|_| 1.0);
        (pairs > 0.0).then(|| Bin {
            pairs: pairs / seeds.len() as f64,
            mean: weighed(|row| row.mean_probability) / pairs,
            share: weighed(|row| row.gold_share) / pairs,
        })
    };
    edges.windows(2).filter_map(between).collect()
}

/// The frame of the pairs behind the points, on a logarithmic axis.
fn counts_panel(scene: &mut Scene, edges: (f64, f64, f64, f64), lines: &[Vec<Bin>]) -> Panel {
    let pairs = || lines.iter().flatten().map(|bin| bin.pairs);
    let (low, high) = (pairs().fold(f64::MAX, f64::min), pairs().fold(1.0, f64::max));
    let (ends, ticks) = log_ticks(low, high);
    let mut panel = unit::panel(edges, ends.1);
    panel.y.values = ends;
    panel.y.logarithmic = true;
    panel.heading(scene, "Pairs in the bin (mean over the seeds)");
    let (values, names): (Vec<f64>, Vec<String>) = ticks.into_iter().unzip();
    let name = |tick: f64| {
        values
            .iter()
            .position(|value| *value == tick)
            .map_or(String::new(), |at| names[at].clone())
    };
    panel.horizontal_grid(scene, &values, name);
    unit::vertical_grid(scene, &panel, &unit::SHARES, |tick| format!("{tick:.0}"));
    panel
}

fn draw_lines(
    scene: &mut Scene,
    (runs, labels, lines): (&[Longest<'_, '_>], &[String], &[Vec<Bin>]),
    place: impl Fn(&Bin) -> Point,
) {
    let points: Vec<Vec<Point>> = lines.iter().map(|line| line.iter().map(&place).collect()).collect();
    for (run, points) in runs.iter().zip(&points).filter(|(_, points)| points.len() > 1) {
        scene.series_line(points, SeriesStyle::of(run.run), 1.5, 0.8);
    }
    for (((run, label), line), points) in runs.iter().zip(labels).zip(lines).zip(&points) {
        for (bin, point) in line.iter().zip(points) {
            scene.marker(*point, SeriesStyle::of(run.run));
            let (mean, share) = (100.0 * bin.mean, 100.0 * bin.share);
            let pairs = grouped(bin.pairs.round() as u64);
            scene.tip(
                *point,
                format!("{label}: of {pairs} pairs with a mean probability of {mean:.1} %, {share:.1} % are gold"),
            );
        }
    }
}
