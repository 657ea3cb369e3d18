//! What the columns of a table of predictions may be called.

use std::path::Path;

use crate::data::error::Error;

/// Names of the column of notes, in lower case; the first that is there counts.
pub(super) const NOTE: [&str; 5] = ["note", "note_id", "id", "case", "hadm_id"];
/// Of the column of codes.
pub(super) const CODE: [&str; 4] = ["code", "icd_code", "label", "codes"];
/// Of the column of scores.
pub(super) const SCORE: [&str; 3] = ["score", "probability", "prob"];

/// The first of some names among those of the columns.
pub(super) fn first_of(names: &[&str], place: impl Fn(&str) -> Option<usize>) -> Option<usize> {
    names.iter().find_map(|name| place(name))
}

/// What a table lacks that has no column of notes. What its first row holds may be notes, so that it is not shown.
pub(super) fn no_note_column(path: &Path, columns: usize) -> Error {
    Error::Row {
        path: path.to_owned(),
        row: 1,
        found: format!("{columns} columns, none of which is called {}", NOTE.join(", ")),
        expected: "names of columns: note, code and score, or note and a column a code".into(),
        next: "add them; a file whose columns are separated by tabs must be called .tsv, and no other separator than \
               comma and tab is read"
            .into(),
    }
}
