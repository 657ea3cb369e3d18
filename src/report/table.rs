//! The one table type of a report, that `scores`, `gains`, `pretraining` and `facts` fill and every format spells.

use std::collections::BTreeSet;

use super::spread::{Spread, UNFINISHED};
use crate::record::MOST_TOKENS;

/// What the intervals in a table are.
const INTERVALS: &str = "In brackets: the 95 % interval over the evaluation notes (bootstrap over patients; of several seeds the mean of theirs). It says what other notes, as many and of the same kind, might have shown; of few patients (below about 50) it is too narrow, and where hardly anything was counted it says little. The standard deviation is over training seeds. Two runs are scored on the same notes: whether they differ, `icdbench compare` says, not whether their intervals overlap.";

/// A table: leading label columns, then columns of cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Identifier, unique in a report: the anchor in HTML and the label in LaTeX.
    pub id: String,
    /// What the table shows, in one sentence.
    pub caption: String,
    /// Headings of the label columns, such as `length` and `run`.
    pub stub: Vec<String>,
    /// The columns after the labels.
    pub columns: Vec<Column>,
    /// The rows, in order.
    pub rows: Vec<Row>,
    /// Remarks under the table.
    pub foot: Vec<String>,
}

/// Heading of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Heading shared with the neighbours that have the same one; empty for none.
    pub group: String,
    /// The column's own heading.
    pub title: String,
    /// The heading in CSV files: the metric's name in the records where the column is a metric.
    pub key: String,
}

/// A line of a table, with what is said of all its cells at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// One label per stub column.
    pub labels: Vec<String>,
    /// One cell per column.
    pub cells: Vec<Cell>,
    /// Whether the row is a reference rather than one of the things compared.
    pub reference: bool,
    /// Where fewer seeds were scored than the foot says: how many, and the notes with the reasons, from 1.
    pub fewer_seeds: Option<(usize, Vec<usize>)>,
    /// Whether the row is of one cell whose model had not finished learning, with any of its seeds.
    pub unfinished: bool,
    /// Keys of the records that its cells were made from, where the cells do not say it themselves.
    pub records: Vec<String>,
}

/// What stands in one place of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing was asked for or is defined here.
    Empty,
    /// Words, such as `not comparable`.
    Text(String),
    /// A number that was measured or counted.
    Number(Number),
    /// No scores: how the cells ended, and the numbers of the notes with the reasons.
    State {
        /// Such as `out of memory`.
        word: String,
        /// From 1.
        notes: Vec<usize>,
    },
}

/// A quantity, as measured and as printed.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Mean, spread and count, in the records' unit.
    pub value: Spread,
    /// The mean as printed.
    pub mean: String,
    /// The standard deviation as printed; absent for one value.
    pub sd: Option<String>,
    /// The interval over the notes as printed; absent where there is none.
    pub interval: Option<String>,
    /// Whether the number of values must be printed because it is not the one in the foot.
    pub show_n: bool,
    /// Whether it is the best of its column and length.
    pub best: bool,
    /// Notes about the seeds that are missing from the mean, from 1.
    pub notes: Vec<usize>,
    /// Whether the model had not finished learning, with any of the seeds.
    pub unfinished: bool,
    /// Keys of the records that it was made from; empty where those of its row are.
    pub records: Vec<String>,
}

impl Number {
    /// A number printed by `print`, not marked.
    pub fn new(value: Spread, print: impl Fn(f64) -> String) -> Self {
        Self {
            value,
            mean: print(value.mean),
            sd: value.sd.map(&print),
            interval: value
                .interval
                .map(|(low, high)| format!("{}–{}", print(low), print(high))),
            show_n: false,
            best: false,
            notes: Vec::new(),
            unfinished: false,
            records: Vec::new(),
        }
    }
}

impl Cell {
    /// The cell, made from these records where it is a number.
    pub fn of_records(self, records: Vec<String>) -> Self {
        match self {
            Self::Number(number) => Self::Number(Number { records, ..number }),
            other => other,
        }
    }

    /// The numbers of the notes that the cell refers to.
    pub fn notes(&self) -> &[usize] {
        match self {
            Self::Number(number) => &number.notes,
            Self::State { notes, .. } => notes,
            Self::Empty | Self::Text(_) => &[],
        }
    }
}

impl Row {
    /// A row of compared cells; where all of them lack the same seeds this is said once, for the row.
    pub fn new(labels: Vec<String>, mut cells: Vec<Cell>) -> Self {
        let numbers = cells.iter().filter_map(|cell| match cell {
            Cell::Number(number) => Some((number.show_n, number.value.n, number.notes.clone())),
            _ => None,
        });
        let kinds: BTreeSet<(bool, usize, Vec<usize>)> = numbers.collect();
        let mut fewer_seeds = None;
        if let (1, Some((true, n, notes))) = (kinds.len(), kinds.into_iter().next()) {
            fewer_seeds = Some((n, notes));
            for cell in &mut cells {
                if let Cell::Number(number) = cell {
                    number.show_n = false;
                    number.notes.clear();
                }
            }
        }
        Self {
            labels,
            cells,
            reference: false,
            fewer_seeds,
            unfinished: false,
            records: Vec::new(),
        }
    }

    /// The row, of a cell whose model had not finished learning if `unfinished`.
    pub fn of_unfinished(self, unfinished: bool) -> Self {
        Self { unfinished, ..self }
    }

    /// The row, of cells that were made from these records.
    pub fn of_records(self, records: Vec<String>) -> Self {
        Self { records, ..self }
    }

    /// The row that the others are compared with.
    pub fn reference(labels: Vec<String>, cells: Vec<Cell>) -> Self {
        Self {
            labels,
            cells,
            reference: true,
            fewer_seeds: None,
            unfinished: false,
            records: Vec::new(),
        }
    }

    /// The numbers of the notes that the row and its cells refer to.
    pub fn notes(&self) -> impl Iterator<Item = usize> + '_ {
        let of_row = self.fewer_seeds.iter().flat_map(|(_, notes)| notes.iter().copied());
        of_row.chain(self.cells.iter().flat_map(|cell| cell.notes().iter().copied()))
    }
}

impl Table {
    /// Says under the table what the mark means, where it stands in it.
    pub fn explain_marks(&mut self) {
        let marked = self.rows.iter().any(|row| {
            let number = |cell: &Cell| matches!(cell, Cell::Number(number) if number.unfinished);
            row.unfinished || row.cells.iter().any(number)
        });
        if marked {
            self.foot.push(format!(
                "{UNFINISHED} had not finished learning: the best of its epochs is among the last, or its budget ended it. More training may give another score, so compare it with care."
            ));
        }
    }

    /// Says under the table what the intervals are, where they stand in it.
    pub fn explain_intervals(&mut self) {
        let number = |cell: &Cell| matches!(cell, Cell::Number(number) if number.interval.is_some());
        if self.rows.iter().any(|row| row.cells.iter().any(number)) {
            self.foot.push(INTERVALS.to_owned());
        }
    }

    /// Marks the best printed mean of each column among the rows that share their first label
    /// (all rows where `per_first_label` is false). Ties are all marked; a single value is not.
    pub fn mark_best(&mut self, greater_is_better: &[bool], per_first_label: bool) {
        let mut blocks: Vec<Vec<usize>> = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            if row.reference {
                continue;
            }
            let same_block =
                |block: &&mut Vec<usize>| !per_first_label || self.rows[block[0]].labels[0] == row.labels[0];
            match blocks.iter_mut().find(same_block) {
                Some(block) => block.push(index),
                None => blocks.push(vec![index]),
            }
        }
        for (column, greater) in greater_is_better.iter().enumerate() {
            for block in &blocks {
                self.mark_best_of(column, block, *greater);
            }
        }
    }

    fn mark_best_of(&mut self, column: usize, rows: &[usize], greater: bool) {
        let number = |row: &usize| match &self.rows[*row].cells[column] {
            Cell::Number(number) => Some((number.value.mean, number.mean.clone())),
            _ => None,
        };
        let values: Vec<(f64, String)> = rows.iter().filter_map(number).collect();
        if values.len() < 2 {
            return;
        }
        let best = values.iter().max_by(|(a, _), (b, _)| {
            let order = a.total_cmp(b);
            if greater { order } else { order.reverse() }
        });
        let Some(printed) = best.map(|(_, printed)| printed.clone()) else {
            return;
        };
        for row in rows {
            if let Cell::Number(number) = &mut self.rows[*row].cells[column] {
                number.best = number.mean == printed;
            }
        }
    }

    /// Column headings' groups with their widths, in order.
    pub fn groups(&self) -> Vec<(&str, usize)> {
        let mut groups: Vec<(&str, usize)> = Vec::new();
        for column in &self.columns {
            match groups.last_mut() {
                Some((name, width)) if *name == column.group => *width += 1,
                _ => groups.push((&column.group, 1)),
            }
        }
        groups
    }

    /// A column's full heading where there is no second heading row: `micro-F1, 512`.
    pub fn heading(&self, column: usize) -> String {
        let Column { group, title, .. } = &self.columns[column];
        if group.is_empty() {
            title.clone()
        } else {
            format!("{group}, {title}")
        }
    }
}

/// The cells of a row with equal neighbouring states merged: cell and width.
pub fn merged(cells: &[Cell]) -> Vec<(&Cell, usize)> {
    let mut merged: Vec<(&Cell, usize)> = Vec::new();
    for cell in cells {
        match merged.last_mut() {
            Some((last, width)) if matches!(cell, Cell::State { .. }) && *last == cell => *width += 1,
            _ => merged.push((cell, 1)),
        }
    }
    merged
}

/// A sequence length: `2,048`, or `all` of a system that read whole notes.
pub fn length_word(length: u32) -> String {
    match length {
        MOST_TOKENS => "all".to_owned(),
        length => grouped(u64::from(length)),
    }
}

/// Where a run stands: `at length 2,048`, or `on whole notes`.
pub fn at_length(length: u32) -> String {
    match length {
        MOST_TOKENS => "on whole notes".to_owned(),
        length => format!("at length {}", length_word(length)),
    }
}

/// A whole number with thousands separators: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three significant digits, with thousands separators from 1,000 on; no exponent.
pub fn three_digits(value: f64) -> String {
    if !value.is_finite() || value < 0.0 {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.log10().floor() as i32;
    if magnitude >= 2 {
        let unit = 10f64.powi(magnitude - 2);
        return grouped(((value / unit).round() * unit).round() as u64);
    }
    format!("{value:.*}", (2 - magnitude).min(6) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_cut_to_three_digits() {
        let cases = [
            (1234.0, "1,230"),
            (8921.4, "8,920"),
            (123.4, "123"),
            (12.34, "12.3"),
            (0.1234, "0.123"),
            (0.0, "0"),
        ];
        for (value, text) in cases {
            assert_eq!(three_digits(value), text);
        }
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
    }
}
