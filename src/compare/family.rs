//! A family of comparisons: every metric at every length, each with its interval, its test, and what the test could have seen.

use serde::Serialize;

use super::error::Error;
use super::exchange::{self, exchanged};
use super::matched::Matched;
use super::pairing;
use super::redrawn::Redrawn;
use crate::metrics::resampled::{Interval, interval};
use crate::record::of_bin;

/// The error that a family's tests may make: the chance that any of them tells a difference where there is none.
pub const ALPHA: f64 = 0.05;
/// How many standard errors a difference must be so that a two-sided test at 5 % finds it in 8 of 10 samples of notes:
/// the normal quantiles of 0.975 and 0.8 added up.
const DETECTABLE: f64 = 1.959_964 + 0.841_621;

/// One metric of one pair of cells, mean over the seeds that both sides have.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Comparison {
    /// The data set, label set and part that is scored.
    pub task: String,
    /// The run, or both.
    pub run: String,
    /// Sequence length.
    pub length: u32,
    /// The metric's name in the records.
    pub metric: String,
    /// Of codes with so many training notes: least and greatest; absent for all codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bin: Option<(u32, Option<u32>)>,
    /// Evaluation notes.
    pub notes: usize,
    /// Seeds that both sides have.
    pub seeds: Vec<u64>,
    /// The metric of the first side and of the second.
    pub values: [f64; 2],
    /// The second minus the first.
    pub change: f64,
    /// Its 95 % interval over the notes.
    pub low: f64,
    /// The interval's other end.
    pub high: f64,
    /// Its standard error over the notes.
    pub standard_error: f64,
    /// Standard deviation of the change over the seeds: another kind of chance, and not part of the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sd_over_seeds: Option<f64>,
    /// Two-sided p-value.
    pub p: f64,
    /// Which test it is of.
    pub test: Test,
    /// The p-value after Holm's correction over the family.
    pub p_holm: f64,
    /// The smallest difference that the test would find in 8 of 10 samples of as many notes.
    pub detectable: f64,
}

/// How a p-value came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// Paired randomisation: the two sides' results of a patient's notes are exchanged or not, by a coin (Noreen 1989; for
    /// systems over documents Yeh 2000).
    Randomisation,
    /// The change by its standard error over the redraws, as normal: for what cannot be made from rows by note.
    Bootstrap,
}

/// What the second side is, as far as the test can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// Better than the first.
    Better,
    /// Worse.
    Worse,
    /// The notes do not tell.
    Unclear,
}

impl Comparison {
    /// What was found, after Holm's correction. All metrics are the better the greater.
    pub fn finding(&self) -> Finding {
        match self.p_holm < ALPHA {
            true if self.change > 0.0 => Finding::Better,
            true if self.change < 0.0 => Finding::Worse,
            _ => Finding::Unclear,
        }
    }
}

/// The comparisons of one pair in some metrics, then micro-F1 by frequency bin. `p_holm` is not corrected yet.
///
/// # Errors
/// The two were not scored on the same notes and codes, or a metric cannot be redrawn.
pub fn comparisons(pair: &Matched<'_>, metrics: &[String]) -> Result<Vec<Comparison>, Error> {
    for [first, second] in pair.seeds.values() {
        pairing::check(first, second)?;
    }
    let mut found = Vec::new();
    let p_values = exchanged(pair, metrics)?;
    for (metric, p) in metrics.iter().zip(p_values) {
        found.push(one(pair, metric, None, p)?);
    }
    let outcome = pair
        .seeds
        .values()
        .next()
        .and_then(|[first, _]| first.record.outcome.as_ref());
    for bin in outcome.iter().flat_map(|outcome| &outcome.frequency_bins) {
        // What few codes and rows have is undefined in many redraws, and a bin that nobody finds anything in tells nothing.
        let name = of_bin("micro-f1", bin.lower);
        if let Ok(comparison) = one(pair, &name, Some((bin.lower, bin.upper)), None)
            && comparison.standard_error > 0.0
        {
            found.push(comparison);
        }
    }
    Ok(found)
}

/// One metric of one pair, without its frequency bins; `p_holm` is not corrected yet.
///
/// # Errors
/// The two were not scored on the same notes and codes, or the metric cannot be redrawn.
pub fn comparison(pair: &Matched<'_>, metric: &str) -> Result<Comparison, Error> {
    for [first, second] in pair.seeds.values() {
        pairing::check(first, second)?;
    }
    let p = exchanged(pair, &[metric.to_owned()])?.pop().flatten();
    one(pair, metric, None, p)
}

fn one(
    pair: &Matched<'_>,
    metric: &str,
    bin: Option<(u32, Option<u32>)>,
    randomised: Option<f64>,
) -> Result<Comparison, Error> {
    let mut of_seeds: Vec<[Redrawn; 2]> = Vec::new();
    for [first, second] in pair.seeds.values() {
        let sides = [Redrawn::of(metric, first)?, Redrawn::of(metric, second)?];
        if sides[0].draws != sides[1].draws {
            return Err(Error::OtherDraws {
                first: first.record.cell.title(),
                second: second.record.cell.title(),
            });
        }
        of_seeds.push(sides);
    }
    let count = of_seeds.len() as f64;
    let mean = |of: &dyn Fn(&[Redrawn; 2]) -> f64| of_seeds.iter().map(of).sum::<f64>() / count;
    let change = mean(&|[first, second]| second.value - first.value);
    let redraws: Vec<f64> = (0..of_seeds[0][0].redraws.len())
        .map(|redraw| mean(&|[first, second]| second.redraws[redraw] - first.redraws[redraw]))
        .collect();
    let Interval { low, high, se } = interval(change, &redraws).ok_or_else(|| Error::MostlyUndefined {
        metric: metric.to_owned(),
    })?;
    let squares: f64 = of_seeds
        .iter()
        .map(|[first, second]| (second.value - first.value - change).powi(2))
        .sum();
    let (p, test) = match randomised {
        Some(p) => (p, Test::Randomisation),
        None => (exchange::of_standard_error(change, se), Test::Bootstrap),
    };
    Ok(Comparison {
        task: pair.task.clone(),
        run: pair.run.clone(),
        length: pair.length,
        metric: match bin {
            Some(_) => "micro-f1".into(),
            None => metric.to_owned(),
        },
        bin,
        notes: of_seeds[0][0].notes,
        seeds: pair.seeds.keys().copied().collect(),
        values: [0, 1].map(|side| mean(&|sides| sides[side].value)),
        change,
        low,
        high,
        standard_error: se,
        sd_over_seeds: (of_seeds.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
        p,
        test,
        p_holm: p,
        detectable: DETECTABLE * se,
    })
}

/// Corrects the p-values of a whole family (Holm 1979): the nth smallest times what is left of the family, never less than
/// the one before.
pub fn holm(family: &mut [Comparison]) {
    let corrected = holm_of(&family.iter().map(|comparison| comparison.p).collect::<Vec<_>>());
    for (comparison, p) in family.iter_mut().zip(corrected) {
        comparison.p_holm = p;
    }
}

/// Holm's correction of some p-values, in their order.
pub fn holm_of(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut corrected = vec![0.0; p_values.len()];
    let mut least = 0.0f64;
    for (rank, &place) in order.iter().enumerate() {
        least = least.max((p_values[place] * (p_values.len() - rank) as f64).min(1.0));
        corrected[place] = least;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holms_correction_is_that_of_the_paper() {
        // Holm 1979 by hand: 0.005 x 4, 0.01 x 3, 0.03 x 2, then 0.04 x 1 is less than what came before.
        assert_eq!(holm_of(&[0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
        assert_eq!(holm_of(&[0.6, 0.7]), [1.0, 1.0]);
        assert_eq!(holm_of(&[]), [0.0; 0]);
    }
}
