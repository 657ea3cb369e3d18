//! The tables of codes that MIMIC-III and MIMIC-IV have alike: rows of admission, place in its list, code.

use std::collections::HashMap;
use std::path::Path;

use super::draft::{Draft, DraftCode};
use super::error::Error;
use super::export::{Export, Pace};
use super::icd;
use super::request::Watcher;
use crate::data::{CodeKind, CodeLoading, CsvFile, CsvRow, Dots, IcdVersion};

/// A number as an export writes identifiers.
pub(super) fn id(row: &CsvRow<'_>, field: usize, what: &str) -> Result<Option<u32>, Error> {
    let raw = row.raw(field);
    if raw.is_empty() {
        return Ok(None);
    }
    let number = std::str::from_utf8(raw)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match number.and_then(|text| text.parse().ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(row
            .wrong(
                format!("a {what} of another form"),
                format!("a {what}: a whole number, or nothing"),
            )
            .into()),
    }
}

/// With so many procedures some begin with 0.
const MANY: u64 = 300;

/// What the documents' admissions are, to hang codes on.
pub(super) struct Admissions {
    /// By admission: its patient, and the place of its list.
    by_id: HashMap<u32, (u32, usize)>,
    lists: Vec<Vec<DraftCode>>,
}

/// How a table of codes is read.
pub(super) struct Reading<'a> {
    pub kind: CodeKind,
    /// The column of codes.
    pub column: &'a str,
    /// Rows of which version count; without a column of versions all do.
    pub version: IcdVersion,
    /// Whether the table has that column.
    pub versioned: bool,
    pub loading: CodeLoading,
    pub dots: Dots,
}

impl Admissions {
    pub fn new() -> Self {
        Self {
            by_id: HashMap::new(),
            lists: Vec::new(),
        }
    }

    /// Makes an admission known. `false`: it was, of another patient.
    pub fn add(&mut self, admission: u32, subject: u32) -> bool {
        let next = self.lists.len();
        let (known, _) = *self.by_id.entry(admission).or_insert_with(|| (subject, next));
        if next == self.lists.len() && self.by_id[&admission].1 == next {
            self.lists.push(Vec::new());
        }
        known == subject
    }

    /// The codes of an admission, in the order of its lists, diagnoses first.
    pub fn codes(&mut self, admission: u32) -> Vec<DraftCode> {
        let Some(&(_, place)) = self.by_id.get(&admission) else {
            return Vec::new();
        };
        std::mem::take(&mut self.lists[place])
    }

    /// Reads a table of codes.
    pub fn read(
        &mut self,
        path: &Path,
        reading: &Reading<'_>,
        (export, draft): (&Export, &mut Draft),
        watcher: &dyn Watcher,
    ) -> Result<(), Error> {
        let mut file = CsvFile::open(path)?;
        let [subject, admission, place, code] =
            ["subject_id", "hadm_id", "seq_num", reading.column].map(|name| file.column(name));
        let (subject, admission, place, code) = (subject?, admission?, place?, code?);
        let version = match reading.versioned {
            true => Some(file.column("icd_version")?),
            false => None,
        };
        let mut pace = Pace::of(&file, export, watcher);
        let (mut missing, mut elsewhere, mut other_version, mut used, mut zeros) = (0, 0, 0, 0, 0_u64);
        let wanted = u8::from(reading.version);
        loop {
            pace.row(file.position())?;
            let Some(row) = file.next_row()? else { break };
            if let Some(version) = version {
                match id(&row, version, "version of the ICD")? {
                    Some(9 | 10) => {}
                    _ => return Err(row.wrong("another version of the ICD", "9 or 10").into()),
                }
                if row.raw(version) != wanted.to_string().as_bytes() {
                    other_version += 1;
                    continue;
                }
            }
            let text = row.text(code)?;
            let text = text.trim();
            if text.is_empty() {
                missing += 1;
                continue;
            }
            if !icd::is_raw(text) {
                let expected = "a code of capital letters and digits as the export has it, without a dot (a program that takes \
                                codes for numbers has been at this file)";
                return Err(row.wrong("a code of another form", expected).into());
            }
            let Some(of) = id(&row, admission, "admission")? else {
                return Err(row
                    .wrong("a code without an admission", "an admission for each code")
                    .into());
            };
            let Some(&(known, list)) = self.by_id.get(&of) else {
                elsewhere += 1;
                continue;
            };
            if id(&row, subject, "subject")? != Some(known) {
                let found = "an admission with another subject than its notes have";
                return Err(row.wrong(found, "one subject for each admission").into());
            }
            let order = id(&row, place, "place in the list")?.unwrap_or(0);
            zeros += u64::from(text.starts_with('0'));
            let shown = icd::written(text, reading.kind, reading.version, reading.loading, reading.dots);
            self.lists[list].push(DraftCode {
                code: draft.codes.number(&shown),
                kind: reading.kind,
                order,
            });
            used += 1;
        }
        let shown = export.shown(path);
        let wrong = |found: String, expected: &str| Error::Content {
            file: shown.clone(),
            found,
            expected: expected.into(),
            next: "see that it is the whole file, as it was downloaded".into(),
        };
        if used == 0 {
            let found = format!("{} rows and no code of a document among them", file.rows());
            return Err(wrong(found, "codes of the documents"));
        }
        // Of the real codes one in five begins so.
        if reading.kind == CodeKind::Procedure && reading.version == IcdVersion::Nine && used >= MANY && zeros == 0 {
            let found = format!("{used} procedure codes of which none begins with 0");
            return Err(wrong(
                found,
                "codes as strings (0117): a program that takes codes for numbers has been at this file",
            ));
        }
        draft.step(format!("rows of {shown}"), file.rows());
        if reading.versioned {
            draft.step(
                format!("of these, codes of another version than ICD-{wanted}"),
                other_version,
            );
        }
        draft.step("of these, without a code, left out", missing);
        draft.step("of these, of admissions without a document", elsewhere);
        draft.step("of these, codes of documents", used);
        draft.inputs.push(export.input(file)?);
        Ok(())
    }

    /// Puts the lists in order and takes out codes that an admission has twice; says how many.
    pub fn settle(&mut self) -> u64 {
        let mut repeated = 0;
        for list in &mut self.lists {
            list.sort_by_key(|code| (code.kind, code.order == 0, code.order));
            let before = list.len();
            let mut seen = std::collections::HashSet::new();
            list.retain(|code| seen.insert((code.kind, code.code)));
            repeated += (before - list.len()) as u64;
        }
        repeated
    }
}

/// The table of titles of one kind, if the export has it.
pub(super) fn titles(
    path: Option<std::path::PathBuf>,
    reading: &Reading<'_>,
    (export, draft): (&Export, &mut Draft),
    titles: &mut HashMap<(CodeKind, String), String>,
) -> Result<(), Error> {
    let Some(path) = path else { return Ok(()) };
    let mut file = CsvFile::open(&path)?;
    let (code, title) = (file.column(reading.column)?, file.column("long_title")?);
    let version = match reading.versioned {
        true => Some(file.column("icd_version")?),
        false => None,
    };
    let wanted = u8::from(reading.version).to_string();
    while let Some(row) = file.next_row()? {
        if version.is_some_and(|version| row.raw(version) != wanted.as_bytes()) {
            continue;
        }
        let text = row.text(code)?;
        let text = text.trim();
        if !icd::is_raw(text) {
            continue;
        }
        let shown = icd::written(text, reading.kind, reading.version, reading.loading, reading.dots);
        // Two codes that integer loading makes one have the title of the first.
        titles
            .entry((reading.kind, shown))
            .or_insert(row.text(title)?.trim().to_owned());
    }
    draft.inputs.push(export.input(file)?);
    Ok(())
}
