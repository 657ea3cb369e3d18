//! Paired randomisation over notes: were the two sides the same, it would not matter whose result of a patient is whose.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::error::Error;
use super::matched::Matched;
use super::pairing::rows;
use super::redrawn::{one, ranked_codes};
use crate::metrics::resampled::Draws;
use crate::record::NoteRow;

/// Exchanges of a test, drawn by parts to bound the memory.
const PARTS: u64 = 5;
const EXCHANGES: usize = 999;
/// Two differences that differ by less are the same: sums in another order.
const SAME: f64 = 1e-12;

/// The two-sided p-value of each metric: the share of exchanges, what was seen counted as one, in which the mean difference
/// over the seeds is as far from 0 as it was seen. `None` where a metric is not made of rows by note, or these are not here.
pub(super) fn exchanged(pair: &Matched<'_>, metrics: &[String]) -> Result<Vec<Option<f64>>, Error> {
    if pair.seeds.values().flatten().any(|cell| cell.notes.is_none()) {
        return Ok(vec![None; metrics.len()]);
    }
    let mut seeds: Vec<(Vec<&NoteRow>, usize)> = Vec::new();
    for [first, second] in pair.seeds.values() {
        let stacked = rows(first)?.into_values().chain(rows(second)?.into_values());
        seeds.push((
            stacked.collect(),
            ranked_codes(&first.record).max(ranked_codes(&second.record)),
        ));
    }
    let half = seeds[0].0.len() / 2;
    if seeds.iter().any(|(rows, _)| rows.len() != 2 * half) {
        return Ok(vec![None; metrics.len()]);
    }
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let clusters: Vec<usize> = seeds[0].0[..half]
        .iter()
        .map(|row| {
            let next = known.len();
            *known.entry(&row.patient).or_insert(next)
        })
        .collect();
    let difference = |metric: &str, draws: &Draws| -> Option<Vec<f64>> {
        let other = draws.swapped();
        let mut sums = vec![0.0; draws.redraws()];
        for (rows, codes) in &seeds {
            let (kept, swapped) = (one(metric, rows, *codes, draws)?, one(metric, rows, *codes, &other)?);
            let differences = swapped.into_iter().zip(kept);
            sums.iter_mut()
                .zip(differences)
                .for_each(|(sum, (swapped, kept))| *sum += swapped - kept);
        }
        Some(sums)
    };
    let mut as_far = vec![Some(1usize); metrics.len()];
    let seen: Vec<Option<f64>> = metrics
        .iter()
        .map(|metric| Some(difference(metric, &Draws::first_of(half))?[0]))
        .collect();
    for part in 0..PARTS {
        let seed = Sha256::new()
            .chain_update(b"icdbench exchanges 1")
            .chain_update(part.to_le_bytes())
            .finalize();
        let draws = Draws::exchange(&clusters, EXCHANGES, seed.into());
        for ((metric, seen), as_far) in metrics.iter().zip(&seen).zip(&mut as_far) {
            let found = seen.and_then(|seen| Some((seen.abs() - SAME, difference(metric, &draws)?)));
            *as_far = match (*as_far, found) {
                (Some(before), Some((seen, drawn))) => {
                    Some(before + drawn.iter().filter(|difference| difference.abs() >= seen).count())
                }
                _ => None,
            };
        }
    }
    let all = PARTS as usize * EXCHANGES + 1;
    Ok(as_far
        .into_iter()
        .map(|count| Some(count? as f64 / all as f64))
        .collect())
}

/// The two-sided p-value of a change with a standard error: the normal distribution's share as far out. A share of redraws could
/// not get below one in so many of them, and no family of tests above that size could find anything.
pub(super) fn of_standard_error(change: f64, se: f64) -> f64 {
    match (change.abs(), se) {
        (change, _) if change <= SAME => 1.0,
        (_, se) if se <= 0.0 => 0.0,
        (change, se) => libm::erfc(change / se / std::f64::consts::SQRT_2),
    }
}
