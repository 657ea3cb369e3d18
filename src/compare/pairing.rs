//! The notes of two records, side by side.

use std::collections::BTreeMap;

use super::error::Error;
use crate::metrics::NoteScore;
use crate::record::{NoteRow, Reported};

/// What each note adds to a metric in both records, ordered by the notes' salted hashes, so that the order in which
/// the rows are listed has no effect.
pub fn paired(first: &Reported, second: &Reported) -> Result<[Vec<NoteScore>; 2], Error> {
    let (of_first, of_second) = (notes(first)?, notes(second)?);
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
    Ok([of_first, of_second].map(|rows| rows.into_values().map(score).collect()))
}

/// What each note adds to a metric, ordered as in [`paired`].
pub fn rows(of: &Reported) -> Result<Vec<NoteScore>, Error> {
    Ok(notes(of)?.into_values().map(score).collect())
}

fn score(row: &NoteRow) -> NoteScore {
    NoteScore {
        tp: row.tp,
        fp: row.fp,
        fn_: row.fn_,
        gold_ranks: row.gold_ranks.clone(),
    }
}

fn notes(reported: &Reported) -> Result<BTreeMap<&str, &NoteRow>, Error> {
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
