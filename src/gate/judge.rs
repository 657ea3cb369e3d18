//! A verdict for each run, length and metric.

use std::collections::BTreeMap;

use serde::Serialize;

use super::accepted::{Accepted, AcceptedCell, metrics_version, notes};
use crate::compare::holm_of;
use crate::metrics::resampled::{Interval, interval};
use crate::record::{CellDescription, Reported, Status};

/// The chance that any of a gate's tests calls something worse that is not: a gate that cries wolf is switched off.
pub const ALPHA: f64 = 0.001;
/// From so many seeds on, the differences over the seeds say how much of a difference is the seeds'.
const SEEDS: usize = 3;

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
}

/// Judges new records by accepted ones. `new` has a record of each cell of the suite that was run.
pub fn judge(accepted: &Accepted, new: &[Reported]) -> Vec<Verdict> {
    let mut groups: BTreeMap<(String, String, u32), Vec<&AcceptedCell>> = BTreeMap::new();
    for cell in &accepted.cells {
        let of = &cell.cell;
        groups
            .entry((task(of), of.run.clone(), of.length))
            .or_default()
            .push(cell);
    }
    let mut verdicts = Vec::new();
    let mut measured = Vec::new();
    for ((task, run, length), cells) in groups {
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
        .map(|found| of_fall(found.change, found.found.se))
        .collect();
    for (found, p) in measured.into_iter().zip(holm_of(&p_values)) {
        verdicts.push(Verdict {
            answer: answer(&found, p),
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
    match new.iter().find(same) {
        Some(found) => paired(cell, found).map(|()| (cell, found)),
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
    if differences.len() >= SEEDS {
        let squares: f64 = differences.iter().map(|difference| (difference - change).powi(2)).sum();
        let of_seeds = squares / (count - 1.0) / count;
        let wider = (found.se.powi(2) + of_seeds).sqrt();
        if found.se > 0.0 {
            let factor = wider / found.se;
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
    }))
}

/// How likely so great a fall is where there is none: the normal distribution's share below.
fn of_fall(change: f64, se: f64) -> f64 {
    match (change, se) {
        (change, _) if change >= 0.0 => 1.0,
        (_, se) if se <= 0.0 => 0.0,
        (change, se) => 0.5 * libm::erfc(-change / se / std::f64::consts::SQRT_2),
    }
}
