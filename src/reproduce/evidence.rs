//! Which records stand at a row of a table, and what keeps them from being compared with it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use super::intervals::Intervals;
use crate::published::{Row, Table};
use crate::record::{Chain, Record, Reported, StageName, Unfinished, identity};

/// What cells are compared with.
pub struct Evidence<'a> {
    /// Cells of the papers' suites, by the suite's name.
    suites: BTreeMap<String, Vec<Planned>>,
    /// Whatever records are at hand.
    records: Vec<Kept<'a>>,
    /// How far ours may lie from a published score beyond its rounding and still count as reproduced, as a share of 1.
    tolerance: f64,
    /// Intervals that were computed.
    intervals: Intervals,
    /// See [`Evidence::task_of`], by the table's place in memory.
    tasks: RefCell<BTreeMap<*const Table, String>>,
    /// See [`Evidence::standing`], by the table's and the row's: claims ask for the same rows again and again.
    standings: RefCell<BTreeMap<Place, Result<Standing<'a>, String>>>,
}

/// A row of a table, by where both are in memory.
type Place = (*const Table, *const Row);

/// A scored record, and what its stages were asked but for the seed.
struct Kept<'a> {
    reported: &'a Reported,
    experiment: Rc<str>,
    /// The notes, their division and their labels.
    task: Rc<str>,
    head: Option<String>,
}

impl<'a> Evidence<'a> {
    /// What there is: cells of the papers' suites by the suite's name, and records. Of records that are of one cell the one
    /// that ended last counts.
    pub fn new(suites: BTreeMap<String, Vec<Planned>>, records: &'a [Reported], tolerance: f64) -> Self {
        let scored = records.iter().filter(|reported| reported.record.outcome.is_some());
        let mut last: BTreeMap<String, &Reported> = BTreeMap::new();
        for reported in scored {
            let place = last.entry(identity(&reported.record.stages)).or_insert(reported);
            if place.record.age() < reported.record.age() {
                *place = reported;
            }
        }
        // Thousands of records are of a few experiments.
        let mut texts: BTreeSet<Rc<str>> = BTreeSet::new();
        let mut once = |text: String| match texts.get(text.as_str()) {
            Some(known) => known.clone(),
            None => {
                let text: Rc<str> = text.into();
                texts.insert(text.clone());
                text
            }
        };
        let kept = last.into_values().map(|reported| Kept {
            experiment: once(experiment(&reported.record)),
            task: once(task(&reported.record)),
            head: head(&reported.record.stages),
            reported,
        });
        Self {
            suites,
            records: kept.collect(),
            tolerance,
            intervals: Intervals::default(),
            tasks: RefCell::default(),
            standings: RefCell::default(),
        }
    }

    /// The scored records.
    pub(super) fn records(&self) -> impl Iterator<Item = &'a Reported> + '_ {
        self.records.iter().map(|kept| kept.reported)
    }

    /// See [`Evidence::new`].
    pub(super) fn tolerance(&self) -> f64 {
        self.tolerance
    }

    /// From the least to the greatest bound of the records' intervals of a metric.
    pub(super) fn interval(&self, records: &[&Reported], metric: &str) -> Option<(f64, f64)> {
        self.intervals.of(records, metric)
    }
}

/// A cell of a paper's suite, as it was planned.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The run's title.
    pub run: String,
    /// Sequence length.
    pub length: u32,
    /// The model's name.
    pub model: String,
    /// What every stage of it was asked.
    pub chain: Chain,
    /// What it lacks here; `None` where it can be run.
    pub needs: Option<String>,
}

/// Records of one cell, over its seeds, that stand at a row.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// At least one.
    pub records: Vec<&'a Reported>,
    /// What keeps them from being compared with the row; nothing where they are of the paper's own cell.
    pub reasons: Vec<String>,
}

impl Standing<'_> {
    /// The mean of a score over the seeds; `None` where one lacks it.
    pub fn score(&self, metric: &str) -> Option<f64> {
        let scores = self.records.iter().map(|record| {
            let outcome = record.record.outcome.as_ref()?;
            outcome.scores.get(metric).copied()
        });
        let scores: Vec<f64> = scores.collect::<Option<_>>()?;
        Some(scores.iter().sum::<f64>() / scores.len() as f64)
    }

    /// The mean over the seeds of a mean over the codes with fewer training notes than `most`; `None` where a record lacks
    /// it: it has one of ROC-AUC, and only where it withholds no code.
    pub fn score_of_rare(&self, metric: &str, most: u32) -> Option<f64> {
        let scores = self.records.iter().map(|record| {
            let outcome = record.record.outcome.as_ref()?;
            let all = metric == "macro-roc-auc" && outcome.codes.len() >= outcome.task.codes as usize;
            let rare = outcome.codes.iter().filter(|code| code.training < most);
            let areas: Vec<f64> = rare.filter_map(|code| code.roc_auc).collect();
            (all && !areas.is_empty()).then(|| areas.iter().sum::<f64>() / areas.len() as f64)
        });
        let scores: Vec<f64> = scores.collect::<Option<_>>()?;
        Some(scores.iter().sum::<f64>() / scores.len() as f64)
    }

    /// Whether a model had not finished learning.
    pub(super) fn unfinished(&self) -> bool {
        let outcomes = self.records.iter().filter_map(|record| record.record.outcome.as_ref());
        outcomes.into_iter().any(|outcome| outcome.unfinished.is_some())
    }

    /// The suite that they are of.
    pub(super) fn suite(&self) -> &str {
        &self.records[0].record.cell.suite
    }

    /// What their encoder and its pretraining were asked to be, where they have them.
    pub(super) fn encoder(&self) -> [Option<&BTreeMap<String, Value>>; 2] {
        let stages = &self.records[0].record.stages;
        [StageName::Encoder, StageName::Pretraining].map(|stage| Some(&stages.get(&stage)?.settings))
    }

    /// Where they come from.
    pub fn title(&self) -> String {
        let cell = &self.records[0].record.cell;
        let seeds = match self.records.len() {
            1 => String::new(),
            several => format!(", {several} seeds"),
        };
        format!("{}: {} at {} tokens{seeds}", cell.suite, cell.run, cell.length)
    }
}

impl<'a> Evidence<'a> {
    /// The records at a row of a table: of the paper's own cell; otherwise of the same model at the same length or near it,
    /// those that the least keeps from being compared.
    ///
    /// # Errors
    /// In words: what the row needs, where there are none.
    pub fn standing(&self, table: &Table, row: &Row) -> Result<Standing<'a>, String> {
        let place = (std::ptr::from_ref(table), std::ptr::from_ref(row));
        if let Some(known) = self.standings.borrow().get(&place) {
            return known.clone();
        }
        let found = self.look_up(table, row);
        self.standings.borrow_mut().insert(place, found.clone());
        found
    }

    fn look_up(&self, table: &Table, row: &Row) -> Result<Standing<'a>, String> {
        let planned = self.planned(table, row)?;
        let mut groups: BTreeMap<&str, Vec<&Kept<'a>>> = BTreeMap::new();
        for kept in self.candidates(row, planned) {
            groups.entry(&kept.experiment).or_default().push(kept);
        }
        let task = self.task_of(table);
        let standing = groups.into_values().map(|kept| {
            let records: Vec<&'a Reported> = kept.iter().map(|kept| kept.reported).collect();
            let reasons = reasons(&records, planned);
            (*kept[0].task != *task, Standing { records, reasons })
        });
        let closest = standing.min_by_key(|(elsewhere, standing)| {
            let cell = &standing.records[0].record.cell;
            let reasons = standing.reasons.len();
            (
                // The paper's own cell, then the task that most of the table is filled by, then the length.
                (reasons > 0, *elsewhere, cell.length.abs_diff(planned.length)),
                (reasons, cell.run != planned.run),
                (cell.suite.clone(), cell.run.clone()),
            )
        });
        let closest = closest.map(|(_, standing)| standing);
        closest.ok_or_else(|| {
            planned.needs.clone().unwrap_or_else(|| {
                let suite = table.suite.as_deref().unwrap_or_default();
                format!("to be run: icdbench run suites/{suite}.toml")
            })
        })
    }

    /// Records of the model with the same kind of head, at the length or near it; at any length where the paper prints none.
    fn candidates(&self, row: &Row, planned: &Planned) -> impl Iterator<Item = &Kept<'a>> {
        let any_length = row.length.is_none();
        let asked_head = head(&planned.chain);
        self.records.iter().filter(move |kept| {
            let record = &kept.reported.record;
            let (found, asked) = (f64::from(record.cell.length), f64::from(planned.length));
            let near = any_length || found.max(asked) <= NEAR * found.min(asked);
            near && record.cell.model == planned.model && kept.head == asked_head
        })
    }

    /// The notes and labels that fill most rows of a table: rows are compared with each other, so they should be of one task.
    fn task_of(&self, table: &Table) -> String {
        if let Some(known) = self.tasks.borrow().get(&std::ptr::from_ref(table)) {
            return known.clone();
        }
        let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
        let planned = table
            .rows
            .iter()
            .filter_map(|row| Some((row, self.planned(table, row).ok()?)));
        for (row, planned) in planned {
            let tasks: BTreeSet<&str> = self.candidates(row, planned).map(|kept| &*kept.task).collect();
            for task in tasks {
                *rows.entry(task).or_default() += 1;
            }
        }
        let most = rows
            .into_iter()
            .max_by_key(|(task, rows)| (*rows, std::cmp::Reverse(*task)));
        let task = most.map_or(String::new(), |(task, _)| task.to_owned());
        self.tasks.borrow_mut().insert(std::ptr::from_ref(table), task.clone());
        task
    }

    /// The cell of the paper's suite that a row is.
    fn planned(&self, table: &Table, row: &Row) -> Result<&Planned, String> {
        let needs = || row.needs.clone().or_else(|| table.needs.clone());
        let (Some(suite), Some(run)) = (&table.suite, &row.run) else {
            return Err(needs().unwrap_or_else(|| "no suite of icdbench has this row".into()));
        };
        let cells = self.suites.get(suite).into_iter().flatten();
        let mut of_run = cells.filter(|cell| cell.run == *run && row.length.is_none_or(|length| cell.length == length));
        match (of_run.next(), of_run.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(format!(
                "suites/{suite}.toml has no cell of {run:?} at the row's length"
            )),
            (Some(_), Some(_)) => Err(format!(
                "suites/{suite}.toml has several cells of {run:?}, and the row no length"
            )),
        }
    }
}

/// How many times another length may be a row's and still stand for it.
const NEAR: f64 = 1.5;

/// What a record's stages were asked but for the seed, as text.
pub(super) fn experiment(record: &Record) -> String {
    let settings = record.stages.iter().map(|(name, stage)| {
        let bound = stage.settings.iter().filter(|(name, _)| *name != "seed");
        (name.word(), bound.collect::<BTreeMap<_, _>>())
    });
    serde_json::to_string(&settings.collect::<BTreeMap<_, _>>()).unwrap_or_default()
}

/// The notes of a record, their division and their labels, as text.
pub(super) fn task(record: &Record) -> String {
    let notes = record.stages.get(&StageName::Notes).map(|stage| &stage.settings);
    serde_json::to_string(&notes).unwrap_or_default()
}

/// The kind of head of a model that has several: its setting's name.
fn head(chain: &Chain) -> Option<String> {
    let model = setting(chain, StageName::Weights, "model")?
        .as_object()?
        .values()
        .next()?;
    match model.get("head")? {
        Value::String(kind) => Some(kind.clone()),
        Value::Object(of_kind) => of_kind.keys().next().cloned(),
        _ => None,
    }
}

fn setting<'c>(chain: &'c Chain, stage: StageName, name: &str) -> Option<&'c Value> {
    chain.get(&stage)?.settings.get(name)
}

/// In what the records' cell is another than the planned one.
fn reasons(records: &[&Reported], planned: &Planned) -> Vec<String> {
    let record = &records[0].record;
    let differ =
        |stage: StageName, name: &str| setting(&record.stages, stage, name) != setting(&planned.chain, stage, name);
    let mut reasons = Vec::new();
    if setting(&record.stages, StageName::Notes, "generated").is_some() {
        reasons.push("generated data".into());
    }
    if differ(StageName::Notes, "data") {
        let name =
            match setting(&planned.chain, StageName::Notes, "data").and_then(|data| data.pointer("/prepared/name")) {
                Some(Value::String(name)) => format!(", the paper's is {name}"),
                _ => String::new(),
            };
        reasons.push(format!("other data ({}{name})", record.cell.dataset));
    }
    if differ(StageName::Notes, "labels") {
        reasons.push(format!("another label set ({})", record.cell.labels));
    }
    if differ(StageName::Notes, "division") && !differ(StageName::Notes, "data") {
        reasons.push("another division of the notes".into());
    }
    if record.cell.length != planned.length {
        reasons.push(format!("another length ({})", record.cell.length));
    }
    let of_stage = |stage: StageName| record.stages.get(&stage).map(|stage| &stage.settings);
    let of_plan = |stage: StageName| planned.chain.get(&stage).map(|stage| &stage.settings);
    if [StageName::Tokenizer, StageName::Tokens, StageName::Vectors]
        .iter()
        .any(|&stage| of_stage(stage) != of_plan(stage))
    {
        reasons.push("another text (tokenizer, vocabulary or word vectors)".into());
    }
    let [encoder, planned_encoder] = [of_stage(StageName::Encoder), of_plan(StageName::Encoder)];
    let [pretraining, planned_pretraining] = [of_stage(StageName::Pretraining), of_plan(StageName::Pretraining)];
    let starts = |encoder: Option<_>, pretraining: Option<_>| encoder.is_some() || pretraining.is_some();
    if !starts(encoder, pretraining) && starts(planned_encoder, planned_pretraining) {
        reasons.push("its encoder starts from nothing".into());
    } else if encoder != planned_encoder {
        reasons.push("another encoder".into());
    } else if pretraining != planned_pretraining {
        reasons.push("another pretraining".into());
    }
    for (name, words) in [
        ("model", "other settings of the model"),
        ("training", "another training"),
        ("threshold", "another rule for the threshold"),
        ("ties", "another order of equal scores"),
    ] {
        if differ(StageName::Weights, name) {
            reasons.push(words.into());
        }
    }
    // A budget that is the paper's own ends a training where the paper's ended.
    let same_training = !differ(StageName::Weights, "training");
    let unfinished = records
        .iter()
        .filter_map(|record| record.record.outcome.as_ref()?.unfinished);
    if unfinished
        .into_iter()
        .any(|why| !(same_training && why == Unfinished::BudgetSpent))
    {
        reasons.push("it had not finished learning".into());
    }
    reasons
}
