//! The report that lies where a new one is to go: how much it shows.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::error::Error;

/// Cells whose scores the report in a directory shows; `None` where there is none, or none of this program's.
///
/// # Errors
/// Its numbers are there and cannot be read.
pub fn scored_cells(report: &Path) -> Result<Option<usize>, Error> {
    let path = report.join("scores.csv");
    match fs::read(&path) {
        Ok(bytes) => Ok(counted(&bytes)),
        // A file in a folder's place is told when the new report is to be put there.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(Error::Io {
            path,
            verb: "look at",
            source,
        }),
    }
}

fn counted(sheet: &[u8]) -> Option<usize> {
    let mut sheet = csv::Reader::from_reader(sheet);
    let headings = sheet.headers().ok()?.clone();
    let column = |name: &str| headings.iter().position(|heading| heading == name);
    let (key, status) = (column("key")?, column("status")?);
    let mut scored = BTreeSet::new();
    for row in sheet.records() {
        let row = row.ok()?;
        if row.get(status) == Some("ok") {
            scored.insert(row.get(key)?.to_owned());
        }
    }
    Some(scored.len())
}
