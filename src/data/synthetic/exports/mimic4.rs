//! The tables of MIMIC-IV v2.2 and MIMIC-IV-Note.

use std::fs;
use std::io;
use std::path::Path;

use super::admission::Admission;
use super::codes;
use super::csv::Field::{Bare, Missing, Number, Text};
use super::csv::Table;
use super::mimic3::order;
use super::settings::ExportSettings;
use crate::data::synthetic::bank::BANK;

const NOTES: [&str; 8] = [
    "note_id",
    "subject_id",
    "hadm_id",
    "note_type",
    "note_seq",
    "charttime",
    "storetime",
    "text",
];
const DIAGNOSES: [&str; 5] = ["subject_id", "hadm_id", "seq_num", "icd_code", "icd_version"];
const PROCEDURES: [&str; 6] = [
    "subject_id",
    "hadm_id",
    "seq_num",
    "chartdate",
    "icd_code",
    "icd_version",
];
const TITLES: [&str; 3] = ["icd_code", "icd_version", "long_title"];

pub(super) fn write(
    to: &Path,
    settings: &ExportSettings,
    all: impl Iterator<Item = Vec<Admission>>,
    each: &mut dyn FnMut(&Admission) -> io::Result<()>,
) -> io::Result<()> {
    let (note, hosp) = (to.join("note"), to.join("hosp"));
    fs::create_dir_all(&note)?;
    fs::create_dir_all(&hosp)?;
    let mut notes = Table::create(&note.join("discharge.csv"), &NOTES)?;
    let mut diagnoses = Table::create(&hosp.join("diagnoses_icd.csv"), &DIAGNOSES)?;
    let mut procedures = Table::create(&hosp.join("procedures_icd.csv"), &PROCEDURES)?;
    for admission in all.flatten() {
        each(&admission)?;
        let (subject, stay) = (u64::from(admission.subject), u64::from(admission.admission));
        for (index, report) in admission.reports.iter().enumerate() {
            let sequence = index as u64 + 1;
            notes.row(&[
                Bare(&format!("{subject}-DS-{stay}{sequence}")),
                Number(subject),
                Number(stay),
                Bare("DS"),
                Number(sequence),
                Bare("2180-05-07 00:00:00"),
                Bare("2180-05-09 15:26:00"),
                Text(&report.text),
            ])?;
        }
        for code in &admission.diagnoses {
            let version = Number(code.version.into());
            let shown = code.code.as_deref().map_or(Missing, Bare);
            diagnoses.row(&[Number(subject), Number(stay), order(code), shown, version])?;
        }
        for code in &admission.procedures {
            let version = Number(code.version.into());
            let shown = code.code.as_deref().map_or(Missing, Bare);
            procedures.row(&[
                Number(subject),
                Number(stay),
                order(code),
                Bare("2180-05-07"),
                shown,
                version,
            ])?;
        }
    }
    for table in [notes, diagnoses, procedures] {
        table.finish()?;
    }
    titles(&hosp, settings)
}

fn titles(hosp: &Path, settings: &ExportSettings) -> io::Result<()> {
    let mut table = Table::create(&hosp.join("d_icd_diagnoses.csv"), &TITLES)?;
    for (code, entry) in BANK.entries.iter().enumerate() {
        for variant in 0..settings.variants.max(1) {
            let words = match variant {
                0 => entry.title.to_owned(),
                _ => format!("{}, form {variant}", entry.title),
            };
            table.row(&[
                Bare(&codes::diagnosis_9(code, variant, settings.variants)),
                Number(9),
                Text(&words),
            ])?;
            table.row(&[Bare(&codes::diagnosis_10(code, variant)), Number(10), Text(&words)])?;
        }
    }
    table.finish()?;
    let mut table = Table::create(&hosp.join("d_icd_procedures.csv"), &TITLES)?;
    for number in 0..codes::PROCEDURES {
        let title = codes::procedure_title(number);
        table.row(&[Bare(&codes::procedure_9(number)), Number(9), Text(&title)])?;
        table.row(&[Bare(&codes::procedure_10(number)), Number(10), Text(&title)])?;
    }
    table.finish()
}
