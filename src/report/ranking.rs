//! The runs of a task from the best to the last, and what can be told of the best beside each of the others.
//!
//! Runs are ranked by the mean of the task's first metric, each at its best length. The winner is compared with the runs after
//! it on the same notes ([`crate::compare`]), corrected for all of these comparisons (Holm 1979).

use std::collections::BTreeMap;

use super::metric::Metric;
use super::spread::{Spread, UNFINISHED};
use super::summary::{LengthSummary, TaskSummary};
use super::table::at_length;
use crate::compare::{self, Comparison, Matched, holm};
use crate::record::Reported;

/// Runs that the winner is compared with at most: those that come next.
const COMPARED: usize = 11;

/// A run at the length at which it scores best.
pub struct Best<'s, 'a> {
    /// The run's label.
    pub label: &'s str,
    /// That length.
    pub length: u32,
    /// Its seeds there.
    pub cell: &'s LengthSummary<'a>,
    /// Their scores.
    pub score: Spread,
}

impl Best<'_, '_> {
    /// The run, marked where it had not finished learning, and its length where the task has several.
    pub fn name(&self, several_lengths: bool) -> String {
        let mark = if self.cell.unfinished() {
            format!(" {UNFINISHED}")
        } else {
            String::new()
        };
        match several_lengths {
            true => format!("{}{mark} {}", self.label, at_length(self.length)),
            false => format!("{}{mark}", self.label),
        }
    }
}

/// A run after the winner, and how the two compare.
pub type Beside<'b, 's, 'a> = (&'b Best<'s, 'a>, Result<Comparison, NotTested>);

/// Why the winner was not tested against a run.
#[derive(Clone, Debug, PartialEq)]
pub enum NotTested {
    /// No seed was scored with both.
    NoSeed,
    /// As the comparison says it.
    Refused(compare::Error),
}

/// Each scored run at its best length, the best first; of equals the first in the suite.
pub fn ranked<'s, 'a>(task: &'s TaskSummary<'a>, metric: &Metric) -> Vec<Best<'s, 'a>> {
    let better = |one: &Spread, other: &Spread| match metric.greater_is_better {
        true => one.mean > other.mean,
        false => one.mean < other.mean,
    };
    let mut ranked: Vec<Best<'s, 'a>> = Vec::new();
    for run in &task.runs {
        let mut best: Option<Best<'s, 'a>> = None;
        for (length, cell) in &run.cells {
            let Some(score) = cell.score(&metric.name) else {
                continue;
            };
            if best.as_ref().is_none_or(|best| better(&score, &best.score)) {
                best = Some(Best {
                    label: &run.label,
                    length: *length,
                    cell,
                    score,
                });
            }
        }
        ranked.extend(best);
    }
    ranked.sort_by(|one, other| {
        let order = other.score.mean.total_cmp(&one.score.mean);
        if metric.greater_is_better {
            order
        } else {
            order.reverse()
        }
    });
    ranked
}

/// The winner beside each run after it, with p-values corrected for all that were compared.
pub fn compared<'b, 's, 'a>(
    winner: &Best<'s, 'a>,
    others: &'b [Best<'s, 'a>],
    metric: &Metric,
    task: &str,
) -> Vec<Beside<'b, 's, 'a>> {
    let of = |other: &Best<'s, 'a>| {
        let seeds = common_seeds(other.cell, winner.cell);
        if seeds.is_empty() {
            return Err(NotTested::NoSeed);
        }
        let pair = Matched {
            task: task.to_owned(),
            run: format!("{} → {}", other.label, winner.label),
            length: winner.length,
            seeds,
        };
        compare::comparison(&pair, &metric.name).map_err(NotTested::Refused)
    };
    let others = &others[..others.len().min(COMPARED)];
    let results: Vec<_> = others.iter().map(of).collect();
    let mut family: Vec<Comparison> = results.iter().flatten().cloned().collect();
    holm(&mut family);
    let mut corrected = family.into_iter();
    let results = results.into_iter().map(|result| match result {
        Ok(found) => Ok(corrected.next().unwrap_or(found)),
        refused => refused,
    });
    others.iter().zip(results).collect()
}

/// By seed the scored cells of both.
fn common_seeds<'a>(first: &LengthSummary<'a>, second: &LengthSummary<'a>) -> BTreeMap<u64, [&'a Reported; 2]> {
    let of_second: BTreeMap<u64, _> = second.ok.iter().map(|cell| (cell.record.cell.seed, *cell)).collect();
    // An external system has no seeds of this program: a single run of one stands beside each.
    match (&first.ok[..], &second.ok[..]) {
        ([one], others) if first.external() => {
            return others
                .iter()
                .map(|cell| (cell.record.cell.seed, [*one, *cell]))
                .collect();
        }
        (others, [one]) if second.external() => {
            return others
                .iter()
                .map(|cell| (cell.record.cell.seed, [*cell, *one]))
                .collect();
        }
        _ => {}
    }
    let both = first.ok.iter().filter_map(|cell| {
        let seed = cell.record.cell.seed;
        Some((seed, [*cell, *of_second.get(&seed)?]))
    });
    both.collect()
}
