//! Whether the roles of a division speak of the same codes: what would give a plausible score that is wrong is counted,
//! told and refused.

use icdbench::data::{Agreement, DataLimits, Dropped, Note, NotesWithoutCodes, check_left_out};

use super::{assert_says, corpus_of, message, note, official};

/// Notes with five of these codes each, by turns.
fn notes(part: &str, count: usize, codes: &[&str]) -> Vec<Note> {
    let codes_of = |index: usize| {
        (0..5)
            .map(|code| codes[(index + code) % codes.len()])
            .collect::<Vec<_>>()
    };
    (0..count)
        .map(|index| note(&format!("{part}{index}"), &format!("{part}{index}"), &codes_of(index)))
        .collect()
}

const DOTTED: [&str; 6] = ["J18.9", "I10", "E11.9", "R50.9", "M79.605", "BW03ZZZ"];

fn agreement(train: Vec<Note>, dev: Vec<Note>, test: Vec<Note>) -> Agreement {
    let corpus = corpus_of(vec![("train", train), ("dev", dev), ("test", test)]).unwrap();
    corpus.divide(&official(NotesWithoutCodes::Drop)).unwrap().agreement()
}

fn with_test(codes: &[&str]) -> Agreement {
    agreement(notes("a", 12, &DOTTED), notes("b", 6, &DOTTED), notes("c", 6, codes))
}

fn refusal(agreement: &Agreement) -> String {
    message(agreement.check(&DataLimits::default()).unwrap_err())
}

#[test]
fn parts_of_one_spelling_are_let_through_without_a_word() {
    let agreement = with_test(&DOTTED);
    agreement.check(&DataLimits::default()).unwrap();
    assert!(agreement.sentences().is_empty(), "{:?}", agreement.sentences());
    assert_eq!((agreement.fit.pairs, agreement.evaluation.pairs), (60, 30));
}

#[test]
fn a_part_that_spells_its_codes_otherwise_is_refused_with_its_role_and_the_way_out() {
    let spellings: [fn(&str) -> String; 3] = [
        |code| code.replace('.', ""),
        |code| code.to_ascii_lowercase(),
        |code| format!("{code} "),
    ];
    for spell in spellings {
        let respelt: Vec<String> = DOTTED.iter().map(|code| spell(code)).collect();
        let codes: Vec<&str> = respelt.iter().map(String::as_str).collect();
        let refusal = refusal(&with_test(&codes));
        let expected = [
            "of 30 (note, code) pairs for evaluation spell a code otherwise",
            "spell the codes of all parts one way",
            "under [limits]",
            "`respelt-codes = ",
        ];
        assert_says(&refusal, &expected);
        assert!(
            DOTTED.iter().all(|code| !refusal.contains(code)),
            "no code in a message: {refusal}"
        );
    }
}

#[test]
fn the_limit_that_the_message_names_lets_it_through_and_it_is_told() {
    let agreement = with_test(&["J189", "I10", "E119", "R509", "M79605", "BW03ZZZ"]);
    let refusal = refusal(&agreement);
    let (_, needed) = refusal.split_once("`respelt-codes = ").unwrap();
    let needed: f64 = needed.split_once('`').unwrap().0.parse().unwrap();
    let limits = DataLimits {
        respelt_codes: needed,
        unknown_codes: 1.0,
        ..DataLimits::default()
    };
    agreement.check(&limits).unwrap();
    let told = agreement.sentences().join("\n");
    assert_says(
        &told,
        &["20 of 30 (note, code) pairs for evaluation spell a code otherwise"],
    );
}

#[test]
fn diagnoses_and_procedures_of_icd_9_with_the_same_digits_are_two_codes() {
    let codes = ["038.9", "03.89", "451.3", "45.13"];
    agreement(notes("a", 8, &codes), notes("b", 8, &codes), notes("c", 8, &codes))
        .check(&DataLimits::default())
        .unwrap();
}

#[test]
fn a_part_most_of_whose_codes_no_training_note_has_is_refused() {
    let codes = ["Z01.1", "Z02.2", "Z03.3", "Z04.4", "Z05.5", "I10"];
    let of = |count| {
        agreement(
            notes("a", 12, &DOTTED),
            notes("b", 6, &DOTTED),
            notes("c", count, &codes),
        )
    };
    let expected = [
        "100 of 120 (note, code) pairs for evaluation have a code that no training note has",
        "one coding system and one release",
        "`unknown-codes = 0.84`",
    ];
    assert_says(&refusal(&of(24)), &expected);
    // With a few notes that may be chance: it is told.
    let few = of(6);
    few.check(&DataLimits::default()).unwrap();
    let told = few.sentences().join("\n");
    assert_says(
        &told,
        &["25 of 30 (note, code) pairs for evaluation have a code that no training"],
    );
}

#[test]
fn notes_that_were_trained_on_under_another_name_are_refused() {
    let mut copies = notes("c", 6, &DOTTED);
    for (copy, original) in copies.iter_mut().zip(notes("a", 2, &DOTTED)) {
        copy.text = format!(" {}\n", original.text);
    }
    let agreement = agreement(notes("a", 12, &DOTTED), notes("b", 6, &DOTTED), copies);
    let expected = [
        "2 of 6 notes for evaluation have the text of a training note",
        "`repeated-texts = 0.34`",
    ];
    assert_says(&refusal(&agreement), &expected);
}

#[test]
fn a_role_that_loses_most_of_its_notes_is_refused() {
    let dropped = |evaluation| Dropped {
        fit: 10,
        validation: 0,
        evaluation,
    };
    let check =
        |evaluation, limits: &DataLimits| check_left_out([dropped(1), dropped(evaluation)], [100, 20, 30], limits);
    let usual = DataLimits::default();
    check(29, &usual).unwrap();
    let expected = [
        "31 of 61 notes for evaluation are left out",
        "at most a share of 0.5",
        "notes-without-codes = \"keep\"",
        "`left-out-notes = 0.51`",
    ];
    assert_says(&message(check(30, &usual).unwrap_err()), &expected);
    let wider = DataLimits {
        left_out_notes: 0.51,
        ..usual
    };
    check(30, &wider).unwrap();
}
