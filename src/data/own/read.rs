//! From a table to the parts of a data set.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::look::nothing;
use super::note::{Counts, OwnNote};
use super::settings::{TableCodes, TableFormat, TableSettings, TableSplit, TitleFile, placed};
use super::{codes, csv, jsonl, parquet};
use crate::data::corpus::{Origin, Part};
use crate::data::error::Error;
use crate::data::note::Note;
use crate::data::published_split::PARTS;
use crate::data::split::draw_parts;
use crate::data::titles;

type ByCode = BTreeMap<String, String>;

/// Its parts, the titles of its codes, and what a user should know.
type Read = (Vec<Part>, ByCode, Origin);

/// Reads the notes of a table.
///
/// # Errors
/// A file cannot be read, a column is missing, a row cannot be used, a code's note is not there.
pub(in crate::data) fn read(
    format: TableFormat,
    settings: &TableSettings,
    data_dir: Option<&Path>,
) -> Result<Read, Error> {
    let path = placed(&settings.file, data_dir);
    if settings.id == settings.text {
        return Err(Error::Setting {
            key: "text",
            found: "the column that is the identifier".into(),
            expected: "another one".into(),
        });
    }
    let mut notes: Vec<OwnNote> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let each = |note: OwnNote| {
        let row = notes.len() + 1;
        if let Some(first) = places.insert(note.id.clone(), row) {
            return Err(Error::Row {
                path: path.clone(),
                row,
                found: format!("the identifier of note {first} again (notes counted without the header)"),
                expected: "every identifier once".into(),
                next: "remove one of the two, or name another column".into(),
            });
        }
        notes.push(note);
        Ok(())
    };
    match format {
        TableFormat::Csv => csv::read(&path, settings, each)?,
        TableFormat::Jsonl => jsonl::read(&path, settings, each)?,
        TableFormat::Parquet => parquet::read(&path, settings, each)?,
    }
    if notes.is_empty() {
        return Err(nothing(&path));
    }
    let mut counts = Counts::default();
    if let TableCodes::Table { file, id, code } = &settings.codes {
        read_codes(&placed(file, data_dir), (id, code), &mut notes, &places, &mut counts)?;
    }
    for note in &mut notes {
        let before = note.codes.len();
        note.codes.sort();
        note.codes.dedup();
        counts.repeated += (before - note.codes.len()) as u64;
    }
    let titles = match &settings.titles {
        Some(titles) => read_titles(titles, data_dir)?,
        None => ByCode::new(),
    };
    let parts = parts(notes, settings)?;
    let origin = Origin {
        remarks: counts.sentences().into_iter().chain(strange(&parts)).collect(),
        ..Origin::default()
    };
    Ok((parts, titles, origin))
}

impl Counts {
    fn sentences(&self) -> Vec<String> {
        let counted = [
            (self.repeated, "codes that a note has again count once"),
            (
                self.without_code,
                "rows of the table of codes have no code, and are left out",
            ),
        ];
        let some = counted.into_iter().filter(|(count, _)| *count > 0);
        some.map(|(count, what)| format!("{count} {what}")).collect()
    }
}

/// Parts that a slip of the hand may have made.
fn strange(parts: &[Part]) -> Vec<String> {
    let others = parts.iter().filter(|part| !PARTS.contains(&part.name.as_str()));
    let sentence = |part: &Part| {
        let count = part.notes.len();
        format!(
            "{count} notes are of a part that is none of train, dev and test: they count only where [division] names it"
        )
    };
    others.map(sentence).collect()
}

fn read_codes(
    path: &Path,
    (id, code): (&str, &str),
    notes: &mut [OwnNote],
    places: &HashMap<String, usize>,
    counts: &mut Counts,
) -> Result<(), Error> {
    let mut file = csv::open(path)?;
    let (id, code) = (file.column(id)?, file.column(code)?);
    while let Some(row) = file.next_row()? {
        let found = codes::one(&row.text(code)?);
        let Some(code) = found.map_err(|found| row.wrong(found, "a code"))? else {
            counts.without_code += 1;
            continue;
        };
        match places.get(row.text(id)?.trim()) {
            Some(place) => notes[place - 1].codes.push(code),
            None => return Err(row.wrong("a note that the table of notes lacks", "only identifiers of notes")),
        }
    }
    Ok(())
}

fn read_titles(titles: &TitleFile, data_dir: Option<&Path>) -> Result<ByCode, Error> {
    let path = placed(&titles.file, data_dir);
    if path.to_string_lossy().ends_with("order.txt") {
        return titles::icd10cm_order(&path);
    }
    let (Some(code), Some(title)) = (&titles.code, &titles.title) else {
        return Err(Error::Setting {
            key: "titles",
            found: "a table without names of its columns".into(),
            expected: "`code` and `title`, or the official order file of ICD-10-CM (...order.txt)".into(),
        });
    };
    let mut file = csv::open(&path)?;
    let (code, title) = (file.column(code)?, file.column(title)?);
    let mut found = ByCode::new();
    while let Some(row) = file.next_row()? {
        found.insert(row.text(code)?.trim().to_owned(), row.text(title)?.trim().to_owned());
    }
    Ok(found)
}

fn parts(notes: Vec<OwnNote>, settings: &TableSettings) -> Result<Vec<Part>, Error> {
    let drawn = match &settings.split {
        TableSplit::Column(_) => HashMap::new(),
        TableSplit::ByPatient(shares) => {
            shares.check().map_err(|(found, expected)| Error::Setting {
                key: "split.by-patient",
                found,
                expected,
            })?;
            let patients = notes.iter().map(|note| note.patient.as_deref().unwrap_or(&note.id));
            draw_parts(patients, shares)
        }
    };
    let mut parts: BTreeMap<String, Vec<Arc<Note>>> = BTreeMap::new();
    for note in notes {
        let patient = note.patient.unwrap_or_else(|| note.id.clone());
        let part = note
            .part
            .unwrap_or_else(|| PARTS[drawn.get(&patient).copied().unwrap_or(0)].to_owned());
        // What others call the part that is `dev` here.
        let part = match part.to_lowercase().as_str() {
            "val" | "valid" | "validation" | "development" => PARTS[1].to_owned(),
            lower if PARTS.contains(&lower) => lower.to_owned(),
            _ => part,
        };
        parts.entry(part).or_default().push(Arc::new(Note {
            id: note.id,
            patient,
            text: note.text,
            codes: note.codes,
            evidence: Vec::new(),
        }));
    }
    let mut parts: Vec<Part> = parts
        .into_iter()
        .map(|(name, notes)| Part {
            name,
            notes,
            coded: true,
            uncoded_reason: None,
        })
        .collect();
    let order = |part: &Part| PARTS.iter().position(|name| *name == part.name).unwrap_or(PARTS.len());
    parts.sort_by_key(order);
    Ok(parts)
}
