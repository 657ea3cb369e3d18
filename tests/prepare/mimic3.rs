//! MIMIC-III's shape, by every rule.

use std::collections::{BTreeMap, BTreeSet};

use icdbench::data::CodeKind;
use icdbench::data::prepared::PreparedNote;
use icdbench::data::synthetic::exports::{Admission, Report, Shape};

use super::support::{export, prepare, settings, step};
use super::truth::{self, by_number, in_order, laat, listed, nine, report_first};

fn expected(all: &[Admission], join: fn(&[Report]) -> String, integers: bool) -> Vec<PreparedNote> {
    let documents = all.iter().filter(|admission| !admission.reports.is_empty());
    let note = |admission: &Admission| {
        let of = |list: &[_], kind| listed(list, kind, |code| nine(code, kind, integers));
        let mut codes = of(&admission.diagnoses, CodeKind::Diagnosis);
        codes.extend(of(&admission.procedures, CodeKind::Procedure));
        PreparedNote {
            note: admission.admission.to_string(),
            subject: admission.subject.to_string(),
            admission: admission.admission.to_string(),
            split: truth::part(admission.part).into(),
            text: join(&admission.reports),
            codes,
        }
    };
    by_number(documents.map(note).collect())
}

/// Changed rules, how reports are joined by them, and whether procedure codes are whole numbers.
type Rules = (&'static [&'static str], fn(&[Report]) -> String, bool);

#[test]
fn every_text_code_and_count_is_the_generators_under_each_rule() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic3");
    let settings = settings(Shape::Mimic3, 600);
    export(&from, &settings);
    let all = truth::all(&settings);
    let cases: [Rules; 5] = [
        (&[], in_order, false),
        (&["addenda=edin"], in_order, false),
        (&["addenda=laat"], laat, false),
        (&["addenda=report-first"], report_first, false),
        (&["code-loading=caml-faithful"], in_order, true),
    ];
    let mut texts = BTreeSet::new();
    for (number, (rules, join, integers)) in cases.into_iter().enumerate() {
        let to = scratch.path().join(number.to_string());
        let (manifest, found) = prepare("mimic3-full", rules, &from, &to);
        let wanted = expected(&all, join, integers);
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(&wanted) {
            assert_eq!(found, wanted, "{rules:?}");
        }
        texts.insert(found.iter().map(|note| note.text.as_str()).collect::<String>());
        assert!(manifest.generated && manifest.changed_rules == rules);

        let rows: usize = all.iter().map(|admission| admission.reports.len()).sum();
        let others: usize = all.iter().map(|admission| admission.others.len()).sum();
        assert_eq!(step(&manifest, "rows of NOTEEVENTS"), (rows + others) as u64);
        assert_eq!(step(&manifest, "of category"), rows as u64);
        let errors = all
            .iter()
            .flat_map(|admission| &admission.reports)
            .filter(|report| report.is_error);
        assert_eq!(step(&manifest, "ISERROR"), errors.count() as u64);
        let several = all.iter().filter(|admission| admission.reports.len() > 1).count();
        assert_eq!(
            step(&manifest, "several discharge summaries or addenda"),
            several as u64
        );
        let without = wanted.iter().filter(|note| note.codes.is_empty()).count();
        assert!(several > 20 && without > 0, "the generator's blemishes are there");
        assert_eq!(step(&manifest, "documents without a code, kept"), without as u64);
        for part in &manifest.parts {
            let of_part: Vec<_> = wanted.iter().filter(|note| note.split == part.name).collect();
            assert_eq!(part.notes, of_part.len() as u64);
            assert_eq!(
                part.assignments,
                of_part.iter().map(|note| note.codes.len() as u64).sum::<u64>()
            );
            let patients: BTreeSet<_> = of_part.iter().map(|note| &note.subject).collect();
            assert_eq!(part.patients, patients.len() as u64);
        }
    }
    // Rows in order, LAAT's and reports first are three different documents.
    assert_eq!(texts.len(), 3);
}

#[test]
fn integer_procedure_codes_collide_as_caml_mimics_do() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic3");
    let settings = settings(Shape::Mimic3, 900);
    export(&from, &settings);
    let (correct, right) = prepare("mimic3-full", &[], &from, &scratch.path().join("correct"));
    let (faithful, wrong) = prepare(
        "mimic3-full",
        &["code-loading=caml-faithful"],
        &from,
        &scratch.path().join("faithful"),
    );
    let procedures = |rows: &[PreparedNote]| -> BTreeSet<String> {
        let codes = rows.iter().flat_map(|note| &note.codes);
        let procedures = codes.filter(|code| code.kind == CodeKind::Procedure);
        procedures.map(|code| code.code.clone()).collect()
    };
    let (right, wrong) = (procedures(&right), procedures(&wrong));
    // What the published list of codes shows: no leading zero, and bare trailing dots.
    assert!(right.iter().any(|code| code.starts_with('0')));
    assert!(!wrong.iter().any(|code| code.starts_with('0') && code != "0."));
    let bare = |codes: &BTreeSet<String>| codes.iter().filter(|code| code.ends_with('.')).count();
    assert!(bare(&wrong) > bare(&right));
    assert!(
        wrong.len() < right.len(),
        "codes collide: {} and {}",
        wrong.len(),
        right.len()
    );
    assert_eq!(correct.codes["procedure"], right.len() as u64);
    assert_eq!(faithful.codes["procedure"], wrong.len() as u64);
    assert_eq!(correct.codes["diagnosis"], faithful.codes["diagnosis"]);
    assert_ne!(correct.fingerprint, faithful.fingerprint);
}

#[test]
fn the_clean_set_keeps_codes_of_ten_admissions_and_drops_what_has_none_left() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic3");
    let settings = settings(Shape::Mimic3, 500);
    export(&from, &settings);
    let to = scratch.path().join("clean");
    let (manifest, found) = prepare("mimic3-clean", &["min-count=10"], &from, &to);
    let all = truth::all(&settings);
    let mut wanted = expected(&all, in_order, false);
    // The dots are Edin's: none at the end of two digits.
    for code in wanted.iter_mut().flat_map(|note| &mut note.codes) {
        if code.kind == CodeKind::Procedure {
            code.code = code.code.trim_end_matches('.').to_owned();
        }
    }
    truth::keep_frequent(&mut wanted, 10);
    wanted.retain(|note| !note.codes.is_empty());
    assert_eq!(found, wanted);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for code in found.iter().flat_map(|note| &note.codes) {
        *counts.entry(&code.code).or_default() += 1;
    }
    assert!(counts.values().all(|&count| count >= 10));
    assert!(step(&manifest, "codes of fewer than 10 documents, removed") > 100);
}
