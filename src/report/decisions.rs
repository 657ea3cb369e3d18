//! What the choice of the threshold costs, and how far probabilities are from shares: the tables beside the curves.

use super::changes::percent;
use super::longest::{labels_of, with_curves};
use super::scores::with_slug;
use super::spread::Spread;
use super::summary::{LengthSummary, TaskSummary};
use super::table::{Cell, Column, Number, Row, Table};
use crate::record::{Curves, Outcome, ThresholdRow};

fn column(title: &str, key: &str) -> Column {
    Column {
        group: String::new(),
        title: title.to_owned(),
        key: key.to_owned(),
    }
}

fn cell(value: Option<Spread>, print: impl Fn(f64) -> String) -> Cell {
    value.map_or(Cell::Empty, |value| Cell::Number(Number::new(value, print)))
}

/// The threshold of the greatest micro-F1; the lowest of several.
fn best(curves: &Curves) -> Option<&ThresholdRow> {
    let rows = curves.thresholds.iter().rev();
    rows.max_by(|a, b| a.micro_f1.total_cmp(&b.micro_f1))
}

/// The thresholds that were used beside those that would have been best; `None` where no record has curves.
pub fn threshold_table(task: &TaskSummary<'_>) -> Option<Table> {
    let runs = with_curves(task);
    let rows = runs.iter().zip(labels(task)).map(|(run, label)| {
        let score = |outcome: &Outcome, _: &Curves| outcome.scores.get("micro-f1").copied();
        let plain = |value: f64| format!("{value:.2}");
        let cells = vec![
            cell(run.of_curves(|outcome, _| Some(f64::from(outcome.threshold))), plain),
            cell(run.of_curves(score), percent),
            cell(run.of_curves(|_, curves| Some(best(curves)?.threshold)), plain),
            cell(run.of_curves(|_, curves| Some(best(curves)?.micro_f1)), percent),
        ];
        Row::new(vec![label], cells).of_unfinished(run.cell.unfinished())
    });
    let rows: Vec<Row> = rows.collect();
    (!rows.is_empty()).then(|| Table {
        id: with_slug("thresholds", &task.slug),
        caption: format!("The decision threshold, {}", task.title),
        stub: vec!["run".into()],
        columns: vec![
            column("threshold", "threshold"),
            column("micro-F1 (%)", "micro-f1"),
            column("best threshold", "best threshold"),
            column("micro-F1 there (%)", "best micro-f1"),
        ],
        rows,
        foot: vec![
            "Each run at its longest scored length. The best threshold is that of the greatest micro-F1 on the evaluation notes \
             themselves, in steps of 0.01: nobody could have chosen it, and it says how much is lost by the choice."
                .to_owned(),
        ],
    })
}

/// The expected calibration errors; `None` where no record has one.
pub fn calibration_table(task: &TaskSummary<'_>) -> Option<Table> {
    let runs = with_curves(task);
    let rows = runs.iter().zip(labels(task)).filter_map(|(run, label)| {
        let error = run.of_curves(|_, curves| Some(curves.calibration.as_ref()?.expected_error))?;
        let cells = vec![cell(Some(error), |value| format!("{:.2}", 100.0 * value))];
        Some(Row::new(vec![label], cells).of_unfinished(run.cell.unfinished()))
    });
    let rows: Vec<Row> = rows.collect();
    (!rows.is_empty()).then(|| Table {
        id: with_slug("calibration", &task.slug),
        caption: format!("Expected calibration error, {}", task.title),
        stub: vec!["run".into()],
        columns: vec![column("expected calibration error (%)", "expected calibration error")],
        rows,
        foot: vec![
            "Over 20 bins of equal width the mean distance between a bin's mean probability and its share of gold pairs, each bin \
             by its pairs (Guo et al. 2017). Nearly all pairs of a note with a code are not gold and get a low probability, so \
             it is small for every model: compare it between runs of one table only."
                .to_owned(),
        ],
    })
}

/// What the rows are called: without the mark, which a row has of its own.
fn labels(task: &TaskSummary<'_>) -> Vec<String> {
    let runs = with_curves(task);
    let marked = |cell: &LengthSummary<'_>| cell.unfinished();
    let labels = labels_of(task, &runs);
    let bare = runs.iter().zip(labels).map(|(run, label)| match marked(run.cell) {
        true => label.replacen(&format!(" {}", super::spread::UNFINISHED), "", 1),
        false => label,
    });
    bare.collect()
}
