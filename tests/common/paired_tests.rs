//! Paired tests that the gate could use, beside the one that it uses.

use icdbench::speed::compare;

use crate::timings::{Noise, Stream, measure};

pub const CANDIDATES: [&str; 4] = ["signed rank", "flipped mean", "flipped winsorised mean", "signs"];

/// Of some tries, in how many each candidate calls a head slower that is so by this factor, at p below `level`. Sign flips are
/// drawn so many times.
pub fn found(tries: usize, pairs: usize, noise: Noise, slower: f64, level: f64, flips: usize) -> [usize; 4] {
    let mut found = [0; 4];
    let mut measured = Vec::new();
    for grid in 0..tries.div_ceil(40) as u64 {
        let cells: Vec<_> = (0..40).map(|cell| (format!("cell {cell}"), slower)).collect();
        measured.extend(measure(&cells, pairs, noise, 12_000_000 + grid));
    }
    for (number, cell) in measured.iter().take(tries).enumerate() {
        let logs: Vec<f64> = cell.seconds.iter().map(|(base, head)| (head / base).ln()).collect();
        let mut distances: Vec<f64> = logs.iter().map(|log| log.abs()).collect();
        distances.sort_by(f64::total_cmp);
        let most = 2.0 * distances[distances.len() / 2];
        let cut: Vec<f64> = logs.iter().map(|log| log.clamp(-most, most)).collect();
        // As the others, whether it is slower at all.
        let margin = f64::EPSILON;
        let p = [
            compare(std::slice::from_ref(cell), margin).unwrap()[0].p_slower,
            flipped(&logs, flips, number as u64),
            flipped(&cut, flips, number as u64),
            signs(&logs),
        ];
        found
            .iter_mut()
            .zip(p)
            .for_each(|(found, p)| *found += usize::from(p < level));
    }
    found
}

/// The share of sign flips, none counted as one, whose sum is as great.
fn flipped(values: &[f64], flips: usize, seed: u64) -> f64 {
    let mut stream = Stream::new(seed);
    let seen: f64 = values.iter().sum::<f64>() - 1e-12;
    let mut as_great = 1;
    for _ in 0..flips {
        let (mut sum, mut bits, mut left) = (0.0, 0, 0);
        for value in values {
            if left == 0 {
                (bits, left) = (stream.next(), 64);
            }
            sum += if bits & 1 == 1 { *value } else { -*value };
            (bits, left) = (bits >> 1, left - 1);
        }
        as_great += usize::from(sum >= seen);
    }
    as_great as f64 / (flips + 1) as f64
}

/// The sign test: the binomial chance of as many values above 0.
fn signs(values: &[f64]) -> f64 {
    let above = values.iter().filter(|value| **value > 0.0).count();
    let mut chances = vec![1.0f64];
    for _ in values {
        let mut next = vec![0.0; chances.len() + 1];
        for (count, chance) in chances.iter().enumerate() {
            next[count] += chance / 2.0;
            next[count + 1] += chance / 2.0;
        }
        chances = next;
    }
    chances[above..].iter().sum()
}
