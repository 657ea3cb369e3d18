//! Records as reports and comparisons take them: with their rows by note, where these are here.

use super::Global;
use crate::record::{NoteRow, NoteRows, Record, Reported, Stage, StageName, short};
use crate::results::kept::Trouble;
use crate::stages::record::ROWS;

/// A record as reports take it.
pub(super) fn reported(global: &Global, record: Record) -> Reported {
    Reported {
        notes: rows(global, &record),
        made_by: made_by(&record),
        record,
    }
}

/// The rows by note of a record, where they are here and what was written.
fn rows(global: &Global, record: &Record) -> Option<Vec<NoteRow>> {
    let read = || -> Result<Option<NoteRows>, Trouble> {
        let kept = global.store().open(StageName::Record, &record.key)?;
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

/// What cells of one table have in common beside their settings: the program, its notes (data copy, division and label
/// set as they were read) and the code of its metrics.
fn made_by(record: &Record) -> String {
    let notes = record.stages.get(&StageName::Notes).map(Stage::key).unwrap_or_default();
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
