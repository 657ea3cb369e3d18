//! What stands behind single scores: decisions at every threshold, precision against recall, calibration, and how the areas
//! of the codes are distributed.
//!
//! One pass over the columns places each score among the thresholds and among the scores that stand for a recall. Counts are
//! integers, and probabilities are summed in fixed point, so the number of threads moves nothing. Time is linear in the
//! (note, code) pairs; besides the scores about 7 KiB are held for every 16 codes.

mod count;

use rayon::prelude::*;
use serde::Serialize;

use super::codes::CodeScore;
use super::error::Error;
use super::fractions::{f1, ratio};
use super::input::{Scores, Targets, check_shape};
use count::{ONE, STEPS, Tally, count, threshold};

/// Bins of the reliability diagram, of equal width.
const BINS: usize = 20;
/// Bins of the codes' areas, of equal width: the last, from 0.98 on, is the one that BERT-XML counts (section 4.4).
const AREA_BINS: usize = 50;

/// Curves over all (note, code) pairs, and the codes by their area. Values have four significant digits.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Curves {
    /// Thresholds ascending from 0.01 to 0.99.
    pub thresholds: Vec<ThresholdPoint>,
    /// By rising recall; empty when nothing is gold.
    pub precision_recall: Vec<PrecisionPoint>,
    /// Absent where a score is no probability (below 0 or above 1).
    pub calibration: Option<Calibration>,
    /// Codes by their area under the ROC curve, ascending; bins without a code have no row.
    pub areas: Vec<AreaBin>,
}

/// Decisions at one threshold: a code is predicted when its score is above it, strictly, compared in single precision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ThresholdPoint {
    /// 0 to 1.
    pub threshold: f64,
    /// Of the pooled decisions; 0 when nothing is predicted.
    pub micro_precision: f64,
    /// Of the pooled decisions; 0 when nothing is gold.
    pub micro_recall: f64,
    /// Of the pooled decisions.
    pub micro_f1: f64,
    /// Mean F1 over the codes with gold pairs; absent when there is none.
    pub macro_f1_present: Option<f64>,
}

/// Precision where the pooled ranking reaches a recall: at the highest score at or above which at least 1/100, 2/100, ... of
/// the gold pairs lie. Equal scores are decided alike, so tied pairs are one point. Not interpolated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PrecisionPoint {
    /// Share of the gold pairs at or above the score.
    pub recall: f64,
    /// Share of gold pairs among the pairs at or above the score.
    pub precision: f64,
}

/// Whether pairs with a probability of p are gold in a share of p of the cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Calibration {
    /// Expected calibration error of Guo et al. 2017 over 20 bins of equal width: the mean over all pairs of the distance
    /// between a bin's mean probability and its share of gold pairs.
    pub expected_error: f64,
    /// Bins that hold pairs, ascending.
    pub bins: Vec<CalibrationBin>,
}

/// The pairs whose probability lies above `lower` and not above `upper`; a probability of 0 is in the first bin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CalibrationBin {
    /// Lower edge.
    pub lower: f64,
    /// Upper edge.
    pub upper: f64,
    /// (note, code) pairs in the bin.
    pub pairs: u64,
    /// Their mean probability.
    pub mean_probability: f64,
    /// Share of them that is gold.
    pub gold_share: f64,
}

/// Codes whose area under the ROC curve is at least `lower` and below `upper`; an area of 1 is in the last bin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AreaBin {
    /// Lower edge.
    pub lower: f64,
    /// Upper edge.
    pub upper: f64,
    /// Codes in the bin.
    pub codes: u32,
}

/// Computes the curves. `per_code` are the scores by code of the same evaluation.
///
/// With `least` above 1 no count of 1 to `least - 1` can be read off them: points made of so few true positives, false
/// positives or false negatives are left out, and neighbouring bins are put together until each has `least` gold and `least`
/// other pairs (`least` codes where codes are counted), or, where all of them have fewer, left out.
///
/// # Errors
/// [`Error::Shape`] when scores and targets disagree.
pub fn curves(scores: &Scores, targets: &Targets, per_code: &[CodeScore], least: u64) -> Result<Curves, Error> {
    check_shape(scores, targets)?;
    let probabilities = scores.values().par_iter().all(|score| (0.0..=1.0).contains(score));
    let (tally, gold) = (count(scores, targets, probabilities), targets.gold() as u64);
    Ok(Curves {
        thresholds: threshold_points(&tally, gold, least),
        precision_recall: precision_points(&tally, gold, least),
        calibration: probabilities.then(|| calibration(&tally, least)),
        areas: area_bins(per_code, least),
    })
}

/// To four significant digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value) // OK because a printed number reads back
}

fn threshold_points(tally: &Tally, all_gold: u64, least: u64) -> Vec<ThresholdPoint> {
    let (mut predicted, mut tp) = (0, 0);
    let mut points = Vec::new();
    for step in (1..STEPS).rev() {
        predicted += tally.pairs[step];
        tp += tally.gold[step];
        let (fp, missed) = (predicted - tp, all_gold - tp);
        if [tp, fp, missed].iter().any(|count| (1..least).contains(count)) {
            continue;
        }
        points.push(ThresholdPoint {
            threshold: threshold(step),
            micro_precision: rounded(ratio(tp, predicted)),
            micro_recall: rounded(ratio(tp, all_gold)),
            micro_f1: rounded(f1(tp, fp, missed)),
            macro_f1_present: (tally.present > 0).then(|| rounded(tally.f1[step - 1] / f64::from(tally.present))),
        });
    }
    points.reverse();
    points
}

fn precision_points(tally: &Tally, all_gold: u64, least: u64) -> Vec<PrecisionPoint> {
    let (mut predicted, mut tp) = (0, 0);
    let mut points = Vec::new();
    // From above the highest rung down; a rung's own place is the odd one.
    for place in (0..tally.reached.len()).rev() {
        predicted += tally.reached[place];
        tp += tally.reached_gold[place];
        let few = [tp, predicted - tp, all_gold - tp]
            .iter()
            .any(|count| (1..least).contains(count));
        if place % 2 == 1 && !few {
            points.push(PrecisionPoint {
                recall: rounded(ratio(tp, all_gold)),
                precision: rounded(ratio(tp, predicted)),
            });
        }
    }
    points
}

fn calibration(tally: &Tally, least: u64) -> Calibration {
    let width = STEPS / BINS;
    let edge = |bin: usize| bin as f64 / BINS as f64;
    let bin = |bin: usize| {
        let steps = bin * width..(bin + 1) * width;
        Pooled {
            edges: (edge(bin), edge(bin + 1)),
            pairs: tally.pairs[steps.clone()].iter().sum(),
            gold: tally.gold[steps.clone()].iter().sum(),
            sum: tally.sums[steps].iter().sum(),
        }
    };
    let bins: Vec<Pooled> = (0..BINS).map(bin).filter(|bin| bin.pairs > 0).collect();
    let all: u64 = bins.iter().map(|bin| bin.pairs).sum();
    let apart = bins
        .iter()
        .map(|bin| bin.pairs as f64 * (bin.mean() - bin.share()).abs());
    let expected_error = rounded(apart.sum::<f64>() / all as f64);
    let enough = |bin: &Pooled| least < 2 || (bin.gold >= least && bin.pairs - bin.gold >= least);
    let shown = merged(bins, enough, |one, other| Pooled {
        edges: (one.edges.0, other.edges.1),
        pairs: one.pairs + other.pairs,
        gold: one.gold + other.gold,
        sum: one.sum + other.sum,
    });
    let row = |bin: Pooled| CalibrationBin {
        lower: bin.edges.0,
        upper: bin.edges.1,
        pairs: bin.pairs,
        mean_probability: rounded(bin.mean()),
        gold_share: rounded(bin.share()),
    };
    Calibration {
        expected_error,
        bins: shown.into_iter().map(row).collect(),
    }
}

/// The pairs of one or more bins.
struct Pooled {
    edges: (f64, f64),
    pairs: u64,
    gold: u64,
    sum: u128,
}

impl Pooled {
    fn mean(&self) -> f64 {
        self.sum as f64 / ONE / self.pairs as f64
    }

    fn share(&self) -> f64 {
        ratio(self.gold, self.pairs)
    }
}

/// Neighbours joined until each of them has enough; nothing where all together have not.
fn merged<T>(bins: Vec<T>, enough: impl Fn(&T) -> bool, join: impl Fn(T, T) -> T) -> Vec<T> {
    let mut done: Vec<T> = Vec::new();
    let mut open: Option<T> = None;
    for bin in bins {
        let bin = match open.take() {
            Some(before) => join(before, bin),
            None => bin,
        };
        if enough(&bin) {
            done.push(bin);
        } else {
            open = Some(bin);
        }
    }
    if let Some(rest) = open {
        let last = done.pop();
        done.extend(last.map(|last| join(last, rest)));
    }
    done
}

fn area_bins(per_code: &[CodeScore], least: u64) -> Vec<AreaBin> {
    let edge = |bin: usize| bin as f64 / AREA_BINS as f64;
    let bin = |bin: usize| AreaBin {
        lower: edge(bin),
        upper: edge(bin + 1),
        codes: 0,
    };
    let mut bins: Vec<AreaBin> = (0..AREA_BINS).map(bin).collect();
    for area in per_code.iter().filter_map(|code| code.roc_auc) {
        let above = bins.partition_point(|bin| bin.lower <= area);
        bins[above.max(1) - 1].codes += 1;
    }
    bins.retain(|bin| bin.codes > 0);
    let enough = |bin: &AreaBin| least < 2 || u64::from(bin.codes) >= least;
    merged(bins, enough, |one, other| AreaBin {
        lower: one.lower,
        upper: other.upper,
        codes: one.codes + other.codes,
    })
}

#[cfg(test)]
mod tests;
