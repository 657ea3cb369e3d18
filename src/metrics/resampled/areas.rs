//! The areas under the curves, in every redraw. Scores are put in order once; a redraw only changes how often each note
//! counts, so that all redraws go down the same order together.

use std::ops::Range;

use rayon::prelude::*;

use super::Draws;
use crate::metrics::columns::{BLOCK, order_key, read_columns};
use crate::metrics::input::{NotesByCode, Scores, Targets};
use crate::metrics::ladder::Ladder;

/// Redraws that go down the order together: their weights of all notes stay in the second-level cache.
const LANES: usize = 64;
/// Look-up table of the pooled ladder.
const POOLED_BUCKETS: usize = 1 << 17;

/// The metrics, by name.
pub(super) const NAMES: [&str; 5] = [
    "micro-roc-auc",
    "micro-roc-auc-present",
    "micro-pr-auc",
    "macro-roc-auc",
    "macro-pr-auc",
];

/// The value of each of [`NAMES`] in every redraw; not a number where it is undefined.
pub(super) fn area_metrics(scores: &Scores, targets: &Targets, draws: &Draws) -> [Vec<f64>; 5] {
    let Some(ladder) = pooled_ladder(scores, targets) else {
        return NAMES.map(|_| vec![f64::NAN; draws.redraws()]);
    };
    let by_code = targets.by_code();
    let present: Vec<bool> = (0..scores.codes())
        .map(|code| !by_code.notes(code).is_empty())
        .collect();
    let [roc, pr] = pooled(scores, targets, draws, (&ladder, &vec![true; scores.codes()]));
    let [roc_present, _] = match present.contains(&false) {
        true => pooled(scores, targets, draws, (&ladder, &present)),
        false => [roc.clone(), Vec::new()],
    };
    let [macro_roc, macro_pr] = means(scores, &by_code, draws);
    [roc, roc_present, pr, macro_roc, macro_pr]
}

/// Cells in the order of their places among the gold scores, highest first.
struct Order {
    /// By rung, the highest first: the notes of its gold pairs, of the other cells on it, and of the cells above it and below
    /// the next.
    rungs: Vec<[Range<usize>; 3]>,
    notes: Vec<u32>,
}

impl Order {
    /// Of cells given twice as their key, note and whether they are gold. Cells below the lowest gold score are not in it.
    fn new(ladder: &Ladder, rungs: usize, cells: impl Fn(&mut dyn FnMut(u32, u32, bool))) -> Self {
        // Places from the top: of each rung its gold cells, its others, and those between it and the next.
        let group = |key: u32, gold: bool| -> Option<usize> {
            let place = ladder.place(key);
            let rung = place.checked_sub(1)? / 2;
            let kind = match (place % 2 == 1, gold) {
                (true, true) => 0,
                (true, false) => 1,
                (false, _) => 2,
            };
            Some(3 * rung + kind)
        };
        let mut ends = vec![0usize; 3 * rungs + 1];
        cells(&mut |key, _, gold| {
            if let Some(group) = group(key, gold) {
                ends[group + 1] += 1;
            }
        });
        for place in 1..ends.len() {
            ends[place] += ends[place - 1];
        }
        let mut next = ends.clone();
        let mut notes = vec![0; ends[3 * rungs]];
        cells(&mut |key, note, gold| {
            if let Some(group) = group(key, gold) {
                notes[next[group]] = note;
                next[group] += 1;
            }
        });
        let of = |rung: usize| [0, 1, 2].map(|kind| ends[3 * rung + kind]..ends[3 * rung + kind + 1]);
        Self {
            rungs: (0..rungs).rev().map(of).collect(),
            notes,
        }
    }
}

/// The areas of some redraws: of each how many cells there are, and its sums so far.
struct Lanes {
    gold_reached: Vec<u64>,
    others_reached: Vec<u64>,
    /// (gold, other) pairs in order, twice, so that ties count 1.
    ordered_twice: Vec<u64>,
    precision: Vec<f64>,
    sums: [Vec<u32>; 3],
}

impl Lanes {
    fn new(lanes: usize) -> Self {
        Self {
            gold_reached: vec![0; lanes],
            others_reached: vec![0; lanes],
            ordered_twice: vec![0; lanes],
            precision: vec![0.0; lanes],
            sums: [0, 1, 2].map(|_| vec![0; lanes]),
        }
    }

    /// Goes down the order; `cells` is how many cells each redraw has, `gold` how many are gold. Gives both areas; not a
    /// number where they are undefined.
    fn areas(mut self, order: &Order, draws: &Draws, part: &Range<usize>, [cells, gold]: [&[u64]; 2]) -> [Vec<f64>; 2] {
        for rung in &order.rungs {
            for (sums, notes) in self.sums.iter_mut().zip(rung) {
                sums.fill(0);
                for &note in &order.notes[notes.clone()] {
                    let weights = draws.part(note as usize, part);
                    sums.iter_mut()
                        .zip(weights)
                        .for_each(|(sum, &weight)| *sum += u32::from(weight));
                }
            }
            let [gold_here, others_here, above] = &self.sums;
            for lane in 0..cells.len() {
                let (gold_here, others_here) = (u64::from(gold_here[lane]), u64::from(others_here[lane]));
                self.others_reached[lane] += u64::from(above[lane]) + others_here;
                self.gold_reached[lane] += gold_here;
                let below = cells[lane] - gold[lane] - self.others_reached[lane];
                self.ordered_twice[lane] += gold_here * (2 * below + others_here);
                let reached = (self.gold_reached[lane] + self.others_reached[lane]).max(1);
                self.precision[lane] += gold_here as f64 * (self.gold_reached[lane] as f64 / reached as f64);
            }
        }
        let roc = |lane: usize| {
            let pairs = 2 * u128::from(gold[lane]) * u128::from(cells[lane] - gold[lane]);
            // 0/0 is not a number: without gold, or with nothing else.
            self.ordered_twice[lane] as f64 / pairs as f64
        };
        let pr = |lane: usize| self.precision[lane] / gold[lane] as f64;
        let lanes = 0..cells.len();
        [lanes.clone().map(roc).collect(), lanes.map(pr).collect()]
    }
}

/// Over the cells of some codes, which have all that is gold.
fn pooled(
    scores: &Scores,
    targets: &Targets,
    draws: &Draws,
    ((ladder, rungs), counted): (&(Ladder, usize), &[bool]),
) -> [Vec<f64>; 2] {
    let order = Order::new(ladder, *rungs, |each| {
        for (note, row) in scores.rows().enumerate() {
            let mut gold = targets.row(note).iter().peekable();
            for (code, &score) in row.iter().enumerate() {
                let is_gold = gold.next_if(|&&column| column as usize == code).is_some();
                if counted[code] {
                    each(order_key(score), note as u32, is_gold);
                }
            }
        }
    });
    let codes = counted.iter().filter(|counted| **counted).count() as u64;
    let cells = draws.count(|_| codes);
    let gold = draws.count(|note| targets.row(note).len() as u64);
    descend(&order, draws, &cells, &gold)
}

fn descend(order: &Order, draws: &Draws, cells: &[u64], gold: &[u64]) -> [Vec<f64>; 2] {
    let starts: Vec<usize> = (0..draws.redraws()).step_by(LANES).collect();
    let parts: Vec<[Vec<f64>; 2]> = starts
        .par_iter()
        .map(|&start| {
            let part = start..(start + LANES).min(draws.redraws());
            let of_part = [&cells[part.clone()], &gold[part.clone()]];
            Lanes::new(part.len()).areas(order, draws, &part, of_part)
        })
        .collect();
    let mut all = [Vec::new(), Vec::new()];
    for part in parts {
        all.iter_mut().zip(part).for_each(|(all, part)| all.extend(part));
    }
    all
}

/// The distinct scores of the gold pairs; `None` where nothing is gold.
fn pooled_ladder(scores: &Scores, targets: &Targets) -> Option<(Ladder, usize)> {
    let mut keys = Vec::with_capacity(targets.gold());
    for (note, row) in scores.rows().enumerate() {
        keys.extend(targets.row(note).iter().map(|&code| order_key(row[code as usize])));
    }
    keys.par_sort_unstable();
    keys.dedup();
    let rungs = keys.len();
    (rungs > 0).then(|| (Ladder::new(keys, POOLED_BUCKETS), rungs))
}

/// Means over the codes for which an area is defined in a redraw.
fn means(scores: &Scores, by_code: &NotesByCode, draws: &Draws) -> [Vec<f64>; 2] {
    let notes = draws.count(|_| 1);
    let blocks: Vec<usize> = (0..scores.codes()).step_by(BLOCK).collect();
    let parts: Vec<[Mean; 2]> = blocks
        .par_iter()
        .map(|&first| {
            let width = BLOCK.min(scores.codes() - first);
            let mut means = [Mean::new(draws.redraws()), Mean::new(draws.redraws())];
            let with_gold = (0..width).filter(|position| !by_code.notes(first + position).is_empty());
            let with_gold: Vec<usize> = with_gold.collect();
            if with_gold.is_empty() {
                return means;
            }
            let mut keys = Vec::new();
            read_columns(scores, first, width, &mut keys);
            for position in with_gold {
                let keys = &keys[position * scores.notes()..(position + 1) * scores.notes()];
                let gold = by_code.notes(first + position);
                let areas = code_areas(keys, gold, draws, &notes);
                means.iter_mut().zip(&areas).for_each(|(mean, areas)| mean.add(areas));
            }
            means
        })
        .collect();
    let mut means = [Mean::new(draws.redraws()), Mean::new(draws.redraws())];
    for part in &parts {
        means.iter_mut().zip(part).for_each(|(mean, part)| mean.merge(part));
    }
    means.map(Mean::values)
}

fn code_areas(keys: &[u32], gold: &[usize], draws: &Draws, cells: &[u64]) -> [Vec<f64>; 2] {
    let mut rungs: Vec<u32> = gold.iter().map(|&note| keys[note]).collect();
    rungs.sort_unstable();
    rungs.dedup();
    let count = rungs.len();
    let ladder = Ladder::new(rungs, 4 * gold.len().next_power_of_two());
    let mut is_gold = vec![false; keys.len()];
    gold.iter().for_each(|&note| is_gold[note] = true);
    let order = Order::new(&ladder, count, |each| {
        for (note, &key) in keys.iter().enumerate() {
            each(key, note as u32, is_gold[note]);
        }
    });
    let mut golds = vec![0u64; draws.redraws()];
    for &note in gold {
        golds
            .iter_mut()
            .zip(draws.of(note))
            .for_each(|(sum, &weight)| *sum += u64::from(weight));
    }
    Lanes::new(draws.redraws()).areas(&order, draws, &(0..draws.redraws()), [cells, &golds])
}

/// A mean of what is a number, by redraw.
struct Mean {
    sums: Vec<f64>,
    counts: Vec<u32>,
}

impl Mean {
    fn new(redraws: usize) -> Self {
        Self {
            sums: vec![0.0; redraws],
            counts: vec![0; redraws],
        }
    }

    fn add(&mut self, values: &[f64]) {
        for (redraw, &value) in values.iter().enumerate() {
            if !value.is_nan() {
                self.sums[redraw] += value;
                self.counts[redraw] += 1;
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        self.sums
            .iter_mut()
            .zip(&other.sums)
            .for_each(|(sum, more)| *sum += more);
        self.counts
            .iter_mut()
            .zip(&other.counts)
            .for_each(|(sum, more)| *sum += more);
    }

    fn values(self) -> Vec<f64> {
        let both = self.sums.into_iter().zip(self.counts);
        both.map(|(sum, count)| sum / f64::from(count)).collect()
    }
}
