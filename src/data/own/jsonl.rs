//! Notes in JSON lines.

use std::path::Path;

use serde_json::{Map, Value};

use super::codes;
use super::note::OwnNote;
use super::settings::{TableCodes, TableSettings, TableSplit};
use crate::data::error::Error;
use crate::data::raw_file::RawFile;

/// The longest line: what is longer is no note.
const LONGEST_LINE: usize = 64 << 20;

/// The objects of a file, each with its line.
pub(in crate::data) fn objects(
    path: &Path,
    mut each: impl FnMut(usize, Map<String, Value>) -> Result<bool, Error>,
) -> Result<(), Error> {
    let mut file = RawFile::open(path)?;
    let mut waiting: Vec<u8> = Vec::new();
    let mut line = 0;
    let mut take = |bytes: &[u8]| -> Result<bool, Error> {
        line += 1;
        let bytes = match (line, bytes.strip_prefix("\u{feff}".as_bytes())) {
            (1, Some(rest)) => rest,
            _ => bytes,
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(true);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::NotUtf8 {
            path: path.to_owned(),
            row: line,
        })?;
        match serde_json::from_str(text) {
            Ok(Value::Object(object)) => each(line, object),
            // The parser's words may quote the text.
            Ok(_) => Err(wrong(path, line, "JSON that is no object", "an object in each line")),
            Err(error) => {
                let found = format!("no JSON (at character {} of the line)", error.column());
                Err(wrong(path, line, found, "an object in each line"))
            }
        }
    };
    while let Some(block) = file.next_block()? {
        let mut rest = block.as_slice();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let going_on = match waiting.is_empty() {
                true => take(&rest[..end])?,
                false => {
                    waiting.extend_from_slice(&rest[..end]);
                    take(&std::mem::take(&mut waiting))?
                }
            };
            if !going_on {
                return Ok(());
            }
            rest = &rest[end + 1..];
        }
        waiting.extend_from_slice(rest);
        if waiting.len() > LONGEST_LINE {
            let found = format!("a line of more than {} MiB", LONGEST_LINE >> 20);
            return Err(wrong(path, line + 1, found, "an object in each line"));
        }
    }
    if !waiting.is_empty() {
        take(&waiting)?;
    }
    Ok(())
}

pub(super) fn read(
    path: &Path,
    settings: &TableSettings,
    mut each: impl FnMut(OwnNote) -> Result<(), Error>,
) -> Result<(), Error> {
    objects(path, |line, mut object| {
        let mut filled = |name: &String| match object.remove(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(text),
            Some(Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
            found => {
                let found = match found {
                    None => format!("no `{name}`"),
                    Some(Value::Null | Value::String(_)) => format!("nothing in `{name}`"),
                    Some(_) => format!("something other than a string in `{name}`"),
                };
                Err(wrong(path, line, found, "a string that is not empty in every line"))
            }
        };
        let note = OwnNote {
            id: filled(&settings.id)?.trim().to_owned(),
            patient: match &settings.patient {
                Some(name) => Some(filled(name)?.trim().to_owned()),
                None => None,
            },
            text: filled(&settings.text)?,
            part: match &settings.split {
                TableSplit::Column(name) => Some(filled(name)?.trim().to_owned()),
                TableSplit::ByPatient(_) => None,
            },
            codes: match &settings.codes {
                TableCodes::Table { .. } => Vec::new(),
                TableCodes::List(name) => listed(path, line, name, object.remove(name))?,
                TableCodes::Separated { column, separator } => match object.remove(column) {
                    None => return Err(wrong(path, line, format!("no `{column}`"), "codes in every line")),
                    Some(Value::Null) => Vec::new(),
                    Some(Value::String(text)) => {
                        let expected = format!("codes with {separator:?} between them");
                        codes::separated(&text, separator).map_err(|found| wrong(path, line, found, expected))?
                    }
                    Some(_) => return Err(wrong(path, line, "something other than a string for codes", "a string")),
                },
            },
        };
        each(note).map(|()| true)
    })
}

fn listed(path: &Path, line: usize, name: &str, found: Option<Value>) -> Result<Vec<String>, Error> {
    const EXPECTED: &str = "a list of codes, each a string: numbers lose zeros";
    let list = match found {
        None => return Err(wrong(path, line, format!("no `{name}`"), EXPECTED)),
        Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong(path, line, format!("no list in `{name}`"), EXPECTED)),
    };
    let mut codes = Vec::new();
    for value in list {
        match value {
            Value::String(code) => codes.extend(codes::one(&code).map_err(|found| wrong(path, line, found, EXPECTED))?),
            Value::Null => {}
            Value::Number(_) => return Err(wrong(path, line, "a number for a code", EXPECTED)),
            _ => return Err(wrong(path, line, "something other than a code", EXPECTED)),
        }
    }
    Ok(codes)
}

fn wrong(path: &Path, line: usize, found: impl Into<String>, expected: impl Into<String>) -> Error {
    Error::Row {
        path: path.to_owned(),
        row: line,
        found: found.into(),
        expected: expected.into(),
        next: "correct the line, or name other columns".into(),
    }
}
