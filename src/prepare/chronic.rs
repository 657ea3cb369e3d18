//! The list of chronic codes in the form in which AHRQ gives out its Chronic Condition Indicator for ICD-10-CM: codes
//! without dots and an indicator, 1 for chronic; values between single quotes in older releases, a line of title before the
//! header in newer ones.

use std::collections::HashSet;
use std::path::Path;

use super::error::Error;
use super::export::{Export, changed};
use crate::data::RawFile;
use crate::data::prepared::Input;

/// The chronic codes, without dots, in upper case.
pub(super) fn read(path: &Path, export: &Export) -> Result<(HashSet<String>, Input), Error> {
    let wrong = |found: String, expected: &str| Error::Content {
        file: export.shown(path),
        found,
        expected: expected.into(),
        next: "take the CSV file of AHRQ's Chronic Condition Indicator for ICD-10-CM".into(),
    };
    let (bytes, facts) = RawFile::whole(path)?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("bytes that are not UTF-8".into(), "UTF-8 text"))?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let mut columns = None;
    let mut chronic = HashSet::new();
    let mut rows = 0;
    for record in reader.records() {
        let record = record.map_err(|error| wrong(format!("no table ({error})"), "comma-separated values"))?;
        let field = |place: usize| {
            record
                .get(place)
                .map(|field| field.trim().trim_matches('\'').trim().to_ascii_uppercase())
        };
        let Some((code, indicator)) = columns else {
            let place =
                |start: &str| (0..record.len()).find(|&at| field(at).is_some_and(|name| name.starts_with(start)));
            if let (Some(code), Some(indicator)) = (place("ICD-10-CM CODE"), place("CHRONIC INDICATOR")) {
                columns = Some((code, indicator));
            }
            continue;
        };
        rows += 1;
        let (Some(code), Some(indicator)) = (field(code), field(indicator)) else {
            return Err(wrong(
                format!("too few fields in data row {rows}"),
                "a code and an indicator in each row",
            ));
        };
        match indicator.as_str() {
            "1" => {
                chronic.insert(code.replace('.', ""));
            }
            "0" | "9" => {}
            _ => {
                return Err(wrong(
                    format!("an indicator of another form in data row {rows}"),
                    "1, 0 or 9",
                ));
            }
        }
    }
    if columns.is_none() {
        let expected = "columns ICD-10-CM CODE and CHRONIC INDICATOR";
        return Err(wrong("no header of AHRQ's form".into(), expected));
    }
    if chronic.is_empty() {
        return Err(wrong(
            format!("{rows} rows and no chronic code"),
            "codes whose indicator is 1",
        ));
    }
    let input = Input {
        path: export.shown(path),
        bytes: facts.bytes,
        sha256: facts.sha256,
        rows,
        changed: changed(path),
    };
    Ok((chronic, input))
}
