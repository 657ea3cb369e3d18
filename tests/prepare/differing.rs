//! What `data diff` finds between two preparations.

use std::collections::BTreeSet;

use icdbench::data::synthetic::exports::Shape;
use icdbench::prepare::diff;

use super::support::{export, prepare, rows, settings};
use super::truth;

#[test]
fn the_documented_collisions_are_listed() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic3");
    let settings = settings(Shape::Mimic3, 900);
    export(&from, &settings);
    let (a, b) = (scratch.path().join("correct"), scratch.path().join("faithful"));
    prepare("mimic3-full", &[], &from, &a);
    prepare("mimic3-full", &["code-loading=caml-faithful"], &from, &b);
    let found = diff(&a, &b).unwrap();
    assert!(!found.same && found.datasets.is_none() && found.rules.is_some() && found.inputs.is_empty());
    assert_eq!(found.notes_in_both, 900);
    assert_eq!(
        (found.other_text.count, found.other_part.count, found.notes_only.a.count),
        (0, 0, 0)
    );

    // Each rewriting is one that reading whole numbers does, and each that the notes have is there.
    let mut expected = BTreeSet::new();
    for code in truth::all(&settings).iter().flat_map(|admission| &admission.procedures) {
        let raw = code.code.as_deref().unwrap();
        let write = |integers| truth::nine(raw, icdbench::data::CodeKind::Procedure, integers);
        if write(false) != write(true) {
            expected.insert((
                format!("procedure {}", write(false)),
                format!("procedure {}", write(true)),
            ));
        }
    }
    let rewritten: BTreeSet<(String, String)> = found
        .rewritten
        .iter()
        .map(|row| (row.from.clone(), row.to.clone()))
        .collect();
    // Where a list has both codes that become one, the second is no more there to be seen.
    assert!(rewritten.is_subset(&expected) && rewritten.len() * 10 > expected.len() * 9);
    assert!(
        found.rewritten.iter().any(|row| row.to.ends_with('.')),
        "bare trailing dots"
    );
    let collisions = &found.merged.b;
    assert!(!collisions.is_empty());
    for (one, several) in collisions {
        assert!(
            several.len() > 1
                && several
                    .iter()
                    .all(|code| code == one || rewritten.contains(&(code.clone(), one.clone())))
        );
    }
    assert!(found.labels.a > found.labels.b);
    assert!(found.labels_only.b.keys().all(|code| code.starts_with("procedure ")));

    // No identifier in it, and examples that two runs give alike.
    let shown = serde_json::to_string(&found).unwrap();
    assert!(rows(&a).iter().all(|row| !shown.contains(&format!("\"{}\"", row.note))));
    assert_eq!(found, diff(&a, &b).unwrap());
    let same = diff(&a, &a).unwrap();
    assert!(same.same && same.other_codes.count == 0 && same.rewritten.is_empty());
}

#[test]
fn texts_parts_and_missing_notes_are_counted() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic3");
    export(&from, &settings(Shape::Mimic3, 200));
    let (a, b) = (scratch.path().join("a"), scratch.path().join("b"));
    prepare("mimic3-full", &[], &from, &a);
    prepare(
        "mimic3-full",
        &[
            "addenda=laat",
            "without-codes=drop",
            "split={ by-patient = { dev = 0.2, test = 0.2, seed = 3 } }",
        ],
        &from,
        &b,
    );
    let (first, second) = (rows(&a), rows(&b));
    let found = diff(&a, &b).unwrap();
    let of = |id: &str| second.iter().find(|row| row.note == id);
    let both: Vec<_> = first.iter().filter_map(|row| Some((row, of(&row.note)?))).collect();
    assert_eq!(found.notes_in_both, both.len() as u64);
    assert_eq!(found.notes_only.a.count, (first.len() - both.len()) as u64);
    assert!(found.notes_only.a.count > 0 && found.notes_only.b.count == 0);
    let count = |differs: fn(
        &(
            &icdbench::data::prepared::PreparedNote,
            &icdbench::data::prepared::PreparedNote,
        ),
    ) -> bool| { both.iter().filter(|pair| differs(pair)).count() as u64 };
    assert_eq!(found.other_text.count, count(|(a, b)| a.text != b.text));
    assert_eq!(found.other_part.count, count(|(a, b)| a.split != b.split));
    assert!(found.other_text.count > 10 && found.other_part.count > 10 && found.other_codes.count == 0);
}

#[test]
fn a_table_of_another_set_is_no_table_of_this_one() {
    let scratch = tempfile::tempdir().unwrap();
    let from = scratch.path().join("mimic3");
    export(&from, &settings(Shape::Mimic3, 120));
    let (a, b) = (scratch.path().join("a"), scratch.path().join("b"));
    prepare("mimic3-full", &[], &from, &a);
    prepare("mimic3-full", &["addenda=laat"], &from, &b);
    std::fs::copy(b.join("notes.parquet"), a.join("notes.parquet")).unwrap();
    let error = diff(&a, &b).unwrap_err().to_string();
    assert!(error.contains("other rows than the manifest says"), "{error}");
}
