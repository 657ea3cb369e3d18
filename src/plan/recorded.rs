//! Which records are those of a suite's cells.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Cell, GENERATED};
use crate::record::{Record, Stage, StageName, Status, identity};

/// Of `records`, for each cell the one to show, called by the suite's name for it: the one with the cell's key; where
/// there is none, of those of the same cell (see [`identity`]), made by another program or from another data copy, the
/// one that ended last. A cell that was scored where all that it needs was there is not shown as skipped.
pub fn recorded(cells: &[Cell], records: &[Record]) -> Vec<Record> {
    let identities: Vec<String> = records.iter().map(|record| identity(&record.stages)).collect();
    let meant: Vec<Option<String>> = records.iter().map(as_meant).collect();
    let of = |cell: &Cell| {
        // Where no data are, nobody knows that they would be generated ones: their records say it.
        let is_same = |(identity, meant): (&String, &Option<String>)| {
            *identity == cell.identity || (cell.skipped.is_some() && meant.as_ref() == Some(&cell.identity))
        };
        let all = records.iter().zip(identities.iter().zip(&meant));
        let same = all.filter(|(_, of)| is_same(*of));
        let chosen = same.map(|(record, _)| record).max_by(|a, b| {
            let rank = |record: &Record| {
                let ran = record.status != Status::Skipped;
                (ran, record.key == cell.key)
            };
            (rank(a), a.age()).cmp(&(rank(b), b.age()))
        });
        chosen.map(|record| {
            let mut described = cell.description.clone();
            if is_generated(record) && !described.dataset.ends_with(GENERATED) {
                described.dataset.push_str(GENERATED);
            }
            Record {
                cell: described,
                ..record.clone()
            }
        })
    };
    cells.iter().filter_map(of).collect()
}

/// The record of a cell that is skipped here, and was scored where all that it needs was there.
pub fn scored_before(cell: &Cell, records: &[Record]) -> Option<Record> {
    cell.skipped.as_ref()?;
    let found = recorded(std::slice::from_ref(cell), records).pop();
    found.filter(|record| record.status == Status::Ok)
}

/// The settings of a stage of notes, as where nobody knows whether they are generated.
pub(super) fn meant(notes: &Stage) -> BTreeMap<String, Value> {
    let mut settings = notes.settings.clone();
    settings.remove("generated");
    settings
}

/// Whether a record is of generated notes in the form of a data set that they are not.
fn is_generated(record: &Record) -> bool {
    let notes = record.stages.get(&StageName::Notes);
    notes.is_some_and(|notes| notes.settings.contains_key("generated"))
}

/// Of a record of generated notes: the identity of the cell of the data set whose form they have.
fn as_meant(record: &Record) -> Option<String> {
    if !is_generated(record) {
        return None;
    }
    let mut stages = record.stages.clone();
    let notes: &mut Stage = stages.get_mut(&StageName::Notes)?;
    notes.settings.remove("generated");
    Some(identity(&stages))
}
