//! What pretrained parameters give: each run that starts from an encoder or from word vectors trained elsewhere, beside
//! the run of the same model that starts from nothing.

use super::changes::{change_cells, change_columns, column, foot_of_changes, number, percent, unfinished};
use super::scores::with_slug;
use super::summary::TaskSummary;
use super::table::{Row, Table, grouped};
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

/// The table, or `None` where no model was scored both ways.
pub fn pretraining_table(task: &TaskSummary<'_>) -> Option<Table> {
    let pairs = pairs(task);
    if pairs.is_empty() {
        return None;
    }
    let mut columns = Vec::new();
    for (_, title) in METRICS {
        let group = format!("{title} (%, change in points)");
        columns.push(column(&group, "from nothing"));
        columns.push(column(&group, "pretrained"));
        columns.extend(change_columns(&group));
    }
    for (column, (_, title)) in columns.iter_mut().zip(METRICS.iter().flat_map(|metric| [metric; 5])) {
        column.key = format!("{title} {}", column.title);
    }
    let mut refusals = Vec::new();
    let rows = pairs.iter().map(|pair| row(pair, &mut refusals)).collect();
    let changes = pairs.iter().flat_map(|pair| &pair.changes);
    let mut foot = foot_of_changes(changes, "both runs", refusals);
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
    for ((metric, _), change) in METRICS.iter().zip(&pair.changes) {
        let [before, after] = [from, to].map(|record| score(record, metric));
        cells.extend([number(before, percent), number(after, percent)]);
        let plain = after.zip(before).map(|(after, before)| after - before);
        cells.extend(change_cells(change, plain, refusals));
    }
    let [with, without] = pair.labels.map(str::to_owned);
    let (length, seed) = (grouped(u64::from(to.cell.length)), to.cell.seed.to_string());
    Row::new(vec![with, without, length, seed], cells).of_unfinished(unfinished(from) || unfinished(to))
}

/// A record's value of a metric, 0 to 1.
pub fn score(record: &Record, metric: &str) -> Option<f64> {
    record.outcome.as_ref()?.scores.get(metric).copied()
}

/// The pairs in the order of the runs, the lengths and the seeds. Empty where no model was scored both ways.
pub fn pairs<'a>(task: &'a TaskSummary<'a>) -> Vec<Pair<'a>> {
    let scored = task.runs.iter().flat_map(|run| {
        let cells = run.cells.values().flat_map(|cells| cells.ok.iter().copied());
        cells.map(|cell| (run.label.as_str(), cell))
    });
    let (pretrained, from_nothing): (Vec<_>, Vec<_>) = scored.partition(|(_, cell)| is_pretrained(&cell.record));
    let of_one_kind = |a: &Record, b: &Record| {
        (&a.cell.model, a.cell.length, a.cell.seed) == (&b.cell.model, b.cell.length, b.cell.seed)
    };
    let mut pairs = Vec::new();
    for (with, to) in &pretrained {
        for (without, from) in &from_nothing {
            if of_one_kind(&to.record, &from.record) {
                let change = |(metric, _): &(&str, _)| compare::change(metric, from, to);
                pairs.push(Pair {
                    labels: [with, without],
                    from,
                    to,
                    changes: METRICS.iter().map(change).collect(),
                });
            }
        }
    }
    pairs
}

/// Whether a cell's training began with parameters that were trained elsewhere.
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
    read(StageName::Encoder) || (read(StageName::Vectors) && takes_vectors)
}
