//! F1 by how often a code occurs in training: where a model earns its score.

use std::collections::BTreeMap;

use super::MOST_SEEDS;
use super::axes::{HEADING, LABEL, Panel, tick_label, ticks};
use super::legend::{self, Entry};
use super::marks::Anchor;
use super::scene::{Scene, SeriesStyle, WIDTH};
use super::theme::Ink;
use super::tips;
use crate::record::{FrequencyBinRow, ScoreInterval};
use crate::report::longest::labels;
use crate::report::spread::Spread;
use crate::report::summary::TaskSummary;
use crate::report::table::grouped;

const PANEL_HEIGHT: f64 = 280.0;
const MARGIN: f64 = 16.0;
const LEFT: f64 = 52.0;

/// One bin of one run at its longest length.
#[derive(Clone, Debug, PartialEq)]
pub struct Bin {
    /// Least training frequency; 0 for codes never seen in training.
    pub lower: u32,
    /// Greatest training frequency; absent for the open bin.
    pub upper: Option<u32>,
    pub codes: u32,
    /// Codes with a gold positive in the scored part.
    pub codes_present: u32,
    /// Gold (note, code) pairs of the bin.
    pub gold: u64,
    /// Mean F1 of the codes present, over the seeds; absent where none is present.
    pub macro_f1: Option<Spread>,
    /// F1 of the bin's pooled decisions, over the seeds.
    pub micro_f1: Option<Spread>,
    /// Macro-F1 of each seed, ascending by seed.
    pub seeds: Vec<f64>,
}

/// Bounds of the bins, with their codes and the codes present.
type Kinds = BTreeMap<(u32, Option<u32>), (u32, u32)>;

/// Index, length and bins of one run.
pub type RunBins = (usize, u32, Vec<Bin>);

/// The bins of each run at its longest scored length, ascending by frequency.
pub fn bins(task: &TaskSummary<'_>) -> Vec<RunBins> {
    let mut found = Vec::new();
    for (index, run) in task.runs.iter().enumerate() {
        let Some((length, cell)) = run.longest() else {
            continue;
        };
        let mut seeds: BTreeMap<(u32, Option<u32>), Vec<&FrequencyBinRow>> = BTreeMap::new();
        for bin in cell.outcomes().flat_map(|outcome| &outcome.frequency_bins) {
            seeds.entry((bin.lower, bin.upper)).or_default().push(bin);
        }
        let bins = seeds.into_iter().map(|((lower, upper), rows)| Bin {
            lower,
            upper,
            codes: rows[0].codes,
            codes_present: rows[0].codes_present,
            gold: rows[0].gold,
            macro_f1: spread(&rows, |row| row.macro_f1_present, |row| row.macro_f1_present_interval),
            micro_f1: spread(&rows, |row| Some(row.micro_f1), |row| row.micro_f1_interval),
            seeds: rows.iter().filter_map(|row| row.macro_f1_present).collect(),
        });
        let bins: Vec<Bin> = bins.collect();
        if !bins.is_empty() {
            found.push((index, length, bins));
        }
    }
    found
}

/// A quantity of one bin over the seeds, with its intervals.
fn spread(
    rows: &[&FrequencyBinRow],
    value: fn(&FrequencyBinRow) -> Option<f64>,
    interval: fn(&FrequencyBinRow) -> Option<ScoreInterval>,
) -> Option<Spread> {
    let with_value = rows.iter().filter(|row| value(row).is_some());
    let ends = with_value.map(|row| interval(row).map(|found| (found.low, found.high)));
    Some(Spread::of(rows.iter().filter_map(|row| value(row)))?.within(ends))
}

/// Such as `never`, `1`, `2–5`, `≥ 101`.
pub fn bin_label(lower: u32, upper: Option<u32>) -> String {
    let lower_text = grouped(u64::from(lower));
    match upper {
        Some(0) => "never".to_owned(),
        Some(upper) if upper == lower => lower_text,
        Some(upper) => format!("{lower_text}–{}", grouped(u64::from(upper))),
        None => format!("≥ {lower_text}"),
    }
}

/// The plot, or `None` where no record has bins.
pub fn plot(id: String, task: &TaskSummary<'_>) -> Option<Scene> {
    let runs = bins(task);
    let mut kinds = Kinds::new();
    for bin in runs.iter().flat_map(|(_, _, bins)| bins) {
        kinds
            .entry((bin.lower, bin.upper))
            .or_insert((bin.codes, bin.codes_present));
    }
    if kinds.is_empty() {
        return None;
    }
    let width = f64::from(WIDTH);
    let entries = entries(task, &runs);
    let top = MARGIN + legend::height(&entries, width - 2.0 * MARGIN) + 40.0;
    let title = format!("F1 by training frequency of the code, {}", task.title);
    let mut scene = Scene::new(id, title, top + PANEL_HEIGHT + 82.0);
    legend::draw(&mut scene, &entries, (MARGIN, MARGIN), width - 2.0 * MARGIN);
    let ticks = ticks(0.0, highest(&runs));
    let edges = (LEFT, top, width - MARGIN, top + PANEL_HEIGHT);
    let panel = Panel::new(edges, (0.0, 1.0), false, (0.0, ticks[ticks.len() - 1]));
    scene.heading((MARGIN, top - 14.0), "Macro-F1 of the codes present (%)", HEADING);
    panel.horizontal_grid(&mut scene, &ticks, tick_label(&ticks));
    panel.base_line(&mut scene, &[]);
    let room = (panel.right - panel.left) / kinds.len() as f64;
    let centre = |place: usize| panel.left + (place as f64 + 0.5) * room;
    bin_labels(&mut scene, &panel, &kinds, centre);
    draw_runs(&mut scene, &panel, (&runs, &entries), (&kinds, room));
    Some(scene)
}

/// Error bars, then faint lines, then markers; the runs stand side by side in a bin.
fn draw_runs(scene: &mut Scene, panel: &Panel, (runs, entries): (&[RunBins], &[Entry]), (kinds, room): (&Kinds, f64)) {
    let centre = |place: usize| panel.left + (place as f64 + 0.5) * room;
    let apart = (0.7 * room / runs.len() as f64).min(18.0);
    let mut markers = Vec::new();
    for (rank, ((run, _, bins), (_, label))) in runs.iter().zip(entries).enumerate() {
        let style = SeriesStyle::of(*run);
        let shift = (rank as f64 - (runs.len() as f64 - 1.0) / 2.0) * apart;
        let mut points = Vec::new();
        for bin in bins {
            let place = kinds.keys().position(|kind| *kind == (bin.lower, bin.upper));
            let (Some(place), Some(value)) = (place, bin.macro_f1) else {
                continue;
            };
            let x = centre(place) + shift;
            if let Some((low, high)) = value.interval {
                let [top, bottom] = [high, low].map(|end| panel.y.at(100.0 * end));
                scene.interval((x, top), (x, bottom), style.ink);
            }
            if let Some(sd) = value.sd {
                let low = (100.0 * (value.mean - sd)).max(0.0);
                let high = 100.0 * (value.mean + sd);
                scene.error_bar(x, (panel.y.at(high), panel.y.at(low)), style.ink);
            }
            if bin.seeds.len() > 1 {
                let seeds = bin.seeds.iter().take(MOST_SEEDS).map(|seed| panel.y.at(100.0 * seed));
                seeds.for_each(|y| scene.seed((x, y), style.ink));
            }
            let at = (x, panel.y.at(100.0 * value.mean));
            let said = tips::words("macro-F1 (%)", &value.scaled(100.0), tips::score(true));
            let present = grouped(u64::from(bin.codes_present));
            let bin = match bin_label(bin.lower, bin.upper).as_str() {
                "never" => "in no training note".to_owned(),
                label => format!("in {label} training notes"),
            };
            scene.tip(at, format!("{label}, codes {bin}: {said}; {present} codes present"));
            points.push(at);
        }
        // The line only leads the eye from bin to bin, so it is faint.
        if points.len() > 1 {
            scene.series_line(&points, style, 1.5, 0.45);
        }
        markers.extend(points.into_iter().map(|point| (point, style)));
    }
    for (point, style) in markers {
        scene.marker(point, style);
    }
}

/// Legend entries; the length is named where the runs differ in it.
fn entries(task: &TaskSummary<'_>, runs: &[RunBins]) -> Vec<Entry> {
    let places: Vec<(usize, u32)> = runs.iter().map(|(run, length, _)| (*run, *length)).collect();
    let styles = runs.iter().map(|(run, ..)| SeriesStyle::of(*run));
    styles.zip(labels(task, &places)).collect()
}

fn highest(runs: &[RunBins]) -> f64 {
    let values = runs.iter().flat_map(|(_, _, bins)| bins).filter_map(|bin| bin.macro_f1);
    let highest = values.map(|value| value.reach().1).fold(0.0, f64::max);
    (100.0 * highest).clamp(1.0, 100.0)
}

fn bin_labels(scene: &mut Scene, panel: &Panel, kinds: &Kinds, centre: impl Fn(usize) -> f64) {
    for (place, ((lower, upper), (codes, present))) in kinds.iter().enumerate() {
        let x = centre(place);
        if place > 0 {
            let edge = (centre(place - 1) + x) / 2.0;
            scene.line(vec![(edge, panel.bottom), (edge, panel.bottom + 5.0)], Ink::Axis, 1.0);
        }
        let label = bin_label(*lower, *upper);
        scene.text((x, panel.bottom + 20.0), &label, LABEL, Anchor::Middle, Ink::Text);
        let codes = format!("{} of {}", grouped(u64::from(*present)), grouped(u64::from(*codes)));
        scene.text((x, panel.bottom + 38.0), &codes, 12.0, Anchor::Middle, Ink::Muted);
    }
    panel.x_title(
        scene,
        "training notes with the code; below it, codes with a gold positive in the scored notes, of all codes",
        66.0,
    );
}
