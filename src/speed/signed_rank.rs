//! Wilcoxon's signed-rank test (Wilcoxon 1945), with the estimate and the interval that belong to it (Hodges and Lehmann
//! 1963; Tukey 1949): all three come from the same distribution, so they never disagree.
//!
//! Each sign was a coin's when the two runs of a pair were shuffled and do not differ: the test is right then, however the
//! machine drifted or stalled.

use super::summary::{middle, ranks, sorted};

/// Up to so many differences the distribution is exact, beyond them normal.
const EXACT: usize = 60;
/// The chance that the interval misses, on each side, and the normal quantile there.
const TAIL: f64 = 0.025;
const NORMAL: f64 = 1.959_964;

/// What some paired differences say of their centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SignedRank {
    /// The median of the means of all twos of differences.
    pub centre: f64,
    /// Its 95 % interval; `None` of fewer than 6.
    pub interval: Option<(f64, f64)>,
    /// One-sided p-value of a centre above 0.
    pub above: f64,
    /// One-sided p-value of a centre below 0.
    pub below: f64,
}

impl SignedRank {
    /// Two-sided p-value of a centre other than 0.
    pub fn two_sided(&self) -> f64 {
        (2.0 * self.above.min(self.below)).min(1.0)
    }
}

/// Tests some differences, which must be finite; `None` of none.
pub(super) fn signed_rank(differences: &[f64]) -> Option<SignedRank> {
    let means = sorted(&means_of_twos(differences));
    let centre = middle(&means)?;
    // What does not differ says nothing of the direction.
    let unequal: Vec<f64> = differences.iter().copied().filter(|&d| d != 0.0).collect();
    let sizes: Vec<f64> = unequal.iter().map(|d| d.abs()).collect();
    let ranks = ranks(&sizes);
    let positive: f64 = unequal
        .iter()
        .zip(&ranks)
        .filter(|(d, _)| **d > 0.0)
        .map(|(_, r)| r)
        .sum();
    let all: f64 = ranks.iter().sum();
    let null = Null::of(&ranks);
    let untied: Vec<f64> = (1..=differences.len()).map(|rank| rank as f64).collect();
    let outside = match sorted(&ranks) == untied {
        true => null.outside(),
        false => Null::of(&untied).outside(),
    };
    Some(SignedRank {
        centre,
        interval: outside.map(|outside| (means[outside], means[means.len() - 1 - outside])),
        above: null.at_most(all - positive),
        below: null.at_most(positive),
    })
}

/// Of each two differences, and of each with itself.
fn means_of_twos(differences: &[f64]) -> Vec<f64> {
    let from = |place: usize| {
        differences[place..]
            .iter()
            .map(move |other| (differences[place] + other) / 2.0)
    };
    (0..differences.len()).flat_map(from).collect()
}

/// The distribution of the sum of the positive ranks when each sign is a coin's. It is symmetric.
enum Null {
    /// The chance of each sum, in halves of a rank: equal differences share a rank.
    Exact(Vec<f64>),
    Normal {
        mean: f64,
        sd: f64,
    },
}

impl Null {
    fn of(ranks: &[f64]) -> Self {
        if ranks.len() > EXACT {
            return Self::Normal {
                mean: ranks.iter().sum::<f64>() / 2.0,
                sd: ranks.iter().map(|rank| rank * rank).sum::<f64>().sqrt() / 2.0,
            };
        }
        let steps: Vec<usize> = ranks.iter().map(|rank| (2.0 * rank).round() as usize).collect();
        let mut chances = vec![0.0; steps.iter().sum::<usize>() + 1];
        chances[0] = 1.0;
        let mut reached = 0;
        for step in steps {
            for sum in (0..=reached).rev() {
                let half = chances[sum] / 2.0;
                chances[sum] = half;
                chances[sum + step] += half;
            }
            reached += step;
        }
        Self::Exact(chances)
    }

    /// The chance of a sum of at most so much.
    fn at_most(&self, sum: f64) -> f64 {
        match self {
            Self::Exact(chances) => {
                let last = (2.0 * sum).round() as usize;
                chances.iter().take(last + 1).sum::<f64>().min(1.0)
            }
            // Half a rank: sums are whole numbers, and the normal distribution's are not.
            Self::Normal { mean, sd } => 0.5 * libm::erfc((mean - sum - 0.5) / sd / std::f64::consts::SQRT_2),
        }
    }

    /// How many of the ascending means lie outside the interval on each side; `None` where too few differences.
    fn outside(&self) -> Option<usize> {
        match self {
            Self::Exact(chances) => {
                let mut below = 0.0;
                // Ranks that nobody shares have whole sums, which are at the even places.
                let fits = chances.iter().step_by(2).take_while(|chance| {
                    below += **chance;
                    below <= TAIL
                });
                fits.count().checked_sub(1)
            }
            Self::Normal { mean, sd } => Some((mean - NORMAL * sd).floor() as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_values_are_those_of_all_signs_tried() {
        // Ties and a zero among them.
        let differences = [0.3, -0.1, 0.2, 0.2, 0.5, 0.0, -0.2, 0.9];
        let unequal: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
        let ranks = ranks(&unequal.iter().map(|d| d.abs()).collect::<Vec<_>>());
        let seen: f64 = unequal
            .iter()
            .zip(&ranks)
            .filter(|(d, _)| **d > 0.0)
            .map(|(_, r)| r)
            .sum();
        let sums: Vec<f64> = (0..1u32 << unequal.len())
            .map(|signs| {
                ranks
                    .iter()
                    .enumerate()
                    .filter(|(i, _)| signs >> i & 1 == 1)
                    .map(|(_, r)| r)
                    .sum()
            })
            .collect();
        let share = |of: &dyn Fn(f64) -> bool| sums.iter().filter(|sum| of(**sum)).count() as f64 / sums.len() as f64;
        let found = signed_rank(&differences).unwrap();
        assert!((found.above - share(&|sum| sum >= seen)).abs() < 1e-12);
        assert!((found.below - share(&|sum| sum <= seen)).abs() < 1e-12);
    }

    #[test]
    fn the_interval_is_that_of_the_tables() {
        // Hollander and Wolfe 1999, table A.4: of 10 differences P(T <= 8) is 0.0244, and of 5 no sum is so rare.
        let differences: Vec<f64> = (1..=10).map(|i| f64::from(i * i)).collect();
        let means = sorted(&means_of_twos(&differences));
        let found = signed_rank(&differences).unwrap();
        assert_eq!(found.interval, Some((means[8], means[55 - 9])));
        assert_eq!(found.above, 1.0 / 1024.0);
        assert_eq!(signed_rank(&differences[..5]).unwrap().interval, None);
        assert_eq!(signed_rank(&differences[..6]).unwrap().interval, Some((1.0, 36.0)));
        assert_eq!(signed_rank(&[]), None);
        assert_eq!(signed_rank(&[0.0; 8]).map(|found| found.two_sided()), Some(1.0));
    }

    #[test]
    fn the_normal_distribution_takes_over_without_a_jump() {
        let differences: Vec<f64> = (1..=61).map(|i| f64::from(i) - 27.3).collect();
        let (exact, normal) = (
            signed_rank(&differences[..60]).unwrap(),
            signed_rank(&differences).unwrap(),
        );
        assert!((exact.two_sided() - 0.166).abs() < 0.05, "{exact:?}");
        let ranks: Vec<f64> = (1..=61).map(f64::from).collect();
        let mut chances = vec![1.0];
        for rank in 1..=61 {
            let mut next = vec![0.0; chances.len() + rank];
            chances.iter().enumerate().for_each(|(sum, chance)| {
                next[sum] += chance / 2.0;
                next[sum + rank] += chance / 2.0;
            });
            chances = next;
        }
        for sum in [400.0, 600.0, 800.0, 945.0] {
            let by_hand: f64 = chances.iter().take(sum as usize + 1).sum();
            assert!(
                (Null::of(&ranks).at_most(sum) - by_hand).abs() < 0.002,
                "{sum}: {by_hand}"
            );
        }
        assert!(normal.interval.is_some());
    }
}
