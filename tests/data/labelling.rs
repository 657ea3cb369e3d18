//! Which codes become labels, and what happens to the others.

use icdbench::data::{Division, Error, FitNotes, LabelRule, LabelSet, NotesWithoutCodes, UnseenCodes};
use serde::Deserialize;

use super::{assert_says, corpus_of, ids, message, note, official};

#[derive(Deserialize)]
struct Written {
    labels: LabelRule,
}

/// Train: A00 three times, B00 and C00 twice, D00 once. Unseen: X00, Y00.
fn division(policy: NotesWithoutCodes) -> Division {
    let train = vec![
        note("a1", "a1", &["A00", "C00"]),
        note("a2", "a2", &["A00", "B00"]),
        note("a3", "a3", &["A00", "B00", "C00"]),
        note("a4", "a4", &["D00"]),
    ];
    let dev = vec![note("b1", "b1", &["B00", "D00"]), note("b2", "b2", &["Y00"])];
    let test = vec![
        note("c1", "c1", &["A00", "X00"]),
        note("c2", "c2", &["Y00"]),
        note("c3", "c3", &["D00"]),
    ];
    let corpus = corpus_of(vec![("train", train), ("dev", dev), ("test", test)]).unwrap();
    corpus.divide(&official(policy)).unwrap()
}

fn labels(rule: LabelRule) -> LabelSet {
    LabelSet::fit(&division(NotesWithoutCodes::Keep).fit, &rule).unwrap()
}

#[test]
fn listed_codes_are_the_labels_and_no_others() {
    let listed = |codes: &[&str]| LabelRule::Codes(codes.iter().map(|code| (*code).to_owned()).collect());
    let found = labels(listed(&["D00", "A00", "C00"]));
    assert_eq!(found.codes(), ["A00", "C00", "D00"]);
    assert_eq!(found.train_frequency(), [3, 2, 1]);
    let refused = |rule: LabelRule, expected: &str| {
        let error = LabelSet::fit(&division(NotesWithoutCodes::Keep).fit, &rule).unwrap_err();
        assert_says(&message(error), &["labels.rule", expected]);
    };
    // X00 is of an evaluation note alone.
    refused(listed(&["A00", "X00", "Q99"]), "2 of 3 codes that no training note has");
    refused(listed(&["A00", "A00"]), "2 codes, 1 of them different");
    refused(listed(&[]), "0 codes");
    let toml: Written = toml::from_str("labels = { codes = [\"A00\"] }").unwrap();
    assert_eq!(toml.labels, listed(&["A00"]));
}

#[test]
fn rules_read_as_they_are_written() {
    let read = |text: &str| toml::from_str::<Written>(text).map(|written| written.labels);
    assert_eq!(read("labels = \"all\"").unwrap(), LabelRule::All);
    assert_eq!(read("labels = { top = 50 }").unwrap(), LabelRule::Top(50));
    assert_eq!(read("labels = { min-count = 10 }").unwrap(), LabelRule::MinCount(10));
    let error = read("labels = { topp = 50 }").unwrap_err().to_string();
    assert_says(&error, &["line 1", "unknown variant `topp`", "`min-count`"]);
}

#[test]
fn labels_are_ordered_by_training_frequency_then_by_code() {
    let all = labels(LabelRule::All);
    assert_eq!(all.codes(), ["A00", "B00", "C00", "D00"]);
    assert_eq!(all.train_frequency(), [3, 2, 2, 1]);
    assert_eq!((all.len(), all.fitted()), (4, 4));
}

#[test]
fn rules_choose_by_rank_or_by_count() {
    assert_eq!(labels(LabelRule::Top(2)).codes(), ["A00", "B00"]);
    assert_eq!(labels(LabelRule::MinCount(2)).codes(), ["A00", "B00", "C00"]);
    assert_eq!(labels(LabelRule::MinCount(1)), labels(LabelRule::All));
}

#[test]
fn a_rule_that_cannot_be_met_is_refused() {
    let refusal = |rule| {
        let error = LabelSet::fit(&division(NotesWithoutCodes::Keep).fit, &rule).unwrap_err();
        message(error)
    };
    let expected = [
        "`labels`: found top = 5",
        "they have 4 codes, the most frequent in 3 notes",
    ];
    assert_says(&refusal(LabelRule::Top(5)), &expected);
    assert_says(&refusal(LabelRule::Top(0)), &["found top = 0"]);
    assert_says(&refusal(LabelRule::MinCount(4)), &["found min-count = 4", "3 notes"]);
    assert_says(&refusal(LabelRule::MinCount(0)), &["min-count = 0", "at least 1"]);
    let none = FitNotes::new(Vec::new(), &[], &[]).unwrap();
    assert!(LabelSet::fit(&none, &LabelRule::All).is_err());
}

#[test]
fn columns_are_ascending_and_leave_out_what_is_no_label() {
    let top = labels(LabelRule::Top(2));
    let codes = ["B00", "D00", "A00", "X00"].map(String::from);
    assert_eq!(top.columns(&codes), [0, 1]);
    assert!(top.columns(&[]).is_empty());
}

#[test]
fn unseen_codes_are_appended_with_frequency_zero_and_without_an_output() {
    let test = division(NotesWithoutCodes::Keep).evaluation;
    let all = labels(LabelRule::All).with_unseen(&test);
    assert_eq!(all.codes()[4..], ["X00", "Y00"]);
    assert_eq!(all.train_frequency()[4..], [0, 0]);
    assert_eq!((all.len(), all.fitted()), (6, 4));
    assert!(all.is_fitted(3) && !all.is_fitted(4));
    // D00 was seen and left out by the rule: outside the task, so it is not appended.
    let top = labels(LabelRule::Top(2)).with_unseen(&test);
    assert_eq!(top.codes(), ["A00", "B00", "X00", "Y00"]);
}

#[test]
fn the_fingerprint_follows_codes_and_frequencies() {
    let all = labels(LabelRule::All);
    assert_eq!(all.fingerprint(), labels(LabelRule::MinCount(1)).fingerprint());
    assert_ne!(all.fingerprint(), labels(LabelRule::Top(3)).fingerprint());
    let test = division(NotesWithoutCodes::Keep).evaluation;
    assert_ne!(all.fingerprint(), all.clone().with_unseen(&test).fingerprint());
}

#[test]
fn notes_without_a_label_follow_the_policy_for_notes_without_codes() {
    let rule = LabelRule::Top(3);
    let (_, dropped) = division(NotesWithoutCodes::Drop)
        .label(&rule, UnseenCodes::Ignore)
        .unwrap();
    assert_eq!(ids(dropped.fit.notes()), ["a1", "a2", "a3"]);
    assert_eq!(ids(&dropped.validation), ["b1"]);
    assert_eq!(ids(&dropped.evaluation), ["c1"]);
    let counts = dropped.outside_labels;
    assert_eq!((counts.fit, counts.validation, counts.evaluation), (1, 1, 2));
    let (_, kept) = division(NotesWithoutCodes::Keep)
        .label(&rule, UnseenCodes::Ignore)
        .unwrap();
    assert_eq!((kept.fit.len(), kept.evaluation.len()), (4, 3));
    let error = division(NotesWithoutCodes::Refuse)
        .label(&rule, UnseenCodes::Ignore)
        .unwrap_err();
    let expected = ["1 of 4 notes for fitting have no code in the label set (first: note 4)"];
    assert_says(&message(error), &expected);
}

#[test]
fn unseen_codes_that_count_as_missed_keep_their_notes_in_the_evaluation_only() {
    let rule = LabelRule::Top(3);
    let divided = division(NotesWithoutCodes::Drop).label(&rule, UnseenCodes::CountAsMissed);
    let (labels, division) = divided.unwrap();
    assert_eq!((labels.len(), labels.fitted()), (5, 3));
    assert_eq!(ids(&division.evaluation), ["c1", "c2"]);
    // b2 has an unseen code too, yet no threshold can be tuned on it.
    assert_eq!(ids(&division.validation), ["b1"]);
}

#[test]
fn a_rule_that_leaves_no_note_to_score_is_refused() {
    let train = vec![note("a", "a", &["A00"]), note("b", "b", &["A00", "B00"])];
    let parts = vec![
        ("train", train),
        ("dev", vec![note("c", "c", &["A00"])]),
        ("test", vec![note("d", "d", &["B00"])]),
    ];
    let division = corpus_of(parts)
        .unwrap()
        .divide(&official(NotesWithoutCodes::Drop))
        .unwrap();
    let error = division.label(&LabelRule::Top(1), UnseenCodes::Ignore).unwrap_err();
    assert!(matches!(error, Error::NoNotesLeft { before: 1, .. }));
    let expected = [
        "no note is left for evaluation: there were 1",
        "without a code in the label set",
        "a wider label rule",
    ];
    assert_says(&message(error), &expected);
}
