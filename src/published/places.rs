//! Cells of tables, found by what a claim names them by.

use std::collections::BTreeMap;

use super::claim::RowReference;
use super::source::{Column, Row, Source, Table};

/// A cell of a table, whoever's number stands in it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a Table,
    /// A row of it.
    pub row: &'a Row,
    /// A column of it.
    pub column: &'a Column,
}

impl Place<'_> {
    pub(super) fn title(&self) -> String {
        self.row.title(self.table)
    }
}

/// A table by its number.
pub(super) fn table<'a>(source: &'a Source, number: &str) -> Result<&'a Table, String> {
    let known: Vec<&str> = source.tables.iter().map(|table| table.number.as_str()).collect();
    let found = source.table(number);
    found.ok_or_else(|| format!("no table {number:?}: expected one of {}", known.join(", ")))
}

/// The row of a table that a reference means.
pub(super) fn row<'a>(table: &'a Table, reference: &RowReference) -> Result<&'a Row, String> {
    let fits = |asked: &Option<String>, found: Option<&String>| asked.is_none() || asked.as_ref() == found;
    let means = |row: &&Row| {
        fits(&reference.label, Some(&row.label))
            && (reference.length.is_none() || reference.length == row.length)
            && fits(&reference.encoder, row.encoder.as_ref())
            && fits(&reference.settings, row.settings.as_ref())
            && fits(&reference.reported_from, row.reported_from.as_ref())
    };
    let found: Vec<&Row> = table.rows.iter().filter(means).collect();
    match found[..] {
        [one] => Ok(one),
        _ => Err(format!(
            "{} rows of table {} are {reference:?}: expected one",
            found.len(),
            table.number
        )),
    }
}

pub(super) fn place<'a>(table: &'a Table, of: &'a Row, column: &str) -> Result<Place<'a>, String> {
    let known: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    let found = table.column(column);
    let column = found.ok_or_else(|| {
        format!(
            "table {} has no column {column:?}: expected one of {}",
            table.number,
            known.join(", ")
        )
    })?;
    Ok(Place { table, row: of, column })
}

/// Where a place is, before its row.
pub(super) fn at(place: Place<'_>) -> String {
    format!("table {}, {}", place.table.number, place.column.printed)
}

pub(super) fn each<'t>(tables: &'t [String], columns: &'t [String]) -> impl Iterator<Item = (&'t str, &'t str)> {
    tables
        .iter()
        .flat_map(move |table| columns.iter().map(move |column| (table.as_str(), column.as_str())))
}

/// Rows of two tables that are of the same model in the same settings.
pub(super) fn shared_rows<'t>(first: &'t Table, second: &'t Table) -> Vec<(&'t Row, &'t Row)> {
    let what = |row: &'t Row| (&row.model, row.length, &row.encoder, &row.settings);
    let mut of_second: BTreeMap<_, Vec<&Row>> = BTreeMap::new();
    for row in &second.rows {
        of_second.entry(what(row)).or_default().push(row);
    }
    let shared = first.rows.iter().filter_map(|row| {
        let others = of_second.get(&what(row))?;
        // Several of one kind are told apart by their labels alone.
        let other = match others[..] {
            [one] => one,
            _ => others.iter().find(|other| other.label == row.label)?,
        };
        Some((row, other))
    });
    shared.collect()
}
