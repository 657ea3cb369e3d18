//! Titles of codes, for models that read code descriptions and for reports: a table of categories, and the official order
//! file of ICD-10-CM.

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

/// The titles of the official order file of ICD-10-CM (`icd10cm_order_YYYY.txt`, CMS and NCHS): fixed columns, the code
/// without its dot from the 7th character, whether it may be billed in the 15th, its long title from the 78th. Codes get
/// their dots.
pub(super) fn icd10cm_order(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    let text = checksum::utf8(checksum::read(path)?, path)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut titles = BTreeMap::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |found: &str| Error::Row {
            path: path.to_path_buf(),
            row: index + 1,
            found: found.into(),
            expected: "a line of the order file: five digits, a code from character 7, 0 or 1 at 15, a title from 78"
                .into(),
            next: "take icd10cm_order_YYYY.txt from the release of ICD-10-CM".into(),
        };
        let column = |from: usize, to: usize| line.get(from..to.min(line.len())).map(str::trim);
        let (Some(number), Some(code), Some(header)) = (column(0, 5), column(6, 14), column(14, 15)) else {
            return Err(wrong("a line that is too short"));
        };
        let title = column(77, usize::MAX).or_else(|| column(16, 77)).unwrap_or_default();
        if !number.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(header, "0" | "1") {
            return Err(wrong("other columns"));
        }
        if code.len() < 3 || !code.bytes().all(|byte| byte.is_ascii_alphanumeric()) || title.is_empty() {
            return Err(wrong("no code or no title"));
        }
        let dotted = match code.len() {
            3 => code.to_owned(),
            _ => format!("{}.{}", &code[..3], &code[3..]),
        };
        titles.insert(dotted, title.to_owned());
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
