//! The paired bootstrap over notes (Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapters 10 and 13; for
//! pairs of systems Koehn 2004, Statistical Significance Tests for Machine Translation Evaluation).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::metrics::NoteMetric;

/// Resamples of an interval.
pub const RESAMPLES: usize = 2_000;
/// Share of the resampled changes inside the interval.
const INSIDE: f64 = 0.95;
/// Every interval is drawn from this seed, so that the same records give the same interval.
const SEED: u64 = 0;

/// A change of a metric and what chance in the choice of evaluation notes does to it.
///
/// The notes are drawn with replacement, as many as there are, [`RESAMPLES`] times, and the metric is computed in
/// both records over the same draw; the interval holds the middle 95 % of the changes. It speaks of the notes only: another training seed
/// may move the scores further. Notes count as independent, also where a patient has several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The metric in the second record minus that in the first, over all notes; -1 to 1.
    pub change: f64,
    /// Least and greatest change in the 95 % interval.
    pub interval: (f64, f64),
    /// Evaluation notes that both records have, and that are drawn from.
    pub notes: usize,
}

impl Change {
    /// Whether the interval lies wholly above or wholly below 0.
    pub fn excludes_zero(&self) -> bool {
        self.interval.0 > 0.0 || self.interval.1 < 0.0
    }
}

/// The change from one record's metric to another's, both tabulated over the same `notes` notes in the same order.
/// Without notes it is 0.
pub fn change(from: &NoteMetric, to: &NoteMetric, notes: usize) -> Change {
    let over = |sample: &[usize]| to.over(sample) - from.over(sample);
    Change {
        change: over(&(0..notes).collect::<Vec<_>>()),
        interval: resampled(notes, over),
        notes,
    }
}

/// The interval of one record's metric, tabulated over `notes` notes.
pub fn interval(of: &NoteMetric, notes: usize) -> (f64, f64) {
    resampled(notes, |sample| of.over(sample))
}

/// The middle 95 % of a quantity over resamples of the notes.
fn resampled(notes: usize, quantity: impl Fn(&[usize]) -> f64) -> (f64, f64) {
    let mut stream = ChaCha8Rng::seed_from_u64(SEED);
    let mut sample = vec![0; notes];
    let mut values = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        sample.fill_with(|| below(&mut stream, notes));
        values.push(quantity(&sample));
    }
    values.sort_by(f64::total_cmp);
    let outside = (1.0 - INSIDE) / 2.0;
    (quantile(&values, outside), quantile(&values, 1.0 - outside))
}

/// A place below `n`, each as likely as any other to one part in 2^32 / n.
fn below(stream: &mut ChaCha8Rng, n: usize) -> usize {
    ((u64::from(stream.next_u32()) * n as u64) >> 32) as usize
}

/// The quantile of ascending values, linear between neighbours.
fn quantile(ascending: &[f64], share: f64) -> f64 {
    let place = share * (ascending.len() - 1) as f64;
    let (below, above) = (ascending[place.floor() as usize], ascending[place.ceil() as usize]);
    below + (place - place.floor()) * (above - below)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::NoteScore;

    /// A note with so many true positives, and so many decisions wrong.
    fn counts(correct: u32, wrong: u32) -> NoteScore {
        NoteScore {
            tp: correct,
            fp: wrong,
            ..NoteScore::default()
        }
    }

    /// The change of micro-F1 between the two sides of each pair.
    fn change(pairs: &[[NoteScore; 2]]) -> Change {
        let side = |side: usize| {
            let notes: Vec<NoteScore> = pairs.iter().map(|pair| pair[side].clone()).collect();
            NoteMetric::new("micro-f1", &notes, 9).unwrap()
        };
        super::change(&side(0), &side(1), pairs.len())
    }

    #[test]
    fn the_same_counts_twice_change_nothing() {
        let twice = |note: u32| [counts(note % 5, note % 3), counts(note % 5, note % 3)];
        let pairs: Vec<_> = (0..50).map(twice).collect();
        let found = change(&pairs);
        assert_eq!((found.change, found.interval, found.notes), (0.0, (0.0, 0.0), 50));
        assert!(!found.excludes_zero());
        assert_eq!(change(&[]).interval, (0.0, 0.0));
    }

    #[test]
    fn equal_notes_leave_no_room_for_chance() {
        // Every note: 1 right and 2 wrong, then 3 right and 1 wrong: F1 from 2/4 to 6/7 in any resample.
        let found = change(&vec![[counts(1, 2), counts(3, 1)]; 20]);
        assert!((found.change - (6.0 / 7.0 - 0.5)).abs() < 1e-12);
        assert_eq!(found.interval, (found.change, found.change));
        assert!(found.excludes_zero());
    }

    #[test]
    fn the_interval_is_that_of_the_exact_distribution() {
        // Ten notes of one gold code that both predict one code for; the second record is right on one note where the
        // first is wrong, the first is right on none: the change is the share of draws of that note, a binomial
        // of 10 draws at 1/10. Its 2.5 % quantile is 0 and its 97.5 % quantile 3 of 10.
        let mut pairs = vec![[counts(0, 2), counts(0, 2)]; 10];
        pairs[0][1] = counts(1, 0);
        let found = change(&pairs);
        assert!((found.change - 0.1).abs() < 1e-12);
        assert_eq!(found.interval.0, 0.0);
        assert!((found.interval.1 - 0.3).abs() < 1e-12);
        assert!(!found.excludes_zero());
    }

    #[test]
    fn the_interval_of_one_record_is_that_of_its_change_from_nothing() {
        let notes: Vec<NoteScore> = (0..30).map(|note| counts(note % 4, note % 3)).collect();
        let metric = |notes: &[NoteScore]| NoteMetric::new("micro-f1", notes, 9).unwrap();
        let nothing = metric(&vec![counts(0, 1); 30]);
        let found = interval(&metric(&notes), 30);
        assert_eq!(found, super::change(&nothing, &metric(&notes), 30).interval);
        assert!(found.0 < found.1);
    }

    #[test]
    fn the_same_pairs_give_the_same_interval() {
        let pairs: Vec<_> = (0..40).map(|note| [counts(note % 4, 2), counts(note % 7, 3)]).collect();
        assert_eq!(change(&pairs), change(&pairs));
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[0.0, 1.0, 2.0, 3.0], 0.5), 1.5);
        assert_eq!(quantile(&[0.0, 1.0], 1.0), 1.0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn the_interval_of_symmetric_data_contains_the_change(
            half in prop::collection::vec((0u32..6, 0u32..6, 0u32..6, 0u32..6), 4..40),
        ) {
            // Each note has a twin whose counts in the two records are exchanged.
            let twins = half.iter().flat_map(|&(a, b, c, d)| {
                [[counts(a, b), counts(c, d)], [counts(c, d), counts(a, b)]]
            });
            let found = change(&twins.collect::<Vec<_>>());
            prop_assert_eq!(found.change, 0.0);
            prop_assert!(found.interval.0 <= 0.0 && 0.0 <= found.interval.1, "{:?}", found);
        }
    }
}
