//! The metrics that are means over codes, in every redraw: one pass over the codes.

use rayon::prelude::*;

use super::{Decisions, Draws};
use crate::metrics::fractions::{f1, harmonic_mean, ratio};

/// Codes that one thread takes at a time; sums are added in this order whatever the number of threads.
const CODES: usize = 64;

/// Sums over codes, by redraw.
struct Sums {
    precision: Vec<f64>,
    recall: Vec<f64>,
    f1: Vec<f64>,
    f1_present: Vec<f64>,
    jaccard: Vec<f64>,
    present: Vec<u32>,
    counts_present: [Vec<u64>; 3],
    counts: [Vec<u64>; 3],
}

/// The code-wise metrics that need decisions only, by name.
pub(super) const NAMES: [&str; 7] = [
    "macro-precision",
    "macro-recall",
    "macro-f1-caml",
    "macro-f1-all",
    "jaccard-macro",
    "micro-f1-present",
    "macro-f1-present",
];

/// The value of each of [`NAMES`] in every redraw; not a number where it is undefined.
pub(super) fn code_metrics(decisions: &Decisions, draws: &Draws) -> [Vec<f64>; 7] {
    let all: Vec<usize> = (0..decisions.codes()).collect();
    let sums = sums(decisions, draws, &all);
    let codes = decisions.codes() as f64;
    let mean = |sums: &[f64]| -> Vec<f64> { sums.iter().map(|sum| sum / codes).collect() };
    let (precision, recall) = (mean(&sums.precision), mean(&sums.recall));
    let both = precision.iter().zip(&recall);
    let caml = both
        .map(|(&precision, &recall)| harmonic_mean(precision, recall))
        .collect();
    let (micro, macro_) = sums.present();
    [
        precision,
        recall,
        caml,
        mean(&sums.f1),
        mean(&sums.jaccard),
        micro,
        macro_,
    ]
}

/// Of some codes, in every redraw: F1 over their pooled decisions, and the mean F1 of those that are gold in it.
pub fn group_f1(decisions: &Decisions, draws: &Draws, codes: &[usize]) -> [Vec<f64>; 2] {
    let sums = sums(decisions, draws, codes);
    let [tp, fp, missed] = &sums.counts;
    let pooled = (0..draws.redraws()).map(|redraw| f1(tp[redraw], fp[redraw], missed[redraw]));
    [pooled.collect(), sums.present().1]
}

fn sums(decisions: &Decisions, draws: &Draws, codes: &[usize]) -> Sums {
    let parts: Vec<Sums> = codes
        .par_chunks(CODES)
        .map(|codes| {
            let mut sums = Sums::new(draws.redraws());
            let mut counts = [0, 1, 2].map(|_| vec![0u32; draws.redraws()]);
            for &code in codes {
                // Nothing gold and nothing predicted counts 0 in every sum.
                if !decisions.is_empty(code) {
                    for (counts, notes) in counts.iter_mut().zip(decisions.of(code)) {
                        counts.fill(0);
                        draws.add(notes, counts);
                    }
                    sums.add(&counts);
                }
            }
            sums
        })
        .collect();
    let mut all = Sums::new(draws.redraws());
    for part in parts {
        all.merge(&part);
    }
    all
}

impl Sums {
    fn new(redraws: usize) -> Self {
        let zeros = || vec![0.0; redraws];
        let counts = || [0, 1, 2].map(|_| vec![0; redraws]);
        Self {
            precision: zeros(),
            recall: zeros(),
            f1: zeros(),
            f1_present: zeros(),
            jaccard: zeros(),
            present: vec![0; redraws],
            counts_present: counts(),
            counts: counts(),
        }
    }

    /// Adds a code by its counts in every redraw.
    fn add(&mut self, [tp, fp, missed]: &[Vec<u32>; 3]) {
        for redraw in 0..tp.len() {
            let counts = [tp[redraw], fp[redraw], missed[redraw]].map(u64::from);
            let [tp, fp, missed] = counts;
            let of_code = f1(tp, fp, missed);
            self.precision[redraw] += ratio(tp, tp + fp);
            self.recall[redraw] += ratio(tp, tp + missed);
            self.f1[redraw] += of_code;
            self.jaccard[redraw] += ratio(tp, tp + fp + missed);
            let present = tp + missed > 0;
            self.present[redraw] += u32::from(present);
            self.f1_present[redraw] += if present { of_code } else { 0.0 };
            for (place, count) in counts.into_iter().enumerate() {
                self.counts[place][redraw] += count;
                self.counts_present[place][redraw] += if present { count } else { 0 };
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        for (sums, more) in [
            (&mut self.precision, &other.precision),
            (&mut self.recall, &other.recall),
            (&mut self.f1, &other.f1),
            (&mut self.f1_present, &other.f1_present),
            (&mut self.jaccard, &other.jaccard),
        ] {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        self.present
            .iter_mut()
            .zip(&other.present)
            .for_each(|(sum, more)| *sum += more);
        let counts = self.counts.iter_mut().zip(&other.counts);
        let counts_present = self.counts_present.iter_mut().zip(&other.counts_present);
        for (sums, more) in counts.chain(counts_present) {
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
    }

    /// Micro- and macro-F1 over the codes that are gold in a redraw.
    fn present(&self) -> (Vec<f64>, Vec<f64>) {
        let defined = |redraw: usize, value: f64| if self.present[redraw] == 0 { f64::NAN } else { value };
        let [tp, fp, missed] = &self.counts_present;
        let micro = |redraw: usize| f1(tp[redraw], fp[redraw], missed[redraw]);
        let mean = |redraw: usize| self.f1_present[redraw] / f64::from(self.present[redraw]);
        let over = |of: &dyn Fn(usize) -> f64| {
            (0..self.present.len())
                .map(|redraw| defined(redraw, of(redraw)))
                .collect()
        };
        (over(&micro), over(&mean))
    }
}
