//! What pretrained parameters give: each run that starts from an encoder (trained elsewhere, or on the notes' texts) or from
//! word vectors, beside the run of the same model that starts from nothing.

use std::collections::BTreeSet;

use serde_json::Value;

use super::changes::{change_cells, change_columns, column, foot_of_changes, number, percent, unfinished};
use super::scores::with_slug;
use super::summary::TaskSummary;
use super::table::{Cell, Number, Row, Table, grouped};
use crate::compare::{self, Change, MICRO_F1};
use crate::record::{Record, Reported, StageName};

/// The metrics that are compared, with their titles.
pub const METRICS: [(&str, &str); 2] = [(MICRO_F1, "micro-F1"), ("map", "MAP")];

/// A scored cell that starts from pretrained parameters, beside one of the same model, length and seed that does not.
pub struct Pair<'a> {
    /// What the two runs are called: the one that starts from pretrained parameters, then the one that does not.
    pub labels: [&'a str; 2],
    /// The cell that starts from nothing.
    pub from: &'a Reported,
    /// The one that starts from pretrained parameters.
    pub to: &'a Reported,
    /// From the first to the second, one for each of [`METRICS`].
    pub changes: Vec<Result<Change, compare::Error>>,
}

impl Pair<'_> {
    /// The change of one of [`METRICS`]: also without an interval where only the rows by note are missing, and `None`
    /// where the two do not compare.
    pub fn difference(&self, metric: usize) -> Option<f64> {
        match &self.changes[metric] {
            Ok(change) => Some(change.change),
            Err(compare::Error::NoRows { .. }) => {
                let [from, to] = [self.from, self.to].map(|side| score(&side.record, METRICS[metric].0));
                Some(to? - from?)
            }
            Err(_) => None,
        }
    }
}

/// The table, or `None` where no model was scored both ways.
pub fn pretraining_table(task: &TaskSummary<'_>) -> Option<Table> {
    let pairs = pairs(task);
    if pairs.is_empty() {
        return None;
    }
    let mut columns = Vec::new();
    for (_, title) in METRICS {
        columns.push(column(title, "from nothing"));
        columns.push(column(title, "pretrained"));
        columns.extend(change_columns(title));
    }
    let mut refusals = Vec::new();
    let rows = pairs.iter().map(|pair| row(pair, &mut refusals)).collect();
    let changes = pairs.iter().flat_map(|pair| &pair.changes);
    let mut foot = foot_of_changes(changes, "both runs", refusals);
    foot.push("Scores in percent, changes in percentage points.".to_owned());
    foot.push(
        "The two of a row may differ in more than where they start: in their sizes, their tokens and their training. The suite says in what."
            .to_owned(),
    );
    Some(Table {
        id: with_slug("pretraining", &task.slug),
        caption: format!("What pretrained parameters give on {}", task.title),
        stub: ["run", "beside", "length", "seed"].map(str::to_owned).to_vec(),
        columns,
        rows,
        foot,
    })
}

fn row(pair: &Pair<'_>, refusals: &mut Vec<String>) -> Row {
    let (from, to) = (&pair.from.record, &pair.to.record);
    let mut cells = Vec::new();
    for (place, ((metric, _), change)) in METRICS.iter().zip(&pair.changes).enumerate() {
        cells.extend([from, to].map(|record| {
            let cell = marked(number(score(record, metric), percent), unfinished(record));
            cell.of_records(vec![record.key.clone()])
        }));
        let [change, interval, excludes] = change_cells(change, pair.difference(place), refusals);
        cells.extend([marked(change, unfinished(from) || unfinished(to)), interval, excludes]);
    }
    let [with, without] = pair.labels.map(str::to_owned);
    let (length, seed) = (grouped(u64::from(to.cell.length)), to.cell.seed.to_string());
    Row::new(vec![with, without, length, seed], cells).of_records(vec![to.key.clone()])
}

/// A number with the mark of what had not finished learning.
fn marked(cell: Cell, unfinished: bool) -> Cell {
    match cell {
        Cell::Number(number) => Cell::Number(Number { unfinished, ..number }),
        other => other,
    }
}

/// A record's value of a metric, 0 to 1.
pub fn score(record: &Record, metric: &str) -> Option<f64> {
    record.outcome.as_ref()?.scores.get(metric).copied()
}

/// The pairs in the order of the runs, the lengths and the seeds: of the runs of the model that start from nothing the one
/// whose settings are nearest. Empty where no model was scored both ways.
pub fn pairs<'a>(task: &'a TaskSummary<'a>) -> Vec<Pair<'a>> {
    let scored = task.runs.iter().flat_map(|run| {
        let cells = run.cells.values().flat_map(|cells| cells.ok.iter().copied());
        cells.map(|cell| (run.label.as_str(), cell))
    });
    let (pretrained, from_nothing): (Vec<_>, Vec<_>) = scored.partition(|(_, cell)| is_pretrained(&cell.record));
    let of_one_kind = |a: &Record, b: &Record| {
        (&a.cell.model, a.cell.length, a.cell.seed) == (&b.cell.model, b.cell.length, b.cell.seed)
    };
    let pair = |(with, to): &(&'a str, &'a Reported)| {
        let beside = from_nothing.iter().rev();
        let beside = beside.filter(|(_, from)| of_one_kind(&to.record, &from.record));
        // The last of equals from the back is the first in the suite.
        let (without, from) = beside.max_by_key(|(_, from)| settings_in_common(&to.record, &from.record))?;
        let change = |(metric, _): &(&str, _)| compare::change(metric, from, to);
        Some(Pair {
            labels: [with, without],
            from,
            to,
            changes: METRICS.iter().map(change).collect(),
        })
    };
    pretrained.iter().filter_map(pair).collect()
}

/// How many settings of the model and its training two cells share: of several variants of a model the nearest is compared.
fn settings_in_common(a: &Record, b: &Record) -> usize {
    let [a, b] = [a, b].map(|record| {
        let mut leaves = BTreeSet::new();
        if let Some(weights) = record.stages.get(&StageName::Weights) {
            for (name, value) in &weights.settings {
                collect(name, value, &mut leaves);
            }
        }
        leaves
    });
    a.intersection(&b).count()
}

/// Every number, word and truth value of a setting with the path to it.
fn collect(path: &str, value: &Value, leaves: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(name, inner)| collect(&format!("{path}.{name}"), inner, leaves)),
        leaf => {
            leaves.insert(format!("{path} = {leaf}"));
        }
    }
}

/// Whether a cell's training began with parameters that were trained before: elsewhere, or on its notes' texts.
fn is_pretrained(record: &Record) -> bool {
    let read = |stage: StageName| {
        let weights = record.stages.get(&StageName::Weights);
        weights.is_some_and(|weights| weights.reads.contains_key(&stage))
    };
    let model = record
        .stages
        .get(&StageName::Weights)
        .and_then(|weights| weights.settings.get("model"));
    let takes_vectors = model.and_then(|model| model.as_object()).is_some_and(|model| {
        let mut settings = model.values();
        settings.any(|settings| settings.get("pretrained-embedding") == Some(&true.into()))
    });
    read(StageName::Encoder) || read(StageName::Pretraining) || (read(StageName::Vectors) && takes_vectors)
}
