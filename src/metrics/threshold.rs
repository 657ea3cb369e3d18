//! Choosing the decision threshold on a grid, as EDIN does on the validation split: one pass places
//! every score between two grid points, and the counts give each threshold's F1 exactly.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{BLOCK, order_key, read_columns};
use super::error::Error;
use super::fractions::{f1, harmonic_mean, ratio};
use super::input::{Scores, Targets, check_shape};
use super::ladder::Ladder;

/// Look-up table over the grid: fine enough that most searches see one threshold.
const GRID_BUCKETS: usize = 1 << 12;

/// Most thresholds of a grid: each is counted for each code.
pub const MOST_POINTS: usize = 10_000;

/// Evenly spaced thresholds, both ends included, computed in double and rounded to single
/// precision; scores are compared with the rounded value, strictly (score > threshold).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ThresholdGrid {
    /// First threshold.
    pub start: f64,
    /// Last threshold.
    pub end: f64,
    /// Number of thresholds; with 1 it is `start` alone.
    pub points: usize,
}

impl ThresholdGrid {
    /// The grid of Edin et al. 2023: 100 thresholds from 0 to 1.
    pub const EDIN: ThresholdGrid = ThresholdGrid {
        start: 0.0,
        end: 1.0,
        points: 100,
    };

    /// The thresholds, ascending.
    ///
    /// # Errors
    /// [`Error::Grid`] unless there is at least one and at most [`MOST_POINTS`], and they ascend strictly in single
    /// precision.
    pub fn thresholds(&self) -> Result<Vec<f32>, Error> {
        let refused = || Error::Grid {
            start: self.start,
            end: self.end,
            points: self.points,
        };
        if !(1..=MOST_POINTS).contains(&self.points) {
            return Err(refused());
        }
        let steps = self.points.saturating_sub(1).max(1) as f64;
        let at = |point: usize| (self.start + (self.end - self.start) * point as f64 / steps) as f32;
        let thresholds: Vec<f32> = (0..self.points).map(at).collect();
        let finite = thresholds.iter().all(|threshold| threshold.is_finite());
        if !finite || thresholds.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(refused());
        }
        Ok(thresholds)
    }
}

/// What a threshold is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// `micro-f1`, as EDIN does.
    MicroF1,
    /// `macro-f1-all`.
    MacroF1All,
    /// `macro-f1-present`; 0 at every threshold when nothing is gold.
    MacroF1Present,
    /// `macro-f1-caml`.
    MacroF1Caml,
}

/// A chosen threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Tuned {
    /// The threshold, to be used in [`super::Options`].
    pub threshold: f32,
    /// The objective's value at it, 0 to 1.
    pub value: f64,
}

/// The grid's threshold with the greatest objective; the lowest of several equal ones.
///
/// # Errors
/// [`Error::Shape`] when scores and targets disagree, [`Error::Grid`] for an unusable grid.
pub fn tune_threshold(
    scores: &Scores,
    targets: &Targets,
    grid: &ThresholdGrid,
    objective: Objective,
) -> Result<Tuned, Error> {
    check_shape(scores, targets)?;
    let thresholds = grid.thresholds()?;
    let counts = count_decisions(scores, targets, &thresholds);
    let mut best: Option<Tuned> = None;
    for (point, &threshold) in thresholds.iter().enumerate() {
        let value = counts.value(point, objective);
        if best.is_none_or(|best| value > best.value) {
            best = Some(Tuned { threshold, value });
        }
    }
    best.ok_or(Error::Grid {
        start: grid.start,
        end: grid.end,
        points: grid.points,
    })
}

/// Decisions by code and threshold.
struct Decisions {
    points: usize,
    predicted: Vec<u32>, // [code, point]
    tp: Vec<u32>,        // [code, point]
    gold: Vec<u32>,      // [code]
}

impl Decisions {
    fn value(&self, point: usize, objective: Objective) -> f64 {
        match objective {
            Objective::MicroF1 => self.micro_f1(point),
            Objective::MacroF1All => self.mean_f1(point, |_| true),
            Objective::MacroF1Present => self.mean_f1(point, |gold| gold > 0),
            Objective::MacroF1Caml => {
                let codes = self.gold.len() as f64;
                let precision = self.rows(point).map(|row| ratio(row.tp, row.predicted));
                let recall = self.rows(point).map(|row| ratio(row.tp, row.gold));
                harmonic_mean(precision.sum::<f64>() / codes, recall.sum::<f64>() / codes)
            }
        }
    }

    fn micro_f1(&self, point: usize) -> f64 {
        let (mut tp, mut either) = (0, 0);
        for row in self.rows(point) {
            tp += row.tp;
            either += row.predicted + row.gold;
        }
        ratio(2 * tp, either)
    }

    fn mean_f1(&self, point: usize, chosen: fn(u64) -> bool) -> f64 {
        let (mut sum, mut codes) = (0.0, 0u32);
        for row in self.rows(point).filter(|row| chosen(row.gold)) {
            sum += f1(row.tp, row.predicted - row.tp, row.gold - row.tp);
            codes += 1;
        }
        if codes == 0 { 0.0 } else { sum / f64::from(codes) }
    }

    fn rows(&self, point: usize) -> impl Iterator<Item = Row> {
        let at_point = move |counts: &[u32]| u64::from(counts[point]);
        let predicted = self.predicted.chunks_exact(self.points).map(at_point);
        let tp = self.tp.chunks_exact(self.points).map(at_point);
        let gold = self.gold.iter().map(|&gold| u64::from(gold));
        predicted
            .zip(tp)
            .zip(gold)
            .map(|((predicted, tp), gold)| Row { predicted, tp, gold })
    }
}

/// One code at one threshold.
struct Row {
    predicted: u64,
    tp: u64,
    gold: u64,
}

fn count_decisions(scores: &Scores, targets: &Targets, thresholds: &[f32]) -> Decisions {
    let (notes, points) = (scores.notes(), thresholds.len());
    let rungs: Vec<u32> = thresholds.iter().map(|&threshold| order_key(threshold)).collect();
    let ladder = Ladder::new(rungs, GRID_BUCKETS);
    let by_code = targets.by_code();
    let mut predicted = vec![0; scores.codes() * points];
    let mut tp = vec![0; scores.codes() * points];
    predicted
        .par_chunks_mut(BLOCK * points)
        .zip(tp.par_chunks_mut(BLOCK * points))
        .enumerate()
        .for_each_init(Vec::new, |keys, (block, (predicted, tp))| {
            read_columns(scores, block * BLOCK, predicted.len() / points, keys);
            let codes = predicted.chunks_exact_mut(points).zip(tp.chunks_exact_mut(points));
            for (position, (predicted, tp)) in codes.enumerate() {
                let keys = &keys[position * notes..(position + 1) * notes];
                let gold = by_code.notes(block * BLOCK + position);
                count_above(&ladder, keys.iter().copied(), predicted);
                count_above(&ladder, gold.iter().map(|&note| keys[note]), tp);
            }
        });
    let gold = (0..scores.codes())
        .map(|code| by_code.notes(code).len() as u32)
        .collect();
    Decisions {
        points,
        predicted,
        tp,
        gold,
    }
}

/// Sets `above[p]` to the number of keys above threshold p.
fn count_above(ladder: &Ladder, keys: impl Iterator<Item = u32>, above: &mut [u32]) {
    for key in keys {
        // Half the place is the number of thresholds that the key is strictly above.
        if let Some(last) = (ladder.place(key) / 2).checked_sub(1) {
            above[last] += 1;
        }
    }
    for point in (1..above.len()).rev() {
        above[point - 1] += above[point];
    }
}
