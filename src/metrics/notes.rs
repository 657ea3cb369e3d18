//! Scores by note, and the metrics that are made of them. A paired bootstrap over notes needs no
//! more than these rows: counts of decisions and the ranks of the gold codes.

use std::collections::BTreeMap;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Error, Scores, Targets, TieOrder, f1, harmonic_mean, ratio};

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

/// The note-wise metrics of the notes in `sample` (rows, repeats allowed): micro-precision,
/// -recall and -F1, micro Jaccard, exact match, MAP, R-precision and, for each k, precision,
/// recall and F1. `codes` is the number of codes, which bounds k.
///
/// With `sample` = 0, 1, 2, ... the values equal those of [`super::evaluate`] to the last bit.
/// To draw many samples of the same notes, keep a [`NoteTable`].
///
/// # Errors
/// [`Error::Empty`] for an empty sample, [`Error::Sample`] for a row that does not exist and
/// [`Error::AtK`] for k = 0.
pub fn from_notes(
    per_note: &[NoteScore],
    sample: &[usize],
    at_k: &[usize],
    codes: usize,
) -> Result<BTreeMap<String, f64>, Error> {
    NoteTable::new(per_note, at_k, codes)?.scores(sample)
}

/// What each note adds to the note-wise metrics, ready to be summed over any sample of notes.
pub struct NoteTable {
    codes: usize,
    at_k: Vec<usize>,
    counts: Vec<[u64; 3]>, // [note] of tp, fp, fn
    shares: Vec<f64>,      // [note, share]: exact match, AP, R-precision, then P and R of each k
}

impl NoteTable {
    /// Tabulates `per_note`, in its order.
    ///
    /// # Errors
    /// [`Error::AtK`] for k = 0 and [`Error::Empty`] for 0 codes.
    pub fn new(per_note: &[NoteScore], at_k: &[usize], codes: usize) -> Result<Self, Error> {
        if codes == 0 {
            return Err(Error::Empty {
                notes: per_note.len(),
                codes,
            });
        }
        if at_k.contains(&0) {
            return Err(Error::AtK);
        }
        let mut shares = Vec::with_capacity(per_note.len() * (3 + 2 * at_k.len()));
        for note in per_note {
            shares.push(f64::from(note.fp == 0 && note.fn_ == 0));
            shares.push(average_precision(&note.gold_ranks));
            shares.push(recall_at(&note.gold_ranks, note.gold_ranks.len()));
            for &k in at_k {
                shares.push(ratio(hits(&note.gold_ranks, k), k.min(codes) as u64));
                shares.push(recall_at(&note.gold_ranks, k));
            }
        }
        let counts = per_note.iter().map(|note| [note.tp, note.fp, note.fn_].map(u64::from));
        Ok(NoteTable {
            codes,
            at_k: at_k.to_vec(),
            counts: counts.collect(),
            shares,
        })
    }

    /// The metrics over the notes in `sample` (rows, repeats allowed), summed in that order.
    ///
    /// # Errors
    /// [`Error::Empty`] for an empty sample and [`Error::Sample`] for a row that does not exist.
    pub fn scores(&self, sample: &[usize]) -> Result<BTreeMap<String, f64>, Error> {
        if sample.is_empty() {
            return Err(Error::Empty {
                notes: 0,
                codes: self.codes,
            });
        }
        let width = 3 + 2 * self.at_k.len();
        let mut counts = [0u64; 3];
        let mut means = vec![0.0; width];
        for &note in sample {
            let Some(row) = self.counts.get(note) else {
                return Err(Error::Sample {
                    note,
                    notes: self.counts.len(),
                });
            };
            for (sum, count) in counts.iter_mut().zip(row) {
                *sum += count;
            }
            for (sum, share) in means.iter_mut().zip(&self.shares[note * width..]) {
                *sum += share;
            }
        }
        for mean in &mut means {
            *mean /= sample.len() as f64;
        }
        Ok(self.name(counts, &means))
    }

    fn name(&self, [tp, fp, missed]: [u64; 3], means: &[f64]) -> BTreeMap<String, f64> {
        let mut scores = BTreeMap::from([
            ("micro-precision".to_owned(), ratio(tp, tp + fp)),
            ("micro-recall".to_owned(), ratio(tp, tp + missed)),
            ("micro-f1".to_owned(), f1(tp, fp, missed)),
            ("jaccard-micro".to_owned(), ratio(tp, tp + fp + missed)),
            ("exact-match".to_owned(), means[0]),
            ("map".to_owned(), means[1]),
            ("r-precision".to_owned(), means[2]),
        ]);
        for (k, pair) in self.at_k.iter().zip(means[3..].chunks_exact(2)) {
            scores.insert(format!("precision-at-{k}"), pair[0]);
            scores.insert(format!("recall-at-{k}"), pair[1]);
            scores.insert(format!("f1-at-{k}"), harmonic_mean(pair[0], pair[1]));
        }
        scores
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
