//! How the areas of the codes are distributed: a histogram a run, one under the other (BERT-XML, figure 2).

use super::axes::{HEADING, LABEL};
use super::marks::{Anchor, Mark, Point};
use super::paint::text_width;
use super::scene::{Scene, SeriesStyle, WIDTH};
use super::theme::Ink;
use super::unit;
use crate::record::SmallCounts;
use crate::report::longest::{Longest, labels_of, with_curves};
use crate::report::summary::TaskSummary;
use crate::report::table::grouped;

const MARGIN: f64 = 16.0;
const ROW: f64 = 62.0;
/// Height of the tallest bar.
const TALLEST: f64 = 46.0;
/// Room right of the panel for the counts.
const COUNTS: f64 = 168.0;
/// Bins of a histogram between 0 and 1; the last is from 0.98 on.
const BINS: usize = 50;

/// The plot, or `None` where no record has areas.
pub fn plot(id: String, task: &TaskSummary<'_>) -> Option<Scene> {
    let mut runs = with_curves(task);
    runs.retain(|run| run.curves().any(|(_, curves)| !curves.areas.is_empty()));
    if runs.is_empty() {
        return None;
    }
    let labels = labels_of(task, &runs);
    let width = f64::from(WIDTH);
    let widest = labels
        .iter()
        .map(|label| text_width(label, LABEL, false))
        .fold(0.0, f64::max);
    let left = (1.06 * widest + MARGIN + 14.0).min(0.4 * width);
    let top = MARGIN + 26.0;
    let bottom = top + ROW * runs.len() as f64;
    let mut scene = Scene::new(id, format!("ROC-AUC of the codes, {}", task.title), bottom + 58.0);
    scene.heading((MARGIN, MARGIN + 12.0), "Codes by their ROC-AUC", HEADING);
    let all: Vec<[f64; BINS]> = runs.iter().map(histogram).collect();
    let first = all
        .iter()
        .filter_map(|counts| counts.iter().position(|count| *count > 0.0))
        .min();
    let low = (first.unwrap_or(0) * 2 / 10 * 10) as f64;
    let mut panel = unit::panel((left, top, width - COUNTS, bottom), 1.0);
    panel.x.values = (low, 100.0);
    let step = if low < 40.0 { 10.0 } else { 5.0 };
    let count = ((100.0 - low) / step).round() as usize;
    let ticks: Vec<f64> = (0..=count).map(|tick| low + tick as f64 * step).collect();
    unit::vertical_grid(&mut scene, &panel, &ticks, |tick| format!("{tick:.0}"));
    panel.x_title(&mut scene, "ROC-AUC of a code (%); the last bar is from 98 on", 42.0);
    let highest = all.iter().flatten().copied().fold(0.0, f64::max);
    for (place, ((run, label), counts)) in runs.iter().zip(&labels).zip(&all).enumerate() {
        let base = top + ROW * (place + 1) as f64;
        let bars = Bars {
            base,
            height: TALLEST / highest,
            at: &|bin| panel.x.at(100.0 * bin as f64 / BINS as f64),
        };
        bars.draw(&mut scene, counts, (SeriesStyle::of(run.run), label));
        scene.line(vec![(panel.left, base), (panel.right, base)], Ink::Axis, 1.0);
        scene.text((left - 12.0, base - 6.0), label, LABEL, Anchor::End, Ink::Text);
        if let Some(text) = counted(run, counts) {
            scene.text((panel.right + 12.0, base - 6.0), &text, 12.0, Anchor::Start, Ink::Muted);
        }
    }
    Some(scene)
}

/// Codes by fiftieths, the mean over the seeds; the codes of a wider bin are spread evenly over it.
fn histogram(run: &Longest<'_, '_>) -> [f64; BINS] {
    let mut counts = [0.0; BINS];
    let seeds = run.curves().count() as f64;
    for bin in run.curves().flat_map(|(_, curves)| &curves.areas) {
        let [from, to] = [bin.lower, bin.upper].map(|edge| ((edge * BINS as f64).round() as usize).min(BINS));
        let each = f64::from(bin.codes) / to.saturating_sub(from).max(1) as f64 / seeds;
        counts[from..to.max(from)].iter_mut().for_each(|count| *count += each);
    }
    counts
}

/// The codes in the last bin, where none of it is of a wider one.
fn counted(run: &Longest<'_, '_>, counts: &[f64; BINS]) -> Option<String> {
    let shown = run
        .curves()
        .all(|(outcome, _)| outcome.small_counts == SmallCounts::Shown);
    let all: f64 = counts.iter().sum();
    let count = |value: f64| grouped(value.round() as u64);
    shown.then(|| format!("{} of {} from 98 on", count(counts[BINS - 1]), count(all)))
}

/// How a histogram is placed.
struct Bars<'b> {
    base: f64,
    /// Pixels a code.
    height: f64,
    /// Where a bin begins.
    at: &'b dyn Fn(usize) -> f64,
}

impl Bars<'_> {
    fn draw(&self, scene: &mut Scene, counts: &[f64; BINS], (style, label): (SeriesStyle, &str)) {
        let drawn = |bin: &usize| counts[*bin] > 0.0;
        let (Some(first), Some(last)) = ((0..BINS).find(drawn), (0..BINS).rfind(drawn)) else {
            return;
        };
        let mut outline: Vec<Point> = vec![((self.at)(first), self.base)];
        for (bin, count) in counts.iter().enumerate().take(last + 1).skip(first) {
            let y = self.base - self.height * count;
            outline.extend([((self.at)(bin), y), ((self.at)(bin + 1), y)]);
            if *count > 0.0 {
                let (from, to) = (2 * bin, 2 * bin + 2);
                let middle = ((self.at)(bin) + (self.at)(bin + 1)) / 2.0;
                scene.tip(
                    (middle, y),
                    format!("{label}: {count:.1} codes with an AUC of {from} to {to} %"),
                );
            }
        }
        outline.push(((self.at)(last + 1), self.base));
        scene.marks.push(Mark::Area {
            points: outline.clone(),
            ink: style.ink,
            opacity: 0.3,
        });
        scene.line(outline, style.ink, 1.3);
    }
}
