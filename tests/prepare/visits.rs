//! BERT-XML's recipe over a hospital's export (Zhang et al. 2020, section 4.1).

use std::fs;
use std::path::Path;

use super::support::{prepare, step, try_prepare};

const LONG: &str = "seen in clinic today, doing well overall, no new complaints, plan as before";

/// Three patients over time; `many` patients more, so that there are three parts.
fn write(to: &Path, many: usize) {
    fs::create_dir_all(to).unwrap();
    let mut notes = String::from("note_id,patient_id,visit_id,note_type,time,text\n");
    let mut add = |id: &str, patient: &str, visit: &str, kind: &str, time: &str, text: &str| {
        notes.push_str(&format!("{id},{patient},{visit},{kind},{time},\"{text}\"\n"));
    };
    add("n1", "p1", "v1", "Progress", "2018-01-02 09:00:00", LONG);
    add("n2", "p1", "v2", "Progress", "2018-02-02 09:00:00", LONG);
    add("n3", "p1", "v3", "Telephone", "2018-03-02T08:00:00", LONG);
    add("n4", "p1", "v4", "Progress", "2018-04-02 09:00:00", LONG);
    add("n5", "p1", "v4", "Student", "2018-04-02 09:00:00", LONG);
    add("n6", "p1", "v4", "progress", "2018-04-02 09:00:00", "too short");
    add("n7", "p2", "v5", "Miscellaneous", "2018-04-02 09:00:00", LONG);
    for number in 0..many {
        add(
            &format!("m{number}"),
            &format!("q{number}"),
            &format!("w{number}"),
            "Progress",
            "2018-05-05 09:00:00",
            LONG,
        );
    }
    fs::write(to.join("notes.csv"), notes).unwrap();
    // I10 is chronic and comes in v2 and v4; J18.9 is not; E11.9 is chronic and comes once.
    let mut codes = String::from(
        "visit_id,code,order\nv1,J18.9,1\nv2,I10,1\nv2,J18.9,2\nv4,I10,1\nv3,E11.9,1\nv9,I10,1\nv2,I10,3\nv3,,2\n",
    );
    for number in 0..many {
        codes.push_str(&format!("w{number},J18.9,1\n"));
        if number % 2 == 0 {
            codes.push_str(&format!("w{number},I10,2\n"));
        }
    }
    fs::write(to.join("diagnoses.csv"), codes).unwrap();
    fs::write(
        to.join("chronic.csv"),
        "\"Chronic Condition Indicator for ICD-10-CM\",\n'ICD-10-CM CODE','ICD-10-CM CODE DESCRIPTION','CHRONIC INDICATOR'\n\
         'I10',\"Essential hypertension\",'1'\n'E119',\"Type 2 diabetes\",'1'\n'J189',\"Pneumonia\",'0'\n'V0001',\"Skates\",'9'\n",
    )
    .unwrap();
}

#[test]
fn notes_are_left_out_codes_imputed_and_those_in_scope_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("ehr");
    write(&from, 60);
    let rules = ["more-than=0"];
    let (manifest, found) = prepare("nyu-langone", &rules, &from, &scratch.path().join("set"));
    let codes = |id: &str| {
        let note = found.iter().find(|note| note.note == id).unwrap();
        let mut codes: Vec<&str> = note.codes.iter().map(|code| code.code.as_str()).collect();
        codes.sort_unstable();
        codes.join(" ")
    };
    // Before the first time nothing is imputed; between the two and after, the code is there.
    assert_eq!(codes("n1"), "J18.9");
    assert_eq!(codes("n2"), "I10 J18.9");
    assert!(codes("n3").contains("I10"), "imputed between its two mentions");
    assert_eq!(codes("n4"), "I10");
    let ids: Vec<&str> = found.iter().map(|note| note.note.as_str()).collect();
    assert!(!ids.contains(&"n5") && !ids.contains(&"n6") && !ids.contains(&"n7"));
    assert_eq!(step(&manifest, "\"student\", left out"), 1);
    assert_eq!(step(&manifest, "\"miscellaneous\", left out"), 1);
    assert_eq!(step(&manifest, "fewer than 50 characters"), 1);
    assert_eq!(step(&manifest, "given to later visits"), 1);
    assert_eq!(step(&manifest, "codes that a visit has again"), 1);
    assert_eq!(step(&manifest, "of visits without a document"), 1);
    assert_eq!(step(&manifest, "of these, without a code, left out"), 1);
    assert_eq!(manifest.patients_in_several_parts, 0);
}

#[test]
fn codes_out_of_scope_go_and_their_notes_stay() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("ehr");
    write(&from, 60);
    let (manifest, found) = prepare("nyu-langone", &["more-than=35"], &from, &scratch.path().join("set"));
    let kinds: std::collections::BTreeSet<&str> = found
        .iter()
        .flat_map(|note| &note.codes)
        .map(|code| code.code.as_str())
        .collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["J18.9"]);
    assert_eq!(found.len(), 64, "notes without a code in scope are kept");
    assert_eq!(step(&manifest, "codes in scope"), 1);
    assert!(step(&manifest, "documents without a code, kept") >= 2);
}

#[test]
fn what_no_export_should_have_is_named_with_its_row() {
    let good = |name: &str, from: &Path| fs::read_to_string(from.join(name)).unwrap();
    let cases: [(&str, &str, &str, &str); 6] = [
        (
            "notes.csv",
            "2018-02-02 09:00:00",
            "02/02/2018",
            "row 3: found a time of another form",
        ),
        ("notes.csv", "n2,p1", "n1,p1", "row 3: found a note_id that came before"),
        (
            "notes.csv",
            "n2,p1,v2",
            "n2,p9,v1",
            "row 3: found a visit that other rows give another patient",
        ),
        (
            "diagnoses.csv",
            "v2,I10,1",
            "v2,I 10,1",
            "row 3: found something other than a code",
        ),
        (
            "chronic.csv",
            "'CHRONIC INDICATOR'",
            "'CHRONIC'",
            "no header of AHRQ's form",
        ),
        (
            "chronic.csv",
            "\"Essential hypertension\",'1'",
            "\"Essential hypertension\",'yes'",
            "an indicator of another form",
        ),
    ];
    for (file, before, after, expected) in cases {
        let scratch = tempfile::tempdir().unwrap();
        let from = scratch.path().join("ehr");
        write(&from, 30);
        let text = good(file, &from);
        assert!(text.contains(before), "{before}");
        fs::write(from.join(file), text.replacen(before, after, 1)).unwrap();
        let error = try_prepare("nyu-langone", &["more-than=0"], &from, &scratch.path().join("set")).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(expected), "{message}");
    }
}
