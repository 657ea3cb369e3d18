//! The tables of MIMIC-III v1.4.

use std::io;
use std::path::Path;

use super::admission::{Admission, ListedCode};
use super::codes;
use super::csv::Field::{Bare, Missing, Number, Text};
use super::csv::{Field, Table};
use super::settings::ExportSettings;
use crate::data::synthetic::bank::BANK;

const NOTES: [&str; 11] = [
    "\"ROW_ID\"",
    "\"SUBJECT_ID\"",
    "\"HADM_ID\"",
    "\"CHARTDATE\"",
    "\"CHARTTIME\"",
    "\"STORETIME\"",
    "\"CATEGORY\"",
    "\"DESCRIPTION\"",
    "\"CGID\"",
    "\"ISERROR\"",
    "\"TEXT\"",
];
const CODES: [&str; 5] = [
    "\"ROW_ID\"",
    "\"SUBJECT_ID\"",
    "\"HADM_ID\"",
    "\"SEQ_NUM\"",
    "\"ICD9_CODE\"",
];
const TITLES: [&str; 4] = ["\"ROW_ID\"", "\"ICD9_CODE\"", "\"SHORT_TITLE\"", "\"LONG_TITLE\""];

pub(super) fn write(
    to: &Path,
    settings: &ExportSettings,
    all: impl Iterator<Item = Vec<Admission>>,
    each: &mut dyn FnMut(&Admission) -> io::Result<()>,
) -> io::Result<()> {
    let mut notes = Table::create(&to.join("NOTEEVENTS.csv"), &NOTES)?;
    let mut diagnoses = Table::create(&to.join("DIAGNOSES_ICD.csv"), &CODES)?;
    let mut procedures = Table::create(&to.join("PROCEDURES_ICD.csv"), &CODES)?;
    let mut row = 0;
    let mut code_row = 0;
    for some in all {
        // First the first reports of all, then what was added to them: rows of one admission lie apart.
        for first in [true, false] {
            for admission in &some {
                for (index, report) in admission.reports.iter().enumerate() {
                    if (index == 0) != first {
                        continue;
                    }
                    row += 1;
                    notes.row(&[
                        Number(row),
                        Number(admission.subject.into()),
                        Number(admission.admission.into()),
                        Bare(&report.chart_date),
                        Bare(&report.chart_time),
                        Missing,
                        Text("Discharge summary"),
                        Text(report.description),
                        Missing,
                        if report.is_error { Text("1") } else { Missing },
                        Text(&report.text),
                    ])?;
                }
            }
        }
        for admission in &some {
            each(admission)?;
            for other in &admission.others {
                row += 1;
                notes.row(&[
                    Number(row),
                    Number(admission.subject.into()),
                    match other.of_admission {
                        true => Number(admission.admission.into()),
                        false => Missing,
                    },
                    Bare("2150-01-01"),
                    Bare("2150-01-01 07:00:00"),
                    Bare("2150-01-01 07:03:00"),
                    Text(other.category),
                    Text("Report"),
                    Number(15_000),
                    Missing,
                    Text(&other.text),
                ])?;
            }
            for (table, codes) in [
                (&mut diagnoses, &admission.diagnoses),
                (&mut procedures, &admission.procedures),
            ] {
                for code in codes {
                    code_row += 1;
                    table.row(&[
                        Number(code_row),
                        Number(admission.subject.into()),
                        Number(admission.admission.into()),
                        order(code),
                        code.code.as_deref().map_or(Missing, Text),
                    ])?;
                }
            }
        }
    }
    for table in [notes, diagnoses, procedures] {
        table.finish()?;
    }
    titles(to, settings)
}

pub(super) fn order(code: &ListedCode) -> Field<'static> {
    code.order.map_or(Missing, |order| Number(order.into()))
}

fn titles(to: &Path, settings: &ExportSettings) -> io::Result<()> {
    let mut table = Table::create(&to.join("D_ICD_DIAGNOSES.csv"), &TITLES)?;
    let mut row = 0;
    let mut title = |table: &mut Table, code: &str, title: &str| {
        row += 1;
        let short: String = title.chars().take(24).collect();
        table.row(&[Number(row), Text(code), Text(&short), Text(title)])
    };
    for (code, entry) in BANK.entries.iter().enumerate() {
        for variant in 0..settings.variants.max(1) {
            let words = match variant {
                0 => entry.title.to_owned(),
                _ => format!("{}, form {variant}", entry.title),
            };
            title(
                &mut table,
                &codes::diagnosis_9(code, variant, settings.variants),
                &words,
            )?;
        }
    }
    table.finish()?;
    let mut table = Table::create(&to.join("D_ICD_PROCEDURES.csv"), &TITLES)?;
    for number in 0..codes::PROCEDURES {
        title(&mut table, &codes::procedure_9(number), &codes::procedure_title(number))?;
    }
    table.finish()
}
