//! A hospital's own export, as in BERT-XML (Zhang et al. 2020, section 4.1): `notes` (note_id, patient_id, visit_id,
//! note_type, time, text), `diagnoses` (visit_id, code, and an order where there is one), `chronic`, the list of chronic codes
//! in AHRQ's form, and where there is one `descriptions` (code, title). Every note is a document; its codes are those of its visit.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use super::chronic;
use super::draft::{Draft, DraftCode, DraftNote};
use super::error::Error;
use super::export::{Export, Pace};
use super::request::Watcher;
use super::spill::Spill;
use crate::data::{CodeKind, CsvFile, CsvRow, VisitsRecipe};

/// A visit while its codes are gathered.
struct Visit {
    patient: u32,
    /// The earliest time of its notes; times of one form sort as they follow each other.
    time: String,
    codes: Vec<DraftCode>,
}

#[derive(Default)]
struct Visits {
    by_id: HashMap<String, u32>,
    all: Vec<Visit>,
    patients: HashMap<String, u32>,
}

pub(super) fn read(
    export: &Export,
    rules: &VisitsRecipe,
    spill: &mut Spill,
    watcher: &dyn Watcher,
) -> Result<Draft, Error> {
    let mut draft = Draft::new();
    // All files are looked for first.
    files(export, rules)?;
    let (notes, codes) = (export.find(&["."], "notes")?, export.find(&["."], "diagnoses")?);
    let chronic = match rules.impute_chronic {
        true => Some(export.find(&["."], "chronic")?),
        false => None,
    };
    let mut visits = Visits::default();
    read_notes(&notes, (export, &mut draft), rules, (&mut visits, spill), watcher)?;
    spill.flush()?;
    read_codes(&codes, (export, &mut draft), &mut visits, watcher)?;
    if let Some(path) = chronic {
        let (list, input) = chronic::read(&path, export)?;
        draft.step("chronic codes of the list", list.len() as u64);
        draft.inputs.push(input);
        let imputed = impute(&mut visits, &draft, &list);
        draft.step("chronic codes given to later visits of their patient", imputed);
    }
    if let Some(path) = export.find_optional(&["."], "descriptions")? {
        read_titles(&path, (export, &mut draft))?;
    }
    for note in &mut draft.notes {
        if let Some(&visit) = visits.by_id.get(&note.admission) {
            note.codes = visits.all[visit as usize].codes.clone();
            note.had_codes = !note.codes.is_empty();
        }
    }
    let without = draft.notes.iter().filter(|note| note.codes.is_empty()).count();
    draft.step("documents: notes that stay", draft.notes.len() as u64);
    draft.step("of these, of a visit without any code", without as u64);
    Ok(draft)
}

/// The files that are read.
pub(super) fn files(export: &Export, rules: &VisitsRecipe) -> Result<Vec<PathBuf>, Error> {
    let mut files = vec![export.find(&["."], "notes")?, export.find(&["."], "diagnoses")?];
    if rules.impute_chronic {
        files.push(export.find(&["."], "chronic")?);
    }
    files.extend(export.find_optional(&["."], "descriptions")?);
    Ok(files)
}

fn read_notes(
    path: &std::path::Path,
    (export, draft): (&Export, &mut Draft),
    rules: &VisitsRecipe,
    (visits, spill): (&mut Visits, &mut Spill),
    watcher: &dyn Watcher,
) -> Result<(), Error> {
    let mut file = CsvFile::open(path)?;
    let [note, patient, visit, kind, time, text] =
        ["note_id", "patient_id", "visit_id", "note_type", "time", "text"].map(|name| file.column(name));
    let (note, patient, visit, kind, time, text) = (note?, patient?, visit?, kind?, time?, text?);
    let excluded: Vec<String> = rules.exclude_types.iter().map(|kind| kind.to_lowercase()).collect();
    let mut of_kind = vec![0; excluded.len()];
    let mut short = 0;
    let mut seen = HashSet::new();
    let mut form = None;
    let mut pace = Pace::of(&file, export, watcher);
    loop {
        pace.row(file.position())?;
        let Some(row) = file.next_row()? else { break };
        let name = identifier(&row, note, "note_id")?;
        if !seen.insert(name.clone()) {
            return Err(row.wrong("a note_id that came before", "every note_id once").into());
        }
        let found = row.text(kind)?.trim().to_lowercase();
        if let Some(place) = excluded.iter().position(|kind| *kind == found) {
            of_kind[place] += 1;
            continue;
        }
        let content = row.text(text)?;
        if content.chars().take(rules.min_characters.max(1) as usize).count() < rules.min_characters.max(1) as usize {
            short += 1;
            continue;
        }
        let of_patient = identifier(&row, patient, "patient_id")?;
        let of_visit = identifier(&row, visit, "visit_id")?;
        let when = moment(&row, time, &mut form)?;
        if !visits.add(&of_visit, &of_patient, when) {
            let found = "a visit that other rows give another patient";
            return Err(row.wrong(found, "one patient for each visit").into());
        }
        draft.notes.push(DraftNote {
            note: name,
            subject: of_patient,
            admission: of_visit,
            pieces: vec![spill.push(&content)?],
            separator: " ",
            codes: Vec::new(),
            had_codes: false,
            part: None,
        });
    }
    draft.step("rows of notes", file.rows());
    for (kind, count) in excluded.iter().zip(of_kind) {
        draft.step(format!("of these, of type {kind:?}, left out"), count);
    }
    draft.step(
        format!("of these, of fewer than {} characters, left out", rules.min_characters),
        short,
    );
    if draft.notes.is_empty() {
        return Err(Error::Nothing {
            reason: format!(
                "{} has {} rows, and the steps before left none",
                export.shown(path),
                file.rows()
            ),
        });
    }
    draft.notes.sort_by(|left, right| left.note.cmp(&right.note));
    draft.inputs.push(export.input(file)?);
    Ok(())
}

fn read_codes(
    path: &std::path::Path,
    (export, draft): (&Export, &mut Draft),
    visits: &mut Visits,
    watcher: &dyn Watcher,
) -> Result<(), Error> {
    let mut file = CsvFile::open(path)?;
    let (visit, code) = (file.column("visit_id")?, file.column("code")?);
    let order = file.optional_column("order");
    let (mut missing, mut elsewhere, mut repeated) = (0, 0, 0_u64);
    let mut pace = Pace::of(&file, export, watcher);
    loop {
        pace.row(file.position())?;
        let Some(row) = file.next_row()? else { break };
        let text = row.text(code)?;
        let text = text.trim();
        if text.is_empty() {
            missing += 1;
            continue;
        }
        if text.len() > 16 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.') {
            return Err(row
                .wrong("something other than a code", "letters, digits and dots only")
                .into());
        }
        let order = match order {
            Some(order) => super::tables::id(&row, order, "place in the list")?.unwrap_or(0),
            None => 0,
        };
        let Some(&place) = visits.by_id.get(&identifier(&row, visit, "visit_id")?) else {
            elsewhere += 1;
            continue;
        };
        let code = DraftCode {
            code: draft.codes.number(&text.to_ascii_uppercase()),
            kind: CodeKind::Diagnosis,
            order,
        };
        visits.all[place as usize].codes.push(code);
    }
    for visit in &mut visits.all {
        visit.codes.sort_by_key(|code| (code.order == 0, code.order));
        let before = visit.codes.len();
        let mut seen = HashSet::new();
        visit.codes.retain(|code| seen.insert(code.code));
        repeated += (before - visit.codes.len()) as u64;
    }
    draft.step("rows of diagnoses", file.rows());
    draft.step("of these, without a code, left out", missing);
    draft.step("of these, of visits without a document", elsewhere);
    draft.step("of these, codes that a visit has again, left out", repeated);
    draft.inputs.push(export.input(file)?);
    Ok(())
}

fn read_titles(path: &std::path::Path, (export, draft): (&Export, &mut Draft)) -> Result<(), Error> {
    let mut file = CsvFile::open(path)?;
    let (code, title) = (file.column("code")?, file.column("title")?);
    while let Some(row) = file.next_row()? {
        let code = row.text(code)?.trim().to_ascii_uppercase();
        draft
            .titles
            .insert((CodeKind::Diagnosis, code), row.text(title)?.trim().to_owned());
    }
    draft.inputs.push(export.input(file)?);
    Ok(())
}

/// "If we observe two instances of a chronic ICD code in the same patient's records, the same code would be imputed in all
/// records since the earliest occurrence of that code."
fn impute(visits: &mut Visits, draft: &Draft, chronic: &HashSet<String>) -> u64 {
    let is_chronic = |code: u32| chronic.contains(&draft.codes.name(code).replace('.', ""));
    let mut of_patient: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (place, visit) in visits.all.iter().enumerate() {
        of_patient.entry(visit.patient).or_default().push(place as u32);
    }
    let mut imputed = 0;
    for mut places in of_patient.into_values() {
        places.sort_by(|&a, &b| visits.all[a as usize].time.cmp(&visits.all[b as usize].time));
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for &place in &places {
            for code in &visits.all[place as usize].codes {
                *counts.entry(code.code).or_default() += 1;
            }
        }
        for (code, _) in counts
            .into_iter()
            .filter(|&(code, count)| count > 1 && is_chronic(code))
        {
            let has = |place: &&u32| {
                visits.all[**place as usize]
                    .codes
                    .iter()
                    .any(|other| other.code == code)
            };
            let Some(first) = places.iter().find(has).copied() else {
                continue;
            };
            let since = visits.all[first as usize].time.clone();
            for &place in &places {
                let visit = &mut visits.all[place as usize];
                if visit.time >= since && !visit.codes.iter().any(|other| other.code == code) {
                    visit.codes.push(DraftCode {
                        code,
                        kind: CodeKind::Diagnosis,
                        order: 0,
                    });
                    imputed += 1;
                }
            }
        }
    }
    imputed
}

impl Visits {
    /// Makes a visit known, or its time earlier. `false`: it is another patient's.
    fn add(&mut self, visit: &str, patient: &str, time: String) -> bool {
        let next = self.patients.len() as u32;
        let patient = *self.patients.entry(patient.to_owned()).or_insert(next);
        match self.by_id.get(visit) {
            Some(&place) => {
                let known = &mut self.all[place as usize];
                if time < known.time {
                    known.time = time;
                }
                known.patient == patient
            }
            None => {
                self.by_id.insert(visit.to_owned(), self.all.len() as u32);
                self.all.push(Visit {
                    patient,
                    time,
                    codes: Vec::new(),
                });
                true
            }
        }
    }
}

fn identifier(row: &CsvRow<'_>, field: usize, column: &str) -> Result<String, Error> {
    let text = row.text(field)?;
    let text = text.trim();
    match text.is_empty() {
        true => Err(row
            .wrong(format!("no {column}"), format!("a {column} in every row"))
            .into()),
        false => Ok(text.to_owned()),
    }
}

/// A date or a time as ISO 8601 writes it, all of a file in one form, so that earlier ones sort before later ones.
fn moment(row: &CsvRow<'_>, field: usize, form: &mut Option<usize>) -> Result<String, Error> {
    let text = row.text(field)?;
    let text = text.trim().replacen('T', " ", 1);
    if !is_moment(&text) {
        let expected = "a date or time as 2019-05-31, 2019-05-31 14:05 or 2019-05-31 14:05:00";
        return Err(row.wrong("a time of another form", expected).into());
    }
    match *form.get_or_insert(text.len()) == text.len() {
        true => Ok(text),
        false => {
            let expected = "times of one form in all rows: a date sorts before every time of its day";
            Err(row
                .wrong("a time of another form than the rows before", expected)
                .into())
        }
    }
}

fn is_moment(text: &str) -> bool {
    let number = |from: usize, to: usize| {
        let digits = text
            .get(from..to)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse::<u32>().ok())
    };
    let between = |from, to, least, most| number(from, to).is_some_and(|number| (least..=most).contains(&number));
    let signs = |places: &[(usize, u8)]| {
        places
            .iter()
            .all(|&(place, sign)| text.as_bytes().get(place) == Some(&sign))
    };
    let date =
        number(0, 4).is_some() && between(5, 7, 1, 12) && between(8, 10, 1, 31) && signs(&[(4, b'-'), (7, b'-')]);
    let minutes = between(11, 13, 0, 23) && between(14, 16, 0, 59) && signs(&[(10, b' '), (13, b':')]);
    match text.len() {
        10 => date,
        16 => date && minutes,
        19 => date && minutes && between(17, 19, 0, 60) && signs(&[(16, b':')]),
        _ => false,
    }
}
