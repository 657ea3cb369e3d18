//! The rules once more, as plainly as they can be written, over the generator's own list: no code of the program.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use icdbench::data::CodeKind;
use icdbench::data::prepared::{PreparedCode, PreparedNote};
use icdbench::data::synthetic::Part;
use icdbench::data::synthetic::exports::{Admission, ExportSettings, ListedCode, Report, admissions};

pub fn all(settings: &ExportSettings) -> Vec<Admission> {
    admissions(settings).unwrap().flatten().collect()
}

pub fn part(part: Part) -> &'static str {
    match part {
        Part::Train => "train",
        Part::Dev => "dev",
        Part::Test => "test",
    }
}

/// caml-mimic's and medical-coding-reproducibility's: one space, in the order of the rows.
pub fn in_order(reports: &[Report]) -> String {
    reports
        .iter()
        .map(|report| report.text.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

/// LAAT's: by time (missing last), date, then description from Z to A; repeated texts once; an empty line between.
pub fn laat(reports: &[Report]) -> String {
    let mut sorted: Vec<&Report> = reports.iter().collect();
    sorted.sort_by(|a, b| b.description.cmp(a.description));
    sorted.sort_by(|a, b| a.chart_date.cmp(&b.chart_date));
    sorted.sort_by(|a, b| a.chart_time.cmp(&b.chart_time));
    sorted.sort_by_key(|report| report.chart_time.is_empty());
    let mut texts: Vec<&str> = Vec::new();
    for report in sorted {
        if !texts.contains(&report.text.as_str()) {
            texts.push(&report.text);
        }
    }
    texts.join("\n\n")
}

/// explainable-medical-coding's: reports before addenda, each by time (missing first), date and row; one space between.
pub fn report_first(reports: &[Report]) -> String {
    let mut sorted: Vec<&Report> = reports.iter().collect();
    sorted.sort_by(|a, b| a.chart_date.cmp(&b.chart_date));
    sorted.sort_by(|a, b| a.chart_time.cmp(&b.chart_time));
    sorted.sort_by(|a, b| b.description.cmp(a.description));
    sorted
        .iter()
        .map(|report| report.text.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

/// ICD-9 with dots as caml-mimic puts them.
pub fn nine(code: &str, kind: CodeKind, integers: bool) -> String {
    let code = match (kind, integers) {
        (CodeKind::Procedure, true) => code.trim_start_matches('0').to_owned(),
        _ => code.to_owned(),
    };
    let code = if code.is_empty() { "0".to_owned() } else { code };
    let cut = match kind {
        CodeKind::Diagnosis if code.starts_with('E') => 4,
        CodeKind::Diagnosis => 3,
        CodeKind::Procedure => 2,
    };
    let before: String = code.chars().take(cut).collect();
    let behind: String = code.chars().skip(cut).collect();
    match kind {
        CodeKind::Procedure => format!("{before}.{behind}"),
        CodeKind::Diagnosis if behind.is_empty() => before,
        CodeKind::Diagnosis => format!("{before}.{behind}"),
    }
}

/// A list in the order of its numbers, those without one last, no code twice.
pub fn listed(list: &[ListedCode], kind: CodeKind, write: impl Fn(&str) -> String) -> Vec<PreparedCode> {
    let mut rows: Vec<&ListedCode> = list.iter().filter(|row| row.code.is_some()).collect();
    rows.sort_by_key(|row| row.order.unwrap_or(u32::MAX));
    let mut seen = BTreeSet::new();
    let mut codes = Vec::new();
    for row in rows {
        let code = write(row.code.as_deref().unwrap());
        if seen.insert(code.clone()) {
            codes.push(PreparedCode {
                code,
                kind,
                order: row.order.unwrap_or(0),
            });
        }
    }
    codes
}

/// Removes codes that fewer notes have, diagnoses and procedures apart.
pub fn keep_frequent(notes: &mut [PreparedNote], least: usize) {
    let mut counts: HashMap<(CodeKind, String), usize> = HashMap::new();
    for code in notes.iter().flat_map(|note| &note.codes) {
        *counts.entry((code.kind, code.code.clone())).or_default() += 1;
    }
    for note in notes {
        note.codes
            .retain(|code| counts[&(code.kind, code.code.clone())] >= least);
    }
}

/// In the order of the table: by number.
pub fn by_number(notes: Vec<PreparedNote>) -> Vec<PreparedNote> {
    let sorted: BTreeMap<u64, PreparedNote> = notes
        .into_iter()
        .map(|note| {
            let mut parts = note.note.split('-').map(|part| part.parse::<u64>().unwrap());
            let number = parts.next().unwrap() * 100 + parts.next().unwrap_or(1);
            (number, note)
        })
        .collect();
    sorted.into_values().collect()
}
