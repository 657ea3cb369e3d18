//! Titles of codes from a table with a header, for models that read code descriptions.

use std::collections::BTreeMap;
use std::path::Path;

use super::checksum;
use super::codiesp::check_sha256;
use super::error::Error;
use super::registry::Dataset;

const CATEGORIES: &str = "icd10cm/categories.csv";
const HEADER: [&str; 2] = ["ICD10-CM-CODE", "description"];

/// The titles of the three-character categories of ICD-10-CM; empty when the registry does not
/// list the table, or allows it to be absent and it is.
pub(super) fn icd10cm_categories(data_dir: &Path, dataset: &Dataset) -> Result<BTreeMap<String, String>, Error> {
    let path = data_dir.join(CATEGORIES);
    let Some(entry) = dataset.file(CATEGORIES) else {
        return Ok(BTreeMap::new());
    };
    if entry.may_be_absent && !path.exists() {
        return Ok(BTreeMap::new());
    }
    let bytes = checksum::read(&path)?;
    check_sha256(entry, &path, &bytes)?;
    let text = checksum::utf8(bytes, &path)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    // Flexible, so that a row with too few fields is reported below like any other.
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut titles = BTreeMap::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(|error| row_error(&path, index + 1, &error.to_string()))?;
        let row = record.position().map_or(index + 1, |position| position.line() as usize);
        let (Some(code), Some(title)) = (record.get(0), record.get(1)) else {
            return Err(row_error(&path, row, "fewer than 2 fields"));
        };
        if index > 0 {
            titles.insert(code.to_string(), title.to_string());
        } else if [code, title] != HEADER {
            return Err(row_error(&path, row, "another header"));
        }
    }
    Ok(titles)
}

fn row_error(path: &Path, row: usize, found: &str) -> Error {
    Error::Row {
        path: path.to_path_buf(),
        row,
        found: found.into(),
        expected: format!("a comma-separated table that begins with {}", HEADER.join(",")),
        next: "correct the row or fetch the file again".into(),
    }
}
