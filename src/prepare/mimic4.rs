//! MIMIC-IV 2.2 or later with MIMIC-IV-Note: `note/discharge`, `hosp/diagnoses_icd`, `hosp/procedures_icd`, and
//! `hosp/d_icd_*` for titles.

use std::collections::BTreeMap;
use std::path::Path;

use super::addenda::without_repeated;
use super::draft::{Draft, DraftNote};
use super::error::Error;
use super::export::{Export, Pace};
use super::request::Watcher;
use super::spill::{Piece, Spill};
use super::tables::{Admissions, Files, Layout, NoteRows, Reading, Stay};
use crate::data::{CodeKind, CodeLoading, CsvFile, Mimic4Recipe};

/// The modules lie under their names, or all files in one place.
const LAYOUT: Layout = Layout {
    note_folders: &["note", "."],
    notes: "discharge",
    code_folders: &["hosp", "."],
    codes: [
        (CodeKind::Diagnosis, "diagnoses_icd", "d_icd_diagnoses"),
        (CodeKind::Procedure, "procedures_icd", "d_icd_procedures"),
    ],
};

/// The files that are read.
pub(super) fn files(export: &Export, rules: &Mimic4Recipe) -> Result<Files, Error> {
    LAYOUT.find(export, rules.codes)
}

pub(super) fn read(
    export: &Export,
    rules: &Mimic4Recipe,
    spill: &mut Spill,
    watcher: &dyn Watcher,
) -> Result<Draft, Error> {
    let mut draft = Draft::new();
    let files = files(export, rules)?;
    let (summaries, mut admissions) = summaries(&files.notes, (export, &mut draft), spill, watcher)?;
    spill.flush()?;
    let reading = Reading {
        column: "icd_code",
        version: rules.version,
        versioned: true,
        loading: CodeLoading::Correct,
        dots: rules.dots,
    };
    admissions.read_codes(&files.codes, &reading, (export, &mut draft), watcher)?;
    let (mut repeated_texts, mut several) = (0, 0);
    for (Stay { admission, subject }, pieces) in summaries {
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

/// The texts by admission, in the order of the rows.
type Summaries = BTreeMap<Stay, Vec<Piece>>;

fn summaries(
    path: &Path,
    (export, draft): (&Export, &mut Draft),
    spill: &mut Spill,
    watcher: &dyn Watcher,
) -> Result<(Summaries, Admissions), Error> {
    let mut file = CsvFile::open(path)?;
    let mut rows = NoteRows::of(&file)?;
    let mut pace = Pace::of(&file, export, watcher);
    let mut admissions = Admissions::new();
    let mut summaries = Summaries::new();
    loop {
        pace.row(file.position())?;
        let Some(row) = file.next_row()? else { break };
        if let Some((stay, text)) = rows.take(&row, &mut admissions)? {
            summaries.entry(stay).or_default().push(spill.push(&text)?);
        }
    }
    draft.step("rows of discharge", file.rows());
    rows.count_left_out(draft);
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
