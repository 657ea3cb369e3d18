//! Records as reports and comparisons take them: with their rows by note, where these are here.

use super::Global;
use crate::record::{NoteRow, NoteRows, Record, Reported, Resamples, StageName, short};
use crate::results::Store;
use crate::results::kept::Trouble;
use crate::stages::record::{RESAMPLES, ROWS};

/// A record as reports take it.
pub(super) fn reported(global: &Global, record: Record) -> Reported {
    reported_in(&global.store(), global, record)
}

/// A record of some results directory.
pub(super) fn reported_in(store: &Store, global: &Global, record: Record) -> Reported {
    Reported {
        notes: rows(store, global, &record),
        resamples: resamples(store, &record),
        made_by: made_by(&record),
        record,
    }
}

/// The rows by note of a record, where they are here and what was written.
fn rows(store: &Store, global: &Global, record: &Record) -> Option<Vec<NoteRow>> {
    let read = || -> Result<Option<NoteRows>, Trouble> {
        let kept = store.open(StageName::Record, &record.key)?;
        kept.map(|kept| kept.json(ROWS)).transpose()
    };
    match read() {
        Ok(rows) => rows.filter(|rows| rows.key == record.key).map(|rows| rows.notes),
        Err(trouble) => {
            global.notice(&format!(
                "the rows by note of {} are not used: {trouble}",
                short(&record.key)
            ));
            None
        }
    }
}

/// The metrics of a record in the redraws of its notes, where they are here. What is wrong with them, its rows' reader says.
fn resamples(store: &Store, record: &Record) -> Option<Resamples> {
    let kept = store.open(StageName::Record, &record.key).ok()??;
    kept.sha256(RESAMPLES)?;
    Resamples::from_bytes(&kept.read(RESAMPLES).ok()?)
}

/// What cells of one table have in common beside their settings: the program, its notes (data copy, division and label
/// set as they were read) and the code of its metrics.
fn made_by(record: &Record) -> String {
    let notes = record
        .stages
        .get(&StageName::Notes)
        .map(|stage| stage.key())
        .unwrap_or_default();
    let scored = record.stages.get(&StageName::Record);
    let told = |what| scored.and_then(|stage| stage.made_by.get(what)).map(String::as_str);
    format!(
        "icdbench {}, notes {}, metrics {} ({})",
        record.provenance.icdbench_version,
        short(&notes),
        told("metrics-version").unwrap_or("unknown"),
        told("code").map_or("code unknown", short),
    )
}
