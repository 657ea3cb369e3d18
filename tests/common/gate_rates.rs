//! How often the throughput gate is right and wrong, on simulated machines.

use icdbench::speed::{ChangePoint, Compared, Judgement, Mode, Verdict};
use icdbench::speed::{change_points, compare, counted, enough, growth, median_interval, mode, self_test, suspects};

use crate::timings::{Machine, Noise, Stream, grid, measure};

/// By how much a head may be slower before anybody minds.
pub const MARGIN: f64 = 0.05;
/// Pairs of a cell that find a slow-down of 10 % in one of 35 cells: on the quiet machine, on the shared one.
pub const PAIRS: [usize; 2] = [24, 72];
/// Up to this spread of its pairs a machine is quiet.
pub const QUIET_SPREAD: f64 = 0.05;
/// How far the counts of one program may differ.
pub const TOLERANCE: f64 = 0.01;

/// What some self-comparisons of a grid came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alarms {
    pub grids: usize,
    pub cells: usize,
    /// Cells with a p-value below 5 % for "slower by more than half the margin", uncorrected.
    pub uncorrected: usize,
    /// Grids with such a p-value below 5 % after Holm's correction.
    pub after_holm: usize,
    /// Grids with a suspect: a ratio beyond the margin.
    pub suspected: usize,
    /// Grids with a cell that fails.
    pub failed: usize,
    /// Cells whose interval holds the ratio 1.
    pub covered: usize,
    /// Cells that are called the same.
    pub same: usize,
}

/// Compares programs with themselves.
pub fn alarms(grids: usize, pairs: usize, noise: Noise) -> Alarms {
    let mut found = Alarms {
        grids,
        ..Alarms::default()
    };
    for seed in 0..grids as u64 {
        let (first, judgement) = gate(&grid(None), pairs, noise, 7_000_000 + seed);
        let count = |of: &dyn Fn(&Compared) -> bool| first.iter().filter(|cell| of(cell)).count();
        found.cells += first.len();
        found.uncorrected += count(&|cell| cell.p_slower < 0.05);
        found.after_holm += usize::from(count(&|cell| cell.p_slower_holm < 0.05) > 0);
        found.suspected += usize::from(count(&|cell| cell.ratio.is_some_and(|ratio| ratio > 1.0 + MARGIN)) > 0);
        found.failed += usize::from(!judgement.failing.is_empty());
        found.covered += count(&|cell| cell.interval.is_some_and(|(low, high)| low <= 1.0 && high >= 1.0));
        found.same += count(&|cell| cell.verdict == Verdict::Same);
    }
    found
}

/// Of some tries, in how many a cell that is slower by this factor is a suspect, and in how many it fails.
pub fn power(tries: usize, pairs: usize, noise: Noise, slower: f64) -> [usize; 2] {
    let mut found = [0, 0];
    for seed in 0..tries as u64 {
        let slow = seed as usize % 35;
        let grid = grid(Some((slow, slower)));
        let (first, judgement) = gate(&grid, pairs, noise, 9_000_000 + seed);
        found[0] += usize::from(first[slow].ratio.is_some_and(|ratio| ratio > 1.0 + MARGIN));
        found[1] += usize::from(judgement.failing.iter().any(|[cell, _]| cell.cell == grid[slow].0));
    }
    found
}

/// The gate from end to end: a grid is measured, and its suspects again.
fn gate(grid: &[(String, f64)], pairs: usize, noise: Noise, seed: u64) -> (Vec<Compared>, Judgement) {
    let first = compare(&measure(grid, pairs, noise, seed), MARGIN).unwrap();
    let suspects = suspects(&first, MARGIN);
    let suspected = |cell: &&(String, f64)| suspects.cells.iter().any(|suspect| suspect.cell == cell.0);
    let again: Vec<_> = grid.iter().filter(suspected).cloned().collect();
    let second = compare(&measure(&again, pairs, noise, seed + 500_000), MARGIN).unwrap();
    let judgement = suspects.again(&second).unwrap();
    (first, judgement)
}

/// The mode that the gate would choose after a self-comparison, with the jitter of its pairs.
pub fn chosen(pairs: usize, noise: Noise, quiet: f64) -> (Mode, f64) {
    let test = self_test(&compare(&measure(&grid(None), pairs, noise, 3), MARGIN).unwrap());
    (mode(None, &test, quiet), test.spread)
}

/// Of some tries, how many counted comparisons say "slower" for a head that is slower by this factor.
pub fn counted_slower(tries: usize, slower: f64, jitter: f64) -> usize {
    let mut stream = Stream::new(11);
    let mut counts = |of: f64| -> Vec<u64> {
        let jittered = |_| (of * (1.0 + jitter * (2.0 * stream.share() - 1.0))) as u64;
        (0..5).map(jittered).collect()
    };
    let mut says = || counted(&counts(4e9), &counts(4e9 * slower), TOLERANCE).unwrap().verdict;
    (0..tries).filter(|_| says() == Verdict::Slower).count()
}

/// Of some fits, how many intervals hold the exponent, and the median half width of an interval.
pub fn exponents(fits: usize, lengths: &[u32], repeats: usize, noise: Noise, exponent: f64) -> (usize, f64) {
    let mut held = 0;
    let mut widths = Vec::new();
    for seed in 0..fits as u64 {
        let mut stream = Stream::new(40_000 + seed);
        let mut machine = Machine::new(noise, &mut stream);
        let mut by_length: Vec<(u32, Vec<f64>)> = lengths.iter().map(|&length| (length, Vec::new())).collect();
        for _ in 0..repeats {
            for (length, seconds) in &mut by_length {
                seconds.push(machine.run(1e-4 * f64::from(*length).powf(exponent)));
            }
        }
        let (low, high) = growth(&by_length, 0.0).unwrap().unwrap().interval;
        held += usize::from(low <= exponent && exponent <= high);
        widths.push((high - low) / 2.0);
    }
    widths.sort_by(f64::total_cmp);
    (held, widths[fits / 2])
}

/// Of some series of medians, how many have a change at the step of this factor, and in how many another one is found.
pub fn steps(series: usize, runs: usize, step: f64, jitter: f64) -> [usize; 2] {
    let at = runs * 2 / 3;
    let mut found = [0, 0];
    for seed in 0..series as u64 {
        let mut stream = Stream::new(60_000 + seed);
        let median = |run| (jitter * stream.normal()).exp() * if run >= at { step } else { 1.0 };
        let medians: Vec<f64> = (0..runs).map(median).collect();
        let changes = change_points(&medians, seed);
        let near = |change: &ChangePoint| step != 1.0 && change.at.abs_diff(at) <= 2;
        found[0] += usize::from(changes.iter().any(near));
        found[1] += usize::from(!changes.iter().all(near));
    }
    found
}

/// Of some cells, how many intervals of a median hold it when repeating stops as soon as
/// there is enough, and the mean number of repeats.
pub fn adaptive(cells: usize, noise: Noise, half_width: f64) -> (usize, f64) {
    let noise = Noise {
        // What drifts has no one median.
        drift: 0.0,
        stalls: 0.0,
        ..noise
    };
    let mut stream = Stream::new(5);
    let mut all: Vec<f64> = {
        let mut machine = Machine::new(noise, &mut stream);
        (0..20_001).map(|_| machine.run(1.0)).collect()
    };
    all.sort_by(f64::total_cmp);
    let truth = all[10_000];
    let (mut held, mut runs) = (0, 0);
    for seed in 0..cells as u64 {
        let mut stream = Stream::new(80_000 + seed);
        let mut machine = Machine::new(noise, &mut stream);
        let mut seconds = Vec::new();
        while seconds.len() < 200 && !enough(&seconds, half_width, 10) {
            seconds.push(machine.run(1.0));
        }
        let (low, high) = median_interval(&seconds).unwrap();
        held += usize::from(low <= truth && truth <= high);
        runs += seconds.len();
    }
    (held, runs as f64 / cells as f64)
}
