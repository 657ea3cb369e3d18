//! The tables of codes that MIMIC-III and MIMIC-IV have alike: rows of admission, place in its list, code.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::draft::{Draft, DraftCode};
use super::error::Error;
use super::export::{Export, Pace};
use super::icd;
use super::request::Watcher;
use crate::data::{CodeKind, CodeLoading, CodesOf, CsvFile, CsvRow, Dots, IcdVersion};

/// Where an edition of MIMIC has its files: the folders that a module may lie in, and the tables' names.
pub(super) struct Layout {
    pub note_folders: &'static [&'static str],
    pub notes: &'static str,
    pub code_folders: &'static [&'static str],
    /// By kind of code: its table, and its table of titles.
    pub codes: [(CodeKind, &'static str, &'static str); 2],
}

/// What is read of an export.
pub(super) struct Files {
    pub notes: PathBuf,
    pub codes: Vec<CodeTable>,
}

pub(super) struct CodeTable {
    kind: CodeKind,
    codes: PathBuf,
    /// An export may lack it.
    titles: Option<PathBuf>,
}

impl Layout {
    /// Looks for all files at once: gigabytes are not read to find that a table is missing.
    pub fn find(&self, export: &Export, taken: CodesOf) -> Result<Files, Error> {
        let notes = export.find(self.note_folders, self.notes)?;
        let tables = self.codes.iter().filter(|(kind, ..)| taken.takes(*kind));
        let tables = tables.map(|&(kind, codes, titles)| {
            Ok(CodeTable {
                kind,
                codes: export.find(self.code_folders, codes)?,
                titles: export.find_optional(self.code_folders, titles)?,
            })
        });
        let codes = tables.collect::<Result<_, Error>>()?;
        Ok(Files { notes, codes })
    }
}

impl Files {
    pub fn paths(self) -> Vec<PathBuf> {
        let tables = self.codes.into_iter();
        let tables = tables.flat_map(|table| std::iter::once(table.codes).chain(table.titles));
        std::iter::once(self.notes).chain(tables).collect()
    }
}

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

/// The patient and the admission of a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stay {
    pub admission: u32,
    pub subject: u32,
}

/// Takes the rows of a table of notes that have an admission and a text; counts the others.
pub(super) struct NoteRows {
    subject: usize,
    admission: usize,
    text: usize,
    elsewhere: u64,
    empty: u64,
}

impl NoteRows {
    pub fn of(file: &CsvFile) -> Result<Self, Error> {
        let column = |name| file.column(name);
        Ok(Self {
            subject: column("subject_id")?,
            admission: column("hadm_id")?,
            text: column("text")?,
            elsewhere: 0,
            empty: 0,
        })
    }

    /// Whose note a row is, and its text; `None` if it is left out.
    pub fn take<'row>(
        &mut self,
        row: &'row CsvRow<'_>,
        admissions: &mut Admissions,
    ) -> Result<Option<(Stay, Cow<'row, str>)>, Error> {
        let Some(admission) = id(row, self.admission, "admission")? else {
            self.elsewhere += 1;
            return Ok(None);
        };
        let Some(subject) = id(row, self.subject, "subject")? else {
            return Err(row.wrong("a note without a subject", "a subject for each").into());
        };
        let text = row.text(self.text)?;
        if text.trim().is_empty() {
            self.empty += 1;
            return Ok(None);
        }
        if !admissions.add(admission, subject) {
            let found = "an admission that other rows give another subject";
            return Err(row.wrong(found, "one subject for each admission").into());
        }
        Ok(Some((Stay { admission, subject }, text)))
    }

    pub fn count_left_out(&self, draft: &mut Draft) {
        draft.step("of these, without an admission, left out", self.elsewhere);
        draft.step("of these, without text, left out", self.empty);
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

/// How the tables of codes are read.
pub(super) struct Reading<'a> {
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

    /// Reads the tables of codes and of titles, and puts each admission's list in order.
    pub fn read_codes(
        &mut self,
        tables: &[CodeTable],
        reading: &Reading<'_>,
        (export, draft): (&Export, &mut Draft),
        watcher: &dyn Watcher,
    ) -> Result<(), Error> {
        for table in tables {
            self.read_table(&table.codes, (table.kind, reading), (export, draft), watcher)?;
            if let Some(path) = &table.titles {
                read_titles(path, (table.kind, reading), (export, draft))?;
            }
        }
        let repeated = self.settle();
        draft.step("codes that an admission has again, left out", repeated);
        Ok(())
    }

    fn read_table(
        &mut self,
        path: &Path,
        (kind, reading): (CodeKind, &Reading<'_>),
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
            let shown = icd::written(text, kind, reading.version, reading.loading, reading.dots);
            self.lists[list].push(DraftCode {
                code: draft.codes.number(&shown),
                kind,
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
        if kind == CodeKind::Procedure && reading.version == IcdVersion::Nine && used >= MANY && zeros == 0 {
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
    fn settle(&mut self) -> u64 {
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

fn read_titles(
    path: &Path,
    (kind, reading): (CodeKind, &Reading<'_>),
    (export, draft): (&Export, &mut Draft),
) -> Result<(), Error> {
    let mut file = CsvFile::open(path)?;
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
        let shown = icd::written(text, kind, reading.version, reading.loading, reading.dots);
        // Two codes that integer loading makes one have the title of the first.
        let titles = &mut draft.titles;
        titles
            .entry((kind, shown))
            .or_insert(row.text(title)?.trim().to_owned());
    }
    draft.inputs.push(export.input(file)?);
    Ok(())
}
