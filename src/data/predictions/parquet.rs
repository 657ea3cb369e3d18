//! Predictions in Parquet, long or wide.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use super::columns::{CODE, NOTE, SCORE, first_of, no_note_column};
use super::filling::Filling;
use crate::data::error::Error;
use crate::data::own::{damaged_parquet, open_parquet, strings};

pub(super) fn read(path: &Path, filling: &mut Filling<'_>) -> Result<(), Error> {
    let mut file = open_parquet(path)?;
    let columns: Vec<String> = file
        .schema
        .fields()
        .iter()
        .map(|field| field.name().to_lowercase())
        .collect();
    let place = |name: &str| columns.iter().position(|column| column == name);
    let note = first_of(&NOTE, place).ok_or_else(|| no_note_column(path, columns.len()))?;
    let (code, score) = (first_of(&CODE, place), first_of(&SCORE, place));
    let mut wide = Vec::new();
    if code.is_none() {
        for (column, name) in columns.iter().enumerate().filter(|(column, _)| *column != note) {
            wide.push((column, filling.code(1, name)?));
        }
    }
    let mut before = 0;
    while let Some(batch) = file.next_batch().map_err(|problem| damaged_parquet(path, problem))? {
        let of_type = |column: usize, expected: &str| Error::Predictions {
            path: path.to_owned(),
            found: format!("column {} of type {}", column + 1, batch.column(column).data_type()),
            expected: expected.into(),
            next: "write the column in such a type".into(),
        };
        let text = |column: usize| {
            let found = strings(batch.column(column));
            found.ok_or_else(|| of_type(column, "strings, or whole numbers for notes"))
        };
        let score_of = |column: usize| {
            numbers(batch.column(column))
                .ok_or_else(|| of_type(column, "scores as 32- or 64-bit floating-point numbers"))
        };
        let notes = text(note)?;
        let codes = match code {
            Some(code) if batch.column(code).data_type().is_numeric() => {
                return Err(of_type(code, "codes as strings: numbers lose zeros"));
            }
            Some(code) => Some(text(code)?),
            None => None,
        };
        let scores = score.map(score_of).transpose()?;
        let matrix = wide.iter().map(|(column, code)| Ok((*code, score_of(*column)?)));
        let matrix = matrix.collect::<Result<Vec<_>, Error>>()?;
        for at in 0..batch.num_rows() {
            let row = before + at + 1;
            let of_note = filling.note(row, notes[at].as_deref().unwrap_or_default())?;
            let read = |scores: &[Option<f32>], filling: &Filling<'_>| {
                scores[at].ok_or_else(|| filling.wrong(row, "no score", "a number from 0 to 1"))
            };
            if let Some(codes) = &codes {
                let code = filling.code(row, codes[at].as_deref().unwrap_or_default())?;
                let score = scores.as_ref().map(|scores| read(scores, filling)).transpose()?;
                filling.pair(row, of_note, code, score)?;
            }
            for (code, scores) in &matrix {
                let score = read(scores, filling)?;
                filling.pair(row, of_note, *code, Some(score))?;
            }
        }
        before += batch.num_rows();
    }
    Ok(())
}

fn numbers(column: &ArrayRef) -> Option<Vec<Option<f32>>> {
    Some(match column.data_type() {
        DataType::Float32 => column.as_primitive::<Float32Type>().iter().collect(),
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>().iter();
            values.map(|value| value.map(|value| value as f32)).collect()
        }
        _ => return None,
    })
}
