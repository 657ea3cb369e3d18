//! Speed of the metrics on a small task: `cargo bench --bench metrics`.
//!
//! The task has the shape of a full label set (many codes, few gold) at a tenth of its size in each
//! direction, so that a run takes seconds; `examples/metrics_speed.rs` measures the full size.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use icdbench::metrics::{
    NoteMetric, Objective, Options, Scores, Targets, ThresholdGrid, TieOrder, evaluate, tune_threshold,
};

const NOTES: usize = 337;
const CODES: usize = 892;
const GOLD_PER_NOTE: usize = 16;

/// The same arrays on every run: scores spread over 0 to 1, gold codes spread over the columns.
fn arrays() -> (Vec<f32>, Vec<Vec<u32>>) {
    // Fractional parts of multiples of the golden ratio fill the interval evenly.
    let spread = |index: usize| (index as f64 * 0.618_033_988_749_894_9).fract();
    let values = (0..NOTES * CODES).map(|cell| spread(cell) as f32).collect();
    let gold = |note: usize| {
        let first = note * GOLD_PER_NOTE;
        let column = |index| (spread(index) * CODES as f64) as u32;
        let mut row: Vec<u32> = (first..first + GOLD_PER_NOTE).map(column).collect();
        row.sort_unstable();
        row.dedup();
        row
    };
    (values, (0..NOTES).map(gold).collect())
}

fn bench_metrics(criterion: &mut Criterion) {
    let (values, gold) = arrays();
    let scores = Scores::new(&values, NOTES, CODES).expect("finite scores of this shape");
    let targets = Targets::from_rows(&gold, CODES).expect("sorted gold codes");
    let options = Options {
        threshold: 0.5,
        at_k: vec![5, 8, 15],
        ties: TieOrder::HigherIndexFirst,
    };
    let evaluation = evaluate(&scores, &targets, &options).expect("valid options");
    let map = NoteMetric::new("map", &evaluation.per_note, CODES).expect("a note-wise metric");
    let everyone: Vec<usize> = (0..NOTES).collect();

    let mut group = criterion.benchmark_group("metrics");
    group.sample_size(20);
    group.bench_function("evaluate", |bencher| {
        bencher.iter(|| evaluate(black_box(&scores), black_box(&targets), &options));
    });
    group.bench_function("tune_threshold", |bencher| {
        let objective = Objective::MicroF1;
        bencher.iter(|| tune_threshold(&scores, &targets, &ThresholdGrid::EDIN, objective));
    });
    group.bench_function("resample_notes", |bencher| {
        bencher.iter(|| map.over(black_box(&everyone)));
    });
    group.finish();
}

criterion_group!(benches, bench_metrics);
criterion_main!(benches);
