//! The report that lies where a new one is to go: how much it shows.

use std::collections::BTreeSet;
use std::path::Path;

/// Cells whose scores the report in a directory shows; `None` where there is none that this program can read.
pub fn scored_cells(report: &Path) -> Option<usize> {
    let mut sheet = csv::Reader::from_path(report.join("scores.csv")).ok()?;
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
