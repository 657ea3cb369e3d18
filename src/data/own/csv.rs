//! Notes in comma- or tab-separated values.

use std::path::Path;

use super::codes;
use super::note::OwnNote;
use super::settings::{TableCodes, TableSettings, TableSplit};
use crate::data::csv_file::{CsvFile, Row};
use crate::data::error::Error;

/// Opens a table with the separator that its name tells.
pub(in crate::data) fn open(path: &Path) -> Result<CsvFile, Error> {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.ends_with(".tsv") {
        true => CsvFile::open_separated(path, b'\t'),
        false => CsvFile::open(path),
    }
}

pub(super) fn read(
    path: &Path,
    settings: &TableSettings,
    mut each: impl FnMut(OwnNote) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut file = open(path)?;
    let id = file.column(&settings.id)?;
    let text = file.column(&settings.text)?;
    let patient = settings.patient.as_ref().map(|name| file.column(name)).transpose()?;
    let part = match &settings.split {
        TableSplit::Column(name) => Some(file.column(name)?),
        TableSplit::ByPatient(_) => None,
    };
    let codes = match &settings.codes {
        TableCodes::Separated { column, separator } => Some((file.column(column)?, separator.as_str())),
        TableCodes::Table { .. } => None,
        TableCodes::List(_) => {
            return Err(Error::Setting {
                key: "data.csv.codes",
                found: "list".into(),
                expected: "separated or table: a CSV file has no lists".into(),
            });
        }
    };
    while let Some(row) = file.next_row()? {
        each(OwnNote {
            id: filled(&row, id, &settings.id)?,
            patient: match (patient, &settings.patient) {
                (Some(column), Some(name)) => Some(filled(&row, column, name)?),
                _ => None,
            },
            text: match row.text(text)? {
                text if text.trim().is_empty() => {
                    return Err(row.wrong("a note without text", "at least one word; remove the row"));
                }
                text => text.into_owned(),
            },
            part: match (part, &settings.split) {
                (Some(column), TableSplit::Column(name)) => Some(filled(&row, column, name)?),
                _ => None,
            },
            codes: match codes {
                Some((column, separator)) => {
                    let expected = format!("codes with {separator:?} between them");
                    codes::separated(&row.text(column)?, separator).map_err(|found| row.wrong(found, expected))?
                }
                None => Vec::new(),
            },
        })?;
    }
    Ok(())
}

fn filled(row: &Row<'_>, field: usize, column: &str) -> Result<String, Error> {
    let text = row.text(field)?;
    match text.trim() {
        "" => Err(row.wrong(format!("nothing in column `{column}`"), "a value in every row")),
        value => Ok(value.to_owned()),
    }
}
