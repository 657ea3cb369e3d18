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

mod columns;
mod filling;
mod jsonl;
mod nameable;
mod parquet;
mod table;

use std::path::Path;

pub use filling::Predictions;
pub use nameable::Nameable;

use super::error::Error;
use filling::Filling;

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
