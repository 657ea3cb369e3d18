//! Scores of several models put together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::Error;
use super::input::{Scores, Targets, TieOrder};
use super::watch::watched;

/// How scores are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Combination {
    /// `1 - product of (1 - p)^w`: each model may be right independently of the others (Pearl 1988).
    NoisyOr,
    /// The weighted mean of `1 / (60 + rank)` in each note, divided by that of a code that all rank first (reciprocal rank
    /// fusion, Cormack, Clarke and Buettcher 2009).
    MeanOfRanks,
}

/// What is added to a rank before it divides: the constant of reciprocal rank fusion.
const RANK_OFFSET: f64 = 60.0;

impl Combination {
    /// Scores `[note, code]` of `codes` codes from those of each model, with a weight for each.
    pub fn of(self, models: &[&[f32]], weights: &[f64], codes: usize) -> Vec<f32> {
        let cells = models.first().map_or(0, |scores| scores.len());
        match self {
            Self::NoisyOr => (0..cells)
                .map(|cell| {
                    // Whatever is no number stays none, and is refused where scores are judged.
                    let log = |(scores, weight): (&&[f32], &f64)| match f64::from(scores[cell]) {
                        share if share.is_nan() => f64::NAN,
                        share => weight * (1.0 - share.min(1.0 - 1e-9)).ln(),
                    };
                    (1.0 - models.iter().zip(weights).map(log).sum::<f64>().exp()) as f32
                })
                .collect(),
            Self::MeanOfRanks => {
                let mut sums = vec![0f64; cells];
                for (scores, weight) in models.iter().zip(weights) {
                    for (row, sums) in scores.chunks(codes).zip(sums.chunks_mut(codes)) {
                        let mut order: Vec<usize> = (0..codes).collect();
                        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
                        for (rank, code) in order.into_iter().enumerate() {
                            sums[code] += weight * (RANK_OFFSET + 1.0) / (RANK_OFFSET + 1.0 + rank as f64);
                        }
                    }
                }
                let total: f64 = weights.iter().sum();
                sums.into_iter().map(|sum| (sum / total.max(1e-12)) as f32).collect()
            }
        }
    }
}

/// The weights, each of those `tried`, that give a metric its greatest value: one model's after another's, from 1 each, until
/// none changes; the first of equals. A model's weight may be 0, not all of them.
///
/// # Errors
/// Scores and targets that do not fit together.
pub fn weights(
    combination: Combination,
    models: &[&[f32]],
    (gold, codes): (&[Vec<u32>], usize),
    (metric, ties): (&str, TieOrder),
    tried: &[f64],
) -> Result<Vec<f64>, Error> {
    let targets = Targets::from_rows(gold, codes)?;
    let value = |weights: &[f64]| -> Result<f64, Error> {
        let combined = combination.of(models, weights, codes);
        let scores = Scores::new(&combined, gold.len(), codes)?;
        Ok(watched(&[metric], &scores, &targets, 0.5, ties)?
            .get(metric)
            .copied()
            .unwrap_or(f64::NEG_INFINITY))
    };
    let mut chosen = vec![1.0; models.len()];
    let mut greatest = value(&chosen)?;
    // Each round looks at every weight once; a handful of rounds settle.
    for _ in 0..5 {
        let before = chosen.clone();
        for model in 0..models.len() {
            for &weight in tried {
                let mut other = chosen.clone();
                other[model] = weight;
                if other == chosen || other.iter().all(|weight| *weight == 0.0) {
                    continue;
                }
                let found = value(&other)?;
                if found > greatest {
                    (chosen, greatest) = (other, found);
                }
            }
        }
        if chosen == before {
            break;
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noisy_or_is_that_of_independent_causes() {
        let found = Combination::NoisyOr.of(&[&[0.5, 0.0], &[0.5, 0.2]], &[1.0, 1.0], 2);
        assert!((found[0] - 0.75).abs() < 1e-6 && (found[1] - 0.2).abs() < 1e-6);
        let found = Combination::NoisyOr.of(&[&[0.5, 0.0], &[0.5, 0.2]], &[2.0, 0.0], 2);
        assert!((found[0] - 0.75).abs() < 1e-6 && found[1].abs() < 1e-6);
    }

    #[test]
    fn ranks_do_not_know_how_far_scores_are_apart() {
        let found = Combination::MeanOfRanks.of(&[&[0.9, 0.1, 0.5], &[0.51, 0.49, 0.5]], &[1.0, 1.0], 3);
        assert_eq!(found[0], 1.0);
        assert!(found[0] > found[2] && found[2] > found[1]);
    }

    #[test]
    fn the_better_model_gets_the_weight() {
        // The first model ranks the gold code first in both notes, the second last.
        let good = [0.4, 0.3, 0.3, 0.4];
        let bad = [0.1, 0.9, 0.9, 0.1];
        let gold = [vec![0], vec![1]];
        let found = weights(
            Combination::NoisyOr,
            &[&good, &bad],
            (&gold, 2),
            ("map", TieOrder::HigherIndexFirst),
            &[0.0, 1.0],
        );
        assert_eq!(found.unwrap(), [1.0, 0.0]);
    }
}
