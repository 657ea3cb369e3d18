//! A verdict for each run, length and metric.

use std::collections::BTreeMap;

use serde::Serialize;

use super::accepted::{Accepted, AcceptedCell, metrics_version, notes};
use crate::compare::holm_of;
use crate::metrics::resampled::{Interval, interval};
use crate::record::{CellDescription, Reported, Status};

/// The chance that any of a gate's tests calls something worse because of the notes: a gate that cries wolf is switched off. Of
/// fewer than [`SEEDS`] seeds it says nothing of what another training would have done.
pub const ALPHA: f64 = 0.001;
/// From so many seeds on, the differences over the seeds say how much of a difference is the seeds'.
pub const SEEDS: usize = 3;
/// The normal distribution's quantile of the ends of a 95 % interval.
const NORMAL: f64 = 1.959_964;

/// What is said of one run, length and metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Equal to the last bit, or no fall beyond the margin.
    Same,
    /// Better than what was accepted.
    Better,
    /// A fall beyond the margin can neither be shown nor be ruled out.
    NotEnoughData,
    /// Other notes, other codes, another version of the metrics.
    NotComparable,
    /// There is no score: the cell was not run, or it failed.
    Missing,
    /// The scores say nothing about the notes.
    Degenerate,
    /// Worse, by more than chance and perhaps by more than the margin.
    Worse,
}

impl Answer {
    /// As JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Better => "better",
            Self::NotEnoughData => "not enough data",
            Self::NotComparable => "not comparable",
            Self::Missing => "missing",
            Self::Degenerate => "degenerate",
            Self::Worse => "worse",
        }
    }
}

/// One run at one length in one metric, over the seeds that were accepted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verdict {
    /// The data set, label set and part that is scored.
    pub task: String,
    /// The run.
    pub run: String,
    /// Sequence length.
    pub length: u32,
    /// The metric; absent where the cell as a whole is judged.
    pub metric: Option<String>,
    /// The answer.
    pub answer: Answer,
    /// Accepted and new score, mean over the seeds.
    pub scores: Option<[f64; 2]>,
    /// The 95 % interval of their difference: over the notes, and from three seeds on over these too.
    pub interval: Option<[f64; 2]>,
    /// One-sided p-value of a fall, after Holm's correction over all that is judged.
    pub p: Option<f64>,
    /// Seeds that were compared.
    pub seeds: usize,
    /// Why, where the answer is not of numbers; or what else there is to say.
    pub reason: Option<String>,
}

/// A metric of one run and length, before all p-values are known.
struct Measured {
    verdict: Verdict,
    found: Interval,
    change: f64,
    margin: f64,
    /// Degrees of freedom of the standard error.
    freedom: f64,
}

/// Judges new records by accepted ones. `new` has a record of each cell of the suite that was run.
pub fn judge(accepted: &Accepted, new: &[Reported]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut measured = Vec::new();
    for ((task, run, length), cells) in seeds_together(accepted) {
        let verdict = |metric: Option<&str>, answer: Answer| Verdict {
            task: task.clone(),
            run: run.clone(),
            length,
            metric: metric.map(str::to_owned),
            answer,
            scores: None,
            interval: None,
            p: None,
            seeds: cells.len(),
            reason: None,
        };
        let pairs: Result<Vec<_>, (Answer, String)> = cells.iter().map(|cell| same_seed(cell, new)).collect();
        let pairs = match pairs {
            Ok(pairs) => pairs,
            Err((answer, reason)) => {
                verdicts.push(Verdict {
                    reason: Some(reason),
                    ..verdict(None, answer)
                });
                continue;
            }
        };
        for (metric, margin) in &accepted.margins {
            let found = verdict(Some(metric), Answer::Same);
            match compared(&pairs, metric, (*margin, found)) {
                Ok(Compared::Exact(verdict)) => verdicts.push(verdict),
                Ok(Compared::Measured(found)) => measured.push(found),
                Err(reason) => verdicts.push(Verdict {
                    reason: Some(reason),
                    ..verdict(Some(metric), Answer::NotComparable)
                }),
            }
        }
    }
    let p_values: Vec<f64> = measured
        .iter()
        .map(|found| of_fall(found.change, found.found.se, found.freedom))
        .collect();
    for (mut found, p) in measured.into_iter().zip(holm_of(&p_values)) {
        let answer = answer(&found, p);
        if answer == Answer::Worse && found.verdict.seeds < SEEDS {
            let more = "another seed alone might do this: accept 3 seeds or more to have that counted";
            let said = found
                .verdict
                .reason
                .take()
                .map_or(String::new(), |said| format!("{said}; "));
            found.verdict.reason = Some(format!("{said}{more}"));
        }
        verdicts.push(Verdict {
            answer,
            p: Some(p),
            ..found.verdict
        });
    }
    verdicts.sort_by(|a, b| (&a.task, &a.run, a.length, &a.metric).cmp(&(&b.task, &b.run, b.length, &b.metric)));
    verdicts
}

/// The answer that decides the exit code.
pub fn worst(verdicts: &[Verdict]) -> Option<Answer> {
    verdicts.iter().map(|verdict| verdict.answer).max()
}

fn answer(found: &Measured, p: f64) -> Answer {
    match found.found {
        _ if p < ALPHA && found.found.low <= -found.margin => Answer::Worse,
        Interval { low, .. } if low > 0.0 => Answer::Better,
        Interval { low, .. } if low > -found.margin => Answer::Same,
        _ => Answer::NotEnoughData,
    }
}

/// The accepted cells by task, run and length: their seeds.
pub(super) fn seeds_together(accepted: &Accepted) -> BTreeMap<(String, String, u32), Vec<&AcceptedCell>> {
    let mut groups: BTreeMap<_, Vec<&AcceptedCell>> = BTreeMap::new();
    for cell in &accepted.cells {
        let of = &cell.cell;
        let group = groups.entry((task(of), of.run.clone(), of.length));
        group.or_default().push(cell);
    }
    groups
}

pub(super) fn task(cell: &CellDescription) -> String {
    format!("{}, {}, {}", cell.dataset, cell.labels, cell.evaluation_part)
}

/// The new record of an accepted cell, or why there is none that compares.
fn same_seed<'a>(
    cell: &'a AcceptedCell,
    new: &'a [Reported],
) -> Result<(&'a AcceptedCell, &'a Reported), (Answer, String)> {
    let same = |found: &&Reported| {
        let (a, b) = (&found.record.cell, &cell.cell);
        (task(a), &a.run, a.length, a.seed) == (task(b), &b.run, b.length, b.seed)
    };
    let elsewhere = |found: &&Reported| {
        let (a, b) = (&found.record.cell, &cell.cell);
        (&a.run, a.length, a.seed) == (&b.run, b.length, b.seed)
    };
    match new.iter().find(same) {
        Some(found) => paired(cell, found).map(|()| (cell, found)),
        None if new.iter().any(|found| elsewhere(&found)) => Err((
            Answer::NotComparable,
            format!(
                "{} was scored on other data, labels or another part than {}",
                cell.cell.title(),
                task(&cell.cell)
            ),
        )),
        None => Err((
            Answer::Missing,
            format!("{} has no record: run the suite first", cell.cell.title()),
        )),
    }
}

/// Why a new record does not compare with an accepted cell, if so.
pub(super) fn paired(cell: &AcceptedCell, found: &Reported) -> Result<(), (Answer, String)> {
    let record = &found.record;
    let title = record.cell.title();
    let reason = || record.reason.clone().unwrap_or_default();
    if record.is_degenerate() {
        return Err((Answer::Degenerate, format!("{title}: {}", reason())));
    }
    let Some(outcome) = record.outcome.as_ref().filter(|_| record.status == Status::Ok) else {
        return Err((
            Answer::Missing,
            format!("{title} is {}: {}", record.status.word(), reason()),
        ));
    };
    let differs = |what: &str| Err((Answer::NotComparable, format!("{title}: {what}")));
    if metrics_version(record) != cell.metrics_version {
        return differs(&format!(
            "scored by metrics of version {}, accepted were those of version {}",
            metrics_version(record),
            cell.metrics_version
        ));
    }
    if outcome.task.codes + outcome.task.unseen_codes != cell.codes {
        return differs(&format!(
            "scored on {} codes, accepted were scores on {}",
            outcome.task.codes + outcome.task.unseen_codes,
            cell.codes
        ));
    }
    if notes(record) != cell.notes {
        return differs("scored on another copy or division of the data, or other labels, than what was accepted");
    }
    Ok(())
}

enum Compared {
    /// Equal to the last bit.
    Exact(Verdict),
    Measured(Measured),
}

fn compared(
    pairs: &[(&AcceptedCell, &Reported)],
    metric: &str,
    (margin, mut verdict): (f64, Verdict),
) -> Result<Compared, String> {
    let mut differences = Vec::new();
    let mut scores = [0.0; 2];
    let mut redraws: Vec<f64> = Vec::new();
    let count = pairs.len() as f64;
    let mut unequal = Vec::new();
    for (cell, found) in pairs {
        let title = cell.cell.title();
        let now = found
            .record
            .outcome
            .as_ref()
            .and_then(|outcome| outcome.scores.get(metric));
        let (Some(before), Some(now)) = (cell.scores.get(metric), now) else {
            return Err(format!("{title}: {metric} is undefined, or was not accepted"));
        };
        scores[0] += before / count;
        scores[1] += now / count;
        differences.push(now - before);
        if before.to_bits() != now.to_bits() {
            unequal.push((*cell, *found));
        }
    }
    verdict.scores = Some(scores);
    if unequal.is_empty() {
        verdict.reason = Some("equal to the last bit".into());
        return Ok(Compared::Exact(verdict));
    }
    if let Some((cell, _)) = unequal.iter().find(|(cell, found)| cell.key == found.record.key) {
        verdict.reason = Some(format!(
            "{} has the key of what was accepted and another score: on one kind of machine they would be equal",
            cell.cell.title()
        ));
    }
    for (cell, found) in pairs {
        let title = cell.cell.title();
        let resamples = found.resamples.as_ref();
        let Some(resamples) = resamples else {
            return Err(format!("{title}: its metrics in redraws of the notes are not here"));
        };
        if resamples.draws != cell.draws {
            return Err(format!(
                "{title}: scored on other notes than what was accepted (of credentialed data: or named by another salt)"
            ));
        }
        let both = cell.redraws(metric).zip(resamples.values.get(metric));
        let Some((before, now)) = both.filter(|(before, now)| before.len() == now.len()) else {
            return Err(format!("{title}: no redraws of {metric}"));
        };
        redraws.resize(now.len(), 0.0);
        let each = redraws.iter_mut().zip(now.iter().zip(before));
        each.for_each(|(sum, (now, before))| *sum += (now - before) / count);
    }
    let change = scores[1] - scores[0];
    let Some(mut found) = interval(change, &redraws) else {
        return Err(format!("{metric} is undefined in most redraws of the notes"));
    };
    let mut freedom = f64::INFINITY;
    if differences.len() >= SEEDS {
        let squares: f64 = differences.iter().map(|difference| (difference - change).powi(2)).sum();
        let of_seeds = squares / (count - 1.0) / count;
        let wider = (found.se.powi(2) + of_seeds).sqrt();
        // Welch and Satterthwaite: the notes' part is as good as known.
        if of_seeds > 0.0 {
            freedom = (count - 1.0) * wider.powi(4) / of_seeds.powi(2);
        }
        if found.se > 0.0 {
            let factor = wider / found.se * t_quantile(freedom) / NORMAL;
            found.low = change + factor * (found.low - change);
            found.high = change + factor * (found.high - change);
        }
        found.se = wider;
    }
    verdict.interval = Some([found.low, found.high]);
    Ok(Compared::Measured(Measured {
        verdict,
        found,
        change,
        margin,
        freedom,
    }))
}

/// How likely so great a fall is where there is none: the share below of Student's distribution.
fn of_fall(change: f64, se: f64, freedom: f64) -> f64 {
    match (change, se) {
        (change, _) if change >= 0.0 => 1.0,
        (_, se) if se <= 0.0 => 0.0,
        (change, se) if freedom > 1e6 => 0.5 * libm::erfc(-change / se / std::f64::consts::SQRT_2),
        (change, se) => {
            let t = change / se;
            0.5 * incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t))
        }
    }
}

/// The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 1964, 26.5.8, evaluated by Lentz's
/// method); `x` from 0 to 1.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges where x is below its mean.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * x.ln() + b * (1.0 - x).ln();
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..500 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for term in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + term * d);
            c = away_from_zero(1.0 + term / c);
            fraction *= c * d;
        }
        if (fraction - before).abs() <= 1e-15 * fraction.abs() {
            break;
        }
    }
    front.exp() * fraction / a
}

/// Student's quantile of the ends of a 95 % interval (Abramowitz and Stegun 1964, 26.7.5).
fn t_quantile(freedom: f64) -> f64 {
    let z = NORMAL;
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / freedom + second / freedom.powi(2) + third / freedom.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_distribution_is_that_of_its_table() {
        // Two-sided 95 % of 4 and 10 degrees of freedom, and one-sided 0.001 of 2, 4 and 10.
        for (freedom, expected) in [(4.0, 2.776), (10.0, 2.228), (f64::INFINITY, 1.960)] {
            assert!(
                (t_quantile(freedom) - expected).abs() < 0.01,
                "{freedom}: {}",
                t_quantile(freedom)
            );
        }
        assert!((t_quantile(2.0) - 4.303).abs() < 0.15, "{}", t_quantile(2.0));
        for (freedom, t) in [(2.0, 22.327), (4.0, 7.173), (10.0, 4.144)] {
            let p = of_fall(-t, 1.0, freedom);
            assert!((p - 0.001).abs() < 2e-6, "{freedom}: {p}");
        }
        assert!((of_fall(-0.741, 1.0, 4.0) - 0.25).abs() < 1e-3);
        assert!((of_fall(-3.090, 1.0, f64::INFINITY) - 0.001).abs() < 1e-5);
    }
}
