//! The pretrainings that cells of a task share: how far each came, what it read and what it took.

use serde_json::Value;

use super::changes::column;
use super::records::settings;
use super::scores::with_slug;
use super::sheet::{Sheet, number};
use super::spread::Spread;
use super::summary::{Summary, TaskSummary};
use super::table::{Cell, Number, Row, Table, grouped, three_digits};
use crate::record::{LookRow, PretrainingFacts, Record, StageName};

/// One pretraining, with a record of a cell that started from it.
pub struct Shown<'a> {
    /// Its sizes and its start, such as `4 layers of 256 from scratch`; with a number where several have the same.
    pub label: String,
    /// Labels of the runs whose encoder comes from it.
    pub runs: Vec<&'a str>,
    /// What came out of it.
    pub facts: &'a PretrainingFacts,
    /// Of the first cell that was scored.
    pub record: &'a Record,
    key: String,
}

/// The pretrainings of a task in the order of its runs.
pub fn pretrainings<'a>(task: &'a TaskSummary<'a>) -> Vec<Shown<'a>> {
    let mut found: Vec<Shown<'a>> = Vec::new();
    for run in &task.runs {
        for cell in run.cells.values().flat_map(|cells| &cells.ok) {
            let record = &cell.record;
            let facts = record.outcome.as_ref().and_then(|outcome| outcome.pretraining.as_ref());
            let (Some(facts), Some(stage)) = (facts, record.stages.get(&StageName::Pretraining)) else {
                continue;
            };
            let key = stage.key();
            match found.iter_mut().find(|shown| shown.key == key) {
                Some(shown) if shown.runs.contains(&run.label.as_str()) => {}
                Some(shown) => shown.runs.push(&run.label),
                None => found.push(Shown {
                    label: label(record, &found),
                    runs: vec![&run.label],
                    facts,
                    record,
                    key,
                }),
            }
        }
    }
    found
}

fn label(record: &Record, before: &[Shown<'_>]) -> String {
    let asked = asked(record);
    let size = |name: &str| asked.and_then(|asked| asked.get("encoder")?.get(name)?.as_u64());
    let start = match asked.and_then(|asked| asked.get("start")?.as_str()) {
        Some("encoder") => "continued",
        _ => "from scratch",
    };
    let sizes = match (size("layers"), size("hidden")) {
        (Some(layers), Some(hidden)) => format!("{layers} layers of {hidden}"),
        _ => "an encoder".to_owned(),
    };
    let label = format!("{sizes} {start}");
    match before.iter().filter(|shown| shown.label.starts_with(&label)).count() {
        0 => label,
        others => format!("{label} ({})", others + 1),
    }
}

/// What the suite asks of a record's pretraining.
fn asked(record: &Record) -> Option<&Value> {
    record.stages.get(&StageName::Pretraining)?.settings.get("pretraining")
}

/// How far each pretraining came, what it read and what it took; `None` where the task has none.
pub fn pretrainings_table(task: &TaskSummary<'_>) -> Option<Table> {
    let shown = pretrainings(task);
    if shown.is_empty() {
        return None;
    }
    let columns = [
        ("", "parameters"),
        ("vocabulary", "entries"),
        ("vocabulary", "words outside a note"),
        ("read", "training notes"),
        ("read", "other notes"),
        ("read", "tokens"),
        ("", "steps"),
        ("perplexity", "before"),
        ("perplexity", "after"),
        ("guessed right (%)", "masked tokens"),
        ("guessed right (%)", "pairs"),
        ("took", "seconds"),
        ("took", "tokens/s"),
        ("took", "peak GiB"),
    ];
    let left_out: u64 = shown.iter().map(|shown| shown.facts.left_out_notes).sum();
    let mut foot = vec![
        "Perplexity is e to the mean cross-entropy of the masked tokens of the development sequences; among vocabularies of \
         different sizes it does not compare. Pairs are told apart by chance half of the time. Words outside: those of a training \
         note that the vocabulary does not have whole, on average."
            .to_owned(),
        "Seconds are those of training steps, on the machine that pretrained; runs that share a pretraining share them, and their \
         own times do not have them."
            .to_owned(),
    ];
    if left_out > 0 {
        foot.push(format!(
            "{} notes of other parts were left out, as they have the text of a held-out note.",
            grouped(left_out)
        ));
    }
    Some(Table {
        id: with_slug("pretrainings", &task.slug),
        caption: format!("Pretraining on the notes of {}", task.title),
        stub: ["pretraining", "runs"].map(str::to_owned).to_vec(),
        columns: columns.map(|(group, title)| column(group, title)).to_vec(),
        rows: shown.iter().map(row).collect(),
        foot,
    })
}

fn row(shown: &Shown<'_>) -> Row {
    let PretrainingFacts {
        parameters,
        training_notes,
        unlabelled_notes,
        tokens,
        steps,
        looks,
        ..
    } = shown.facts;
    let count = |value: u64| plain(Some(value as f64), |value| grouped(value as u64));
    let percent = |value: Option<f64>| plain(value, |value| format!("{:.1}", 100.0 * value));
    let (first, last) = (looks.first(), looks.last());
    let task = shown.record.outcome.as_ref().map(|outcome| &outcome.task);
    let timings = shown.record.timings.as_ref().and_then(|timings| timings.pretraining);
    let memory = timings.and_then(|timings| timings.peak_memory_bytes);
    let cells = vec![
        count(*parameters),
        task.map_or(Cell::Empty, |task| count(u64::from(task.vocabulary))),
        plain(task.and_then(|task| task.words_outside), three_digits),
        count(*training_notes),
        count(*unlabelled_notes),
        count(*tokens),
        count(*steps),
        plain(first.map(perplexity), three_digits),
        plain(last.map(perplexity), three_digits),
        percent(last.map(|look| look.mlm_accuracy)),
        percent(last.and_then(|look| look.nsp_accuracy)),
        plain(timings.map(|timings| timings.training_seconds), three_digits),
        plain(timings.map(|timings| timings.tokens_per_second), three_digits),
        plain(memory.map(|bytes| bytes as f64 / f64::from(1 << 30)), three_digits),
    ];
    Row::new(vec![shown.label.clone(), shown.runs.join(", ")], cells).of_records(vec![shown.record.key.clone()])
}

fn plain(value: Option<f64>, print: impl Fn(f64) -> String) -> Cell {
    let value = value.and_then(|value| Spread::of([value]));
    value.map_or(Cell::Empty, |value| Cell::Number(Number::new(value, print)))
}

/// How many tokens the model is as unsure among as among so many equally likely ones.
pub fn perplexity(look: &LookRow) -> f64 {
    look.mlm_loss.exp()
}

/// Every setting of each pretraining, a row each.
pub fn settings_of(task: &TaskSummary<'_>) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for shown in pretrainings(task) {
        let mut lines = Vec::new();
        if let Some(asked) = asked(shown.record) {
            settings("", asked, &mut lines);
        }
        lines.push(format!("ended because = {}", shown.facts.stopped));
        rows.extend(lines.iter().map(|line| {
            let (name, value) = line.split_once(" = ").unwrap_or((line, ""));
            (
                format!("{}: {}", shown.label, name.trim_start_matches('.')),
                value.to_owned(),
            )
        }));
    }
    rows
}

/// One row a pretraining and look: the data of the curves.
pub fn sheet(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut sheet = Sheet::new([
        "task",
        "pretraining",
        "key",
        "epoch",
        "step",
        "training-loss",
        "mlm-loss",
        "perplexity",
        "mlm-accuracy",
        "nsp-loss",
        "nsp-accuracy",
    ])?;
    for task in &summary.tasks {
        for shown in pretrainings(task) {
            for look in &shown.facts.looks {
                let mut fields = vec![task.title.clone(), shown.label.clone(), shown.key.clone()];
                fields.extend([look.epoch.to_string(), look.step.to_string()]);
                fields.extend(
                    [
                        look.training_loss,
                        Some(look.mlm_loss),
                        Some(perplexity(look)),
                        Some(look.mlm_accuracy),
                        look.nsp_loss,
                        look.nsp_accuracy,
                    ]
                    .map(number),
                );
                sheet.row(fields)?;
            }
        }
    }
    sheet.bytes()
}
