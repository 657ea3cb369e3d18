//! Placing every score among the thresholds and the recalls, on all threads.

use rayon::prelude::*;

use super::super::columns::{BLOCK, order_key, read_columns};
use super::super::fractions::f1;
use super::super::input::{NotesByCode, Scores, Targets};
use super::super::ladder::Ladder;

/// Steps of the thresholds: 1/100, 2/100, ..., 99/100 lie between them.
pub const STEPS: usize = 100;
/// Recalls of the precision-recall curve: 1/100, ..., 1.
const RECALLS: usize = 100;
/// What a probability of 1 is in fixed point.
pub const ONE: f64 = (1u64 << 40) as f64;
/// Look-up table of the ladders: fine enough that most searches see one rung.
const BUCKETS: usize = 1 << 12;

/// The order keys of the scores that stand for the recalls, ascending and distinct.
fn recall_keys(scores: &Scores, targets: &Targets) -> Vec<u32> {
    let rows = scores.rows().enumerate();
    let gold = rows.flat_map(|(note, row)| targets.row(note).iter().map(|&code| order_key(row[code as usize])));
    let mut keys: Vec<u32> = gold.collect();
    keys.par_sort_unstable_by(|a, b| b.cmp(a));
    if keys.is_empty() {
        return keys;
    }
    let rank = |recall: usize| (recall * keys.len()).div_ceil(RECALLS);
    let mut chosen: Vec<u32> = (1..=RECALLS).map(|recall| keys[rank(recall) - 1]).collect();
    chosen.reverse();
    chosen.dedup();
    chosen
}

/// The threshold below a step.
pub fn threshold(step: usize) -> f64 {
    step as f64 / STEPS as f64
}

/// Counts all pairs. With `sums` the probabilities are summed too: scores are then between 0 and 1.
pub fn count(scores: &Scores, targets: &Targets, sums: bool) -> Tally {
    let recalls = recall_keys(scores, targets);
    let thresholds = (1..STEPS).map(|step| order_key(threshold(step) as f32)).collect();
    let counting = Counting {
        thresholds: Ladder::new(thresholds, BUCKETS),
        recalls: (!recalls.is_empty()).then(|| Ladder::new(recalls, BUCKETS)),
        sums,
    };
    counting.all(scores, &targets.by_code())
}

/// Where scores are counted.
struct Counting {
    thresholds: Ladder,
    /// Absent when nothing is gold.
    recalls: Option<Ladder>,
    /// Whether probabilities are summed.
    sums: bool,
}

/// Counts over some columns. A pair's step is the number of thresholds below its score.
pub struct Tally {
    /// Pairs by step.
    pub pairs: Vec<u64>,
    /// Gold pairs by step.
    pub gold: Vec<u64>,
    /// Probabilities by step, summed in fixed point.
    pub sums: Vec<u128>,
    /// F1 by threshold, summed over the codes with gold pairs.
    pub f1: Vec<f64>,
    /// Codes with gold pairs.
    pub present: u32,
    /// Pairs by their place among the scores that stand for a recall.
    pub reached: Vec<u64>,
    /// Gold pairs by that place.
    pub reached_gold: Vec<u64>,
}

impl Counting {
    fn empty(&self) -> Tally {
        let places = self.recalls.as_ref().map_or(0, Ladder::places);
        Tally {
            pairs: vec![0; STEPS],
            gold: vec![0; STEPS],
            sums: vec![0; STEPS],
            f1: vec![0.0; STEPS - 1],
            present: 0,
            reached: vec![0; places],
            reached_gold: vec![0; places],
        }
    }

    /// All columns. Blocks are counted on all threads and added in their order, as sums of F1 depend on it.
    fn all(&self, scores: &Scores, by_code: &NotesByCode) -> Tally {
        let blocks = scores.codes().div_ceil(BLOCK);
        let counted: Vec<Tally> = (0..blocks)
            .into_par_iter()
            .map_init(Vec::new, |keys, block| {
                let first = block * BLOCK;
                let width = BLOCK.min(scores.codes() - first);
                read_columns(scores, first, width, keys);
                let mut tally = self.empty();
                for (position, keys) in keys.chunks_exact(scores.notes()).enumerate() {
                    self.column(keys, by_code.notes(first + position), &mut tally);
                }
                tally
            })
            .collect();
        let mut all = self.empty();
        counted.iter().for_each(|tally| all.add(tally));
        all
    }

    /// One code: the order keys of its scores by note, and the notes that have it.
    fn column(&self, keys: &[u32], gold: &[usize], tally: &mut Tally) {
        let (mut pairs, mut right) = ([0u64; STEPS], [0u64; STEPS]);
        for &key in keys {
            let step = self.thresholds.place(key) / 2;
            pairs[step] += 1;
            if self.sums {
                // Keys of numbers from 0 on are their bits under a leading one.
                let probability = f64::from(f32::from_bits(key & !(1 << 31)));
                tally.sums[step] += (probability * ONE).round() as u128;
            }
        }
        gold.iter()
            .for_each(|&note| right[self.thresholds.place(keys[note]) / 2] += 1);
        for step in 0..STEPS {
            tally.pairs[step] += pairs[step];
            tally.gold[step] += right[step];
        }
        if let Some(recalls) = &self.recalls {
            keys.iter().for_each(|&key| tally.reached[recalls.place(key)] += 1);
            gold.iter()
                .for_each(|&note| tally.reached_gold[recalls.place(keys[note])] += 1);
        }
        if gold.is_empty() {
            return;
        }
        tally.present += 1;
        let (mut predicted, mut tp) = (0, 0);
        for step in (1..STEPS).rev() {
            predicted += pairs[step];
            tp += right[step];
            tally.f1[step - 1] += f1(tp, predicted - tp, gold.len() as u64 - tp);
        }
    }
}

impl Tally {
    fn add(&mut self, other: &Self) {
        for step in 0..STEPS {
            self.pairs[step] += other.pairs[step];
            self.gold[step] += other.gold[step];
            self.sums[step] += other.sums[step];
        }
        let f1 = self.f1.iter_mut().zip(&other.f1);
        f1.for_each(|(sum, more)| *sum += more);
        self.present += other.present;
        for place in 0..self.reached.len() {
            self.reached[place] += other.reached[place];
            self.reached_gold[place] += other.reached_gold[place];
        }
    }
}
