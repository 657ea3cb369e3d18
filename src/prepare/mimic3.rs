//! MIMIC-III v1.4: `NOTEEVENTS`, `DIAGNOSES_ICD`, `PROCEDURES_ICD`, and `D_ICD_*` for titles.

use std::collections::BTreeMap;
use std::path::Path;

use super::addenda::{self, Report};
use super::draft::{Draft, DraftNote};
use super::error::Error;
use super::export::{Export, Pace};
use super::request::Watcher;
use super::spill::Spill;
use super::tables::{Admissions, Files, Layout, NoteRows, Reading, Stay, id};
use crate::data::{CodeKind, CsvFile, IcdVersion, Mimic3Recipe};

/// The only category that counts; every published system filters by it.
const CATEGORY: &str = "Discharge summary";

const LAYOUT: Layout = Layout {
    note_folders: &["."],
    notes: "NOTEEVENTS",
    code_folders: &["."],
    codes: [
        (CodeKind::Diagnosis, "DIAGNOSES_ICD", "D_ICD_DIAGNOSES"),
        (CodeKind::Procedure, "PROCEDURES_ICD", "D_ICD_PROCEDURES"),
    ],
};

/// The files that are read.
pub(super) fn files(export: &Export, rules: &Mimic3Recipe) -> Result<Files, Error> {
    LAYOUT.find(export, rules.codes)
}

pub(super) fn read(
    export: &Export,
    rules: &Mimic3Recipe,
    spill: &mut Spill,
    watcher: &dyn Watcher,
) -> Result<Draft, Error> {
    let mut draft = Draft::new();
    let files = files(export, rules)?;
    let (reports, mut admissions) = reports(&files.notes, (export, &mut draft), spill, watcher)?;
    spill.flush()?;
    let reading = Reading {
        column: "icd9_code",
        version: IcdVersion::Nine,
        versioned: false,
        loading: rules.code_loading,
        dots: rules.dots,
    };
    admissions.read_codes(&files.codes, &reading, (export, &mut draft), watcher)?;
    let mut repeated_texts = 0;
    for (Stay { admission, subject }, reports) in reports {
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

/// The rows that count, by admission.
type Reports = BTreeMap<Stay, Vec<Report>>;

fn reports(
    path: &Path,
    (export, draft): (&Export, &mut Draft),
    spill: &mut Spill,
    watcher: &dyn Watcher,
) -> Result<(Reports, Admissions), Error> {
    let mut file = CsvFile::open(path)?;
    let column = |name| file.column(name);
    let (category, number, error) = (column("category")?, column("row_id")?, column("iserror")?);
    let (date, time, description) = (column("chartdate")?, column("charttime")?, column("description")?);
    let mut rows = NoteRows::of(&file)?;
    let mut pace = Pace::of(&file, export, watcher);
    let mut admissions = Admissions::new();
    let mut reports = Reports::new();
    let (mut counted, mut errors) = (0, 0);
    loop {
        pace.row(file.position())?;
        let Some(row) = file.next_row()? else { break };
        if row.raw(category) != CATEGORY.as_bytes() {
            continue;
        }
        counted += 1;
        let Some((stay, text)) = rows.take(&row, &mut admissions)? else {
            continue;
        };
        errors += u64::from(row.raw(error) == b"1");
        reports.entry(stay).or_default().push(Report {
            text: spill.push(&text)?,
            row: id(&row, number, "row")?.unwrap_or(0),
            description: row.text(description)?.into_owned(),
            chart_date: row.text(date)?.into_owned(),
            chart_time: row.text(time)?.into_owned(),
        });
    }
    draft.step("rows of NOTEEVENTS", file.rows());
    draft.step(format!("of these, of category {CATEGORY:?}"), counted);
    rows.count_left_out(draft);
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
