//! The score tables: the headline metrics by sequence length, and every metric of every run.

use std::collections::BTreeSet;

use super::metric::{self, Metric};
use super::summary::{LengthSummary, Summary, TaskSummary};
use super::table::{Cell, Column, Number, Row, Table, length_word};

/// Name of the row of the predictor that gives every note the codes' training frequencies.
pub const PRIOR: &str = "frequency prior";

/// The metrics shown for a task, in table order: see [`metric::choose`].
pub fn metrics_of(task: &TaskSummary<'_>) -> Vec<Metric> {
    let present: BTreeSet<String> = task
        .outcomes()
        .flat_map(|outcome| outcome.scores.keys().cloned())
        .collect();
    metric::choose(&present)
}

/// The metrics worth a plot and the first table: micro-F1 and macro-F1 over present codes, or the
/// first two there are.
pub fn headline(metrics: &[Metric]) -> Vec<Metric> {
    let preferred = ["micro-f1", "macro-f1-present"];
    let mut chosen: Vec<Metric> = preferred
        .iter()
        .filter_map(|name| metrics.iter().find(|metric| metric.name == *name).cloned())
        .collect();
    for metric in metrics {
        if chosen.len() < 2 && !chosen.contains(metric) {
            chosen.push(metric.clone());
        }
    }
    chosen
}

/// Headline metrics by run and length; the table to look at first.
pub fn headline_table(task: &TaskSummary<'_>, metrics: &[Metric]) -> Table {
    let chosen = headline(metrics);
    let usual = usual_count(task);
    let mut columns = Vec::new();
    for metric in &chosen {
        columns.extend(task.lengths.iter().map(|length| Column {
            group: metric.label_with_unit(),
            title: length_word(*length),
            key: format!("{}, {length}", metric.name),
        }));
    }
    let mut rows: Vec<Row> = Vec::new();
    for run in &task.runs {
        let cells = chosen.iter().flat_map(|metric| {
            let by_length = task.lengths.iter();
            by_length.map(|length| marked(score_cell(run.cells.get(length), metric, usual), run.cells.get(length)))
        });
        rows.push(Row::new(vec![run.label.clone()], cells.collect()));
    }
    let prior = chosen
        .iter()
        .flat_map(|metric| task.lengths.iter().map(|_| prior_cell(task, metric)));
    push_prior(&mut rows, vec![PRIOR.to_owned()], prior.collect());
    let better = chosen
        .iter()
        .flat_map(|metric| task.lengths.iter().map(|_| metric.greater_is_better));
    let better: Vec<bool> = better.collect();
    let mut table = Table {
        id: with_slug("headline", &task.slug),
        caption: format!("Scores by sequence length on {}", task.title),
        stub: vec!["run".to_owned()],
        columns,
        rows,
        foot: vec![seeds_sentence(usual)],
    };
    table.mark_best(&better, false);
    table
}

/// Every metric of every run at every length.
pub fn score_table(task: &TaskSummary<'_>, metrics: &[Metric]) -> Table {
    let usual = usual_count(task);
    let column = |metric: &Metric| Column {
        group: String::new(),
        title: metric.label.clone(),
        key: metric.name.clone(),
    };
    let mut columns: Vec<Column> = metrics.iter().map(column).collect();
    if metrics.is_empty() {
        columns.push(outcome_column());
    }
    let mut rows = Vec::new();
    for length in &task.lengths {
        for run in &task.runs {
            let Some(seeds) = run.cells.get(length) else {
                continue;
            };
            let cells = match metrics {
                [] => vec![outcome_cell(seeds)],
                _ => metrics
                    .iter()
                    .map(|metric| score_cell(Some(seeds), metric, usual))
                    .collect(),
            };
            let labels = vec![length_word(*length), run.label.clone()];
            rows.push(Row::new(labels, cells).of_unfinished(seeds.unfinished()));
        }
    }
    let prior = metrics.iter().map(|metric| prior_cell(task, metric));
    let labels = vec!["any".to_owned(), PRIOR.to_owned()];
    push_prior(&mut rows, labels, prior.collect());
    let better = metrics.iter().map(|metric| metric.greater_is_better);
    let better: Vec<bool> = better.collect();
    let mut table = Table {
        id: with_slug("scores", &task.slug),
        caption: format!("All metrics on {}", task.title),
        stub: vec!["length".to_owned(), "run".to_owned()],
        columns,
        foot: score_foot(!metrics.is_empty(), rows.iter().any(|row| row.reference), usual),
        rows,
    };
    table.mark_best(&better, true);
    table
}

fn score_foot(scored: bool, with_prior: bool, usual: usize) -> Vec<String> {
    let mut foot = Vec::new();
    if scored {
        foot.push("Ratios in percent. Bold: best of its column at that length, ties included.".to_owned());
        foot.push(seeds_sentence(usual));
    }
    if with_prior {
        foot.push(format!(
            "{PRIOR}: every note gets the codes' training frequencies as its scores; it reads no text."
        ));
    }
    foot
}

/// The only column where no cell has a metric, as when all failed or only speed was measured.
fn outcome_column() -> Column {
    Column {
        group: String::new(),
        title: "outcome".to_owned(),
        key: "outcome".to_owned(),
    }
}

fn outcome_cell(seeds: &LengthSummary<'_>) -> Cell {
    if seeds.ok.is_empty() {
        return state_cell(seeds);
    }
    Cell::Text(format!("ok ({} of {})", seeds.ok.len(), seeds.planned()))
}

/// An identifier or file stem with the task's slug where the suite has several tasks.
pub fn with_slug(stem: &str, slug: &str) -> String {
    if slug.is_empty() {
        stem.to_owned()
    } else {
        format!("{stem}-{slug}")
    }
}

/// Seeds of the cells that have the most: printed once, in the foot, and at each number made of fewer.
fn usual_count(task: &TaskSummary<'_>) -> usize {
    let cells = task.runs.iter().flat_map(|run| run.cells.values());
    cells.map(LengthSummary::planned).max().unwrap_or(1)
}

fn seeds_sentence(usual: usize) -> String {
    if usual < 2 {
        return "One seed: differences between runs may be chance.".to_owned();
    }
    format!(
        "Mean ± sample standard deviation over {usual} seeds; where fewer were scored their number stands in brackets."
    )
}

fn push_prior(rows: &mut Vec<Row>, labels: Vec<String>, cells: Vec<Cell>) {
    if cells.iter().any(|cell| matches!(cell, Cell::Number(_))) {
        rows.push(Row::reference(labels, cells));
    }
}

fn prior_cell(task: &TaskSummary<'_>, metric: &Metric) -> Cell {
    task.prior(&metric.name).map_or(Cell::Empty, |value| {
        Cell::Number(Number::new(value, |value| metric.print(value)))
    })
}

fn score_cell(seeds: Option<&LengthSummary<'_>>, metric: &Metric, usual: usize) -> Cell {
    let Some(seeds) = seeds else {
        return Cell::Empty;
    };
    match seeds.score(&metric.name) {
        Some(value) => Cell::Number(Number {
            show_n: value.n != usual,
            notes: notes_of(seeds),
            records: seeds.keys(),
            ..Number::new(value, |value| metric.print(value))
        }),
        None if seeds.ok.is_empty() => state_cell(seeds),
        None => Cell::Empty,
    }
}

/// A number with the mark of what had not finished learning, where it is of a row that several cells share.
fn marked(cell: Cell, seeds: Option<&LengthSummary<'_>>) -> Cell {
    match cell {
        Cell::Number(number) => Cell::Number(Number {
            unfinished: seeds.is_some_and(LengthSummary::unfinished),
            ..number
        }),
        other => other,
    }
}

/// How the cells without scores ended, one word each, with their notes.
pub fn state_cell(seeds: &LengthSummary<'_>) -> Cell {
    let words: BTreeSet<&str> = seeds.ends.iter().map(|(word, _)| *word).collect();
    Cell::State {
        word: words.into_iter().collect::<Vec<_>>().join(", "),
        notes: notes_of(seeds),
    }
}

/// The notes of the cells without scores, from 1, ascending.
fn notes_of(seeds: &LengthSummary<'_>) -> Vec<usize> {
    let notes: BTreeSet<usize> = seeds.ends.iter().map(|(_, note)| note + 1).collect();
    notes.into_iter().collect()
}

/// The notes that a set of tables refers to: number and text.
pub fn notes_in<'s>(tables: &[&Table], summary: &'s Summary<'_>) -> Vec<(usize, &'s str)> {
    let rows = tables.iter().flat_map(|table| &table.rows);
    let used: BTreeSet<usize> = rows.flat_map(Row::notes).collect();
    used.into_iter()
        .filter_map(|number| Some((number, summary.notes.get(number - 1)?.as_str())))
        .collect()
}
