//! The numbers behind the figures of single codes, thresholds and probabilities as CSV.

use super::code_groups::groups;
use super::sheet::{CELL, Sheet, cell_fields, number, spread};
use super::summary::Summary;
use crate::record::{Curves, Outcome, Record, Status};

/// The scored records with their outcomes.
fn scored<'s>(summary: &'s Summary<'_>) -> impl Iterator<Item = (&'s Record, &'s Outcome)> {
    let records = summary.records.iter().filter(|record| record.status == Status::Ok);
    records.filter_map(|record| Some((*record, record.outcome.as_ref()?)))
}

/// A sheet of some rows a cell: the cell, then what `rows` makes of its curves under these headings.
fn of_curves<const N: usize>(
    summary: &Summary<'_>,
    headings: [&str; N],
    rows: impl Fn(&Curves) -> Vec<[String; N]>,
) -> Result<Vec<u8>, csv::Error> {
    let mut sheet = Sheet::new(CELL.iter().chain(&headings))?;
    for (record, outcome) in scored(summary) {
        let cell = cell_fields(record);
        for row in outcome.curves.iter().flat_map(&rows) {
            sheet.row(cell.iter().cloned().chain(row).collect())?;
        }
    }
    sheet.bytes()
}

/// One row a cell and threshold.
pub fn thresholds(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let headings = [
        "threshold",
        "micro-f1",
        "macro-f1-present",
        "micro-precision",
        "micro-recall",
    ];
    of_curves(summary, headings, |curves| {
        let rows = curves.thresholds.iter().map(|row| {
            let shares = [row.micro_f1, row.micro_precision, row.micro_recall].map(|share| number(Some(share)));
            let [f1, precision, recall] = shares;
            [
                number(Some(row.threshold)),
                f1,
                number(row.macro_f1_present),
                precision,
                recall,
            ]
        });
        rows.collect()
    })
}

/// One row a cell and point of its curve.
pub fn precision_recall(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    of_curves(summary, ["micro-recall", "micro-precision"], |curves| {
        let rows = curves.precision_recall.iter();
        rows.map(|row| [row.recall, row.precision].map(|share| number(Some(share))))
            .collect()
    })
}

/// One row a cell and bin of probabilities, with the cell's expected calibration error.
pub fn calibration(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let headings = [
        "expected-error",
        "lower",
        "upper",
        "pairs",
        "mean-probability",
        "gold-share",
    ];
    of_curves(summary, headings, |curves| {
        let of = |found: &crate::record::CalibrationFacts| {
            let error = number(Some(found.expected_error));
            let rows = found.bins.iter().map(|bin| {
                let shares =
                    [bin.lower, bin.upper, bin.mean_probability, bin.gold_share].map(|share| number(Some(share)));
                let [lower, upper, mean, gold] = shares;
                [error.clone(), lower, upper, bin.pairs.to_string(), mean, gold]
            });
            rows.collect()
        };
        curves.calibration.as_ref().map_or(Vec::new(), of)
    })
}

/// One row a cell and bin of areas.
pub fn areas(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    of_curves(summary, ["lower", "upper", "codes"], |curves| {
        let rows = curves.areas.iter();
        rows.map(|bin| [number(Some(bin.lower)), number(Some(bin.upper)), bin.codes.to_string()])
            .collect()
    })
}

/// One row a cell and frequency bin: the seeds of `bins.csv` one by one.
pub fn bins_by_seed(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut sheet = Sheet::new(CELL.iter().chain(&["lower", "upper", "macro-f1-present", "micro-f1"]))?;
    for (record, outcome) in scored(summary) {
        let cell = cell_fields(record);
        for bin in &outcome.frequency_bins {
            let upper = bin.upper.map(|upper| upper.to_string()).unwrap_or_default();
            let fields = [
                bin.lower.to_string(),
                upper,
                number(bin.macro_f1_present),
                number(Some(bin.micro_f1)),
            ];
            sheet.row(cell.iter().cloned().chain(fields).collect())?;
        }
    }
    sheet.bytes()
}

/// One row a run and equal group of codes, at the run's longest scored length; its seeds stand in one field, ascending by seed.
pub fn code_groups(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let headings = [
        "task",
        "run",
        "length",
        "group",
        "lower",
        "upper",
        "codes",
        "codes-present",
        "macro-f1-present",
    ];
    let mut sheet = Sheet::new(
        headings
            .iter()
            .chain(&["macro-f1-present sd", "macro-f1-present n", "seeds"]),
    )?;
    for task in &summary.tasks {
        for (run, length, groups) in groups(task) {
            for (place, group) in groups.into_iter().enumerate() {
                let mut fields = vec![task.title.clone(), task.runs[run].label.clone(), length.to_string()];
                fields.extend([
                    (place + 1).to_string(),
                    group.lower.to_string(),
                    group.upper.to_string(),
                ]);
                fields.extend([group.codes.to_string(), group.codes_present.to_string()]);
                fields.extend(spread(group.macro_f1));
                let seeds: Vec<String> = group.seeds.iter().map(|seed| number(Some(*seed))).collect();
                fields.push(seeds.join(" "));
                sheet.row(fields)?;
            }
        }
    }
    sheet.bytes()
}

/// One row a score that a paper prints of a task of the report.
pub fn printed(summary: &Summary<'_>) -> Result<Vec<u8>, csv::Error> {
    let mut sheet = Sheet::new(["task", "paper", "label", "run", "model", "length", "metric", "value"])?;
    for task in &summary.tasks {
        for point in &task.printed {
            let fields = [
                task.title.clone(),
                point.paper.clone(),
                point.label.clone(),
                point.run.clone(),
                point.model.clone(),
                point.length.to_string(),
                point.metric.clone(),
                number(Some(point.value)),
            ];
            sheet.row(fields.to_vec())?;
        }
    }
    sheet.bytes()
}
