//! A look at a file of notes: which column is what, told from names and values, so that an entry can be written without a
//! question.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::settings::{TableCodes, TableFormat, TableSettings, TableSplit};
use super::{codes, csv, jsonl, parquet};
use crate::data::error::Error;
use crate::data::recipe::Shares;

/// Rows that are looked at.
const ROWS: usize = 200;

const IDS: &[&str] = &[
    "note_id",
    "id",
    "_id",
    "doc_id",
    "document_id",
    "hadm_id",
    "admission_id",
    "visit_id",
    "filename",
];
const TEXTS: &[&str] = &["text", "note", "note_text", "document", "body", "content", "report"];
const PATIENTS: &[&str] = &["subject_id", "patient_id", "patient", "subject", "person_id", "mrn"];
const SPLITS: &[&str] = &["split", "set", "fold", "part", "subset", "partition"];
const CODES: &[&str] = &[
    "codes",
    "labels",
    "label",
    "icd_codes",
    "icd",
    "target",
    "targets",
    "icd9_code",
    "icd10_code",
    "code",
];

/// What a file seems to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// In which form.
    pub format: TableFormat,
    /// How its columns are to be read.
    pub settings: TableSettings,
    /// What was guessed, and from what, a sentence each.
    pub because: Vec<String>,
}

/// A column: its name and some of its values; of a list, each of its strings.
struct Column {
    name: String,
    values: Vec<String>,
    list: bool,
}

/// Looks at a file.
///
/// # Errors
/// It cannot be read; it has no column that can be the notes' identifier, text or codes.
pub fn look(path: &Path) -> Result<Found, Error> {
    let format = TableFormat::of(path).ok_or_else(|| Error::Setting {
        key: "FILE",
        found: "a name without a known ending".into(),
        expected: "a file that ends in .csv, .tsv, .jsonl, .ndjson or .parquet (or these and .gz)".into(),
    })?;
    let columns = match format {
        TableFormat::Csv => of_csv(path)?,
        TableFormat::Jsonl => of_jsonl(path)?,
        TableFormat::Parquet => of_parquet(path)?,
    };
    if columns.iter().all(|column| column.values.is_empty()) {
        return Err(nothing(path));
    }
    let mut because = Vec::new();
    let missing = |what: &str, names: &[&str]| Error::MissingColumn {
        path: path.to_owned(),
        name: format!("{what}: one of {}", names.join(", ")),
        known: columns.iter().map(|column| column.name.clone()).collect(),
    };
    let text = named(&columns, TEXTS, |column| !column.list)
        .or_else(|| longest(&columns))
        .ok_or_else(|| missing("text", TEXTS))?;
    because.push(format!("`{}` is the text", text.name));
    let distinct = |column: &Column| column.values.iter().collect::<BTreeSet<_>>().len() == column.values.len();
    let id = named(&columns, IDS, |column| !column.list && distinct(column));
    let id = id.ok_or_else(|| missing("an identifier with another value in each row", IDS))?;
    because.push(format!("`{}` is the identifier: another one in each row", id.name));
    let codes = named(&columns, CODES, |column| column.name != text.name).ok_or_else(|| missing("codes", CODES))?;
    let settings_codes = match codes.list {
        true => {
            because.push(format!("`{}` is the list of codes", codes.name));
            TableCodes::List(codes.name.clone())
        }
        false => {
            let separator = separator(&codes.values);
            because.push(format!(
                "`{}` has the codes, with {separator:?} between them",
                codes.name
            ));
            TableCodes::Separated {
                column: codes.name.clone(),
                separator,
            }
        }
    };
    let patient = named(&columns, PATIENTS, |column| !column.list && column.name != id.name);
    because.push(match patient {
        Some(patient) => format!("`{}` is the patient", patient.name),
        None => "no column of patients: every note counts as another patient's".into(),
    });
    let is_split = |column: &Column| {
        let values: BTreeSet<String> = column.values.iter().map(|value| value.to_lowercase()).collect();
        let known = ["train", "dev", "val", "valid", "validation", "development", "test"];
        !column.list && !values.is_empty() && values.iter().all(|value| known.contains(&value.as_str()))
    };
    let split = match named(&columns, SPLITS, is_split) {
        Some(column) => {
            because.push(format!("`{}` says which note is in which part", column.name));
            TableSplit::Column(column.name.clone())
        }
        None => {
            let other = named(&columns, SPLITS, |column| !column.list);
            let why = match other {
                Some(column) => format!("`{}` has other values than train, dev and test", column.name),
                None => "no column of parts".to_owned(),
            };
            because.push(format!(
                "{why}: patients are drawn, 70 % for train, 10 % for dev, 20 % for test"
            ));
            TableSplit::ByPatient(Shares {
                dev: 0.1,
                test: 0.2,
                seed: 1,
            })
        }
    };
    let stem = path.file_name().unwrap_or_default().to_string_lossy();
    let name: String = stem
        .split('.')
        .next()
        .unwrap_or_default()
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let settings = TableSettings {
        name: if name.trim_matches('-').is_empty() {
            "my-notes".into()
        } else {
            name
        },
        // Whoever may show them says so.
        credentialed: true,
        file: PathBuf::from(path),
        id: id.name.clone(),
        text: text.name.clone(),
        patient: patient.map(|column| column.name.clone()),
        split,
        codes: settings_codes,
        titles: None,
    };
    Ok(Found {
        format,
        settings,
        because,
    })
}

/// A table that has no notes.
pub(super) fn nothing(path: &Path) -> Error {
    Error::Row {
        path: path.to_owned(),
        row: 1,
        found: "no rows".into(),
        expected: "a note in each row (notes counted without the header)".into(),
        next: "see that it is the whole file".into(),
    }
}

/// The first of some names that a column has, if it can be that.
fn named<'c>(columns: &'c [Column], names: &[&str], can: impl Fn(&Column) -> bool) -> Option<&'c Column> {
    let of = |name: &&str| {
        columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name) && can(column))
    };
    names.iter().find_map(of)
}

/// The column of the longest strings, if they are as long as texts are.
fn longest(columns: &[Column]) -> Option<&Column> {
    let length = |column: &&Column| {
        let letters: usize = column.values.iter().map(String::len).sum();
        letters / column.values.len().max(1)
    };
    let longest = columns.iter().filter(|column| !column.list).max_by_key(length)?;
    (length(&longest) >= 100).then_some(longest)
}

/// What stands between codes: the first of the usual ones that some value has, and that leaves codes.
fn separator(values: &[String]) -> String {
    let usual = [";", ",", "|", " "];
    let fits = |separator: &&str| {
        let has = values.iter().any(|value| value.trim().contains(*separator));
        has && values.iter().all(|value| codes::separated(value, separator).is_ok())
    };
    usual.into_iter().find(fits).unwrap_or(";").to_owned()
}

fn of_csv(path: &Path) -> Result<Vec<Column>, Error> {
    let mut file = csv::open(path)?;
    let mut columns: Vec<Column> = file
        .columns()
        .iter()
        .map(|name| Column {
            name: name.clone(),
            values: Vec::new(),
            list: false,
        })
        .collect();
    for _ in 0..ROWS {
        let Some(row) = file.next_row()? else { break };
        for (field, column) in columns.iter_mut().enumerate() {
            column.values.push(row.text(field)?.into_owned());
        }
    }
    Ok(columns)
}

fn of_jsonl(path: &Path) -> Result<Vec<Column>, Error> {
    let mut columns: Vec<Column> = Vec::new();
    let mut rows = 0;
    jsonl::objects(path, |_, object| {
        rows += 1;
        for (name, value) in object {
            let place = match columns.iter().position(|column| column.name == name) {
                Some(place) => place,
                None => {
                    columns.push(Column {
                        name,
                        values: Vec::new(),
                        list: false,
                    });
                    columns.len() - 1
                }
            };
            let column = &mut columns[place];
            match value {
                serde_json::Value::String(text) => column.values.push(text),
                serde_json::Value::Number(number) => column.values.push(number.to_string()),
                serde_json::Value::Array(list) => {
                    column.list = true;
                    let strings = list.into_iter().filter_map(|value| value.as_str().map(str::to_owned));
                    column.values.extend(strings);
                }
                _ => {}
            }
        }
        Ok(rows < ROWS)
    })?;
    Ok(columns)
}

fn of_parquet(path: &Path) -> Result<Vec<Column>, Error> {
    let mut file = parquet::open(path)?;
    let first = file.next_batch().map_err(|problem| parquet::damaged(path, problem))?;
    let column = |(place, field): (usize, &std::sync::Arc<arrow_schema::Field>)| {
        let array = first.as_ref().map(|batch| batch.column(place));
        let values = array.and_then(parquet::strings).unwrap_or_default();
        Column {
            name: field.name().clone(),
            values: values.into_iter().flatten().take(ROWS).collect(),
            list: matches!(
                field.data_type(),
                arrow_schema::DataType::List(_) | arrow_schema::DataType::LargeList(_)
            ),
        }
    };
    Ok(file.schema.fields().iter().enumerate().map(column).collect())
}
