//! Which records are those of a suite's cells.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::{Cell, GENERATED};
use crate::record::{CellDescription, Record, Stage, StageName, Status, identity};

/// Records by the cell that they are of, so that asking for many cells is no slower for each of them.
pub struct Recorded<'a> {
    records: &'a [Record],
    by_identity: HashMap<String, Vec<usize>>,
    /// Of those of generated notes: by the cell of the data set whose form they have.
    by_meant: HashMap<String, Vec<usize>>,
}

impl<'a> Recorded<'a> {
    /// Those of a store.
    pub fn new(records: &'a [Record]) -> Self {
        let mut by_identity: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_meant: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, record) in records.iter().enumerate() {
            by_identity.entry(identity(&record.stages)).or_default().push(place);
            if let Some(meant) = as_meant(record) {
                by_meant.entry(meant).or_default().push(place);
            }
        }
        Self {
            records,
            by_identity,
            by_meant,
        }
    }

    /// The record to show for a cell, called by the suite's name for it: the one with the cell's key; where there is none,
    /// of those of the same cell (see [`identity`]), made by another program or from another data copy, the one that ended
    /// last. A cell that was scored where all that it needs was there is not shown as skipped.
    pub fn of(&self, cell: &Cell) -> Option<Record> {
        let record = self.find(cell)?;
        Some(Record {
            cell: described(cell, record),
            ..record.clone()
        })
    }

    /// As [`of`](Self::of), as the store has it: it may be called by another suite's name.
    pub fn find(&self, cell: &Cell) -> Option<&'a Record> {
        Some(&self.records[self.place(cell)?])
    }

    fn place(&self, cell: &Cell) -> Option<usize> {
        let same = self.by_identity.get(&cell.identity).into_iter().flatten();
        // Where no data are, nobody knows that they would be generated ones: their records say it.
        let meant = self.by_meant.get(&cell.identity).filter(|_| cell.skipped.is_some());
        let mut places: Vec<usize> = same.chain(meant.into_iter().flatten()).copied().collect();
        places.sort_unstable();
        places.dedup();
        let rank = |record: &Record| {
            let ran = record.status != Status::Skipped;
            (ran, record.key == cell.key)
        };
        places.into_iter().max_by(|&a, &b| {
            let (a, b) = (&self.records[a], &self.records[b]);
            (rank(a), a.age()).cmp(&(rank(b), b.age()))
        })
    }

    /// The record of a cell that is skipped here, and was scored where all that it needs was there.
    pub fn scored_before(&self, cell: &Cell) -> Option<Record> {
        cell.skipped.as_ref()?;
        self.find(cell).filter(|record| record.status == Status::Ok)?;
        self.of(cell)
    }
}

/// The records to show for cells, in their order, see [`Recorded::of`]: of thousands no second copy is made.
pub fn recorded(cells: &[Cell], records: Vec<Record>) -> Vec<Record> {
    let of_all = Recorded::new(&records);
    let of_cell = |cell| {
        let place = of_all.place(cell)?;
        Some((place, described(cell, &records[place])))
    };
    let found: Vec<(usize, CellDescription)> = cells.iter().filter_map(of_cell).collect();
    // Runs of equal settings have one record.
    let mut left = vec![0_usize; records.len()];
    found.iter().for_each(|(place, _)| left[*place] += 1);
    let mut records: Vec<Option<Record>> = records.into_iter().map(Some).collect();
    let taken = found.into_iter().filter_map(|(place, cell)| {
        left[place] -= 1;
        let record = match left[place] {
            0 => records[place].take(),
            _ => records[place].clone(),
        };
        Some(Record { cell, ..record? })
    });
    taken.collect()
}

/// The settings of a stage of notes, as where nobody knows whether they are generated.
pub(super) fn meant(notes: &Stage) -> BTreeMap<String, Value> {
    let mut settings = notes.settings.clone();
    settings.remove("generated");
    settings
}

/// A cell in the suite's words, and whether its notes were generated ones, which only its record may know.
fn described(cell: &Cell, record: &Record) -> CellDescription {
    let mut described = cell.description.clone();
    if is_generated(record) && !described.dataset.ends_with(GENERATED) {
        described.dataset.push_str(GENERATED);
    }
    described
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
    Arc::make_mut(stages.get_mut(&StageName::Notes)?)
        .settings
        .remove("generated");
    Some(identity(&stages))
}
