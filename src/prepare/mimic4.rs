//! MIMIC-IV 2.2 or later with MIMIC-IV-Note: `note/discharge`, `hosp/diagnoses_icd`, `hosp/procedures_icd`, and
//! `hosp/d_icd_*` for titles.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::addenda::without_repeated;
use super::draft::{Draft, DraftNote};
use super::error::Error;
use super::export::{Export, Pace};
use super::request::Watcher;
use super::spill::{Piece, Spill};
use super::tables::{self, Admissions, Reading, id};
use crate::data::{CodeKind, CodeLoading, CsvFile, Mimic4Recipe};

/// Where the modules lie: under their names, or all files in one place.
const NOTE: &[&str] = &["note", "."];
const HOSP: &[&str] = &["hosp", "."];

pub(super) fn read(
    export: &Export,
    rules: &Mimic4Recipe,
    spill: &mut Spill,
    watcher: &dyn Watcher,
) -> Result<Draft, Error> {
    let mut draft = Draft::new();
    let notes = export.find(NOTE, "discharge")?;
    let paths = tables_of(export, rules)?;
    let (summaries, mut admissions) = summaries(&notes, (export, &mut draft), spill, watcher)?;
    spill.flush()?;
    for (kind, codes, titles) in paths {
        let reading = Reading {
            kind,
            column: "icd_code",
            version: rules.version,
            versioned: true,
            loading: CodeLoading::Correct,
            dots: rules.dots,
        };
        admissions.read(&codes, &reading, (export, &mut draft), watcher)?;
        let mut found = std::mem::take(&mut draft.titles);
        tables::titles(titles, &reading, (export, &mut draft), &mut found)?;
        draft.titles = found;
    }
    let repeated = admissions.settle();
    draft.step("codes that an admission has again, left out", repeated);
    let (mut repeated_texts, mut several) = (0, 0);
    for ((admission, subject), pieces) in summaries {
        let before = pieces.len();
        let pieces = without_repeated(&pieces, spill)?;
        repeated_texts += (before - pieces.len()) as u64;
        several += u64::from(pieces.len() > 1);
        let codes = admissions.codes(admission);
        for (index, piece) in pieces.into_iter().enumerate() {
            draft.notes.push(DraftNote {
                // The admission's number names its first note, as published lists do.
                note: match index {
                    0 => admission.to_string(),
                    _ => format!("{admission}-{}", index + 1),
                },
                subject: subject.to_string(),
                admission: admission.to_string(),
                pieces: vec![piece],
                separator: " ",
                codes: codes.clone(),
                had_codes: false,
                part: None,
            });
        }
    }
    draft.step(
        "rows with the text of an earlier one of their admission, left out",
        repeated_texts,
    );
    draft.step("admissions with several different notes, each kept", several);
    draft.step("notes", draft.notes.len() as u64);
    let version = u8::from(rules.version);
    draft.retain(
        format!("of these, without a code of ICD-{version}: not of this set"),
        |note| !note.codes.is_empty(),
    );
    draft.keep_frequent(rules.min_count);
    Ok(draft)
}

/// A kind of code, its table, and where there is one its table of titles.
type TableOf = (CodeKind, PathBuf, Option<PathBuf>);

fn tables_of(export: &Export, rules: &Mimic4Recipe) -> Result<Vec<TableOf>, Error> {
    let tables = [
        (CodeKind::Diagnosis, "diagnoses_icd", "d_icd_diagnoses"),
        (CodeKind::Procedure, "procedures_icd", "d_icd_procedures"),
    ];
    let taken = tables.into_iter().filter(|(kind, ..)| rules.codes.takes(*kind));
    let found =
        taken.map(|(kind, codes, titles)| Ok((kind, export.find(HOSP, codes)?, export.find_optional(HOSP, titles)?)));
    found.collect()
}

/// The files that are read.
pub(super) fn files(export: &Export, rules: &Mimic4Recipe) -> Result<Vec<PathBuf>, Error> {
    let mut files = vec![export.find(NOTE, "discharge")?];
    for (_, codes, titles) in tables_of(export, rules)? {
        files.push(codes);
        files.extend(titles);
    }
    Ok(files)
}

/// The texts by admission, in the order of the rows.
type Summaries = BTreeMap<(u32, u32), Vec<Piece>>;

fn summaries(
    path: &std::path::Path,
    (export, draft): (&Export, &mut Draft),
    spill: &mut Spill,
    watcher: &dyn Watcher,
) -> Result<(Summaries, Admissions), Error> {
    let mut file = CsvFile::open(path)?;
    let (subject, admission, text) = (
        file.column("subject_id")?,
        file.column("hadm_id")?,
        file.column("text")?,
    );
    let mut pace = Pace::of(&file, export, watcher);
    let mut admissions = Admissions::new();
    let mut summaries = Summaries::new();
    let (mut elsewhere, mut empty) = (0, 0);
    loop {
        pace.row(file.position())?;
        let Some(row) = file.next_row()? else { break };
        let Some(admission) = id(&row, admission, "admission")? else {
            elsewhere += 1;
            continue;
        };
        let Some(subject) = id(&row, subject, "subject")? else {
            return Err(row.wrong("a note without a subject", "a subject for each").into());
        };
        let content = row.text(text)?;
        if content.trim().is_empty() {
            empty += 1;
            continue;
        }
        if !admissions.add(admission, subject) {
            let found = "an admission that other rows give another subject";
            return Err(row.wrong(found, "one subject for each admission").into());
        }
        summaries
            .entry((admission, subject))
            .or_default()
            .push(spill.push(&content)?);
    }
    draft.step("rows of discharge", file.rows());
    draft.step("of these, without an admission, left out", elsewhere);
    draft.step("of these, without text, left out", empty);
    if summaries.is_empty() {
        return Err(Error::Content {
            file: export.shown(path),
            found: format!("{} rows and no note with text among them", file.rows()),
            expected: "the discharge summaries of MIMIC-IV-Note".into(),
            next: "see that it is the whole file; MIMIC-IV-Note is a download of its own".into(),
        });
    }
    draft.inputs.push(export.input(file)?);
    Ok((summaries, admissions))
}
