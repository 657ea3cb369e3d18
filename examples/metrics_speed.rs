//! Times `metrics::evaluate` on raw arrays and prints scores, seconds and peak memory as JSON.
//!
//! `tests/reference/metrics_vs_sklearn.py` writes the arrays, runs this and sets scikit-learn's
//! values and times beside it. Usage: `cargo run --release --example metrics_speed -- DIR`, where
//! DIR holds, little-endian: `shape.u32` (notes, codes), `scores.f32` (row-major), `offsets.u32`
//! and `columns.u32` (the gold codes as compressed sparse rows).

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use icdbench::metrics::resampled::{Decisions, NamedDraws, REDRAWS, Rows, resample, resample_areas};
use icdbench::metrics::{
    Evaluation, Objective, Options, Scores, Targets, ThresholdGrid, TieOrder, curves, evaluate, tune_threshold,
};

/// Runs of `evaluate`; the median is reported beside the first, which also pays for cold caches.
const RUNS: usize = 5;

fn main() -> anyhow::Result<()> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from);
    let directory = directory.context("usage: metrics_speed DIR")?;
    let shape = read(&directory, "shape.u32", u32::from_le_bytes)?;
    ensure!(
        shape.len() == 2,
        "shape.u32 holds {} numbers, expected notes and codes",
        shape.len()
    );
    let (notes, codes) = (shape[0] as usize, shape[1] as usize);
    let values = read(&directory, "scores.f32", f32::from_le_bytes)?;
    let targets = read_targets(&directory, codes)?;
    let options = Options {
        threshold: 0.5,
        at_k: vec![5, 8, 15],
        ties: TieOrder::HigherIndexFirst,
    };

    let mut seconds = Vec::with_capacity(RUNS);
    let mut evaluation: Option<Evaluation> = None;
    for _ in 0..RUNS {
        let start = Instant::now();
        let scores = Scores::new(&values, notes, codes)?; // includes the check for NaN
        evaluation = Some(evaluate(&scores, &targets, &options)?);
        seconds.push(start.elapsed().as_secs_f64());
    }
    let peak_rss_bytes = peak_rss_bytes();
    let start = Instant::now();
    let scores = Scores::new(&values, notes, codes)?;
    let tuned = tune_threshold(&scores, &targets, &ThresholdGrid::EDIN, Objective::MicroF1)?;
    let tuning_seconds = start.elapsed().as_secs_f64();
    let evaluated = evaluation.as_ref().context("evaluated at least once")?;
    let start = Instant::now();
    let made = curves(&scores, &targets, &evaluated.per_code, 1)?;
    let curves_seconds = start.elapsed().as_secs_f64();
    let (resampling, areas) = resampling_seconds(&scores, &targets, evaluated, &options)?;

    let first_seconds = seconds[0];
    seconds.sort_by(f64::total_cmp);
    let report = serde_json::json!({
        "scores": evaluated.scores,
        "first-seconds": first_seconds,
        "median-seconds": seconds[RUNS / 2],
        "peak-rss-bytes": peak_rss_bytes,
        "redraws": REDRAWS,
        "resampling-seconds": resampling,
        "resampling-areas-seconds": areas,
        "resampling-peak-rss-bytes": self::peak_rss_bytes(),
        "threads": rayon::current_num_threads(),
        "tuned": tuned,
        "tuning-seconds": tuning_seconds,
        "curves-seconds": curves_seconds,
        "expected-calibration-error": made.calibration.map(|found| found.expected_error),
    });
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}

/// Seconds for every metric but the areas in all redraws of the notes, and for the areas.
fn resampling_seconds(
    scores: &Scores,
    targets: &Targets,
    evaluation: &Evaluation,
    options: &Options,
) -> anyhow::Result<(f64, f64)> {
    let names: Vec<String> = (0..scores.notes()).map(|note| note.to_string()).collect();
    let predicted: Vec<Vec<u32>> = (0..scores.notes())
        .map(|note| {
            let row = scores.row(note).iter().zip(0u32..);
            row.filter(|(score, _)| **score > options.threshold)
                .map(|(_, code)| code)
                .collect()
        })
        .collect();
    let start = Instant::now();
    let named = NamedDraws::new(names.iter().map(|name| [&**name, &**name]));
    let both = (0..scores.notes()).map(|note| (targets.row(note), &*predicted[note]));
    let decisions = Decisions::new(both, scores.codes());
    let rows = Rows {
        per_note: &evaluation.per_note,
        decisions: &decisions,
        at_k: &options.at_k,
    };
    ensure!(!resample(&rows, &named.draws).is_empty(), "no metric was resampled");
    let without_areas = start.elapsed().as_secs_f64();
    let start = Instant::now();
    ensure!(
        !resample_areas(scores, targets, &named.draws).is_empty(),
        "no area was resampled"
    );
    Ok((without_areas, start.elapsed().as_secs_f64()))
}

fn read_targets(directory: &Path, codes: usize) -> anyhow::Result<Targets> {
    let offsets = read(directory, "offsets.u32", u32::from_le_bytes)?;
    let columns = read(directory, "columns.u32", u32::from_le_bytes)?;
    let row = |pair: &[u32]| columns.get(pair[0] as usize..pair[1] as usize).map(<[u32]>::to_vec);
    let rows: Option<Vec<Vec<u32>>> = offsets.windows(2).map(row).collect();
    let rows = rows.context("offsets.u32 points beyond columns.u32; write both anew")?;
    Ok(Targets::from_rows(&rows, codes)?)
}

/// Reads a file of little-endian four-byte numbers.
fn read<T>(directory: &Path, name: &str, number: fn([u8; 4]) -> T) -> anyhow::Result<Vec<T>> {
    let path = directory.join(name);
    let bytes = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    ensure!(rest.is_empty(), "{} does not hold whole 4-byte numbers", path.display());
    Ok(numbers.iter().map(|&bytes| number(bytes)).collect())
}

/// The most memory this process has held; `None` where the system does not say (not Linux).
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
