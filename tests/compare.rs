//! Comparing records: which may be paired, and what comes out.

#[path = "fixtures/report/records.rs"]
mod records;

use icdbench::compare::{self, Change, Error, MICRO_F1, margin_over_prior};
use icdbench::record::{Reported, Status};
use records::{cell, ended, scored};

fn record(length: u32, level: f64) -> Reported {
    scored(cell("caml", length, 1), level)
}

fn micro_f1_change(from: &Reported, to: &Reported) -> Result<Change, Error> {
    compare::change(MICRO_F1, from, to)
}

#[test]
fn the_change_is_the_difference_of_the_two_scores_and_lies_in_its_interval() {
    let found = micro_f1_change(&record(512, 0.412), &record(1024, 0.447)).unwrap();
    assert!((found.change - 0.035).abs() < 1e-12);
    assert!(found.interval.0 < 0.035 && 0.035 < found.interval.1, "{found:?}");
    assert_eq!(found.notes, 250);
    // The other way round the same draws give the mirrored interval.
    let back = micro_f1_change(&record(1024, 0.447), &record(512, 0.412)).unwrap();
    assert!((back.interval.0 + found.interval.1).abs() < 1e-12);
    assert!((back.interval.1 + found.interval.0).abs() < 1e-12);
}

#[test]
fn the_order_in_which_a_record_lists_its_notes_has_no_effect() {
    let (from, mut to) = (record(512, 0.412), record(1024, 0.447));
    let straight = micro_f1_change(&from, &to).unwrap();
    to.notes.as_mut().unwrap().reverse();
    assert_eq!(micro_f1_change(&from, &to).unwrap(), straight);
}

#[test]
fn every_metric_of_decisions_and_ranks_has_an_interval_without_scores_and_no_other() {
    let (from, to) = (record(512, 0.412), record(1024, 0.447));
    let changes = [
        "jaccard-micro",
        "map",
        "r-precision",
        "precision-at-5",
        "recall-at-8",
        "f1-at-5",
        "macro-f1-all",
        "macro-f1-caml",
        "macro-f1-present",
    ]
    .map(|metric| {
        let found = compare::change(metric, &from, &to).unwrap();
        let (low, high) = found.interval;
        assert!(low < found.change && found.change < high, "{metric}: {found:?}");
        found.change
    });
    // Gold codes of a note with t right predictions rank 9 - 2t to 12 - 2t: so many are among the first five.
    let among_five = |found: &Reported| {
        let rows = found.notes.as_ref().unwrap();
        let first: u32 = rows.iter().map(|row| [0, 0, 1, 3, 4][row.tp as usize]).sum();
        f64::from(first) / (5.0 * rows.len() as f64)
    };
    assert!((changes[3] - (among_five(&to) - among_five(&from))).abs() < 1e-12);
    for metric in ["micro-roc-auc", "macro-pr-auc", "precision-at-0", "accuracy"] {
        let error = compare::change(metric, &from, &to).unwrap_err();
        assert_eq!(
            error,
            Error::NotByNote {
                metric: metric.to_owned()
            }
        );
        assert!(
            error
                .to_string()
                .starts_with(&format!("{metric} has no interval over notes"))
        );
    }
}

#[test]
fn a_record_compared_with_itself_has_no_change() {
    let found = micro_f1_change(&record(512, 0.412), &record(512, 0.412)).unwrap();
    assert_eq!((found.change, found.interval), (0.0, (0.0, 0.0)));
    assert!(!found.excludes_zero());
}

#[test]
fn records_of_other_notes_are_refused_with_what_is_different() {
    let (from, mut to) = (record(512, 0.412), record(1024, 0.447));
    let notes = to.notes.as_mut().unwrap();
    notes[3].note = "of another data set".to_owned();
    let error = micro_f1_change(&from, &to).unwrap_err().to_string();
    for part in [
        "caml at length 512 with seed 1 (250 notes)",
        "length 1024",
        "different notes: 249 are in both",
    ] {
        assert!(error.contains(part), "{error}");
    }
    // A subset is not the same notes either.
    let mut fewer = record(1024, 0.447);
    fewer.notes.as_mut().unwrap().pop();
    let error = micro_f1_change(&from, &fewer).unwrap_err();
    assert!(matches!(
        error,
        Error::DifferentNotes {
            second_notes: 249,
            shared: 249,
            ..
        }
    ));
}

#[test]
fn records_of_other_codes_repeated_notes_no_rows_and_no_scores_are_refused() {
    let from = record(512, 0.412);
    let mut other_codes = record(1024, 0.447);
    other_codes.notes.as_mut().unwrap()[0].fn_ += 1;
    let error = micro_f1_change(&from, &other_codes).unwrap_err();
    assert!(error.to_string().contains("different codes"), "{error}");

    let mut repeated = record(1024, 0.447);
    let notes = repeated.notes.as_mut().unwrap();
    notes[1].note = notes[0].note.clone();
    let error = micro_f1_change(&from, &repeated).unwrap_err();
    assert!(error.to_string().contains("more than once"), "{error}");

    let mut shared = record(1024, 0.447);
    shared.notes = None;
    let error = micro_f1_change(&from, &shared).unwrap_err().to_string();
    assert!(
        error.contains("the per-note rows of caml at length 1024 with seed 1 are not here"),
        "{error}"
    );

    let failed = ended(cell("caml", 1024, 1), Status::Failed, Some("out of luck"));
    let error = micro_f1_change(&from, &failed).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("caml at length 1024 with seed 1 has no scores"),
        "{error}"
    );
    assert_eq!(margin_over_prior(&failed.record), None);
}

#[test]
fn the_margin_over_the_prior_is_the_plain_difference() {
    assert!((margin_over_prior(&record(512, 0.412).record).unwrap() - (0.412 - 0.11)).abs() < 1e-12);
}
