//! Curves beside loops that follow their definitions word by word, and by hand.

use super::super::{Options, TieOrder, evaluate};
use super::*;

/// Scores with many ties and gold codes, more columns than a block has.
fn arrays() -> (Vec<f32>, Vec<Vec<u32>>, usize) {
    const NOTES: usize = 41;
    const CODES: usize = 37;
    let mut state = 12_345u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let values = (0..NOTES * CODES).map(|_| draw(201) as f32 / 200.0).collect();
    let gold = (0..NOTES).map(|_| (0..CODES as u32).filter(|&code| code > 0 && draw(9) == 0).collect());
    (values, gold.collect(), CODES)
}

fn made(values: &[f32], gold: &[Vec<u32>], codes: usize, least: u64) -> Curves {
    let scores = Scores::new(values, gold.len(), codes).unwrap();
    let targets = Targets::from_rows(gold, codes).unwrap();
    let options = Options {
        threshold: 0.5,
        at_k: vec![1],
        ties: TieOrder::HigherIndexFirst,
    };
    let evaluation = evaluate(&scores, &targets, &options).unwrap();
    curves(&scores, &targets, &evaluation.per_code, least).unwrap()
}

/// Every pair: its score, and whether it is gold.
fn pairs(values: &[f32], gold: &[Vec<u32>], codes: usize) -> Vec<(f32, bool)> {
    let cells = values.iter().enumerate();
    cells
        .map(|(cell, &score)| (score, gold[cell / codes].contains(&((cell % codes) as u32))))
        .collect()
}

#[test]
fn every_threshold_is_the_evaluation_at_it() {
    let (values, gold, codes) = arrays();
    let found = made(&values, &gold, codes, 1);
    assert_eq!(found.thresholds.len(), 99);
    let scores = Scores::new(&values, gold.len(), codes).unwrap();
    let targets = Targets::from_rows(&gold, codes).unwrap();
    for (at, point) in found.thresholds.iter().enumerate() {
        assert_eq!(point.threshold, (at + 1) as f64 / 100.0);
        let options = Options {
            threshold: point.threshold as f32,
            at_k: vec![1],
            ties: TieOrder::HigherIndexFirst,
        };
        let scores = evaluate(&scores, &targets, &options).unwrap().scores;
        let pairs = [
            ("micro-precision", point.micro_precision),
            ("micro-recall", point.micro_recall),
            ("micro-f1", point.micro_f1),
            ("macro-f1-present", point.macro_f1_present.unwrap()),
        ];
        for (name, value) in pairs {
            assert!(
                (scores[name] - value).abs() <= 5e-5,
                "{name} at {}: {} and {value}",
                point.threshold,
                scores[name]
            );
        }
    }
}

#[test]
fn precision_and_recall_are_those_of_the_scores_that_reach_each_hundredth() {
    let (values, gold, codes) = arrays();
    let all = pairs(&values, &gold, codes);
    let all_gold = all.iter().filter(|(_, gold)| *gold).count();
    let mut distinct: Vec<f32> = all.iter().map(|(score, _)| *score).collect();
    distinct.sort_by(|a, b| b.total_cmp(a));
    distinct.dedup();
    let mut expected: Vec<PrecisionPoint> = Vec::new();
    for recall in 1..=100 {
        let reaches = |score: &&f32| {
            let tp = all.iter().filter(|(of, gold)| *gold && of >= *score).count();
            100 * tp >= recall * all_gold
        };
        let score = distinct.iter().find(reaches).unwrap();
        let above: Vec<bool> = all
            .iter()
            .filter(|(of, _)| of >= score)
            .map(|(_, gold)| *gold)
            .collect();
        let tp = above.iter().filter(|gold| **gold).count() as f64;
        let point = PrecisionPoint {
            recall: rounded(tp / all_gold as f64),
            precision: rounded(tp / above.len() as f64),
        };
        if expected.last() != Some(&point) {
            expected.push(point);
        }
    }
    assert_eq!(made(&values, &gold, codes, 1).precision_recall, expected);
}

#[test]
fn bins_of_probability_hold_what_lies_in_them() {
    let (values, gold, codes) = arrays();
    let all = pairs(&values, &gold, codes);
    let found = made(&values, &gold, codes, 1).calibration.unwrap();
    assert_eq!(found.bins.len(), 20);
    let mut error = 0.0;
    for (at, bin) in found.bins.iter().enumerate() {
        let [lower, upper] = [at, at + 1].map(|edge| (edge as f64 / 20.0) as f32);
        let inside = all
            .iter()
            .filter(|(score, _)| (*score > lower || at == 0) && *score <= upper);
        let inside: Vec<(f32, bool)> = inside.copied().collect();
        assert_eq!(bin.pairs, inside.len() as u64, "{lower}");
        let mean = inside.iter().map(|(score, _)| f64::from(*score)).sum::<f64>() / inside.len() as f64;
        let share = inside.iter().filter(|(_, gold)| *gold).count() as f64 / inside.len() as f64;
        assert!((bin.mean_probability - mean).abs() <= 5e-4 * mean);
        assert!((bin.gold_share - share).abs() <= 5e-4 * share);
        error += inside.len() as f64 / all.len() as f64 * (mean - share).abs();
    }
    assert!((found.expected_error - error).abs() <= 5e-4 * error, "{error}");
}

#[test]
fn four_pairs_by_hand() {
    // Gold at 0.9 and 0.4; others at 0.6 and 0.04.
    let found = made(&[0.9, 0.6, 0.4, 0.04], &[vec![0], vec![0]], 2, 1);
    let at = |percent: usize| found.thresholds[percent - 1];
    assert_eq!(
        (at(50).micro_precision, at(50).micro_recall, at(50).micro_f1),
        (0.5, 0.5, 0.5)
    );
    assert_eq!((at(89).micro_precision, at(89).micro_recall), (1.0, 0.5));
    // A score that equals the threshold is not above it.
    assert_eq!((at(90).micro_precision, at(90).micro_f1), (0.0, 0.0));
    // One code is present: tp 1, missed 1 at 0.5; both found at 0.39.
    assert_eq!(
        (at(50).macro_f1_present, at(39).macro_f1_present),
        (Some(0.6667), Some(1.0))
    );
    let points: Vec<(f64, f64)> = found
        .precision_recall
        .iter()
        .map(|at| (at.recall, at.precision))
        .collect();
    assert_eq!(points, [(0.5, 1.0), (1.0, 0.6667)]);
    let calibration = found.calibration.unwrap();
    let bins: Vec<(f64, u64, f64, f64)> = calibration
        .bins
        .iter()
        .map(|bin| (bin.upper, bin.pairs, bin.mean_probability, bin.gold_share))
        .collect();
    assert_eq!(
        bins,
        [
            (0.05, 1, 0.04, 0.0),
            (0.4, 1, 0.4, 1.0),
            (0.6, 1, 0.6, 0.0),
            (0.9, 1, 0.9, 1.0)
        ]
    );
    assert_eq!(calibration.expected_error, 0.335); // (0.04 + 0.6 + 0.6 + 0.1) / 4
    // All notes have the one code, none the other: no area is defined.
    assert_eq!(found.areas, []);
}

#[test]
fn areas_are_counted_in_fiftieths_and_a_perfect_one_in_the_last() {
    let code = |roc_auc| CodeScore {
        roc_auc,
        ..CodeScore::default()
    };
    let codes = [Some(0.0), Some(0.57), Some(0.98), Some(1.0), None, Some(0.979_999)].map(code);
    let bins: Vec<(f64, f64, u32)> = area_bins(&codes, 1)
        .iter()
        .map(|bin| (bin.lower, bin.upper, bin.codes))
        .collect();
    assert_eq!(bins, [(0.0, 0.02, 1), (0.56, 0.58, 1), (0.96, 0.98, 1), (0.98, 1.0, 2)]);
    let joined = area_bins(&codes, 2);
    assert_eq!(joined.iter().map(|bin| bin.codes).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(area_bins(&codes, 6), []);
}

#[test]
fn no_small_count_is_left_where_small_counts_are_withheld() {
    let (values, gold, codes) = arrays();
    let (all, shown) = (made(&values, &gold, codes, 1), made(&values, &gold, codes, 11));
    let all_gold: usize = gold.iter().map(Vec::len).sum();
    assert!(shown.thresholds.len() < all.thresholds.len() && shown.thresholds.len() > 50);
    for point in &shown.thresholds {
        let tp = (point.micro_recall * all_gold as f64).round();
        let missed = all_gold as f64 - tp;
        assert!(
            (tp == 0.0 || tp >= 11.0) && (missed == 0.0 || missed >= 11.0),
            "{point:?}"
        );
    }
    assert!(shown.precision_recall.len() < all.precision_recall.len());
    let (all, shown) = (all.calibration.unwrap(), shown.calibration.unwrap());
    assert_eq!(shown.expected_error, all.expected_error);
    assert!(shown.bins.len() < all.bins.len() && shown.bins.len() > 2);
    for bin in &shown.bins {
        let positives = (bin.gold_share * bin.pairs as f64).round();
        assert!(positives >= 11.0 && bin.pairs as f64 - positives >= 11.0, "{bin:?}");
    }
    // Nothing was left out, so that no sum tells what was.
    let sum = |found: &Calibration| found.bins.iter().map(|bin| bin.pairs).sum::<u64>();
    assert_eq!(sum(&shown), sum(&all));
    assert!(shown.bins.windows(2).all(|pair| pair[0].upper == pair[1].lower));
}

#[test]
fn scores_that_are_no_probabilities_have_no_calibration() {
    let found = made(&[0.9, -0.6, 1.4, 0.04], &[vec![0], vec![0]], 2, 1);
    assert_eq!(found.calibration, None);
    assert_eq!(found.precision_recall.last().unwrap().precision, 1.0);
    assert_eq!(found.thresholds[49].micro_f1, 1.0);
}

#[test]
fn without_gold_codes_there_is_no_curve_of_precision() {
    let found = made(&[0.9, 0.6], &[vec![], vec![]], 1, 1);
    assert_eq!((found.precision_recall.len(), found.areas.len()), (0, 0));
    assert!(
        found
            .thresholds
            .iter()
            .all(|point| point.micro_f1 == 0.0 && point.macro_f1_present.is_none())
    );
}

#[test]
fn the_number_of_threads_moves_nothing() {
    let (values, gold, codes) = arrays();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| made(&values, &gold, codes, 1))
    };
    let one = on(1);
    assert_eq!(one, on(2));
    assert_eq!(one, on(5));
}
