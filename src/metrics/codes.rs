//! Scores by code, and the micro-averaged areas, in one pass over the columns.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{BLOCK, order_key, read_columns};
use super::fractions::{f1, harmonic_mean, ratio};
use super::input::{NotesByCode, Scores, Targets};
use super::ladder::{Areas, GoldLadder};

/// Look-up table of the pooled ladder: 512 KiB, which stays in the second-level cache.
const POOLED_BUCKETS: usize = 1 << 17;

/// One code's decisions and ranking over all notes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CodeScore {
    /// The code's column in scores and targets.
    pub column: u32,
    /// True positives: notes where the code is gold and predicted.
    pub tp: u32,
    /// False positives: notes where it is predicted only.
    pub fp: u32,
    /// False negatives: notes where it is gold only.
    #[serde(rename = "fn")]
    pub fn_: u32,
    /// tp / (tp + fp); 0 when the code is never predicted.
    pub precision: f64,
    /// tp / (tp + fn); 0 when the code is never gold.
    pub recall: f64,
    /// 2tp / (2tp + fp + fn); 0 when the code is neither.
    pub f1: f64,
    /// Area under the ROC curve; absent unless some notes have the code and some do not.
    pub roc_auc: Option<f64>,
    /// Average precision; absent unless some note has the code.
    pub pr_auc: Option<f64>,
}

impl CodeScore {
    /// Notes with the code, tp + fn.
    pub fn gold(&self) -> u32 {
        self.tp + self.fn_
    }
}

/// What one pass over the columns gives.
pub(super) struct CodePass {
    /// One row a code, in column order.
    pub(super) per_code: Vec<CodeScore>,
    /// Areas over all cells; absent when nothing is gold.
    pub(super) pooled: Option<Areas>,
    /// Areas over the cells of codes that have gold pairs; absent when nothing is gold.
    pub(super) pooled_present: Option<Areas>,
}

/// The metrics that a pass over the columns gives, by name.
pub(super) const CODE_METRICS: [&str; 12] = [
    "macro-precision",
    "macro-recall",
    "macro-f1-caml",
    "macro-f1-all",
    "jaccard-macro",
    "micro-f1-present",
    "macro-f1-present",
    "micro-roc-auc",
    "micro-roc-auc-present",
    "micro-pr-auc",
    "macro-roc-auc",
    "macro-pr-auc",
];

impl CodePass {
    /// The value of one of [`CODE_METRICS`]; `None` where it is undefined, and for any other name.
    pub(super) fn value(&self, name: &str) -> Option<f64> {
        match name {
            "macro-precision" => Some(self.mean(|code| code.precision)),
            "macro-recall" => Some(self.mean(|code| code.recall)),
            "macro-f1-caml" => Some(harmonic_mean(
                self.mean(|code| code.precision),
                self.mean(|code| code.recall),
            )),
            "macro-f1-all" => Some(self.mean(|code| code.f1)),
            "jaccard-macro" => Some(self.mean(jaccard)),
            "micro-f1-present" => self.micro_f1_present(),
            "macro-f1-present" => mean_of(self.present().map(|code| code.f1)),
            "micro-roc-auc" => self.pooled.and_then(|areas| areas.roc),
            "micro-roc-auc-present" => self.pooled_present.and_then(|areas| areas.roc),
            "micro-pr-auc" => self.pooled.map(|areas| areas.pr),
            "macro-roc-auc" => mean_of(self.per_code.iter().filter_map(|code| code.roc_auc)),
            "macro-pr-auc" => mean_of(self.per_code.iter().filter_map(|code| code.pr_auc)),
            _ => None,
        }
    }

    /// Over all codes, those without gold pairs included (0/0 counts 0).
    fn mean(&self, value: fn(&CodeScore) -> f64) -> f64 {
        self.per_code.iter().map(value).sum::<f64>() / self.per_code.len() as f64
    }

    /// The codes that have gold pairs here.
    fn present(&self) -> impl Iterator<Item = &CodeScore> {
        self.per_code.iter().filter(|code| code.gold() > 0)
    }

    fn micro_f1_present(&self) -> Option<f64> {
        self.present().next()?;
        let sum = |value: fn(&CodeScore) -> u32| self.present().map(|code| u64::from(value(code))).sum();
        Some(f1(sum(|code| code.tp), sum(|code| code.fp), sum(|code| code.fn_)))
    }
}

fn jaccard(code: &CodeScore) -> f64 {
    let [tp, fp, missed] = [code.tp, code.fp, code.fn_].map(u64::from);
    ratio(tp, tp + fp + missed)
}

/// Mean in the order given; nothing for no values.
fn mean_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// One pass over the columns, on all threads: every code at `threshold`, and the areas over all.
pub(super) fn score_codes(scores: &Scores, targets: &Targets, threshold: f32) -> CodePass {
    let by_code = targets.by_code();
    let pool = pool_gold(scores, targets);
    let threshold = order_key(threshold);
    let mut per_code = vec![CodeScore::default(); scores.codes()];
    let tally = per_code
        .par_chunks_mut(BLOCK)
        .enumerate()
        .fold(
            || Tally::new(pool.as_ref()),
            |mut tally, (block, codes)| {
                tally.add_block(scores, &by_code, threshold, block * BLOCK, codes);
                tally
            },
        )
        .reduce(|| Tally::new(pool.as_ref()), Tally::merge);
    let areas = |cells: &[u64]| pool.as_ref().map(|pool| pool.areas(cells));
    let all: Vec<u64> = tally.present.iter().zip(&tally.absent).map(|(a, b)| a + b).collect();
    CodePass {
        per_code,
        pooled: areas(&all),
        pooled_present: areas(&tally.present),
    }
}

/// The scores of all gold pairs, or nothing when there is none.
fn pool_gold(scores: &Scores, targets: &Targets) -> Option<GoldLadder> {
    if targets.gold() == 0 {
        return None;
    }
    let mut keys = Vec::with_capacity(targets.gold());
    for (note, row) in scores.rows().enumerate() {
        keys.extend(targets.row(note).iter().map(|&code| order_key(row[code as usize])));
    }
    keys.par_sort_unstable();
    Some(GoldLadder::new(&keys, POOLED_BUCKETS))
}

/// One thread's share of the pooled counts: cells by their place among the gold scores.
struct Tally<'a> {
    pool: Option<&'a GoldLadder>,
    present: Vec<u64>, // cells of codes with gold pairs
    absent: Vec<u64>,  // cells of the other codes
    keys: Vec<u32>,    // the block being read, [code, note]
}

impl<'a> Tally<'a> {
    fn new(pool: Option<&'a GoldLadder>) -> Self {
        let places = pool.map_or(0, GoldLadder::places);
        Tally {
            pool,
            present: vec![0; places],
            absent: vec![0; places],
            keys: Vec::new(),
        }
    }

    /// Scores the columns from `first` on into `codes` and counts their cells.
    fn add_block(
        &mut self,
        scores: &Scores,
        by_code: &NotesByCode,
        threshold: u32,
        first: usize,
        codes: &mut [CodeScore],
    ) {
        read_columns(scores, first, codes.len(), &mut self.keys);
        for (position, code) in codes.iter_mut().enumerate() {
            let keys = &self.keys[position * scores.notes()..(position + 1) * scores.notes()];
            let gold = by_code.notes(first + position);
            *code = score_code(first + position, keys, gold, threshold);
            let cells = if gold.is_empty() {
                &mut self.absent
            } else {
                &mut self.present
            };
            if let Some(pool) = self.pool {
                pool.count(keys, cells);
            }
        }
    }

    /// Adds another thread's counts: integers, so the order of merging does not matter.
    fn merge(mut self, other: Self) -> Self {
        for (count, more) in self.present.iter_mut().zip(other.present) {
            *count += more;
        }
        for (count, more) in self.absent.iter_mut().zip(other.absent) {
            *count += more;
        }
        self
    }
}

fn score_code(column: usize, keys: &[u32], gold: &[usize], threshold: u32) -> CodeScore {
    let predicted = keys.iter().filter(|&&key| key > threshold).count() as u64;
    let tp = gold.iter().filter(|&&note| keys[note] > threshold).count() as u64;
    let (fp, missed) = (predicted - tp, gold.len() as u64 - tp);
    let areas = code_areas(keys, gold);
    CodeScore {
        column: column as u32,
        tp: tp as u32,
        fp: fp as u32,
        fn_: missed as u32,
        precision: ratio(tp, tp + fp),
        recall: ratio(tp, tp + missed),
        f1: f1(tp, fp, missed),
        roc_auc: areas.and_then(|areas| areas.roc),
        pr_auc: areas.map(|areas| areas.pr),
    }
}

fn code_areas(keys: &[u32], gold: &[usize]) -> Option<Areas> {
    if gold.is_empty() {
        return None;
    }
    let mut gold_keys: Vec<u32> = gold.iter().map(|&note| keys[note]).collect();
    gold_keys.sort_unstable();
    let ladder = GoldLadder::new(&gold_keys, 4 * gold.len().next_power_of_two());
    let mut cells = vec![0; ladder.places()];
    ladder.count(keys, &mut cells);
    Some(ladder.areas(&cells))
}
