//! The index of REPRODUCE.md: paper, table, command, needs, expected.

use std::collections::BTreeMap;

use crate::published::{Published, Source, Table};

/// A table in Markdown with a row for every table of the works that have a suite or need no training, and one for each of
/// the other works. `needs` says of each suite what it needs.
pub fn index(published: &Published, needs: &BTreeMap<String, String>, tolerance: f64) -> String {
    let mut text = "| paper | table | command | needs | expect |\n|---|---|---|---|---|\n".to_owned();
    for source in &published.sources {
        let paper = &source.paper;
        let name = format!("{} {} (`{}`)", first_author(source), paper.year, paper.name);
        let shown: Vec<&Table> = source
            .tables
            .iter()
            .filter(|table| table.rows.iter().any(|row| row.run.is_some()) || table.computed.is_some())
            .collect();
        for table in &shown {
            let cells = table.cells();
            let (command, needed, expected) = match &table.suite {
                Some(suite) => {
                    let of_runs = table
                        .rows
                        .iter()
                        .filter(|row| row.run.is_some())
                        .map(|row| row.cells.len());
                    let covered: usize = of_runs.sum();
                    (
                        format!(
                            "`icdbench run suites/{suite}.toml`, then `icdbench reproduce {} --table \"{}\"`",
                            paper.name, table.number
                        ),
                        needs.get(suite).cloned().unwrap_or_else(|| "unknown".into()),
                        format!(
                            "{covered} of {cells} cells have a run; each within its interval, or within its rounding and {tolerance} points"
                        ),
                    )
                }
                None => (
                    format!("`icdbench reproduce {} --table \"{}\"`", paper.name, table.number),
                    "nothing; seconds".into(),
                    format!("{cells} of {cells} cells reproduced exactly"),
                ),
            };
            text += &format!("| {name} | {} | {command} | {needed} | {expected} |\n", table.number);
        }
        let others = source.tables.len() - shown.len();
        if others > 0 {
            let cells: usize = source.cells() - shown.iter().map(|table| table.cells()).sum::<usize>();
            let which = match shown.is_empty() {
                true => "all".to_owned(),
                false => format!("{others} more"),
            };
            text += &format!(
                "| {name} | {which} | `icdbench reproduce {}` | no suite of icdbench has their rows | {cells} cells, not attempted |\n",
                paper.name
            );
        }
    }
    text
}

fn first_author(source: &Source) -> String {
    let mut authors = source.paper.authors.split(',');
    let first = authors.next().unwrap_or_default().trim().to_owned();
    match authors.next() {
        Some(_) => format!("{first} et al."),
        None => first,
    }
}
