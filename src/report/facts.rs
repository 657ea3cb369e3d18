//! The tables beside the scores: speed and memory as measured, and what the data were.

use std::collections::{BTreeMap, BTreeSet};

use super::scores::{state_cell, with_slug};
use super::spread::Spread;
use super::summary::{LengthSummary, TaskSummary};
use super::table::{Cell, Column, Number, Row, Table, grouped, length_word, three_digits};
use crate::record::{MOST_TOKENS, Outcome, Timings};

/// One column of the speed table: heading, group, and the quantity of a cell.
type Measure = (&'static str, &'static str, fn(&Timings) -> Option<f64>);

const MEASURES: [Measure; 7] = [
    ("training", "notes/s", |t| Some(t.training_notes_per_second)),
    ("training", "tokens/s", |t| Some(t.training_tokens_per_second)),
    ("training", "seconds", |t| Some(t.training_seconds)),
    ("evaluation", "notes/s", |t| Some(t.evaluation_notes_per_second)),
    ("evaluation", "tokens/s", |t| Some(t.evaluation_tokens_per_second)),
    ("evaluation", "seconds", |t| Some(t.evaluation_seconds)),
    ("memory", "peak GiB", gibibytes),
];

/// Peak resident memory in GiB, where the system said it.
pub fn gibibytes(timings: &Timings) -> Option<f64> {
    timings
        .peak_memory_bytes
        .map(|bytes| bytes as f64 / (1u64 << 30) as f64)
}

/// The machines and devices of a task's timings, each once, as a caption names them.
pub fn measured_on(task: &TaskSummary<'_>) -> String {
    let cells = task.runs.iter().flat_map(|run| run.cells.values());
    let timed = cells
        .flat_map(|cell| &cell.ok)
        .map(|cell| &cell.record)
        .filter(|record| record.timings.is_some());
    let machines: BTreeSet<String> = timed
        .map(|record| {
            let made = &record.provenance;
            let gpu = match made.gpu.as_str() {
                "none" => String::new(),
                gpu => format!(", GPU {gpu}"),
            };
            let (cpu, threads, device) = (&made.cpu, made.threads, &record.cell.device);
            let noun = if threads == 1 { "thread" } else { "threads" };
            format!("{cpu}, {threads} {noun}{gpu}, device {device}")
        })
        .collect();
    let compare = match machines.len() {
        0 | 1 => "",
        _ => ": different machines or devices, so compare points of one only",
    };
    format!("{}{compare}", machines.into_iter().collect::<Vec<_>>().join("; "))
}

/// What is said of a run's cost beside its score: places in [`MEASURES`].
const COSTS: [usize; 4] = [2, 0, 3, 6];

/// Columns of parameters, training time, speeds and memory.
pub fn cost_columns() -> Vec<Column> {
    let columns = measure_columns();
    let parameters = columns[0].clone();
    let chosen = COSTS.iter().map(|place| columns[place + 1].clone());
    std::iter::once(parameters).chain(chosen).collect()
}

/// The cells under [`cost_columns`], of a cell that was scored.
pub fn cost_cells(seeds: &LengthSummary<'_>) -> Vec<Cell> {
    let cells = speed_cells(seeds);
    let chosen = COSTS.iter().map(|place| cells[place + 1].clone());
    std::iter::once(cells[0].clone()).chain(chosen).collect()
}

fn measure_columns() -> Vec<Column> {
    let mut columns = vec![Column {
        group: String::new(),
        title: "parameters".to_owned(),
        key: "parameters".to_owned(),
    }];
    columns.extend(MEASURES.iter().map(|(group, title, _)| Column {
        group: (*group).to_owned(),
        title: (*title).to_owned(),
        key: format!("{group} {title}"),
    }));
    columns
}

/// Parameters, throughput, time and memory of each run at each length: means over the seeds.
pub fn speed_table(task: &TaskSummary<'_>) -> Table {
    let mut rows = Vec::new();
    for length in &task.lengths {
        for run in &task.runs {
            let Some(seeds) = run.cells.get(length).filter(|seeds| !seeds.external()) else {
                continue;
            };
            rows.push(
                Row::new(vec![length_word(*length), run.label.clone()], speed_cells(seeds))
                    .of_unfinished(seeds.unfinished())
                    .of_records(seeds.keys()),
            );
        }
    }
    Table {
        id: with_slug("speed", &task.slug),
        caption: format!("Speed and memory on {}", task.title),
        stub: vec!["length".to_owned(), "run".to_owned()],
        columns: measure_columns(),
        rows,
        foot: vec![
            "Depends on the machine: compare only cells made on one machine with one number of threads (see Provenance).".to_owned(),
            "Means over the seeds, as measured while the scores were made. Tokens are real tokens, without padding. Memory is the peak resident memory of the whole process.".to_owned(),
        ],
    }
}

fn speed_cells(seeds: &LengthSummary<'_>) -> Vec<Cell> {
    if seeds.ok.is_empty() {
        return vec![state_cell(seeds); MEASURES.len() + 1];
    }
    let parameters = seeds.spread(|outcome| Some(outcome.parameters as f64));
    let mut cells = vec![mean_cell(parameters, |value| grouped(value.round() as u64))];
    for (_, _, measure) in MEASURES {
        let timings = seeds.ok.iter().filter_map(|cell| cell.record.timings.as_ref());
        cells.push(mean_cell(Spread::of(timings.filter_map(measure)), three_digits));
    }
    cells
}

fn mean_cell(value: Option<Spread>, print: impl Fn(f64) -> String) -> Cell {
    value.map_or(Cell::Empty, |value| {
        Cell::Number(Number {
            sd: None,
            ..Number::new(value, print)
        })
    })
}

/// How each training ended: the epoch whose weights were scored, epochs in all, and why there were no more. A value a seed
/// where they differ.
pub fn training_table(task: &TaskSummary<'_>) -> Table {
    let column = |title: &str| Column {
        group: String::new(),
        title: title.to_owned(),
        key: title.to_owned(),
    };
    let mut rows = Vec::new();
    for length in &task.lengths {
        for run in &task.runs {
            let Some(seeds) = run
                .cells
                .get(length)
                .filter(|seeds| !seeds.ok.is_empty() && !seeds.external())
            else {
                continue;
            };
            let each = |print: &dyn Fn(&Outcome) -> String| {
                let mut values: Vec<String> = seeds.outcomes().map(print).collect();
                if values.iter().all(|value| *value == values[0]) {
                    values.truncate(1);
                }
                Cell::Text(values.join("; "))
            };
            let cells = vec![
                each(&|outcome| outcome.best_epoch.to_string()),
                each(&|outcome| outcome.epochs.len().to_string()),
                each(&|outcome| grouped(outcome.epochs.last().map_or(0, |row| row.steps))),
                each(&|outcome| outcome.stopped.clone()),
            ];
            let labels = vec![length_word(*length), run.label.clone()];
            let row = Row::new(labels, cells).of_unfinished(seeds.unfinished());
            rows.push(row.of_records(seeds.keys()));
        }
    }
    Table {
        id: with_slug("training", &task.slug),
        caption: format!("How training ended on {}", task.title),
        stub: vec!["length".to_owned(), "run".to_owned()],
        columns: ["best epoch", "epochs", "steps", "ended because"].map(column).to_vec(),
        rows,
        foot: Vec::new(),
    }
}

/// The notes of a task as one way of splitting them into tokens sees them.
#[derive(Debug)]
pub struct Tokenisation<'a> {
    /// Labels of the runs that read the notes this way, joined.
    pub runs: String,
    /// Any outcome of these runs: they agree on vocabulary and lengths.
    pub outcome: &'a Outcome,
    /// Share of the tokens beyond each sequence length, 0 to 1.
    pub truncated: BTreeMap<u32, f64>,
}

/// The distinct (vocabulary, token length) pairs of a task, in the order of its runs.
pub fn tokenisations<'a>(task: &TaskSummary<'a>) -> Vec<Tokenisation<'a>> {
    let mut found: Vec<(Tokenisation<'a>, Vec<&str>)> = Vec::new();
    for run in &task.runs {
        for (length, cell) in &run.cells {
            for outcome in cell.outcomes().filter(|outcome| outcome.external.is_none()) {
                let facts = &outcome.task;
                let same = found.iter().position(|(known, _)| {
                    known.outcome.task.vocabulary == facts.vocabulary
                        && known.outcome.task.token_length_quantiles == facts.token_length_quantiles
                });
                let index = same.unwrap_or_else(|| {
                    let new = Tokenisation {
                        runs: String::new(),
                        outcome,
                        truncated: BTreeMap::new(),
                    };
                    found.push((new, Vec::new()));
                    found.len() - 1
                });
                let (known, runs) = &mut found[index];
                known.truncated.insert(*length, facts.truncated_tokens);
                if !runs.contains(&run.label.as_str()) {
                    runs.push(&run.label);
                }
            }
        }
    }
    let named = found.into_iter().map(|(known, runs)| Tokenisation {
        runs: runs.join(", "),
        ..known
    });
    named.collect()
}

/// Sizes of the data: notes, codes, vocabulary, and how much a sequence length cuts off.
pub fn data_table(task: &TaskSummary<'_>) -> Table {
    let plain = |title: &str| Column {
        group: String::new(),
        title: title.to_owned(),
        key: title.to_owned(),
    };
    let mut columns: Vec<Column> = [
        "training notes",
        "validation notes",
        "evaluation notes",
        "codes",
        "unseen codes",
        "vocabulary",
    ]
    .map(plain)
    .to_vec();
    columns.extend(["median", "90th percentile", "longest"].map(|title| Column {
        group: "tokens per evaluation note".to_owned(),
        title: title.to_owned(),
        key: format!("tokens {title}"),
    }));
    columns.extend(measured(task).map(|length| Column {
        group: "tokens cut off (%) at length".to_owned(),
        title: length_word(*length),
        key: format!("cut off at {length}"),
    }));
    let found = tokenisations(task);
    let rows = found.iter().map(|tokenisation| data_row(task, tokenisation)).collect();
    let mut foot = vec![
        "Unseen codes occur in the evaluation part only. Runs that read the notes in different tokens have a row each."
            .to_owned(),
    ];
    let facts = found.first().map(|tokenisation| &tokenisation.outcome.task);
    foot.extend(facts.filter(|facts| facts.evaluation_notes_left_out > 0).map(|facts| {
        format!(
            "{} of {} notes of the evaluation part are not scored: they have no code, at all or in the label set.",
            grouped(u64::from(facts.evaluation_notes_left_out)),
            grouped(u64::from(facts.evaluation_notes_left_out) + u64::from(facts.evaluation_notes))
        )
    }));
    foot.extend(known_words(task));
    foot.extend(words_outside(task));
    Table {
        id: with_slug("data", &task.slug),
        caption: format!("Data of {}", task.title),
        stub: vec!["read by".to_owned()],
        columns,
        rows,
        foot,
    }
}

/// The lengths at which notes were cut.
fn measured<'t>(task: &'t TaskSummary<'_>) -> impl Iterator<Item = &'t u32> {
    task.lengths.iter().filter(|length| **length != MOST_TOKENS)
}

/// How many words of each run's vocabulary have a pretrained vector, of the runs whose text has any.
fn known_words(task: &TaskSummary<'_>) -> Vec<String> {
    let mut found: Vec<(u32, u32, Vec<&str>)> = Vec::new();
    for run in &task.runs {
        for facts in run
            .cells
            .values()
            .flat_map(LengthSummary::outcomes)
            .map(|outcome| &outcome.task)
        {
            let Some(known) = facts.words_with_vector else { continue };
            let same = found
                .iter_mut()
                .find(|(of, all, _)| (*of, *all) == (known, facts.vocabulary));
            match same {
                Some((_, _, runs)) if runs.contains(&run.label.as_str()) => {}
                Some((_, _, runs)) => runs.push(&run.label),
                None => found.push((known, facts.vocabulary, vec![&run.label])),
            }
        }
    }
    let sentence = |(known, all, runs): (u32, u32, Vec<&str>)| {
        let (known, all) = (grouped(u64::from(known)), grouped(u64::from(all)));
        format!(
            "{known} of the {all} entries of the vocabulary have a pretrained vector: {}.",
            runs.join(", ")
        )
    };
    found.into_iter().map(sentence).collect()
}

/// How many words of a training note each vocabulary of pieces lacks.
fn words_outside(task: &TaskSummary<'_>) -> Vec<String> {
    let of_vocabulary = |tokenisation: &Tokenisation<'_>| {
        let facts = &tokenisation.outcome.task;
        let (outside, all) = (facts.words_outside?, grouped(u64::from(facts.vocabulary)));
        Some(format!(
            "The vocabulary of {all} entries does not have {} words of a training note whole, on average: {}.",
            three_digits(outside),
            tokenisation.runs
        ))
    };
    tokenisations(task).iter().filter_map(of_vocabulary).collect()
}

fn data_row(task: &TaskSummary<'_>, tokenisation: &Tokenisation<'_>) -> Row {
    let facts = &tokenisation.outcome.task;
    let count = |number: u32| mean_cell(Spread::of([f64::from(number)]), |value| grouped(value as u64));
    let mut cells: Vec<Cell> = [
        facts.training_notes,
        facts.validation_notes,
        facts.evaluation_notes,
        facts.codes,
        facts.unseen_codes,
        facts.vocabulary,
    ]
    .map(count)
    .to_vec();
    let quantiles = &facts.token_length_quantiles;
    let at = |percent: usize| quantiles.get(percent * quantiles.len().saturating_sub(1) / 100);
    cells.extend([50, 90, 100].map(|percent| at(percent).map_or(Cell::Empty, |tokens| count(*tokens))));
    cells.extend(measured(task).map(|length| {
        let share = tokenisation.truncated.get(length).copied();
        mean_cell(Spread::of(share), |value| format!("{:.1}", 100.0 * value))
    }));
    Row::new(vec![tokenisation.runs.clone()], cells)
}
