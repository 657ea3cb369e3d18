//! The numbers behind tables and plots as CSV, at full precision, in the records' units.

use std::collections::BTreeSet;

use super::codes::CodeTable;
use super::facts::tokenisations;
use super::figure_sheets;
use super::gains;
use super::plots::bins::bins;
use super::pretraining;
use super::pretrainings;
use super::scores::{metrics_of, score_table};
use super::sheet::{CELL, Sheet, cell_fields, interval, number, spread, unfinished};
use super::summary::{LengthSummary, Summary, TaskSummary};
use super::table::{Cell, Table};
use crate::compare::{Change, margin_over_prior};
use crate::record::{Outcome, Record, Status};

/// Every CSV file of a report: its name, and what fills it.
pub const SHEETS: [(&str, Fill); 17] = [
    ("scores.csv", scores),
    ("table.csv", score_tables),
    ("lengths.csv", gains),
    ("pretraining.csv", pretraining),
    ("pretraining-steps.csv", pretrainings::sheet),
    ("speed.csv", speed),
    ("bins.csv", frequency_bins),
    ("training.csv", training),
    ("tokens.csv", note_lengths),
    (CODES, codes),
    ("bins-by-seed.csv", figure_sheets::bins_by_seed),
    ("groups.csv", figure_sheets::code_groups),
    ("areas.csv", figure_sheets::areas),
    ("thresholds.csv", figure_sheets::thresholds),
    ("precision-recall.csv", figure_sheets::precision_recall),
    ("calibration.csv", figure_sheets::calibration),
    ("printed.csv", figure_sheets::printed),
];

/// Fills one file from the records.
pub type Fill = fn(&Summary<'_>) -> Result<Vec<u8>, csv::Error>;

/// The file of all codes, of which the page shows some.
pub const CODES: &str = "codes.csv";

/// One row a cell and metric; a cell without scores has one row with its status and reason.
pub fn scores(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut sheet =
        Sheet::new(
            CELL.iter()
                .chain(&["status", "scored-on", "metric", "value", "low", "high", "reason"]),
        )?;
    for record in &summary.records {
        let cell = cell_fields(record);
        let mut add = |part: &str, metric: &str, values: [Option<f64>; 3], reason: &str| {
            let status = record.status.spelled();
            let [value, low, high] = values.map(number);
            let fields = [
                status,
                part.to_owned(),
                metric.to_owned(),
                value,
                low,
                high,
                reason.to_owned(),
            ];
            sheet.row(cell.iter().cloned().chain(fields).collect())
        };
        let Some(outcome) = record.outcome.as_ref().filter(|_| record.status == Status::Ok) else {
            add("", "", [None; 3], record.reason.as_deref().unwrap_or_default())?;
            continue;
        };
        let parts = [
            ("evaluation", &outcome.scores),
            ("validation", &outcome.validation_scores),
            ("frequency prior", &outcome.prior_scores),
        ];
        for (part, scores) in parts {
            for (metric, value) in scores {
                let found = outcome.intervals.get(metric).filter(|_| part == "evaluation");
                let ends = [found.map(|found| found.low), found.map(|found| found.high)];
                add(part, metric, [Some(*value), ends[0], ends[1]], "")?;
            }
        }
    }
    sheet.bytes()
}

/// The score tables as they stand on the page, one under the other: task, labels, state, then mean, standard deviation
/// and number of seeds of each column.
pub fn score_tables(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let table = |task: &TaskSummary<'_>| score_table(task, &metrics_of(task));
    let tables: Vec<(&str, Table)> = summary
        .tasks
        .iter()
        .map(|task| (task.title.as_str(), table(task)))
        .collect();
    let mut keys: Vec<&str> = Vec::new();
    for column in tables.iter().flat_map(|(_, table)| &table.columns) {
        if !keys.contains(&column.key.as_str()) {
            keys.push(&column.key);
        }
    }
    let stub = tables.first().map_or(&[][..], |(_, table)| &table.stub);
    let mut headings: Vec<String> = ["task".to_owned()].into_iter().chain(stub.iter().cloned()).collect();
    headings.extend(["state", "unfinished"].map(str::to_owned));
    headings.extend(
        keys.iter()
            .flat_map(|key| ["", " sd", " n", " low", " high"].map(|what| format!("{key}{what}"))),
    );
    let mut sheet = Sheet::new(headings)?;
    for (task, table) in &tables {
        for row in &table.rows {
            let mut fields = vec![(*task).to_owned()];
            // Thousands separators are for readers; a program wants the number.
            fields.extend(row.labels.iter().map(|label| {
                let plain = label.replace(',', "");
                if plain.parse::<u64>().is_ok() {
                    plain
                } else {
                    label.clone()
                }
            }));
            let state = row.cells.iter().find_map(|cell| match cell {
                Cell::State { word, .. } => Some(word.clone()),
                _ => None,
            });
            fields.push(state.unwrap_or_else(|| "ok".to_owned()));
            fields.push(yes(row.unfinished));
            for key in &keys {
                let column = table.columns.iter().position(|column| column.key == *key);
                let value = match column.map(|column| &row.cells[column]) {
                    Some(Cell::Number(number)) => Some(number.value),
                    _ => None,
                };
                fields.extend(spread(value));
                fields.extend(interval(value));
            }
            sheet.row(fields)?;
        }
    }
    sheet.bytes()
}

/// One row a scored cell of the runs with several lengths: the change from the shortest, and the margin over the prior.
pub fn gains(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let measures = [
        "micro-f1",
        "from-length",
        "change",
        "change lower",
        "change upper",
        "excludes-0",
        "notes",
        "over-prior",
    ];
    let mut sheet = Sheet::new(CELL.iter().chain(&measures))?;
    for gain in summary.tasks.iter().flat_map(|task| gains::gains(task)) {
        let record = gain.record;
        let mut fields = cell_fields(record);
        fields.push(number(gains::micro_f1(record)));
        let shortest = gain.shortest.map(|shortest| shortest.cell.length.to_string());
        fields.push(shortest.unwrap_or_default());
        let change = gain.change.as_ref().and_then(|change| change.as_ref().ok());
        // The change also without an interval.
        fields.push(number(gain.difference()));
        fields.extend(interval_fields(change));
        fields.push(number(margin_over_prior(record)));
        sheet.row(fields)?;
    }
    sheet.bytes()
}

/// One row for each metric of a cell that starts from pretrained parameters beside one of its model that does not.
pub fn pretraining(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let measures = [
        "beside",
        "beside-unfinished",
        "metric",
        "from-nothing",
        "pretrained",
        "change",
        "change lower",
        "change upper",
        "excludes-0",
        "notes",
    ];
    let mut sheet = Sheet::new(CELL.iter().chain(&measures))?;
    for pair in summary.tasks.iter().flat_map(|task| pretraining::pairs(task)) {
        for (place, ((metric, _), change)) in pretraining::METRICS.iter().zip(&pair.changes).enumerate() {
            let mut fields = cell_fields(&pair.to.record);
            let beside = pair.labels[1].to_owned();
            fields.extend([beside, unfinished(&pair.from.record), (*metric).to_owned()]);
            let [from, to] = [pair.from, pair.to].map(|side| pretraining::score(&side.record, metric));
            fields.extend([from, to].map(number));
            // The change also without an interval.
            fields.push(number(pair.difference(place)));
            fields.extend(interval_fields(change.as_ref().ok()));
            sheet.row(fields)?;
        }
    }
    sheet.bytes()
}

/// The ends of a change's interval, whether that excludes 0, and over how many notes; empty where there is none.
fn interval_fields(change: Option<&Change>) -> [String; 4] {
    let said = |print: &dyn Fn(&Change) -> String| change.map(print).unwrap_or_default();
    [
        number(change.map(|change| change.interval.0)),
        number(change.map(|change| change.interval.1)),
        said(&|change| change.excludes_zero().to_string()),
        said(&|change| change.notes.to_string()),
    ]
}

/// One row a cell: sizes, speed and memory.
pub fn speed(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let measures = [
        "parameters",
        "training-seconds",
        "validation-seconds",
        "evaluation-seconds",
        "training-notes-per-second",
        "training-tokens-per-second",
        "evaluation-notes-per-second",
        "evaluation-tokens-per-second",
        "peak-memory-bytes",
        "sittings",
        "threads",
        "cpu",
        "gpu",
    ];
    let mut sheet = Sheet::new(CELL.iter().chain(&measures))?;
    for record in &summary.records {
        let Some(timings) = &record.timings else {
            continue;
        };
        let parameters = record.outcome.as_ref().map(|outcome| outcome.parameters.to_string());
        let mut fields = cell_fields(record);
        fields.push(parameters.unwrap_or_default());
        let measured = [
            timings.training_seconds,
            timings.validation_seconds,
            timings.evaluation_seconds,
            timings.training_notes_per_second,
            timings.training_tokens_per_second,
            timings.evaluation_notes_per_second,
            timings.evaluation_tokens_per_second,
        ];
        fields.extend(measured.map(|value| number(Some(value))));
        fields.push(
            timings
                .peak_memory_bytes
                .map(|bytes| bytes.to_string())
                .unwrap_or_default(),
        );
        fields.push(timings.sittings.to_string());
        let made = &record.provenance;
        fields.extend([made.threads.to_string(), made.cpu.clone(), made.gpu.clone()]);
        sheet.row(fields)?;
    }
    sheet.bytes()
}

/// One row a cell and epoch: the data of the training curves.
pub fn training(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let epochs = scored(summary).flat_map(|(_, outcome)| &outcome.epochs);
    let names: BTreeSet<&String> = epochs.flat_map(|row| row.validation.keys()).collect();
    let mut headings: Vec<String> = CELL.iter().map(|heading| (*heading).to_owned()).collect();
    headings.extend(["epoch", "steps", "best", "training-loss"].map(str::to_owned));
    headings.extend(names.iter().map(|name| format!("validation {name}")));
    let mut sheet = Sheet::new(headings)?;
    for (record, outcome) in scored(summary) {
        let cell = cell_fields(record);
        for row in &outcome.epochs {
            let mut fields = cell.clone();
            let best = row.epoch == outcome.best_epoch;
            fields.extend([row.epoch.to_string(), row.steps.to_string(), best.to_string()]);
            fields.push(number(Some(row.training_loss)));
            fields.extend(names.iter().map(|name| number(row.validation.get(*name).copied())));
            sheet.row(fields)?;
        }
    }
    sheet.bytes()
}

fn scored<'s>(summary: &'s Summary<'_>) -> impl Iterator<Item = (&'s Record, &'s Outcome)> {
    let records = summary.records.iter().filter(|record| record.status == Status::Ok);
    records.filter_map(|record| Some((*record, record.outcome.as_ref()?)))
}

/// One row a run and frequency bin, at the run's longest scored length.
pub fn frequency_bins(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut sheet = Sheet::new([
        "task",
        "run",
        "length",
        "unfinished",
        "lower",
        "upper",
        "codes",
        "codes-present",
        "gold",
        "macro-f1-present",
        "macro-f1-present sd",
        "macro-f1-present n",
        "macro-f1-present low",
        "macro-f1-present high",
        "micro-f1",
        "micro-f1 sd",
        "micro-f1 n",
        "micro-f1 low",
        "micro-f1 high",
    ])?;
    for task in &summary.tasks {
        for (run, length, bins) in bins(task) {
            for bin in bins {
                let mut fields = vec![task.title.clone(), task.runs[run].label.clone(), length.to_string()];
                fields.push(yes(task.runs[run]
                    .cells
                    .get(&length)
                    .is_some_and(LengthSummary::unfinished)));
                fields.extend([
                    bin.lower.to_string(),
                    bin.upper.map(|upper| upper.to_string()).unwrap_or_default(),
                ]);
                fields.extend([
                    bin.codes.to_string(),
                    bin.codes_present.to_string(),
                    bin.gold.to_string(),
                ]);
                for value in [bin.macro_f1, bin.micro_f1] {
                    fields.extend(spread(value));
                    fields.extend(interval(value));
                }
                sheet.row(fields)?;
            }
        }
    }
    sheet.bytes()
}

/// One row a way of reading the notes and percentile of note length.
pub fn note_lengths(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut sheet = Sheet::new(["task", "read-by", "vocabulary", "share-of-notes", "tokens"])?;
    for task in &summary.tasks {
        for tokenisation in tokenisations(task) {
            let facts = &tokenisation.outcome.task;
            let last = facts.token_length_quantiles.len().saturating_sub(1).max(1) as f64;
            for (index, tokens) in facts.token_length_quantiles.iter().enumerate() {
                let share = number(Some(index as f64 / last));
                let fields = [
                    task.title.clone(),
                    tokenisation.runs.clone(),
                    facts.vocabulary.to_string(),
                    share,
                    tokens.to_string(),
                ];
                sheet.row(fields.to_vec())?;
            }
        }
    }
    sheet.bytes()
}

/// One row a run and code, every code, each run at its longest scored length.
pub fn codes(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut sheet = Sheet::new([
        "task",
        "code",
        "training-notes",
        "gold",
        "run",
        "length",
        "unfinished",
        "f1",
        "f1 sd",
        "f1 n",
        "roc-auc",
        "roc-auc sd",
        "roc-auc n",
    ])?;
    for task in &summary.tasks {
        let table = CodeTable::of(task);
        for row in &table.rows {
            for (((run, length), f1), roc_auc) in table.runs.iter().zip(&row.f1).zip(&row.roc_auc) {
                let mut fields = vec![
                    task.title.clone(),
                    row.code.clone(),
                    row.training.to_string(),
                    row.gold.to_string(),
                ];
                let of_run = task.runs.iter().filter(|of| of.label == *run);
                let cells = of_run.filter_map(|of| of.cells.get(length));
                fields.extend([run.clone(), length.to_string()]);
                fields.push(yes(cells.into_iter().any(LengthSummary::unfinished)));
                fields.extend(spread(*f1));
                fields.extend(spread(*roc_auc));
                sheet.row(fields)?;
            }
        }
    }
    sheet.bytes()
}

/// A mark of a row: `yes`, or empty.
fn yes(marked: bool) -> String {
    if marked { "yes".into() } else { String::new() }
}
