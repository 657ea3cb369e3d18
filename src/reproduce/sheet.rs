//! Tables with ours beside the printed ones, as a grid for people, and as rows and JSON for programs.

use serde_json::{Value, json};

use super::verdict::{CellResult, Coverage, RowResult, TableResult, Verdict};
use crate::published::{Source, Table};
use crate::report::table::{self, Cell, Column, Row};

/// The table as printed, each cell with ours, the difference and the interval; under it what keeps cells from being
/// compared or attempted, and what is remarked on them.
pub fn grid(source: &Source, printed: &Table, result: &TableResult) -> table::Table {
    let mut notes = Notes::default();
    let rows = result.rows.iter().map(|row| {
        let shared = shared_reason(row);
        let label = match &shared {
            Some(reason) => format!("{}{}", row.row, notes.mark([reason.as_str()])),
            None => row.row.clone(),
        };
        let cells = printed.columns.iter().map(|column| match row.cells.get(&column.name) {
            None => Cell::Empty,
            Some(cell) => {
                let own = reason(cell).filter(|own| shared.as_ref() != Some(own));
                let said = own
                    .iter()
                    .map(String::as_str)
                    .chain(cell.remarks.iter().map(String::as_str));
                Cell::Text(format!("{}{}", words(cell), notes.mark(said)))
            }
        });
        Row::new(vec![label], cells.collect())
    });
    let rows: Vec<Row> = rows.collect();
    let columns = printed.columns.iter().map(|column| Column {
        group: String::new(),
        title: column.printed.clone(),
        key: column.name.clone(),
    });
    let mut foot = vec![
        Coverage::of([result]).sentence() + ".",
        "published = ours where reproduced, ≠ where it differs, ~ where ours is of something else; in brackets the difference \
         and the 95 % interval of ours over its notes; – where there is none of ours."
            .into(),
    ];
    foot.extend(notes.lines());
    foot.extend(result.remarks.iter().map(|remark| format!("Remark: {remark}")));
    table::Table {
        id: format!("{}-{}", source.paper.name, slug(&result.table)),
        caption: format!("Table {}: {}", result.table, result.title),
        stub: vec![String::new()],
        columns: columns.collect(),
        rows,
        foot,
    }
}

/// Numbered notes, each once.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    /// The marks of some notes, `[1, 3]`; nothing for none.
    fn mark<'n>(&mut self, notes: impl IntoIterator<Item = &'n str>) -> String {
        let numbers = notes.into_iter().map(|note| {
            let known = self.0.iter().position(|known| known == note);
            let place = known.unwrap_or_else(|| {
                self.0.push(note.to_owned());
                self.0.len() - 1
            });
            (place + 1).to_string()
        });
        let numbers: Vec<String> = numbers.collect();
        match numbers.is_empty() {
            true => String::new(),
            false => format!(" [{}]", numbers.join(", ")),
        }
    }

    fn lines(&self) -> impl Iterator<Item = String> {
        self.0
            .iter()
            .enumerate()
            .map(|(place, note)| format!("[{}] {note}", place + 1))
    }
}

fn words(cell: &CellResult) -> String {
    let CellResult {
        published,
        ours_printed,
        ..
    } = cell;
    let sign = match cell.verdict {
        Verdict::Unreadable => return "?".into(),
        Verdict::NotAttempted(_) => return format!("{published} –"),
        Verdict::Reproduced => "=",
        Verdict::Differs => "≠",
        Verdict::NotComparable(_) => "~",
    };
    let Some(ours) = ours_printed else {
        return format!("{published} –");
    };
    let decimals = ours.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let number = |value: f64| format!("{value:.decimals$}");
    let mut bracket = Vec::new();
    // What is equal as printed needs no difference.
    if let Some(difference) = cell
        .difference
        .filter(|difference| *difference != 0.0 && ours != published)
    {
        bracket.push(format!("{difference:+.decimals$}"));
    }
    if let Some((low, high)) = cell.interval {
        bracket.push(format!("{} to {}", number(low), number(high)));
    }
    match bracket.is_empty() {
        true => format!("{published} {sign} {ours}"),
        false => format!("{published} {sign} {ours} ({})", bracket.join("; ")),
    }
}

/// Why a cell has no verdict of its own.
fn reason(cell: &CellResult) -> Option<String> {
    match &cell.verdict {
        Verdict::NotComparable(reasons) => Some(format!("not comparable: {}", reasons.join("; "))),
        Verdict::NotAttempted(needs) => Some(format!("not attempted: {needs}")),
        Verdict::Reproduced | Verdict::Differs | Verdict::Unreadable => None,
    }
}

/// The reason that all cells of a row have.
fn shared_reason(row: &RowResult) -> Option<String> {
    let mut reasons = row.cells.values().map(reason);
    let first = reasons.next()??;
    reasons.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

fn slug(text: &str) -> String {
    let letters = text
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
    letters.collect::<String>().trim_matches('-').replace("--", "-")
}

/// One row a cell, with a heading.
///
/// # Errors
/// What is written to cannot take it.
pub fn csv(out: impl std::io::Write, papers: &[(&Source, Vec<TableResult>)]) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record([
        "paper",
        "table",
        "row",
        "column",
        "published",
        "ours",
        "difference",
        "low",
        "high",
        "verdict",
        "why",
        "from",
        "remarks",
    ])?;
    for (source, tables) in papers {
        for (table, row) in tables
            .iter()
            .flat_map(|table| table.rows.iter().map(move |row| (table, row)))
        {
            for (column, cell) in &row.cells {
                let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
                let why = match &cell.verdict {
                    Verdict::NotComparable(reasons) => reasons.join("; "),
                    Verdict::NotAttempted(needs) => needs.clone(),
                    _ => String::new(),
                };
                let ours = match cell.ours {
                    Some(ours) => ours.to_string(),
                    None => cell.ours_printed.clone().unwrap_or_default(),
                };
                writer.write_record([
                    source.paper.name.as_str(),
                    &table.table,
                    &row.row,
                    column,
                    &cell.published,
                    &ours,
                    &number(cell.difference),
                    &number(cell.interval.map(|interval| interval.0)),
                    &number(cell.interval.map(|interval| interval.1)),
                    cell.verdict.word(),
                    &why,
                    row.from.as_deref().unwrap_or_default(),
                    &cell.remarks.join(" "),
                ])?;
            }
        }
    }
    Ok(writer.flush()?)
}

/// Everything as JSON.
pub fn json(papers: &[(&Source, Vec<TableResult>)]) -> Value {
    let papers = papers.iter().map(|(source, tables)| {
        json!({
            "paper": source.paper,
            "coverage": Coverage::of(tables),
            "tables": tables,
        })
    });
    Value::Array(papers.collect())
}
