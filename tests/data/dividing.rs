//! Who trains, who tunes, who is scored: nothing held out may reach a fit step.

use std::collections::BTreeSet;

use icdbench::data::{
    CodeChoice, DatasetSettings, Division, DivisionSettings, Error, FitNotes, Language, Note, NotesWithoutCodes, Role,
    Validation,
};
use proptest::prelude::*;

use super::{Release, assert_says, corpus_of, ids, message, note, official};

fn fraction(fraction: f64, seed: u64) -> DivisionSettings {
    DivisionSettings {
        validation: Validation::FractionOfTrain { fraction, seed },
        ..official(NotesWithoutCodes::Keep)
    }
}

/// `patients` patients with one to three notes each to train on, and one note to score.
fn many(patients: usize) -> Vec<(&'static str, Vec<Note>)> {
    let notes = (0..patients).flat_map(|patient| {
        (0..=patient % 3).map(move |visit| note(&format!("n{patient:03}-{visit}"), &format!("p{patient:03}"), &["A00"]))
    });
    vec![("train", notes.collect()), ("test", vec![note("t", "t", &["A00"])])]
}

fn divide(parts: Vec<(&str, Vec<Note>)>, settings: &DivisionSettings) -> Result<Division, Error> {
    corpus_of(parts).unwrap().divide(settings)
}

#[test]
fn settings_read_as_they_are_written_and_point_at_mistakes() {
    let text = "train = \"train\"\nvalidation = { fraction-of-train = 0.2, seed = 13 }\nevaluation = \"dev\"\nnotes-without-codes = \"drop\"\n";
    let settings: DivisionSettings = toml::from_str(text).unwrap();
    assert_eq!(
        settings.validation,
        Validation::FractionOfTrain {
            fraction: 0.2,
            seed: 13
        }
    );
    let again: DivisionSettings = toml::from_str(&toml::to_string(&settings).unwrap()).unwrap();
    assert_eq!(again, settings);
    let part = text.replace("fraction-of-train = 0.2, seed = 13", "part = \"dev\"");
    let settings: DivisionSettings = toml::from_str(&part).unwrap();
    assert_eq!(settings.validation, Validation::Part("dev".into()));
    let wrong = |from: &str, to: &str| {
        toml::from_str::<DivisionSettings>(&text.replace(from, to))
            .unwrap_err()
            .to_string()
    };
    let both = "expected either `part` alone, or `fraction-of-train` together with `seed`";
    assert_says(&wrong(", seed = 13", ""), &["line 2, column 14", both]);
    assert_says(&wrong("seed", "sede"), &["line 2", "unknown field `sede`", "`seed`"]);
    assert_says(
        &wrong("drop", "dorp"),
        &["line 4", "unknown variant `dorp`", "`refuse`"],
    );
    let data: Result<DatasetSettings, _> = toml::from_str("[codiesp]\nlanguage = \"es\"\n");
    assert_says(&data.unwrap_err().to_string(), &["line 1", "missing field `codes`"]);
}

#[test]
fn the_official_division_hands_out_the_parts_without_copying_texts() {
    let corpus = Release::new().corpus();
    let division = corpus.divide(&official(NotesWithoutCodes::Refuse)).unwrap();
    let sizes = (division.fit.len(), division.validation.len(), division.evaluation.len());
    assert_eq!(sizes, (8, 4, 4));
    let shared = &corpus.part("dev").unwrap().notes[0];
    assert!(std::sync::Arc::ptr_eq(shared, &division.validation[0]));
}

#[test]
fn a_test_id_in_a_fit_step_is_refused() {
    let corpus = Release::new().corpus();
    let [train, dev, test] = ["train", "dev", "test"].map(|name| corpus.part(name).unwrap().notes.clone());
    let mut leaking = train.clone();
    leaking.push(test[2].clone());
    let error = FitNotes::new(leaking, &dev, &test).unwrap_err();
    assert!(matches!(
        error,
        Error::SharedNotes {
            left: Role::Fit,
            right: Role::Evaluation,
            count: 1,
            ..
        }
    ));
    let expected = [
        "1 of the notes for fitting",
        "notes for evaluation",
        "note 9 of the former, note 3 of the latter",
        "must not enter a fit step",
    ];
    assert_says(&message(error), &expected);
    let error = FitNotes::new(dev.clone(), &dev, &test).unwrap_err();
    assert!(matches!(
        error,
        Error::SharedNotes {
            right: Role::Validation,
            count: 4,
            ..
        }
    ));
    assert_eq!(FitNotes::new(train, &dev, &test).unwrap().len(), 8);
}

#[test]
fn a_patient_in_two_roles_is_refused() {
    let parts = |train: &str, dev: &str, test: &str| {
        vec![
            ("train", vec![note("a", train, &["A00"])]),
            ("dev", vec![note("b", dev, &["A00"])]),
            ("test", vec![note("c", test, &["A00"])]),
        ]
    };
    let roles = |parts| match divide(parts, &official(NotesWithoutCodes::Keep)) {
        Err(Error::SharedNotes { left, right, .. }) => Some((left, right)),
        other => other.map(|_| None).unwrap(),
    };
    assert_eq!(roles(parts("p", "q", "p")), Some((Role::Fit, Role::Evaluation)));
    assert_eq!(roles(parts("p", "p", "q")), Some((Role::Fit, Role::Validation)));
    assert_eq!(roles(parts("p", "q", "q")), Some((Role::Validation, Role::Evaluation)));
    assert_eq!(roles(parts("p", "q", "r")), None);
}

#[test]
fn several_parts_train_together() {
    let parts = vec![
        ("train", vec![note("b", "p", &["A00"]), note("d", "q", &["A00"])]),
        ("dev", vec![note("a", "p", &["A00"]), note("c", "r", &["A00"])]),
        ("test", vec![note("e", "s", &["A00"])]),
    ];
    let settings = |validation: &str| {
        let text = format!(
            "train = [\"train\", \"dev\"]\nvalidation = {validation}\nevaluation = \"test\"\nnotes-without-codes = \"keep\"\n"
        );
        toml::from_str::<DivisionSettings>(&text).unwrap()
    };
    let of_both = settings("{ fraction-of-train = 0.3, seed = 7 }");
    assert_eq!(of_both.parts(), ["train", "dev", "test"]);
    let again: DivisionSettings = toml::from_str(&toml::to_string(&of_both).unwrap()).unwrap();
    assert_eq!(again, of_both);
    let division = divide(parts.clone(), &of_both).unwrap();
    let mut together: Vec<_> = ids(division.fit.notes());
    together.extend(ids(&division.validation));
    together.sort();
    assert_eq!(together, ["a", "b", "c", "d"]);
    // A patient of both parts stays whole.
    let has = |notes: &[std::sync::Arc<Note>], id: &str| notes.iter().any(|note| note.id == id);
    assert_eq!(has(division.fit.notes(), "a"), has(division.fit.notes(), "b"));
    let error = message(divide(parts, &settings("{ part = \"dev\" }")).unwrap_err());
    assert_says(&error, &["part `dev` is named for fitting and for validation"]);
}

#[test]
fn parts_to_train_on_are_some_and_none_is_named_twice() {
    let read = |train: &str| {
        let text = format!(
            "train = {train}\nvalidation = {{ part = \"dev\" }}\nevaluation = \"test\"\nnotes-without-codes = \"keep\"\n"
        );
        toml::from_str::<DivisionSettings>(&text).map_err(|error| error.to_string())
    };
    assert_eq!(read("[\"train\"]"), read("\"train\""));
    assert_says(&read("[]").unwrap_err(), &["line 1", "found an empty list"]);
    assert_says(
        &read("[\"a\", \"b\", \"a\"]").unwrap_err(),
        &["line 1", "`a` is named twice"],
    );
    assert_says(
        &read("3").unwrap_err(),
        &["line 1", "expected the name of a part, or a list of names"],
    );
}

#[test]
fn a_part_has_one_role() {
    let corpus = Release::new().corpus();
    let divide = |train: &str, validation: &str, evaluation: &str| {
        let settings = DivisionSettings {
            train: train.into(),
            validation: Validation::Part(validation.into()),
            evaluation: evaluation.into(),
            notes_without_codes: NotesWithoutCodes::Keep,
        };
        message(corpus.divide(&settings).unwrap_err())
    };
    let expected = [
        "part `train` is named for fitting and for evaluation",
        "name two different parts",
    ];
    assert_says(&divide("train", "dev", "train"), &expected);
    assert_says(&divide("train", "train", "test"), &["for fitting and for validation"]);
    assert_says(
        &divide("train", "dev", "dev"),
        &["`dev` is named for validation and for evaluation"],
    );
    let expected = [
        "has no part `valid` for validation",
        "`train`, `dev`, `test`, `background`",
    ];
    assert_says(&divide("train", "valid", "test"), &expected);
}

#[test]
fn a_test_part_without_codes_is_a_case_of_its_own_with_a_reason() {
    let release = Release::new();
    for table in ["testD.tsv", "testP.tsv", "testX.tsv"] {
        release.remove(&format!("codiesp/test/{table}"));
    }
    let corpus = release.corpus();
    assert!(
        corpus
            .part("test")
            .unwrap()
            .notes
            .iter()
            .all(|note| note.codes.is_empty())
    );
    let error = corpus.divide(&official(NotesWithoutCodes::Drop)).unwrap_err();
    assert!(matches!(&error, Error::Uncoded { part, .. } if part == "test"));
    let expected = [
        "part `test` has no codes",
        "codiesp/test/testD.tsv is absent",
        "choose a part that has codes",
    ];
    assert_says(&message(error), &expected);
    let dev = DivisionSettings {
        evaluation: "dev".into(),
        ..fraction(0.25, 7)
    };
    assert_eq!(corpus.divide(&dev).unwrap().fit.len(), 6);
}

#[test]
fn notes_without_codes_are_dropped_kept_or_refused() {
    let corpus = Release::new().load(Language::Es, CodeChoice::Procedures).unwrap();
    let divide = |policy| corpus.divide(&official(policy));
    let dropped = divide(NotesWithoutCodes::Drop).unwrap();
    assert_eq!(
        (dropped.fit.len(), dropped.validation.len(), dropped.evaluation.len()),
        (5, 2, 1)
    );
    let counts = dropped.without_codes;
    assert_eq!((counts.fit, counts.validation, counts.evaluation), (3, 2, 3));
    assert_eq!(divide(NotesWithoutCodes::Keep).unwrap().evaluation.len(), 4);
    let error = divide(NotesWithoutCodes::Refuse).unwrap_err();
    let expected = [
        "3 of 8 notes for fitting have no code at all (first: note 2)",
        "\"drop\" or \"keep\"",
    ];
    assert_says(&message(error), &expected);
}

#[test]
fn when_no_note_is_left_the_message_says_how_many_there_were_and_what_removed_them() {
    let parts = vec![
        ("train", vec![note("a", "a", &["A00"])]),
        ("dev", vec![note("b", "b", &[]), note("c", "c", &[])]),
        ("test", vec![note("d", "d", &["A00"])]),
    ];
    let error = divide(parts, &official(NotesWithoutCodes::Drop)).unwrap_err();
    let expected = [
        "no note is left for validation: there were 2",
        "dropping notes without any code",
        "removed them all",
    ];
    assert_says(&message(error), &expected);
}

#[test]
fn a_fraction_that_cannot_be_split_off_is_refused() {
    for wrong in [0.0, 1.0, -0.5, f64::NAN] {
        let error = divide(many(5), &fraction(wrong, 1)).unwrap_err();
        assert_says(
            &message(error),
            &["`fraction-of-train`", "between 0 and 1, both excluded"],
        );
    }
    let error = divide(many(1), &fraction(0.5, 1)).unwrap_err();
    assert_says(&message(error), &["a training part of 1 patients", "at least 2"]);
}

#[test]
fn the_draw_is_fixed_for_good() {
    // Another draw here would silently change every published score with a seeded split.
    let division = divide(many(10), &fraction(0.2, 13)).unwrap();
    assert_eq!(ids(&division.validation), ["n002-0", "n002-1", "n002-2", "n006-0"]);
}

#[test]
fn the_draw_does_not_depend_on_the_codes_that_were_read() {
    let release = Release::new();
    let drawn = |codes| {
        let corpus = release.load(Language::Es, codes).unwrap();
        let division = corpus.divide(&fraction(0.5, 3)).unwrap();
        ids(&division.validation).join(" ")
    };
    assert_eq!(drawn(CodeChoice::Diagnoses), drawn(CodeChoice::Procedures));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_seeded_split_keeps_patients_together_and_loses_nobody(
        patients in 2usize..40,
        share in 0.01f64..0.99,
        seed in any::<u64>(),
    ) {
        let division = divide(many(patients), &fraction(share, seed)).unwrap();
        let again = divide(many(patients), &fraction(share, seed)).unwrap();
        prop_assert_eq!(ids(&division.validation), ids(&again.validation));
        let of = |notes: &[std::sync::Arc<Note>]| -> BTreeSet<String> {
            notes.iter().map(|note| note.patient.clone()).collect()
        };
        let (fit, validation) = (of(division.fit.notes()), of(&division.validation));
        prop_assert!(fit.is_disjoint(&validation));
        let expected = ((share * patients as f64).round() as usize).clamp(1, patients - 1);
        prop_assert_eq!(validation.len(), expected);
        let all: usize = (0..patients).map(|patient| patient % 3 + 1).sum();
        prop_assert_eq!(division.fit.len() + division.validation.len(), all);
    }
}
