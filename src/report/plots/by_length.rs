//! Quantities against sequence length: a panel a quantity, side by side, a line a run.

use super::MOST_SEEDS;
use super::axes::{LABEL, Panel, length_ticks, log_ticks, tick_label};
use super::legend::{self, Entry};
use super::paint::text_width;
use super::scene::{Scene, SeriesStyle, WIDTH};
use super::theme::Ink;
use super::tips;
use crate::record::MOST_TOKENS;
use crate::report::spread::Spread;
use crate::report::summary::TaskSummary;
use crate::report::table::{at_length, length_word};

const PANEL_HEIGHT: f64 = 280.0;
const MARGIN: f64 = 16.0;
/// Room for the labels of the vertical axis, more where they are wider.
const LEFT: f64 = 52.0;
const BETWEEN: f64 = 68.0;

/// Run, length and value of each scored cell.
pub type Values = Vec<(usize, u32, Spread)>;

/// Run, length and the values of its seeds.
pub type Seeds = Vec<(usize, u32, Vec<f64>)>;

/// What one panel shows.
#[derive(Debug)]
pub struct Quantity {
    /// Heading with the unit.
    pub heading: String,
    pub values: Values,
    /// How a value is said at its point.
    pub print: fn(f64) -> String,
    pub axis: Axis,
    /// Name and value of a line to compare with.
    pub reference: Option<(&'static str, f64)>,
    /// Of the cells that have several.
    pub seeds: Seeds,
    /// What papers print of the task.
    pub printed: Vec<PrintedLine>,
}

/// Values that one work prints of one of its models.
#[derive(Clone, Debug, PartialEq)]
pub struct PrintedLine {
    /// Such as `longbert: LongBERT (printed)`.
    pub label: String,
    /// The run that it is, if the suite has it.
    pub run: Option<usize>,
    /// Length and value, ascending.
    pub points: Vec<(u32, f64)>,
}

impl PrintedLine {
    fn style(&self) -> SeriesStyle {
        match self.run {
            Some(run) => SeriesStyle::of(run).printed(),
            None => SeriesStyle {
                ink: Ink::Muted,
                ..SeriesStyle::of(0).printed()
            },
        }
    }
}

/// The ends of a vertical axis, and its ticks with their labels.
#[derive(Debug)]
pub struct Axis {
    ends: (f64, f64),
    ticks: Vec<f64>,
    labels: Vec<String>,
    logarithmic: bool,
}

impl Axis {
    /// Equal differences take equal room.
    pub fn linear(ticks: Vec<f64>) -> Self {
        let labels = ticks.iter().copied().map(tick_label(&ticks)).collect();
        Self {
            ends: (ticks[0], ticks[ticks.len() - 1]),
            ticks,
            labels,
            logarithmic: false,
        }
    }

    /// Equal ratios take equal room; the values are positive.
    pub fn logarithmic(low: f64, high: f64) -> Self {
        let (ends, ticks) = log_ticks(low, high);
        let (ticks, labels) = ticks.into_iter().unzip();
        Self {
            ends,
            ticks,
            labels,
            logarithmic: true,
        }
    }

    /// Width of the widest label with its distance from the panel and from what is left of it.
    fn room(&self) -> f64 {
        let widths = self.labels.iter().map(|label| text_width(label, LABEL, false));
        1.06 * widths.fold(0.0, f64::max) + 20.0
    }

    fn label(&self, tick: f64) -> String {
        let place = self.ticks.iter().position(|known| *known == tick);
        place.map_or(String::new(), |place| self.labels[place].clone())
    }
}

/// Draws the panels; every quantity has a value.
pub fn draw(id: String, title: String, task: &TaskSummary<'_>, quantities: &[Quantity]) -> Scene {
    let width = f64::from(WIDTH);
    let all = quantities.iter().flat_map(|quantity| &quantity.values);
    let printed = quantities.iter().flat_map(|quantity| &quantity.printed);
    let printed = printed.flat_map(|line| line.points.iter().map(|(length, _)| *length));
    let mut lengths: Vec<u32> = all.map(|(_, length, _)| *length).chain(printed).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let entries = entries(task, quantities);
    let top = MARGIN + legend::height(&entries, width - 2.0 * MARGIN) + 40.0;
    let mut scene = Scene::new(id, title, top + PANEL_HEIGHT + 62.0);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let room = quantities
        .iter()
        .map(|quantity| quantity.axis.room())
        .fold(LEFT, f64::max);
    let between = BETWEEN.max(room + MARGIN);
    let count = quantities.len() as f64;
    let panel_width = (width - room - MARGIN - between * (count - 1.0)) / count;
    let lengths = Lengths(lengths);
    let bounds = (
        lengths.place(lengths.0[0]),
        lengths.place(lengths.0[lengths.0.len() - 1]),
    );
    for (index, quantity) in quantities.iter().enumerate() {
        let axis = &quantity.axis;
        let left = room + index as f64 * (panel_width + between);
        let edges = (left, top, left + panel_width, top + PANEL_HEIGHT);
        let mut panel = Panel::new(edges, bounds, true, axis.ends);
        panel.y.logarithmic = axis.logarithmic;
        panel.heading(&mut scene, &quantity.heading);
        panel.horizontal_grid(&mut scene, &axis.ticks, |tick| axis.label(tick));
        panel.base_line(&mut scene, &lengths.ticks(&panel));
        panel.x_title(&mut scene, "sequence length (tokens, doubling scale)", 46.0);
        if let Some((_, value)) = quantity.reference {
            let y = panel.y.at(value);
            scene.series_line(&[(panel.left, y), (panel.right, y)], SeriesStyle::reference(), 1.5, 1.0);
        }
        draw_printed(&mut scene, (&panel, &lengths), &quantity.printed);
        draw_runs(&mut scene, (&panel, &lengths), quantity, task);
    }
    scene
}

/// The lengths of a plot, ascending.
struct Lengths(Vec<u32>);

impl Lengths {
    /// Where a length lies on the axis. Whole notes have no length: they lie one step behind the longest.
    fn place(&self, length: u32) -> f64 {
        let known = self.0.iter().rev().find(|known| **known != MOST_TOKENS);
        match (length, known) {
            (MOST_TOKENS, Some(longest)) => 2.0 * f64::from(*longest),
            (length, _) => f64::from(length),
        }
    }

    fn ticks(&self, panel: &Panel) -> Vec<(f64, String)> {
        let drawn: Vec<u32> = self.0.iter().map(|length| self.place(*length) as u32).collect();
        let ticks = length_ticks(&drawn, panel.closest(&drawn));
        let labelled = self.0.iter().zip(ticks);
        let tick = |(length, (place, label)): (&u32, (f64, String))| match *length {
            MOST_TOKENS if !label.is_empty() => (place, length_word(*length)),
            _ => (place, label),
        };
        labelled.map(tick).collect()
    }
}

/// The runs with scores, and the reference line where a panel has one.
fn entries(task: &TaskSummary<'_>, quantities: &[Quantity]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (index, run) in task.runs.iter().enumerate() {
        if run.longest().is_some() {
            entries.push((SeriesStyle::of(index), run.legend(None)));
        }
    }
    if let Some((name, _)) = quantities.iter().find_map(|quantity| quantity.reference) {
        entries.push((SeriesStyle::reference(), name.to_owned()));
    }
    for line in quantities.iter().flat_map(|quantity| &quantity.printed) {
        let entry = (line.style(), line.label.clone());
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries
}

/// What papers print, behind the runs.
fn draw_printed(scene: &mut Scene, (panel, lengths): (&Panel, &Lengths), lines: &[PrintedLine]) {
    for line in lines {
        let points: Vec<_> = line
            .points
            .iter()
            .map(|(length, value)| panel.at((lengths.place(*length), *value)))
            .collect();
        if points.len() > 1 {
            scene.series_line(&points, line.style(), 1.5, 0.8);
        }
        for ((length, value), point) in line.points.iter().zip(points) {
            scene.marker(point, line.style());
            scene.tip(
                point,
                format!("{} {}: {value:.1}, as printed", line.label, at_length(*length)),
            );
        }
    }
}

/// One standard deviation below and above the mean.
pub(super) fn ends(value: &Spread) -> (f64, f64) {
    let sd = value.sd.unwrap_or(0.0);
    (value.mean - sd, value.mean + sd)
}

/// Error bars, then lines, then markers. Runs are moved apart by a few pixels so that bars do not hide each other.
fn draw_runs(scene: &mut Scene, (panel, lengths): (&Panel, &Lengths), quantity: &Quantity, task: &TaskSummary<'_>) {
    let runs = task.runs.len();
    let apart = (24.0 / runs as f64).min(5.0);
    let mut markers = Vec::new();
    for run in 0..runs {
        let style = SeriesStyle::of(run);
        let shift = (run as f64 - (runs as f64 - 1.0) / 2.0) * apart;
        let mut points = Vec::new();
        let label = task.runs[run].legend(None);
        for (_, length, value) in quantity.values.iter().filter(|(of, _, _)| *of == run) {
            let (x, y) = panel.at((lengths.place(*length), value.mean));
            let said = tips::words(&quantity.heading, value, quantity.print);
            scene.tip((x + shift, y), format!("{label} {}: {said}", at_length(*length)));
            if let Some((low, high)) = value.interval {
                let (top, bottom) = (panel.y.at(high), panel.y.at(low).min(panel.bottom));
                scene.interval((x + shift, top), (x + shift, bottom), style.ink);
            }
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
        for (_, length, values) in quantity.seeds.iter().filter(|(of, _, _)| *of == run) {
            let x = panel.x.at(lengths.place(*length)) + shift;
            values
                .iter()
                .take(MOST_SEEDS)
                .for_each(|value| scene.seed((x, panel.y.at(*value)), style.ink));
        }
        markers.extend(points.into_iter().map(|point| (point, style)));
    }
    for (point, style) in markers {
        scene.marker(point, style);
    }
}
