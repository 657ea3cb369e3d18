//! Which records are those of a suite's cells.

use super::Cell;
use crate::record::{Record, Status, identity};

/// Of `records`, for each cell the one to show, called by the suite's name for it: the one with the cell's key; where
/// there is none, of those of the same cell (see [`identity`]), made by another program or from another data copy, the
/// one that ended last. A cell that was scored where all that it needs was there is not shown as skipped.
pub fn recorded(cells: &[Cell], records: &[Record]) -> Vec<Record> {
    let identities: Vec<String> = records.iter().map(|record| identity(&record.stages)).collect();
    let of = |cell: &Cell| {
        let same = records
            .iter()
            .zip(&identities)
            .filter(|(_, identity)| **identity == cell.identity);
        let chosen = same.map(|(record, _)| record).max_by(|a, b| {
            let rank = |record: &Record| {
                let ran = record.status != Status::Skipped;
                (ran, record.key == cell.key, record.provenance.ended.clone())
            };
            rank(a).cmp(&rank(b))
        });
        chosen.map(|record| Record {
            cell: cell.description.clone(),
            ..record.clone()
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
