//! MIMIC-IV's shape.

use icdbench::data::CodeKind;
use icdbench::data::prepared::{PreparedCode, PreparedNote};
use icdbench::data::synthetic::exports::{Admission, ListedCode, Shape};

use super::support::{export, prepare, settings, step};
use super::truth::{self, by_number, listed, nine};

/// ICD-10 with the dot that medical-coding-reproducibility always puts.
fn ten(code: &str, kind: CodeKind, always: bool) -> String {
    match (kind, code.get(3..).unwrap_or_default()) {
        (CodeKind::Procedure, _) => code.to_owned(),
        (CodeKind::Diagnosis, "") if !always => code.to_owned(),
        (CodeKind::Diagnosis, behind) => format!("{}.{behind}", &code[..3]),
    }
}

fn expected(all: &[Admission], version: u8, kinds: &[CodeKind], edin: bool) -> Vec<PreparedNote> {
    let mut notes = Vec::new();
    for admission in all {
        let of = |list: &[ListedCode], kind: CodeKind| -> Vec<PreparedCode> {
            let rows: Vec<ListedCode> = list.iter().filter(|row| row.version == version).cloned().collect();
            let write = |code: &str| match version {
                9 => nine(code, kind, false).trim_end_matches('.').to_owned(),
                _ => ten(code, kind, edin),
            };
            if kinds.contains(&kind) {
                listed(&rows, kind, write)
            } else {
                Vec::new()
            }
        };
        let mut codes = of(&admission.diagnoses, CodeKind::Diagnosis);
        codes.extend(of(&admission.procedures, CodeKind::Procedure));
        let mut texts: Vec<&str> = Vec::new();
        for report in &admission.reports {
            if !texts.contains(&report.text.as_str()) {
                texts.push(&report.text);
            }
        }
        if codes.is_empty() {
            continue;
        }
        for (index, text) in texts.into_iter().enumerate() {
            notes.push(PreparedNote {
                note: match index {
                    0 => admission.admission.to_string(),
                    _ => format!("{}-{}", admission.admission, index + 1),
                },
                subject: admission.subject.to_string(),
                admission: admission.admission.to_string(),
                split: truth::part(admission.part).into(),
                text: text.to_owned(),
                codes: codes.clone(),
            });
        }
    }
    by_number(notes)
}

#[test]
fn every_note_of_a_version_is_the_generators() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic4");
    let settings = settings(Shape::Mimic4, 700);
    export(&from, &settings);
    let all = truth::all(&settings);
    for (name, version) in [("mimic4-icd9", 9), ("mimic4-icd10", 10)] {
        let (manifest, found) = prepare(name, &[], &from, &scratch.path().join(name));
        let kinds = [CodeKind::Diagnosis, CodeKind::Procedure];
        let mut wanted = expected(&all, version, &kinds, true);
        truth::keep_frequent(&mut wanted, 10);
        wanted.retain(|note| !note.codes.is_empty());
        assert_eq!(found, wanted, "{name}");
        assert!(step(&manifest, "rows with the text of an earlier one") > 0);
        assert!(step(&manifest, "several different notes") > 0);
        let of_other = step(&manifest, &format!("without a code of ICD-{version}"));
        assert!(of_other > 100);
    }
}

#[test]
fn longberts_set_has_diagnoses_alone_and_every_patient_in_one_part() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic4");
    let settings = settings(Shape::Mimic4, 700);
    export(&from, &settings);
    let (manifest, found) = prepare("mimic4-icd10-diagnoses", &[], &from, &scratch.path().join("set"));
    let mut wanted = expected(&truth::all(&settings), 10, &[CodeKind::Diagnosis], false);
    for (wanted, found) in wanted.iter_mut().zip(&found) {
        wanted.split = found.split.clone();
    }
    assert_eq!(found, wanted);
    assert_eq!(manifest.patients_in_several_parts, 0);
    let share = |name: &str| {
        let notes = found.iter().filter(|note| note.split == name).count();
        notes as f64 / found.len() as f64
    };
    assert!((share("test") - 0.2).abs() < 0.05 && (share("dev") - 0.1).abs() < 0.04);
}
