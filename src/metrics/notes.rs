//! Scores by note, and the metrics that are made of them. A paired bootstrap over notes needs no
//! more than these rows: counts of decisions and the ranks of the gold codes.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fractions::{f1, harmonic_mean, ratio};
use super::input::{Scores, Targets, TieOrder};

/// One note's decisions and the ranks of its gold codes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NoteScore {
    /// True positives: codes gold and predicted.
    pub tp: u32,
    /// False positives: codes predicted only.
    pub fp: u32,
    /// False negatives: codes gold only.
    #[serde(rename = "fn")]
    pub fn_: u32,
    /// Ranks (from 1) of the gold codes among all codes by falling score, ascending.
    pub gold_ranks: Vec<u32>,
}

/// The note-wise metrics without a k, by name.
const WITHOUT_K: [&str; 7] = [
    "micro-precision",
    "micro-recall",
    "micro-f1",
    "jaccard-micro",
    "exact-match",
    "map",
    "r-precision",
];

/// The names of all note-wise metrics with these k.
pub(super) fn note_metrics(at_k: &[usize]) -> impl Iterator<Item = String> {
    let with_k = |k: &usize| ["precision", "recall", "f1"].map(|family| format!("{family}-at-{k}"));
    WITHOUT_K
        .map(str::to_owned)
        .into_iter()
        .chain(at_k.iter().flat_map(with_k))
}

/// What each of some notes adds to one note-wise metric, ready to be summed over any sample of the notes.
///
/// Over all of them in order the value equals that of [`super::evaluate`] to the last bit.
pub struct NoteMetric(pub(super) Sum);

/// How a metric is put together from its notes.
pub(super) enum Sum {
    /// A fraction of the sums of tp, fp and fn.
    Pooled {
        counts: Vec<[u64; 3]>, // [note]
        fraction: fn([u64; 3]) -> f64,
    },
    /// The mean of a share.
    Mean(Vec<f64>), // [note]
    /// The harmonic mean of the means of two shares.
    OfMeans([Vec<f64>; 2]), // [share, note]
}

impl NoteMetric {
    /// Tabulates the metric `name` (`micro-f1`, `map`, `precision-at-8`, ...) by note. `codes` is the number of
    /// codes that are ranked, which bounds k. `None` for a name that is not a note-wise metric.
    pub fn new(name: &str, per_note: &[NoteScore], codes: usize) -> Option<Self> {
        let pooled = |fraction| Sum::Pooled {
            counts: per_note.iter().map(|n| [n.tp, n.fp, n.fn_].map(u64::from)).collect(),
            fraction,
        };
        let shares = |share: &dyn Fn(&NoteScore) -> f64| per_note.iter().map(share).collect::<Vec<f64>>();
        let precision = |k: usize| shares(&|note| ratio(hits(&note.gold_ranks, k), k.min(codes) as u64));
        let recall = |k: usize| shares(&|note| recall_at(&note.gold_ranks, k));
        Some(Self(match name {
            "micro-precision" => pooled(|[tp, fp, _]| ratio(tp, tp + fp)),
            "micro-recall" => pooled(|[tp, _, missed]| ratio(tp, tp + missed)),
            "micro-f1" => pooled(|[tp, fp, missed]| f1(tp, fp, missed)),
            "jaccard-micro" => pooled(|[tp, fp, missed]| ratio(tp, tp + fp + missed)),
            "exact-match" => Sum::Mean(shares(&|note| f64::from(note.fp == 0 && note.fn_ == 0))),
            "map" => Sum::Mean(shares(&|note| average_precision(&note.gold_ranks))),
            "r-precision" => Sum::Mean(shares(&|note| recall_at(&note.gold_ranks, note.gold_ranks.len()))),
            _ => {
                let (family, k) = name.rsplit_once("-at-")?;
                let k = k.parse().ok().filter(|k| *k > 0)?;
                match family {
                    "precision" => Sum::Mean(precision(k)),
                    "recall" => Sum::Mean(recall(k)),
                    "f1" => Sum::OfMeans([precision(k), recall(k)]),
                    _ => return None,
                }
            }
        }))
    }

    /// The metric over the notes in `sample` (rows, repeats allowed), summed in that order; 0 for an empty sample.
    ///
    /// # Panics
    /// When `sample` names a row that does not exist.
    pub fn over(&self, sample: &[usize]) -> f64 {
        let mean = |shares: &[f64]| match sample.len() {
            0 => 0.0,
            notes => sample.iter().fold(0.0, |sum, &note| sum + shares[note]) / notes as f64,
        };
        match &self.0 {
            Sum::Pooled { counts, fraction } => {
                let add = |[tp, fp, missed]: [u64; 3], &note: &usize| {
                    let [more_tp, more_fp, more_missed] = counts[note];
                    [tp + more_tp, fp + more_fp, missed + more_missed]
                };
                fraction(sample.iter().fold([0; 3], add))
            }
            Sum::Mean(shares) => mean(shares),
            Sum::OfMeans([first, second]) => harmonic_mean(mean(first), mean(second)),
        }
    }
}

/// Decides and ranks every note.
pub(super) fn score_notes(scores: &Scores, targets: &Targets, threshold: f32, ties: TieOrder) -> Vec<NoteScore> {
    let score = |note| score_note(scores.row(note), targets.row(note), threshold, ties);
    (0..scores.notes()).into_par_iter().map(score).collect()
}

fn score_note(row: &[f32], gold: &[u32], threshold: f32, ties: TieOrder) -> NoteScore {
    let predicted = count(row, |score| score > threshold);
    let above = gold.iter().filter(|&&code| row[code as usize] > threshold);
    let tp = above.count() as u32;
    let mut gold_ranks: Vec<u32> = gold.iter().map(|&code| rank(row, code as usize, ties)).collect();
    gold_ranks.sort_unstable();
    NoteScore {
        tp,
        fp: predicted - tp,
        fn_: gold.len() as u32 - tp,
        gold_ranks,
    }
}

/// 1 + the number of codes that rank before `code`. Counting beats sorting: a note has few gold
/// codes, and the comparison runs on whole vectors of scores.
fn rank(row: &[f32], code: usize, ties: TieOrder) -> u32 {
    let own = row[code];
    let (lower, higher) = (&row[..code], &row[code + 1..]);
    1 + match ties {
        TieOrder::HigherIndexFirst => count(lower, |s| s > own) + count(higher, |s| s >= own),
        TieOrder::LowerIndexFirst => count(lower, |s| s >= own) + count(higher, |s| s > own),
    }
}

fn count(scores: &[f32], chosen: impl Fn(f32) -> bool) -> u32 {
    scores.iter().map(|&score| u32::from(chosen(score))).sum()
}

/// Gold codes among the first k.
fn hits(gold_ranks: &[u32], k: usize) -> u64 {
    gold_ranks.partition_point(|&rank| rank as usize <= k) as u64
}

/// Share of the gold codes among the first k; 0 for a note without gold codes.
fn recall_at(gold_ranks: &[u32], k: usize) -> f64 {
    ratio(hits(gold_ranks, k), gold_ranks.len() as u64)
}

/// Mean over the gold codes of the precision at their rank; 0 for a note without gold codes.
fn average_precision(gold_ranks: &[u32]) -> f64 {
    let precisions = gold_ranks
        .iter()
        .zip(1u32..)
        .map(|(&rank, nth)| f64::from(nth) / f64::from(rank));
    if gold_ranks.is_empty() {
        0.0
    } else {
        precisions.sum::<f64>() / gold_ranks.len() as f64
    }
}
