//! New runs beside a reference of many seeds (MLPerf's reference convergence points): do the new ones lie within what seeds
//! alone do to the accepted ones? Seeds need not be the same.

use super::accepted::Accepted;
use super::judge::{Answer, Verdict, paired, seeds_together, task};
use crate::record::{Reported, Status};

/// The chance that a test calls seeds of one quality worse.
const ALPHA: f64 = 0.05;
/// Splits that are counted; beyond that so many are drawn.
const SPLITS: u64 = 20_000;

/// Judges new seeds by a reference: for each run, length and metric a permutation test (Fisher 1935), one-sided, of the seeds'
/// scores. A reference should have at least twice as many seeds as there are new ones. Seeds that diverged have no score: they
/// are counted and told, and more than half of them are the verdict.
pub fn judge_by_reference(accepted: &Accepted, new: &[Reported]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for ((task_of, run, length), cells) in seeds_together(accepted) {
        let of_group = |found: &&Reported| {
            let cell = &found.record.cell;
            (task(cell), &cell.run, cell.length) == (task_of.clone(), &run, length)
        };
        let found: Vec<&Reported> = new.iter().filter(of_group).collect();
        let scored: Vec<&Reported> = found
            .iter()
            .copied()
            .filter(|cell| cell.record.status == Status::Ok)
            .collect();
        let verdict = |metric: Option<&str>, answer: Answer, reason: String| Verdict {
            task: task_of.clone(),
            run: run.clone(),
            length,
            metric: metric.map(str::to_owned),
            answer,
            scores: None,
            interval: None,
            p: None,
            seeds: scored.len(),
            reason: Some(reason),
        };
        let diverged = found.iter().filter(|cell| cell.record.is_degenerate()).count();
        let said = match diverged {
            0 => String::new(),
            diverged => format!("; {diverged} of {} seeds diverged", found.len()),
        };
        if 2 * diverged > found.len() {
            verdicts.push(verdict(
                None,
                Answer::Degenerate,
                format!("{diverged} of {} seeds diverged", found.len()),
            ));
            continue;
        }
        let other = scored.iter().find_map(|cell| paired(cells[0], cell).err());
        if let Some((answer, reason)) = other {
            verdicts.push(verdict(None, answer, reason));
            continue;
        }
        if scored.is_empty() {
            verdicts.push(verdict(
                None,
                Answer::Missing,
                "no seed of it has a score: run the suite first".into(),
            ));
            continue;
        }
        for (metric, margin) in &accepted.margins {
            let reference: Vec<f64> = cells
                .iter()
                .filter_map(|cell| cell.scores.get(metric).copied())
                .collect();
            let now = scored
                .iter()
                .filter_map(|cell| cell.record.outcome.as_ref()?.scores.get(metric).copied());
            let now: Vec<f64> = now.collect();
            if reference.len() < 2 * now.len() || now.is_empty() {
                let reason = format!(
                    "a reference of {} seeds for {} new ones: expected at least twice as many{said}",
                    reference.len(),
                    now.len()
                );
                verdicts.push(verdict(Some(metric), Answer::NotEnoughData, reason));
                continue;
            }
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let change = mean(&now) - mean(&reference);
            let p = permuted(&reference, &now);
            let answer = match p <= ALPHA && change < -margin {
                true => Answer::Worse,
                false if permuted(&now, &reference) <= ALPHA && change > 0.0 => Answer::Better,
                false => Answer::Same,
            };
            verdicts.push(Verdict {
                scores: Some([mean(&reference), mean(&now)]),
                p: Some(p),
                ..verdict(
                    Some(metric),
                    answer,
                    format!("beside a reference of {} seeds{said}", reference.len()),
                )
            });
        }
    }
    verdicts
}

/// The share of all splits of the seeds in two such groups in which the second lies as far below the first.
fn permuted(reference: &[f64], new: &[f64]) -> f64 {
    let all: Vec<f64> = reference.iter().chain(new).copied().collect();
    let seen: f64 = new.iter().sum();
    // The sum of the new group orders the splits as the difference of means does.
    let same = 1e-12;
    let splits = (0..new.len() as u64).fold(1u64, |count, at| count.saturating_mul(all.len() as u64 - at) / (at + 1));
    if splits <= SPLITS {
        let (mut below, mut count) = (0u64, 0u64);
        each_split(&all, new.len(), 0.0, &mut |sum| {
            count += 1;
            below += u64::from(sum <= seen + same);
        });
        return below as f64 / count as f64;
    }
    // SplitMix64: the same seeds give the same answer.
    let mut state = 0u64;
    let mut next = |below: usize| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % below as u64) as usize
    };
    let mut drawn = all;
    let mut below = 1u64;
    for _ in 1..SPLITS {
        for place in 0..new.len() {
            let other = place + next(drawn.len() - place);
            drawn.swap(place, other);
        }
        let sum: f64 = drawn[..new.len()].iter().sum();
        below += u64::from(sum <= seen + same);
    }
    below as f64 / SPLITS as f64
}

/// The sum of each choice of some of the values.
fn each_split(values: &[f64], left: usize, sum: f64, each: &mut dyn FnMut(f64)) {
    if left == 0 {
        return each(sum);
    }
    if values.len() < left {
        return;
    }
    each_split(&values[1..], left - 1, sum + values[0], each);
    each_split(&values[1..], left, sum, each);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_splits_is_counted_by_hand() {
        // Two of six: 15 splits, of which {1, 2} is the lowest and {1, 3} the next.
        assert_eq!(permuted(&[3.0, 4.0, 5.0, 6.0], &[1.0, 2.0]), 1.0 / 15.0);
        assert_eq!(permuted(&[2.0, 4.0, 5.0, 6.0], &[1.0, 3.0]), 2.0 / 15.0);
        assert_eq!(permuted(&[1.0, 1.0], &[1.0]), 1.0);
    }

    #[test]
    fn many_splits_are_drawn_alike_each_time() {
        let reference: Vec<f64> = (0..20).map(f64::from).collect();
        let low: Vec<f64> = (0..10).map(|at| f64::from(at) - 8.0).collect();
        let p = permuted(&reference, &low);
        assert!(p < 0.001 && p == permuted(&reference, &low), "{p}");
        let alike: Vec<f64> = (0..10).map(|at| 2.0 * f64::from(at) + 0.5).collect();
        assert!((0.2..0.8).contains(&permuted(&reference, &alike)));
    }
}
