//! The notes of two records, side by side.

use std::collections::BTreeMap;

use super::Error;
use super::bootstrap::Counts;
use crate::record::{NoteRow, Record, Reported};

/// The counts of each note in both records, ordered by the notes' salted hashes, so that the order in which the
/// records list them has no effect.
pub fn pairs(first: &Reported, second: &Reported) -> Result<Vec<[Counts; 2]>, Error> {
    let (of_first, of_second) = (notes(first)?, notes(second)?);
    let (first, second) = (&first.record, &second.record);
    let shared = of_first.keys().filter(|note| of_second.contains_key(*note)).count();
    if shared != of_first.len() || shared != of_second.len() {
        return Err(Error::DifferentNotes {
            first: name(first),
            first_notes: of_first.len(),
            second: name(second),
            second_notes: of_second.len(),
            shared,
        });
    }
    let rows = of_first.into_values().zip(of_second.into_values());
    rows.map(|(one, other)| {
        let (first_gold, second_gold) = (one.tp + one.fn_, other.tp + other.fn_);
        if first_gold != second_gold {
            return Err(Error::DifferentCodes {
                first: name(first),
                second: name(second),
                note: one.note.clone(),
                first_gold,
                second_gold,
            });
        }
        Ok([counts(one), counts(other)])
    })
    .collect()
}

fn counts(row: &NoteRow) -> Counts {
    Counts {
        correct: u64::from(row.tp),
        wrong: u64::from(row.fp) + u64::from(row.fn_),
    }
}

fn notes(reported: &Reported) -> Result<BTreeMap<&str, &NoteRow>, Error> {
    let cell = || name(&reported.record);
    if reported.record.outcome.is_none() {
        return Err(Error::NotScored { cell: cell() });
    }
    let rows = reported.notes.as_ref().ok_or_else(|| Error::NoRows { cell: cell() })?;
    let mut notes = BTreeMap::new();
    for row in rows {
        if notes.insert(row.note.as_str(), row).is_some() {
            return Err(Error::RepeatedNote {
                cell: cell(),
                note: row.note.clone(),
            });
        }
    }
    Ok(notes)
}

/// A record as an error names it.
fn name(record: &Record) -> String {
    let cell = &record.cell;
    format!("{} at length {} with seed {}", cell.run, cell.length, cell.seed)
}
