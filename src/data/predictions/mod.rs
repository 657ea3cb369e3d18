//! What another system predicted: scores of pairs of a note and a code, in a file of any shape that such systems write.
//!
//! | file | a row |
//! |---|---|
//! | `.csv`, `.tsv`, `.parquet`, long | `note`, `code` and, unless the system only decides, `score` |
//! | `.csv`, `.tsv`, `.parquet`, wide | `note`, and a column a code with its scores |
//! | `.jsonl`, long | `{"note": "...", "code": "...", "score": 0.9}` |
//! | `.jsonl`, a note a line | `{"note": "...", "codes": {"...": 0.9}}`, or `"codes": ["..."]` of one that only decides |
//!
//! A score is 0 to 1, read in single precision. Pairs that the file does not name have a score of 0. Where there are no other
//! scores than 0 and 1, the system only decides.

mod filling;
mod jsonl;
mod nameable;
mod parquet;
mod table;

use std::path::Path;

pub use nameable::Nameable;

use super::error::Error;
use crate::record::LeftOut;
use filling::Filling;

/// Names of the column of notes, in lower case; the first that is there counts.
const NOTE: [&str; 5] = ["note", "note_id", "id", "case", "hadm_id"];
/// Of the column of codes.
const CODE: [&str; 4] = ["code", "icd_code", "label", "codes"];
/// Of the column of scores.
const SCORE: [&str; 3] = ["score", "probability", "prob"];

/// What a file says of the notes that are scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// Row-major `[note, code]`, 0 to 1; 0 where the file has no such pair. Of a system that only decides 1 for a code that
    /// is predicted.
    pub scores: Vec<f32>,
    /// Whether the file has scores other than 0 and 1; otherwise the system only decides.
    pub scored: bool,
    /// What was not taken, and of what.
    pub left_out: LeftOut,
}

/// Reads a file of predictions.
///
/// # Errors
/// It cannot be read, a row cannot be used, a note is one that the data set does not have; or more than the share
/// `most_left_out` (0 to 1) of the notes have no prediction, or of the predictions a code that the data set does not have.
pub fn read(path: &Path, nameable: &Nameable, most_left_out: f64) -> Result<Predictions, Error> {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let mut filling = Filling::new(path, nameable);
    match name.strip_suffix(".gz").unwrap_or(&name) {
        table if table.ends_with(".csv") || table.ends_with(".tsv") => table::read(path, &mut filling)?,
        lines if lines.ends_with(".jsonl") || lines.ends_with(".ndjson") => jsonl::read(path, &mut filling)?,
        _ if name.ends_with(".parquet") => parquet::read(path, &mut filling)?,
        _ => {
            return Err(Error::Setting {
                key: "predictions",
                found: path.display().to_string(),
                expected: "a file that ends in .csv, .tsv, .jsonl (these also with .gz) or .parquet".into(),
            });
        }
    }
    filling.finish(most_left_out)
}

/// The first of some names among those of the columns.
fn first_of(names: &[&str], place: impl Fn(&str) -> Option<usize>) -> Option<usize> {
    names.iter().find_map(|name| place(name))
}

/// What a table lacks that has no column of notes. What its first row holds may be notes, so that it is not shown.
fn no_note_column(path: &Path, columns: usize) -> Error {
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
