//! Tables with ours beside the printed numbers.

use super::computed;
use super::evidence::{Evidence, Standing};
use super::verdict::{CellResult, RowResult, TableResult, Verdict};
use crate::metrics::metric_info;
use crate::published::{Column, Printed, Remark, Row, Table};

/// The tables with ours beside them.
pub fn reproduce(tables: &[&Table], evidence: &Evidence<'_>) -> Vec<TableResult> {
    tables.iter().map(|table| of_table(table, evidence)).collect()
}

fn of_table(table: &Table, evidence: &Evidence<'_>) -> TableResult {
    let rows = table.rows.iter().map(|row| {
        let standing = evidence.standing(table, row);
        let columns = table.columns.iter().filter_map(|column| {
            let published = row.cells.get(&column.name)?;
            Some((
                column.name.clone(),
                of_cell(table, row, column, published, &standing, evidence),
            ))
        });
        RowResult {
            row: row.title(table),
            from: standing.as_ref().ok().map(Standing::title),
            cells: columns.collect(),
        }
    });
    let whole = |remark: &&Remark| remark.row.is_none() && remark.column.is_none();
    TableResult {
        table: table.number.clone(),
        title: table.title.clone(),
        rows: rows.collect(),
        remarks: table
            .remarks
            .iter()
            .filter(whole)
            .map(|remark| remark.text.clone())
            .collect(),
    }
}

fn of_cell(
    table: &Table,
    row: &Row,
    column: &Column,
    published: &str,
    standing: &Result<Standing<'_>, String>,
    evidence: &Evidence<'_>,
) -> CellResult {
    let cell = |verdict: Verdict| CellResult {
        published: published.to_owned(),
        ours: None,
        ours_printed: None,
        difference: None,
        interval: None,
        verdict,
        remarks: table
            .remarks_at(row, &column.name)
            .map(|remark| remark.text.clone())
            .collect(),
    };
    if published == "?" {
        return cell(Verdict::Unreadable);
    }
    if let Some(computed) = &table.computed {
        return match computed::computed(computed, row, column) {
            None => cell(Verdict::NotAttempted("nothing computes it".into())),
            Some(computed::Value::Word(ours)) => CellResult {
                ours_printed: Some(ours.clone()),
                ..cell(match ours == published {
                    true => Verdict::Reproduced,
                    false => Verdict::Differs,
                })
            },
            Some(computed::Value::Number(ours)) => numeric(cell(Verdict::Differs), ours, None, 0.0),
        };
    }
    let standing = match standing {
        Ok(standing) => standing,
        Err(needs) => return cell(Verdict::NotAttempted(needs.clone())),
    };
    if metric_info(&column.name).is_none() {
        let why = format!(
            "the paper does not define it as a metric that icdbench has ({})",
            column.printed
        );
        return cell(Verdict::NotComparable(vec![why]));
    }
    let scale = match table.unit_of(column) {
        "percent" => 100.0,
        _ => 1.0,
    };
    // Intervals are of all codes.
    let (ours, interval) = match table.fewer_than {
        None => (
            standing.score(&column.name),
            evidence.interval(&standing.records, &column.name),
        ),
        Some(most) => (standing.score_of_rare(&column.name, most), None),
    };
    let Some(ours) = ours else {
        let of = table.fewer_than.map_or(String::new(), |most| {
            format!(" of the codes with fewer than {most} training notes")
        });
        let why = format!("the records have no {}{of}", column.name);
        return cell(Verdict::NotComparable(vec![why]));
    };
    let interval = interval.map(|(low, high)| (scale * low, scale * high));
    let found = numeric(
        cell(Verdict::Differs),
        scale * ours,
        interval,
        scale * evidence.tolerance(),
    );
    match standing.reasons.is_empty() {
        true => found,
        false => CellResult {
            verdict: Verdict::NotComparable(standing.reasons.clone()),
            ..found
        },
    }
}

/// A cell with a number of ours, and whether the two agree.
fn numeric(cell: CellResult, ours: f64, interval: Option<(f64, f64)>, tolerance: f64) -> CellResult {
    let Some(printed) = Printed::parse(&cell.published) else {
        return CellResult {
            ours: Some(ours),
            ours_printed: Some(format!("{ours}")),
            interval,
            verdict: Verdict::NotComparable(vec!["the published value is not a single number".into()]),
            ..cell
        };
    };
    let inside = interval
        .is_some_and(|(low, high)| (low - printed.rounding()..=high + printed.rounding()).contains(&printed.value));
    CellResult {
        ours: Some(ours),
        ours_printed: Some(printed.alike(ours)),
        difference: Some(ours - printed.value),
        interval,
        verdict: match inside || printed.may_be(ours, tolerance) {
            true => Verdict::Reproduced,
            false => Verdict::Differs,
        },
        ..cell
    }
}
