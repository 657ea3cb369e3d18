//! MIMIC-III v1.4: `NOTEEVENTS`, `DIAGNOSES_ICD`, `PROCEDURES_ICD`, and `D_ICD_*` for titles.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::addenda::{self, Report};
use super::draft::{Draft, DraftNote};
use super::error::Error;
use super::export::{Export, Pace};
use super::request::Watcher;
use super::spill::Spill;
use super::tables::{self, Admissions, Reading, id};
use crate::data::{CodeKind, CsvFile, IcdVersion, Mimic3Recipe};

/// The only category that counts; every published system filters by it.
const CATEGORY: &str = "Discharge summary";

pub(super) fn read(
    export: &Export,
    rules: &Mimic3Recipe,
    spill: &mut Spill,
    watcher: &dyn Watcher,
) -> Result<Draft, Error> {
    let mut draft = Draft::new();
    // All files are looked for first: gigabytes are not read to find that a table is missing.
    let notes = export.find(&["."], "NOTEEVENTS")?;
    let paths = tables_of(export, rules)?;
    let (reports, mut admissions) = reports(&notes, (export, &mut draft), spill, watcher)?;
    spill.flush()?;
    for (kind, codes, titles) in paths {
        let reading = Reading {
            kind,
            column: "icd9_code",
            version: IcdVersion::Nine,
            versioned: false,
            loading: rules.code_loading,
            dots: rules.dots,
        };
        admissions.read(&codes, &reading, (export, &mut draft), watcher)?;
        let mut found = std::mem::take(&mut draft.titles);
        tables::titles(titles, &reading, (export, &mut draft), &mut found)?;
        draft.titles = found;
    }
    let repeated = admissions.settle();
    draft.step("codes that an admission has again, left out", repeated);
    let mut repeated_texts = 0;
    for ((admission, subject), reports) in reports {
        let (pieces, separator, repeated) = addenda::joined(reports, rules.addenda, spill)?;
        repeated_texts += repeated;
        draft.notes.push(DraftNote {
            note: admission.to_string(),
            subject: subject.to_string(),
            admission: admission.to_string(),
            pieces,
            separator,
            codes: admissions.codes(admission),
            had_codes: false,
            part: None,
        });
    }
    draft.step(
        "texts that an admission has again, left out by the rule for addenda",
        repeated_texts,
    );
    let without = draft.notes.iter().filter(|note| note.codes.is_empty()).count();
    draft.step(
        "documents: admissions with a discharge summary",
        draft.notes.len() as u64,
    );
    draft.step("of these, without any code", without as u64);
    draft.keep_frequent(rules.min_count);
    Ok(draft)
}

/// A kind of code, its table, and where there is one its table of titles.
type TableOf = (CodeKind, PathBuf, Option<PathBuf>);

fn tables_of(export: &Export, rules: &Mimic3Recipe) -> Result<Vec<TableOf>, Error> {
    let tables = [
        (CodeKind::Diagnosis, "DIAGNOSES_ICD", "D_ICD_DIAGNOSES"),
        (CodeKind::Procedure, "PROCEDURES_ICD", "D_ICD_PROCEDURES"),
    ];
    let taken = tables.into_iter().filter(|(kind, ..)| rules.codes.takes(*kind));
    let found = taken
        .map(|(kind, codes, titles)| Ok((kind, export.find(&["."], codes)?, export.find_optional(&["."], titles)?)));
    found.collect()
}

/// The files that are read.
pub(super) fn files(export: &Export, rules: &Mimic3Recipe) -> Result<Vec<PathBuf>, Error> {
    let mut files = vec![export.find(&["."], "NOTEEVENTS")?];
    for (_, codes, titles) in tables_of(export, rules)? {
        files.push(codes);
        files.extend(titles);
    }
    Ok(files)
}

/// The rows that count, by admission.
type Reports = BTreeMap<(u32, u32), Vec<Report>>;

fn reports(
    path: &std::path::Path,
    (export, draft): (&Export, &mut Draft),
    spill: &mut Spill,
    watcher: &dyn Watcher,
) -> Result<(Reports, Admissions), Error> {
    let mut file = CsvFile::open(path)?;
    let column = |name| file.column(name);
    let (subject, admission, category) = (column("subject_id")?, column("hadm_id")?, column("category")?);
    let number = column("row_id")?;
    let (date, time) = (column("chartdate")?, column("charttime")?);
    let (description, error, text) = (column("description")?, column("iserror")?, column("text")?);
    let mut pace = Pace::of(&file, export, watcher);
    let mut admissions = Admissions::new();
    let mut reports = Reports::new();
    let (mut counted, mut elsewhere, mut empty, mut errors) = (0, 0, 0, 0);
    loop {
        pace.row(file.position())?;
        let Some(row) = file.next_row()? else { break };
        if row.raw(category) != CATEGORY.as_bytes() {
            continue;
        }
        counted += 1;
        let Some(admission) = id(&row, admission, "admission")? else {
            elsewhere += 1;
            continue;
        };
        let Some(subject) = id(&row, subject, "subject")? else {
            return Err(row
                .wrong("a discharge summary without a subject", "a subject for each")
                .into());
        };
        errors += u64::from(row.raw(error) == b"1");
        let content = row.text(text)?;
        if content.trim().is_empty() {
            empty += 1;
            continue;
        }
        if !admissions.add(admission, subject) {
            let found = "an admission that other rows give another subject";
            return Err(row.wrong(found, "one subject for each admission").into());
        }
        reports.entry((admission, subject)).or_default().push(Report {
            text: spill.push(&content)?,
            row: id(&row, number, "row")?.unwrap_or(0),
            description: row.text(description)?.into_owned(),
            chart_date: row.text(date)?.into_owned(),
            chart_time: row.text(time)?.into_owned(),
        });
    }
    draft.step("rows of NOTEEVENTS", file.rows());
    draft.step(format!("of these, of category {CATEGORY:?}"), counted);
    draft.step("of these, without an admission, left out", elsewhere);
    draft.step("of these, without text, left out", empty);
    draft.step(
        "of these, marked as an error (ISERROR), kept as all published systems do",
        errors,
    );
    if reports.is_empty() {
        return Err(Error::Content {
            file: export.shown(path),
            found: format!("{} rows and no discharge summary with text among them", file.rows()),
            expected: format!("rows whose CATEGORY is {CATEGORY:?}"),
            next: "see that it is the whole file of MIMIC-III v1.4".into(),
        });
    }
    let addenda = reports.values().filter(|reports| reports.len() > 1).count();
    draft.step("admissions with several discharge summaries or addenda", addenda as u64);
    draft.inputs.push(export.input(file)?);
    Ok((reports, admissions))
}
