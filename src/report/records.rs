//! The records behind the numbers of a page: what each was asked, how it was trained, what came out and what made it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::facts::gibibytes;
use super::metric::Metric;
use super::provenance::parts;
use super::scores::metrics_of;
use super::spread::UNFINISHED;
use super::summary::{Summary, TaskSummary};
use super::table::{at_length, grouped, length_word, three_digits};
use crate::record::{Outcome, Record, Timings, short};

/// The records of one run at one length: one a seed.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordGroup {
    /// Identifier, unique on a page.
    pub anchor: String,
    /// Such as `caml at length 512`, after the task where a page has several.
    pub title: String,
    /// Ordered by seed.
    pub records: Vec<RecordSheet>,
    /// How many more there are that the page has no room for.
    pub left_out: usize,
}

/// One record, to be read by people.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordSheet {
    /// Its key.
    pub key: String,
    /// Identifier, unique on a page: `record-` and the first digits of the key.
    pub anchor: String,
    /// The seed, and its score in the task's first metric.
    pub title: String,
    /// Names and values under a heading each.
    pub parts: Vec<(&'static str, Vec<(String, String)>)>,
    /// Settings and what they were made with, one a line, stage by stage.
    pub stages: Vec<(&'static str, Vec<String>)>,
}

/// Where on a page the records of a number are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Links {
    of_record: BTreeMap<String, String>,
    of_group: BTreeMap<String, String>,
}

impl Links {
    /// To the records that a page shows.
    pub fn to(groups: &[RecordGroup]) -> Self {
        let mut links = Self::default();
        for group in groups {
            for record in &group.records {
                links.of_record.insert(record.key.clone(), record.anchor.clone());
                links.of_group.insert(record.key.clone(), group.anchor.clone());
            }
        }
        links
    }

    /// The anchor of the only record, or of the group of several; `None` where the page has none of them.
    pub fn anchor(&self, keys: &[String]) -> Option<&str> {
        let anchor = match keys {
            [key] => self.of_record.get(key),
            [key, ..] => self.of_group.get(key),
            [] => None,
        };
        anchor.map(String::as_str)
    }
}

/// Sheets that a page has room for: each is a dozen kilobytes, and what no browser opens nobody reads.
pub const MOST_SHEETS: usize = 1000;

/// The scored records in the order of the tables.
pub fn groups(summary: &Summary<'_>, suite: &str) -> Vec<RecordGroup> {
    let several = summary.tasks.len() > 1;
    let mut groups = Vec::new();
    let mut taken = BTreeSet::new();
    for task in &summary.tasks {
        let metrics = metrics_of(task);
        for run in &task.runs {
            for (length, cell) in run.cells.iter().filter(|(_, cell)| !cell.ok.is_empty()) {
                let of_task = if several {
                    format!("{}: ", task.title)
                } else {
                    String::new()
                };
                let room = MOST_SHEETS - taken.len();
                let left_out = cell.ok.len().saturating_sub(room);
                let sheets = cell.ok.iter().take(room).filter_map(|cell| {
                    let anchor = anchor(&cell.record.key, &mut taken);
                    sheet(&cell.record, task, &metrics, anchor, suite)
                });
                let records = sheets.collect();
                groups.push(RecordGroup {
                    anchor: format!("cell-{}", groups.len() + 1),
                    title: format!("{of_task}{} {}", run.label, at_length(*length)),
                    records,
                    left_out,
                });
            }
        }
    }
    groups
}

/// Unique also where two keys begin alike.
fn anchor(key: &str, taken: &mut BTreeSet<String>) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    let stem: String = format!("record-{}", short(key)).chars().map(plain).collect();
    let mut anchor = stem.clone();
    let mut next = 2;
    while !taken.insert(anchor.clone()) {
        anchor = format!("{stem}-{next}");
        next += 1;
    }
    anchor
}

fn sheet(
    record: &Record,
    task: &TaskSummary<'_>,
    metrics: &[Metric],
    anchor: String,
    suite: &str,
) -> Option<RecordSheet> {
    let outcome = record.outcome.as_ref()?;
    let first = metrics.first().and_then(|metric| {
        let value = outcome.scores.get(&metric.name)?;
        Some(format!(", {} {}", metric.label_with_unit(), metric.print(*value)))
    });
    let mark = match outcome.unfinished {
        Some(_) => format!(" {UNFINISHED}"),
        None => String::new(),
    };
    Some(RecordSheet {
        key: record.key.clone(),
        anchor,
        title: format!("seed {}{}{mark}", record.cell.seed, first.unwrap_or_default()),
        parts: vec![
            ("Cell", cell(record, task, suite)),
            ("Scores", scores(outcome, metrics)),
            ("Training", training(outcome)),
            (
                "Time and memory",
                record.timings.as_ref().map(timings).unwrap_or_default(),
            ),
            ("Provenance", provenance(record)),
        ],
        stages: stages(record),
    })
}

fn row(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

fn cell(record: &Record, task: &TaskSummary<'_>, suite: &str) -> Vec<(String, String)> {
    let cell = &record.cell;
    vec![
        row("task", &*task.title),
        row("run", &*cell.run),
        row("model", &*cell.model),
        row("length", length_word(cell.length)),
        row("seed", cell.seed.to_string()),
        row("device, precision", format!("{}, {}", cell.device, cell.precision)),
        row("key", &*record.key),
        row(
            "run this cell alone",
            format!("icdbench run suites/{suite}.toml --cell {}", short(&record.key)),
        ),
    ]
}

fn scores(outcome: &Outcome, metrics: &[Metric]) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for metric in metrics {
        let Some(value) = outcome.scores.get(&metric.name) else {
            continue;
        };
        let mut text = metric.print(*value);
        if let Some(found) = outcome.intervals.get(&metric.name) {
            text += &format!(" [{}–{}]", metric.print(found.low), metric.print(found.high));
        }
        if let Some(validation) = outcome.validation_scores.get(&metric.name) {
            text += &format!("; validation {}", metric.print(*validation));
        }
        rows.push((metric.label_with_unit(), text));
    }
    rows.push(row(
        "threshold",
        format!("{:.4} ({})", outcome.threshold, outcome.threshold_source),
    ));
    rows
}

fn training(outcome: &Outcome) -> Vec<(String, String)> {
    let steps = outcome.epochs.last().map_or(0, |epoch| epoch.steps);
    let mut rows = vec![
        row("parameters", grouped(outcome.parameters)),
        row(
            "epochs",
            format!(
                "{}, best {} ({} steps)",
                outcome.epochs.len(),
                outcome.best_epoch,
                grouped(steps)
            ),
        ),
        row("ended because", &*outcome.stopped),
    ];
    if let Some(unfinished) = outcome.unfinished {
        rows.push(row("had not finished learning", unfinished.word()));
    }
    rows.push(row("weights (SHA-256)", &*outcome.weights_sha256));
    rows
}

fn timings(timings: &Timings) -> Vec<(String, String)> {
    let second = |value: f64| format!("{} s", three_digits(value));
    let mut rows = vec![
        row("training", second(timings.training_seconds)),
        row("validation", second(timings.validation_seconds)),
        row("evaluation", second(timings.evaluation_seconds)),
        row(
            "training notes, tokens a second",
            format!(
                "{}, {}",
                three_digits(timings.training_notes_per_second),
                three_digits(timings.training_tokens_per_second)
            ),
        ),
        row("sittings", timings.sittings.to_string()),
    ];
    if let Some(memory) = gibibytes(timings) {
        rows.push(row("peak memory", format!("{} GiB", three_digits(memory))));
    }
    rows
}

fn provenance(record: &Record) -> Vec<(String, String)> {
    let made = &record.provenance;
    let mut rows = parts(record);
    rows.push(row("command", &*made.command));
    rows.push(row("started, ended", format!("{}, {}", made.started, made.ended)));
    rows
}

fn stages(record: &Record) -> Vec<(&'static str, Vec<String>)> {
    let stages = record.stages.iter().map(|(name, stage)| {
        let mut lines = Vec::new();
        for (setting, value) in &stage.settings {
            settings(setting, value, &mut lines);
        }
        lines.extend(
            stage
                .made_by
                .iter()
                .map(|(what, value)| format!("made by {what} = {value}")),
        );
        lines.extend(stage.reads.iter().map(|(read, key)| format!("reads {read} = {key}")));
        (name.word(), lines)
    });
    stages.filter(|(_, lines)| !lines.is_empty()).collect()
}

/// Every number, word and list of a setting on a line with the path to it.
pub fn settings(path: &str, value: &Value, lines: &mut Vec<String>) {
    /// A longer value is cut: the record has it whole.
    const LONGEST: usize = 200;
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, inner) in map {
                settings(&format!("{path}.{name}"), inner, lines);
            }
        }
        leaf => {
            let line = format!("{path} = {leaf}");
            lines.push(match line.char_indices().nth(LONGEST) {
                Some((end, _)) => format!("{}…", &line[..end]),
                None => line,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_begin_alike_have_anchors_of_their_own() {
        let mut taken = BTreeSet::new();
        let anchors = ["0123456789abcdef", "0123456789abffff", "a\"><script>b"].map(|key| anchor(key, &mut taken));
        assert_eq!(
            anchors,
            ["record-0123456789ab", "record-0123456789ab-2", "record-a---script-b"]
        );
    }

    #[test]
    fn a_setting_is_a_line_and_a_long_one_is_cut() {
        let mut lines = Vec::new();
        let value = serde_json::json!({ "caml": { "filters": 50, "empty": {} }, "list": vec!["ä"; 80] });
        settings("model", &value, &mut lines);
        assert_eq!(lines[..2], ["model.caml.empty = {}", "model.caml.filters = 50"]);
        assert!(lines[2].ends_with('…') && lines[2].chars().count() == 201);
    }
}
