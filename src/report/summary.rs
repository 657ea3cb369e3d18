//! What the records say, arranged the way a report shows it: by task, run, length and seed, with
//! every planned cell accounted for.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{Identity, Names, identity, task_key};
use super::printed::PrintedScore;
use super::spread::{Spread, UNFINISHED};
use super::suite_text::SuiteText;
use super::versions::{OtherVersion, versions};
use crate::record::{CellDescription, Outcome, Record, Reported, Status};

/// Everything a report shows.
#[derive(Debug)]
pub struct Summary<'a> {
    /// One per (data set, label set, scored part), in the suite's order.
    pub tasks: Vec<TaskSummary<'a>>,
    /// How the cells ended.
    pub coverage: Coverage,
    /// Distinct reasons of the cells without scores; note `[1]` is the first.
    pub notes: Vec<String>,
    /// The records the report is made of.
    pub records: Vec<&'a Record>,
    /// Records of cells that the suite does not name: not shown.
    pub foreign: usize,
    /// Records of a cell that has a later record: not shown.
    pub superseded: usize,
    /// Scored cells that another version made than the others of their task: not shown.
    pub other_versions: Vec<OtherVersion<'a>>,
}

/// The runs that were scored on the same notes and codes, hence comparable.
#[derive(Debug)]
pub struct TaskSummary<'a> {
    /// Such as `codiesp, top 50, test`.
    pub title: String,
    /// The title as a part of a file name; empty where the suite has one task.
    pub slug: String,
    /// In the suite's order.
    pub runs: Vec<RunSummary<'a>>,
    /// Sequence lengths, ascending.
    pub lengths: Vec<u32>,
    /// What papers print of this task.
    pub printed: Vec<&'a PrintedScore>,
}

/// One run: a row of the tables, a line of the plots.
#[derive(Debug)]
pub struct RunSummary<'a> {
    /// The run's name, with device and precision where the suite has several.
    pub label: String,
    /// By sequence length.
    pub cells: BTreeMap<u32, LengthSummary<'a>>,
}

/// The seeds of one run at one length.
#[derive(Debug, Default)]
pub struct LengthSummary<'a> {
    /// Scored cells, ordered by seed.
    pub ok: Vec<&'a Reported>,
    /// The other cells: how they ended and the index of their note in [`Summary::notes`].
    pub ends: Vec<(&'static str, usize)>,
}

/// How many cells ended in which way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Cells that the suite asks for.
    pub cells: usize,
    /// Cells with scores.
    pub ok: usize,
    /// The other ends with their counts, by word: `failed`, `missing`, ...
    pub other: BTreeMap<&'static str, usize>,
}

impl Coverage {
    /// Such as `11 of 12 cells ok, 1 skipped`.
    pub fn sentence(&self) -> String {
        if self.cells == 0 {
            return "no cells: there is nothing to report yet".to_owned();
        }
        let noun = if self.cells == 1 { "cell" } else { "cells" };
        let mut text = format!("{} of {} {noun} ok", self.ok, self.cells);
        for (word, count) in &self.other {
            text += &format!(", {count} {word}");
        }
        text
    }
}

impl<'a> LengthSummary<'a> {
    /// Spread over the seeds of a quantity of the outcome.
    pub fn spread(&self, quantity: impl Fn(&Outcome) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.outcomes().filter_map(quantity))
    }

    /// Spread over the seeds of a metric on the evaluation part.
    pub fn score(&self, metric: &str) -> Option<Spread> {
        let interval = |outcome: &Outcome| outcome.intervals.get(metric).map(|found| (found.low, found.high));
        let scored = self.outcomes().filter(|outcome| outcome.scores.contains_key(metric));
        let value = self.spread(|outcome| outcome.scores.get(metric).copied())?;
        Some(value.within(scored.map(interval)))
    }

    /// The outcomes, ordered by seed.
    pub fn outcomes(&self) -> impl Iterator<Item = &'a Outcome> + '_ {
        self.ok.iter().filter_map(|cell| cell.record.outcome.as_ref())
    }

    /// The keys of its records, ordered by seed.
    pub fn keys(&self) -> Vec<String> {
        self.ok.iter().map(|cell| cell.record.key.clone()).collect()
    }

    /// Whether the model had not finished learning, with any of the seeds.
    pub fn unfinished(&self) -> bool {
        self.outcomes().any(|outcome| outcome.unfinished.is_some())
    }

    /// Whether another system than this program made the scores.
    pub fn external(&self) -> bool {
        self.outcomes().any(|outcome| outcome.external.is_some())
    }

    /// Cells asked for: one per seed.
    pub fn planned(&self) -> usize {
        self.ok.len() + self.ends.len()
    }
}

impl<'a> RunSummary<'a> {
    /// The label as a legend shows it, with the mark where the model had not finished learning: at the length that is
    /// drawn, or where all are, at any.
    pub fn legend(&self, length: Option<u32>) -> String {
        let mut drawn = self
            .cells
            .iter()
            .filter(|(of, _)| length.is_none_or(|length| length == **of));
        let unfinished = drawn.any(|(_, cell)| cell.unfinished());
        let label = self.short_label();
        match unfinished {
            true => format!("{label} {UNFINISHED}"),
            false => label,
        }
    }

    /// The label as the plots have room for it: a long one loses its middle.
    fn short_label(&self) -> String {
        let letters: Vec<char> = self.label.chars().collect();
        if letters.len() <= 40 {
            return self.label.clone();
        }
        let (start, end) = (&letters[..24], &letters[letters.len() - 15..]);
        start.iter().chain(&['…']).chain(end).collect()
    }

    /// The greatest length with scores, and its cells.
    pub fn longest(&self) -> Option<(u32, &LengthSummary<'a>)> {
        let scored = self.cells.iter().rev().find(|(_, cell)| !cell.ok.is_empty());
        scored.map(|(length, cell)| (*length, cell))
    }
}

impl<'a> TaskSummary<'a> {
    /// The outcomes of all scored cells.
    pub fn outcomes(&self) -> impl Iterator<Item = &'a Outcome> + '_ {
        self.runs
            .iter()
            .flat_map(|run| run.cells.values())
            .flat_map(LengthSummary::outcomes)
    }

    /// A metric of the predictor that gives every note the training frequencies: spread over the
    /// distinct values in the records, which is one value unless thresholds differ between cells.
    pub fn prior(&self, metric: &str) -> Option<Spread> {
        let values: BTreeSet<u64> = self
            .outcomes()
            .filter_map(|outcome| outcome.prior_scores.get(metric))
            .map(|value| value.to_bits())
            .collect();
        Spread::of(values.into_iter().map(f64::from_bits))
    }
}

/// Arranges the records. Where the suite names its cells these are the cells of the report, in
/// that order, and records of other cells are counted and left out; otherwise the records'
/// cells are, ordered by name. Of the scored cells of a task those of one version are shown.
pub fn summarise<'a>(cells: &'a [Reported], suite: &'a SuiteText) -> Summary<'a> {
    let mut planned: Vec<&'a CellDescription> = suite.cells.iter().collect();
    let named: BTreeSet<Identity<'_>> = planned.iter().map(|cell| identity(cell)).collect();
    let is_named = |cell: &&Reported| named.is_empty() || named.contains(&identity(&cell.record.cell));
    let versions = versions(cells.iter().filter(is_named));
    let is_shown = |cell: &&Reported| {
        let version = versions.get(&task_key(&cell.record.cell));
        cell.record.status != Status::Ok || !is_named(cell) || version == Some(&cell.made_by.as_str())
    };
    let latest = latest(cells.iter().filter(is_shown));
    let mut others = self::latest(cells.iter().filter(|cell| !is_shown(cell)));
    others.retain(|cell, other| {
        latest
            .get(cell)
            .is_none_or(|shown| other.record.age() > shown.record.age())
    });
    if planned.is_empty() {
        let all: BTreeMap<_, _> = latest.iter().chain(&others).collect();
        planned = all.into_values().map(|cell| &cell.record.cell).collect();
    }
    let mut seen = BTreeSet::new();
    planned.retain(|cell| seen.insert(identity(cell)));
    let shown: Vec<(&CellDescription, Option<&Reported>)> = planned
        .iter()
        .map(|cell| (*cell, latest.get(&identity(cell)).copied()))
        .collect();
    let mut summary = Summary {
        tasks: Vec::new(),
        coverage: Coverage::default(),
        notes: Vec::new(),
        records: shown.iter().filter_map(|(_, found)| Some(&(*found)?.record)).collect(),
        foreign: 0,
        superseded: cells.len() - latest.len() - others.len(),
        other_versions: others
            .values()
            .map(|other| OtherVersion {
                cell: &other.record.cell,
                made_by: &other.made_by,
                shown: versions[&task_key(&other.record.cell)],
            })
            .collect(),
    };
    summary.foreign = latest.len() - summary.records.len();
    let names = Names::of(&planned);
    for (cell, found) in shown {
        let end = match found {
            Some(found) => end_of(&found.record).map_or(Ok(found), Err),
            None if others.contains_key(&identity(cell)) => Err((OTHER_VERSION, NOT_SHOWN.to_owned())),
            None => Err(("missing", NO_RECORD.to_owned())),
        };
        let task = summary.place(cell, end, &names);
        if task.printed.is_empty() {
            let (dataset, labels, part) = task_key(cell);
            let of_task = |score: &&PrintedScore| score.task == [dataset, labels, part];
            task.printed = suite.printed.iter().filter(of_task).collect();
        }
    }
    for task in &mut summary.tasks {
        for cell in task.runs.iter_mut().flat_map(|run| run.cells.values_mut()) {
            cell.ok.sort_by_key(|cell| cell.record.cell.seed);
        }
    }
    summary
}

impl<'a> Summary<'a> {
    /// Puts one planned cell where it belongs: with its scores, or with the word and the reason of its end. Returns its task.
    fn place(
        &mut self,
        cell: &CellDescription,
        end: Result<&'a Reported, (&'static str, String)>,
        names: &Names,
    ) -> &mut TaskSummary<'a> {
        let title = names.task(cell);
        let task = match self.tasks.iter().position(|task| task.title == title) {
            Some(index) => &mut self.tasks[index],
            None => {
                let mut slug = names.slug(cell);
                if self.tasks.iter().any(|task| task.slug == slug) {
                    slug += &format!("-{}", self.tasks.len() + 1);
                }
                self.tasks.push(TaskSummary {
                    slug,
                    title,
                    runs: Vec::new(),
                    lengths: Vec::new(),
                    printed: Vec::new(),
                });
                self.tasks.last_mut().unwrap() // OK because one was just pushed
            }
        };
        if let Err(at) = task.lengths.binary_search(&cell.length) {
            task.lengths.insert(at, cell.length);
        }
        let label = names.run(cell);
        let run = match task.runs.iter().position(|run| run.label == label) {
            Some(index) => &mut task.runs[index],
            None => {
                let cells = BTreeMap::new();
                task.runs.push(RunSummary { label, cells });
                task.runs.last_mut().unwrap() // OK because one was just pushed
            }
        };
        let seeds = run.cells.entry(cell.length).or_default();
        self.coverage.cells += 1;
        match end {
            Ok(found) => {
                self.coverage.ok += 1;
                seeds.ok.push(found);
            }
            Err((word, reason)) => {
                *self.coverage.other.entry(word).or_default() += 1;
                let note = match self.notes.iter().position(|note| *note == reason) {
                    Some(index) => index,
                    None => {
                        self.notes.push(reason);
                        self.notes.len() - 1
                    }
                };
                seeds.ends.push((word, note));
            }
        }
        task
    }
}

/// The later of the records of each cell.
fn latest<'a>(cells: impl Iterator<Item = &'a Reported>) -> BTreeMap<Identity<'a>, &'a Reported> {
    let mut latest: BTreeMap<Identity<'a>, &'a Reported> = BTreeMap::new();
    for cell in cells {
        let kept = latest.entry(identity(&cell.record.cell)).or_insert(cell);
        if cell.record.age() > kept.record.age() {
            *kept = cell;
        }
    }
    latest
}

const NO_RECORD: &str = "no record yet: the cell was not run, or not to its end";
const OTHER_VERSION: &str = "another version";
const NOT_SHOWN: &str = "its record was made by another version than those of the other cells, so that its scores are not shown: see the end of the report";

/// Word and reason of a cell without scores; `None` for one that has them.
fn end_of(record: &Record) -> Option<(&'static str, String)> {
    let word = match record.status {
        Status::Ok if record.outcome.is_some() => return None,
        Status::Ok => Status::Failed.word(),
        other => other.word(),
    };
    let reason = record.reason.clone();
    Some((
        word,
        reason.unwrap_or_else(|| format!("{word}: the record gives no reason")),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_the_sample_standard_deviation_and_one_value_has_none() {
        let three = Spread::of([1.0, 2.0, 3.0]).unwrap();
        assert_eq!((three.mean, three.sd, three.n), (2.0, Some(1.0), 3));
        assert_eq!(Spread::of([5.0]).unwrap().sd, None);
        assert_eq!(Spread::of([f64::NAN]), None);
    }

    #[test]
    fn the_coverage_sentence_counts_every_end() {
        let mut coverage = Coverage {
            cells: 12,
            ok: 11,
            other: BTreeMap::new(),
        };
        coverage.other.insert("skipped", 1);
        assert_eq!(coverage.sentence(), "11 of 12 cells ok, 1 skipped");
    }
}
