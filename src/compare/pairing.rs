//! The notes of two records, side by side.

use std::collections::BTreeMap;

use super::error::Error;
use crate::record::{NoteRow, Reported};

/// Refuses two records whose rows by note are of different notes or codes, in whatever order they list them.
pub fn check(first: &Reported, second: &Reported) -> Result<(), Error> {
    if first.notes.is_none() && first.resamples.is_some() || second.notes.is_none() && second.resamples.is_some() {
        return Ok(());
    }
    let (of_first, of_second) = (rows(first)?, rows(second)?);
    let [first, second] = [first, second].map(|side| side.record.cell.title());
    let shared = of_first.keys().filter(|note| of_second.contains_key(*note)).count();
    if shared != of_first.len() || shared != of_second.len() {
        return Err(Error::DifferentNotes {
            first,
            first_notes: of_first.len(),
            second,
            second_notes: of_second.len(),
            shared,
        });
    }
    for (one, other) in of_first.values().zip(of_second.values()) {
        let (first_gold, second_gold) = (one.tp + one.fn_, other.tp + other.fn_);
        if first_gold != second_gold {
            return Err(Error::DifferentCodes {
                first,
                second,
                note: one.note.clone(),
                first_gold,
                second_gold,
            });
        }
    }
    Ok(())
}

/// A record's rows, ordered by the notes' salted hashes.
pub fn rows(reported: &Reported) -> Result<BTreeMap<&str, &NoteRow>, Error> {
    let cell = || reported.record.cell.title();
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
