//! Predictions in JSON lines: a pair a line, or a note a line.

use std::path::Path;

use serde_json::{Map, Value};

use super::columns::{CODE, NOTE, SCORE};
use super::filling::Filling;
use crate::data::error::Error;
use crate::data::own::json_objects;

pub(super) fn read(path: &Path, filling: &mut Filling<'_>) -> Result<(), Error> {
    json_objects(path, |line, object| {
        let note = match named(&object, &NOTE) {
            Some(Value::String(id)) => filling.note(line, id)?,
            Some(Value::Number(id)) if id.is_i64() || id.is_u64() => filling.note(line, &id.to_string())?,
            Some(_) => return Err(filling.wrong(line, "a note that is no string", "a string or a whole number")),
            None => {
                let found = format!("no note, under none of the names {}", NOTE.join(", "));
                return Err(filling.wrong(line, found, "a note's identifier in every line"));
            }
        };
        match named(&object, &CODE) {
            Some(Value::String(code)) => {
                let code = filling.code(line, code)?;
                let score = named(&object, &SCORE)
                    .map(|score| number(filling, line, score))
                    .transpose()?;
                filling.pair(line, note, code, score)?;
            }
            Some(Value::Array(codes)) => {
                for code in codes {
                    let Value::String(code) = code else {
                        let found = "something other than a string for a code";
                        return Err(filling.wrong(line, found, "strings: numbers lose zeros"));
                    };
                    let code = filling.code(line, code)?;
                    filling.pair(line, note, code, None)?;
                }
            }
            Some(Value::Object(codes)) => {
                for (code, score) in codes {
                    let (code, score) = (filling.code(line, code)?, number(filling, line, score)?);
                    filling.pair(line, note, code, Some(score))?;
                }
            }
            Some(_) => {
                let found = "something other than a code, a list of codes or codes with scores";
                return Err(filling.wrong(line, found, "strings: numbers lose zeros"));
            }
            None => {
                let found = format!("no code, under none of the names {}", CODE.join(", "));
                return Err(filling.wrong(line, found, "a code, or codes, in every line"));
            }
        }
        Ok(true)
    })
}

fn named<'o>(object: &'o Map<String, Value>, names: &[&str]) -> Option<&'o Value> {
    names.iter().find_map(|name| object.get(*name))
}

fn number(filling: &Filling<'_>, line: usize, score: &Value) -> Result<f32, Error> {
    let number = score.as_f64().map(|score| score as f32);
    number.ok_or_else(|| filling.wrong(line, "a score that is no number", "a number from 0 to 1"))
}
