//! Cells whose scores another system made: on the notes of a suite's cells, judged as they are.

use std::sync::Arc;

use serde_json::Value;

use super::external::{EXTERNAL, ExternalSystem};
use super::recorded::meant;
use super::{Cell, GENERATED, Plan, chain};
use crate::record::{Record, Stage, StageName};

impl Plan {
    /// The cell of an external system; nothing where the suite has no cell.
    pub fn external(&self, asked: &ExternalSystem) -> Option<Cell> {
        let first = self.cells.first()?;
        let links = chain::external(&self.suite, first.chain.get(&StageName::Notes)?, asked);
        Some(first.of_external(asked, links))
    }
}

/// The records of external systems that were scored on the notes of some cells and judged as these are: of each system the
/// one that was made last.
pub fn externals(cells: &[Cell], records: &[Record]) -> Vec<Record> {
    let Some(first) = cells.first() else { return Vec::new() };
    let mut found: Vec<Record> = Vec::new();
    let judged = |stage: Option<&Arc<Stage>>| stage.and_then(|stage| stage.settings.get("evaluation").cloned());
    let notes_of_first = first.chain.get(&StageName::Notes).map(|notes| meant(notes));
    let judged_as_first = judged(first.chain.get(&StageName::Record));
    for record in records.iter().filter(|record| is_external(record)) {
        let notes = record.stages.get(&StageName::Notes);
        if notes.map(|notes| meant(notes)) != notes_of_first
            || judged(record.stages.get(&StageName::Record)) != judged_as_first
        {
            continue;
        }
        let mut cell = record.cell.clone();
        cell.suite.clone_from(&first.description.suite);
        cell.dataset.clone_from(&first.description.dataset);
        let is_generated = notes.is_some_and(|notes| notes.settings.contains_key("generated"));
        if is_generated && !cell.dataset.ends_with(GENERATED) {
            cell.dataset.push_str(GENERATED);
        }
        let shown = Record { cell, ..record.clone() };
        match found.iter_mut().find(|other| other.cell == shown.cell) {
            Some(other) => {
                if shown.age() > other.age() {
                    *other = shown;
                }
            }
            None => found.push(shown),
        }
    }
    found.sort_by(|a, b| (&a.cell.run, a.cell.length, a.cell.seed).cmp(&(&b.cell.run, b.cell.length, b.cell.seed)));
    found
}

fn is_external(record: &Record) -> bool {
    let scores = record.stages.get(&StageName::Scores);
    scores.is_some_and(|scores| matches!(scores.settings.get(EXTERNAL), Some(Value::String(_))))
}
