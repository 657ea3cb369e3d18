//! How often intervals and tests are right, on predictions of which the truth is known. By default few runs, so that a
//! broken interval is found; ICDBENCH_COVERAGE_RUNS=1000 prints the table that reports/coverage.md has.

#[path = "fixtures/report/records.rs"]
mod records;
#[path = "common/simulated.rs"]
mod simulated;
#[path = "common/stream.rs"]
mod stream;

use std::collections::BTreeMap;

use icdbench::compare::{Matched, Side, comparisons, holm, matched};
use icdbench::metrics::resampled::interval;
use simulated::{Population, Stream, evaluation, reported};

const POPULATION: Population = Population {
    notes: 400,
    codes: 40,
    skill: 1.8,
    of_patient: 0.3,
};

/// What is covered, and what is tested.
const METRICS: [&str; 8] = [
    "micro-f1",
    "macro-f1-caml",
    "macro-f1-all",
    "macro-f1-present",
    "precision-at-5",
    "map",
    "micro-roc-auc",
    "micro-pr-auc",
];
const TESTED: [&str; 3] = ["micro-f1", "macro-f1-all", "map"];

fn runs() -> usize {
    let asked = std::env::var("ICDBENCH_COVERAGE_RUNS").ok();
    asked.map_or(120, |runs| runs.parse().expect("a number of runs"))
}

/// The share of some runs that may be off by chance: four standard errors on either side.
fn about(share: f64, expected: f64, runs: usize) -> bool {
    (share - expected).abs() <= 4.0 * (expected * (1.0 - expected) / runs as f64).sqrt()
}

#[test]
fn intervals_cover_the_truth_as_often_as_they_say() {
    // The truth: the mean of each metric over sets of as many notes.
    let mut truth: BTreeMap<&str, f64> = BTreeMap::new();
    let sets = 20 * runs();
    let mut stream = Stream::new(1);
    for _ in 0..sets {
        let sample = POPULATION.sample(&mut stream);
        let scores = POPULATION.scores(&sample, &mut stream);
        let found = evaluation(&sample, &scores).scores;
        for metric in METRICS {
            *truth.entry(metric).or_default() += found[metric] / sets as f64;
        }
    }
    let mut inside: BTreeMap<&str, usize> = BTreeMap::new();
    for run in 0..runs() {
        let mut stream = Stream::new(1_000_000 + run as u64);
        let sample = POPULATION.sample(&mut stream);
        let scores = POPULATION.scores(&sample, &mut stream);
        let found = reported(&sample, &scores, ("caml", 1), true);
        let values = found.record.outcome.unwrap().scores;
        for metric in METRICS {
            let drawn = &found.resamples.as_ref().unwrap().values[metric];
            let ends = interval(values[metric], drawn).unwrap();
            *inside.entry(metric).or_default() += usize::from((ends.low..=ends.high).contains(&truth[metric]));
        }
    }
    println!("\n| metric | truth (%) | 95 % intervals that cover it (%) |\n|---|---:|---:|");
    for metric in METRICS {
        let share = inside[metric] as f64 / runs() as f64;
        println!("| {metric} | {:.2} | {:.1} |", 100.0 * truth[metric], 100.0 * share);
    }
    for metric in METRICS {
        let share = inside[metric] as f64 / runs() as f64;
        assert!(about(share, 0.95, runs()), "{metric}: {share}");
    }
}

#[test]
fn equal_systems_are_told_apart_as_seldom_as_the_tests_say() {
    let metrics = TESTED.map(str::to_owned);
    let mut rejected: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut bootstrap, mut families) = (0, 0);
    for run in 0..runs() {
        let mut stream = Stream::new(2_000_000 + run as u64);
        let sample = POPULATION.sample(&mut stream);
        let sides = [1, 2].map(|side| {
            let scores = POPULATION.scores(&sample, &mut stream);
            Side {
                name: format!("side {side}"),
                cells: vec![reported(&sample, &scores, ("caml", 1), false)],
            }
        });
        let matching = matched([&sides[0], &sides[1]]);
        let pair: &Matched<'_> = &matching.pairs[0];
        let mut family = comparisons(pair, &metrics).unwrap();
        holm(&mut family);
        for found in &family {
            let metric = TESTED.iter().find(|metric| **metric == found.metric).unwrap();
            *rejected.entry(metric).or_default() += usize::from(found.p < 0.05);
        }
        bootstrap += usize::from(family[0].low > 0.0 || family[0].high < 0.0);
        families += usize::from(family.iter().any(|found| found.p_holm < 0.05));
    }
    println!("\n| test at 5 % | equal systems that it tells apart (%) |\n|---|---:|");
    let share = |count: usize| count as f64 / runs() as f64;
    for metric in TESTED {
        println!("| randomisation, {metric} | {:.1} |", 100.0 * share(rejected[metric]));
    }
    println!("| interval of the change, micro-f1 | {:.1} |", 100.0 * share(bootstrap));
    println!(
        "| any of the three after Holm's correction | {:.1} |",
        100.0 * share(families)
    );
    for metric in TESTED {
        assert!(
            about(share(rejected[metric]), 0.05, runs()),
            "{metric}: {}",
            share(rejected[metric])
        );
    }
    assert!(about(share(bootstrap), 0.05, runs()), "{bootstrap}");
    assert!(
        share(families) <= 0.05 || about(share(families), 0.05, runs()),
        "{families}"
    );
}
