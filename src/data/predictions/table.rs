//! Predictions in comma- or tab-separated values, long or wide.

use std::path::Path;

use super::columns::{CODE, NOTE, SCORE, first_of, no_note_column};
use super::filling::Filling;
use crate::data::error::Error;
use crate::data::own::open_table;

const NUMBER: &str = "a number from 0 to 1, with a point";

pub(super) fn read(path: &Path, filling: &mut Filling<'_>) -> Result<(), Error> {
    let mut file = open_table(path)?;
    let place = |name: &str| file.optional_column(name);
    let note = first_of(&NOTE, place).ok_or_else(|| no_note_column(path, file.columns().len()))?;
    let (code, score) = (first_of(&CODE, place), first_of(&SCORE, place));
    let Some(code) = code else {
        return read_wide(file, note, filling);
    };
    while let Some(row) = file.next_row()? {
        let line = row.line() as usize;
        let of_note = filling.note(line, &row.text(note)?)?;
        let of_code = filling.code(line, &row.text(code)?)?;
        let score = match score {
            Some(score) => Some(number(filling, line, &row.text(score)?)?),
            None => None,
        };
        filling.pair(line, of_note, of_code, score)?;
    }
    Ok(())
}

/// A column a code.
fn read_wide(mut file: crate::data::csv_file::CsvFile, note: usize, filling: &mut Filling<'_>) -> Result<(), Error> {
    let mut codes = Vec::new();
    for (column, name) in file.columns().iter().enumerate() {
        if column != note {
            codes.push((column, filling.code(1, name)?));
        }
    }
    while let Some(row) = file.next_row()? {
        let line = row.line() as usize;
        let of_note = filling.note(line, &row.text(note)?)?;
        for (column, code) in &codes {
            let score = number(filling, line, &row.text(*column)?)?;
            filling.pair(line, of_note, *code, Some(score))?;
        }
    }
    Ok(())
}

fn number(filling: &Filling<'_>, line: usize, text: &str) -> Result<f32, Error> {
    let text = text.trim();
    text.parse().map_err(|_| {
        let found = if text.is_empty() {
            "no score"
        } else {
            "a score that is no number"
        };
        filling.wrong(line, found, NUMBER)
    })
}
