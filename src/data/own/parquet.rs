//! Notes in Parquet, as pandas, polars and DuckDB write it.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, UInt32Type, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

use super::codes;
use super::note::OwnNote;
use super::settings::{TableCodes, TableSettings, TableSplit};
use crate::data::error::Error;
use crate::data::parquet_file::{Damaged, ParquetFile};

/// Rows that are looked at together.
const BATCH_ROWS: usize = 1024;

/// Opens a table.
pub(in crate::data) fn open(path: &Path) -> Result<ParquetFile, Error> {
    ParquetFile::open(path, BATCH_ROWS)?.map_err(|problem| damaged(path, problem))
}

/// A file that is no whole Parquet.
pub(in crate::data) fn damaged(path: &Path, Damaged(problem): Damaged) -> Error {
    Error::Read {
        path: path.to_owned(),
        what: "file",
        next: "write it again, as a whole Parquet file".into(),
        source: std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            format!("not Parquet, or damaged: {problem}"),
        ),
    }
}

pub(super) fn read(
    path: &Path,
    settings: &TableSettings,
    mut each: impl FnMut(OwnNote) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut file = open(path)?;
    let schema = file.schema.clone();
    let place = |name: &str| {
        if schema.fields().iter().filter(|field| field.name() == name).count() > 1 {
            return Err(Error::Setting {
                key: "data.parquet",
                found: format!("several columns `{name}`"),
                expected: "one of each name".into(),
            });
        }
        schema.index_of(name).map_err(|_| Error::MissingColumn {
            path: path.to_owned(),
            name: name.into(),
            known: schema.fields().iter().map(|field| field.name().clone()).collect(),
        })
    };
    let (id, text) = (place(&settings.id)?, place(&settings.text)?);
    let patient = settings.patient.as_ref().map(|name| place(name)).transpose()?;
    let part = match &settings.split {
        TableSplit::Column(name) => Some(place(name)?),
        TableSplit::ByPatient(_) => None,
    };
    let listed = match &settings.codes {
        TableCodes::List(name) | TableCodes::Separated { column: name, .. } => Some(place(name)?),
        TableCodes::Table { .. } => None,
    };
    let mut before = 0;
    while let Some(batch) = file.next_batch().map_err(|problem| damaged(path, problem))? {
        let strings = |column: usize| {
            strings(batch.column(column)).ok_or_else(|| Error::Setting {
                key: "data.parquet",
                found: format!(
                    "column `{}` of type {}",
                    schema.field(column).name(),
                    schema.field(column).data_type()
                ),
                expected: "strings, or whole numbers for identifiers".into(),
            })
        };
        let (ids, texts) = (strings(id)?, strings(text)?);
        let patients = patient.map(strings).transpose()?;
        let parts = part.map(strings).transpose()?;
        let codes_of = codes_of(&batch, listed, settings)?;
        for row in 0..batch.num_rows() {
            let wrong = |found: String, expected: &str| Error::Row {
                path: path.to_owned(),
                row: before + row + 1,
                found,
                expected: expected.into(),
                next: "correct the row, or name other columns".into(),
            };
            let filled = |values: &[Option<String>], column: &str| match values[row].as_deref().map(str::trim) {
                None | Some("") => Err(wrong(format!("nothing in column `{column}`"), "a value in every row")),
                Some(value) => Ok(value.to_owned()),
            };
            let note = OwnNote {
                id: filled(&ids, &settings.id)?,
                patient: match (&patients, &settings.patient) {
                    (Some(values), Some(name)) => Some(filled(values, name)?),
                    _ => None,
                },
                text: match texts[row].as_deref() {
                    Some(text) if !text.trim().is_empty() => text.to_owned(),
                    _ => return Err(wrong("a note without text".into(), "at least one word; remove the row")),
                },
                part: match (&parts, &settings.split) {
                    (Some(values), TableSplit::Column(name)) => Some(filled(values, name)?),
                    _ => None,
                },
                codes: codes_of(row).map_err(|found| wrong(found, "codes as strings"))?,
            };
            each(note)?;
        }
        before += batch.num_rows();
    }
    Ok(())
}

/// Where the codes of a row are found.
type CodesOf<'a> = Box<dyn Fn(usize) -> Result<Vec<String>, String> + 'a>;

fn codes_of<'a>(
    batch: &'a RecordBatch,
    column: Option<usize>,
    settings: &'a TableSettings,
) -> Result<CodesOf<'a>, Error> {
    let Some(column) = column else {
        return Ok(Box::new(|_| Ok(Vec::new())));
    };
    let array = batch.column(column);
    let wrong = |expected: &str| Error::Setting {
        key: "data.parquet.codes",
        found: format!("a column of type {}", array.data_type()),
        expected: expected.into(),
    };
    match &settings.codes {
        TableCodes::Separated { separator, .. } => {
            if is_numbers(array.data_type()) {
                return Err(wrong("strings: numbers lose zeros"));
            }
            let values = strings(array).ok_or_else(|| wrong("strings; lists are `codes = { list = ... }`"))?;
            Ok(Box::new(move |row| match &values[row] {
                Some(text) => codes::separated(text, separator),
                None => Ok(Vec::new()),
            }))
        }
        _ => {
            let list = move |row: usize| -> Option<ArrayRef> {
                if array.is_null(row) {
                    return None;
                }
                match array.data_type() {
                    DataType::List(_) => Some(array.as_list::<i32>().value(row)),
                    DataType::LargeList(_) => Some(array.as_list::<i64>().value(row)),
                    _ => None,
                }
            };
            if !matches!(array.data_type(), DataType::List(_) | DataType::LargeList(_)) {
                return Err(wrong("a list; strings are `codes = { separated = ... }`"));
            }
            Ok(Box::new(move |row| {
                let Some(values) = list(row) else { return Ok(Vec::new()) };
                // As `data prepare` writes them: each with its kind and order.
                let values = match values
                    .as_struct_opt()
                    .and_then(|values| values.column_by_name("code").cloned())
                {
                    Some(codes) => codes,
                    None => values,
                };
                let found = match values.data_type() {
                    numbers if is_numbers(numbers) => return Err("numbers for codes, which lose zeros".to_owned()),
                    _ => strings(&values).ok_or("a list of something other than strings")?,
                };
                let mut listed = Vec::new();
                for code in found.into_iter().flatten() {
                    listed.extend(codes::one(&code)?);
                }
                Ok(listed)
            }))
        }
    }
}

fn is_numbers(found: &DataType) -> bool {
    match found {
        DataType::Dictionary(_, values) => is_numbers(values),
        found => found.is_numeric(),
    }
}

/// A column as strings; `None` for a type that is none.
pub(in crate::data) fn strings(column: &ArrayRef) -> Option<Vec<Option<String>>> {
    fn owned<T: ToString>(values: impl Iterator<Item = Option<T>>) -> Vec<Option<String>> {
        values.map(|value| value.map(|value| value.to_string())).collect()
    }
    Some(match column.data_type() {
        DataType::Utf8 => owned(column.as_string::<i32>().iter()),
        DataType::LargeUtf8 => owned(column.as_string::<i64>().iter()),
        DataType::Utf8View => owned(column.as_string_view().iter()),
        DataType::Int32 => owned(column.as_primitive::<Int32Type>().iter()),
        DataType::Int64 => owned(column.as_primitive::<Int64Type>().iter()),
        DataType::UInt32 => owned(column.as_primitive::<UInt32Type>().iter()),
        DataType::UInt64 => owned(column.as_primitive::<UInt64Type>().iter()),
        DataType::Dictionary(..) => {
            let column = column.as_any_dictionary_opt()?;
            let values = strings(column.values())?;
            let keys = column.normalized_keys().into_iter().enumerate();
            keys.map(|(row, key)| match column.is_null(row) {
                true => None,
                false => values.get(key).cloned().flatten(),
            })
            .collect()
        }
        _ => return None,
    })
}
