//! A hospital's own export: `notes`, `diagnoses`, the list of chronic codes in AHRQ's form, and titles of codes.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::admission::Admission;
use super::codes;
use super::csv::Field::{Bare, Number, Text};
use super::csv::Table;
use super::settings::ExportSettings;
use crate::data::synthetic::bank::{BANK, Course};

const NOTES: [&str; 6] = ["note_id", "patient_id", "visit_id", "note_type", "time", "text"];
const CODES: [&str; 3] = ["visit_id", "code", "order"];
/// What stands beside the note of a visit: every so many-th visit has one of these kinds.
const BESIDE: [(&str, u32, &str); 4] = [
    (
        "Student",
        9,
        "Written by a student: the patient is well today and has no questions for the team.",
    ),
    (
        "Miscellaneous",
        11,
        "Parking was validated for the patient and one visitor at the main entrance.",
    ),
    (
        "Erroneous",
        13,
        "This note was entered for another patient and is to be disregarded by all readers.",
    ),
    ("Telephone Encounter", 3, "Called."),
];

pub(super) fn write(
    to: &Path,
    settings: &ExportSettings,
    all: impl Iterator<Item = Vec<Admission>>,
    each: &mut dyn FnMut(&Admission) -> io::Result<()>,
) -> io::Result<()> {
    let mut notes = Table::create(&to.join("notes.csv"), &NOTES)?;
    let mut diagnoses = Table::create(&to.join("diagnoses.csv"), &CODES)?;
    let mut number = 0;
    // A patient's visits follow each other.
    let mut visits: BTreeMap<u32, u32> = BTreeMap::new();
    for admission in all.flatten().filter(|admission| !admission.reports.is_empty()) {
        each(&admission)?;
        let place = visits.entry(admission.subject).or_insert(0);
        *place += 1;
        let (patient, visit) = (format!("P{}", admission.subject), format!("V{}", admission.admission));
        let time = format!("20{:02}-{:02}-15 08:30:00", 10 + *place / 12, *place % 12 + 1);
        let mut note = |notes: &mut Table, kind: &str, text: &str| {
            number += 1;
            let id = format!("N{number:07}");
            notes.row(&[
                Bare(&id),
                Bare(&patient),
                Bare(&visit),
                Text(kind),
                Bare(&time),
                Text(text),
            ])
        };
        for report in &admission.reports {
            note(&mut notes, "Progress Note", &report.text)?;
        }
        for (kind, every, text) in BESIDE {
            if admission.admission % every == 0 {
                note(&mut notes, kind, text)?;
            }
        }
        for code in &admission.diagnoses {
            let order = Number(code.order.unwrap_or(0).into());
            let code = code.code.as_deref().map_or(String::new(), dotted);
            diagnoses.row(&[Bare(&visit), Bare(&code), order])?;
        }
    }
    notes.finish()?;
    diagnoses.finish()?;
    let columns = [
        "'ICD-10-CM CODE'",
        "'ICD-10-CM CODE DESCRIPTION'",
        "'CHRONIC INDICATOR'",
        "'BODY SYSTEM'",
    ];
    let mut chronic = Table::create(&to.join("chronic.csv"), &columns)?;
    let mut descriptions = Table::create(&to.join("descriptions.csv"), &["code", "title"])?;
    for (code, entry) in BANK.entries.iter().enumerate() {
        let indicator = match entry.course {
            Course::Chronic => "'1'",
            Course::Acute => "'0'",
            Course::Status | Course::Event => "'9'",
        };
        for variant in 0..settings.variants.max(1) {
            let shown = format!("'{}'", codes::diagnosis_10(code, variant));
            chronic.row(&[Bare(&shown), Text(entry.title), Bare(indicator), Bare("'0'")])?;
            let code = dotted(&codes::diagnosis_10(code, variant));
            descriptions.row(&[Bare(&code), Text(entry.title)])?;
        }
    }
    chronic.finish()?;
    descriptions.finish()
}

/// A code as a hospital writes it.
fn dotted(code: &str) -> String {
    match code.len() {
        0..=3 => code.to_owned(),
        _ => format!("{}.{}", &code[..3], &code[3..]),
    }
}
