//! What must hold for any scores, any gold codes and any options.

use icdbench::metrics::{NoteMetric, watched};
use proptest::prelude::*;

use super::*;

/// Cases with many ties: scores are eighths, sometimes negative; gold density varies by case.
fn cases() -> impl Strategy<Value = Case> {
    (1usize..12, 1usize..40, 0u32..=10).prop_flat_map(|(notes, codes, density)| {
        let cell = (-1i8..=8, 0u32..10);
        let row = prop::collection::vec(cell, codes);
        prop::collection::vec(row, notes).prop_map(move |rows| Case {
            scores: rows
                .iter()
                .map(|row| row.iter().map(|cell| f32::from(cell.0) / 8.0).collect())
                .collect(),
            gold: rows
                .iter()
                .map(|row| row.iter().map(|cell| cell.1 < density).collect())
                .collect(),
        })
    })
}

fn any_options() -> impl Strategy<Value = Options> {
    let ties = prop_oneof![Just(TieOrder::HigherIndexFirst), Just(TieOrder::LowerIndexFirst)];
    ((-2i8..=9), prop::collection::vec(1usize..50, 0..4), ties).prop_map(|(eighths, at_k, ties)| Options {
        threshold: f32::from(eighths) / 8.0,
        at_k,
        ties,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_metric_agrees_with_its_textbook_version(case in cases(), options in any_options()) {
        let evaluation = case.evaluate(&options);
        assert_close(&evaluation.scores, &textbook::scores(&case, &options), 1e-12);
        for (code, score) in evaluation.per_code.iter().enumerate() {
            let notes = 0..case.scores.len();
            let cells: Vec<(f32, bool)> =
                notes.map(|note| (case.scores[note][code], case.gold[note][code])).collect();
            let expected = (textbook::roc_auc(&cells), textbook::average_precision(&cells));
            prop_assert_eq!(score.roc_auc.is_some(), expected.0.is_some());
            prop_assert_eq!(score.pr_auc.is_some(), expected.1.is_some());
            let near = |a: Option<f64>, b: Option<f64>| (a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-12;
            prop_assert!(near(score.roc_auc, expected.0) && near(score.pr_auc, expected.1));
        }
    }

    #[test]
    fn every_score_lies_between_zero_and_one(case in cases(), options in any_options()) {
        for (name, value) in case.evaluate(&options).scores {
            prop_assert!((0.0..=1.0).contains(&value), "{} is {}", name, value);
        }
    }

    #[test]
    fn permuting_notes_changes_nothing_but_their_order(
        (case, order) in cases().prop_flat_map(|case| {
            let notes: Vec<usize> = (0..case.scores.len()).collect();
            (Just(case), Just(notes).prop_shuffle())
        }),
        options in any_options(),
    ) {
        let before = case.evaluate(&options);
        let after = case.keep_notes(&order).evaluate(&options);
        assert_close(&before.scores, &after.scores, 1e-12);
        prop_assert_eq!(&before.per_code, &after.per_code);
        for (new, &old) in order.iter().enumerate() {
            prop_assert_eq!(&before.per_note[old], &after.per_note[new]);
        }
    }

    #[test]
    fn a_resample_of_notes_scores_as_the_notes_themselves_would(
        (case, sample) in cases().prop_flat_map(|case| {
            let notes = case.scores.len();
            (Just(case), prop::collection::vec(0..notes, 1..2 * notes + 1))
        }),
        options in any_options(),
    ) {
        let whole = case.evaluate(&options);
        let everyone: Vec<usize> = (0..case.scores.len()).collect();
        for rows in [everyone, sample] {
            let direct = case.keep_notes(&rows).evaluate(&options).scores;
            let mut by_note = 0;
            for (name, value) in &direct {
                if let Some(metric) = NoteMetric::new(name, &whole.per_note, case.codes()) {
                    prop_assert_eq!(metric.over(&rows).to_bits(), value.to_bits(), "{}", name);
                    by_note += 1;
                }
            }
            prop_assert_eq!(by_note, 7 + direct.keys().filter(|name| name.contains("-at-")).count());
        }
    }

    #[test]
    fn every_watched_metric_is_that_of_the_evaluation_to_the_last_bit(case in cases(), options in any_options()) {
        let evaluation = case.evaluate(&options);
        let names: Vec<String> = METRICS
            .iter()
            .flat_map(|metric| match metric.name.strip_suffix("-k") {
                Some(family) => options.at_k.iter().map(|k| format!("{family}-{k}")).collect(),
                None => vec![metric.name.to_owned()],
            })
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let watch = |names: &[&str]| {
            case.with(|scores, targets| watched(names, scores, targets, options.threshold, options.ties).unwrap())
        };
        let bits = |scores: &BTreeMap<String, f64>| -> BTreeMap<String, u64> {
            scores.iter().map(|(name, value)| (name.clone(), value.to_bits())).collect()
        };
        prop_assert_eq!(bits(&watch(&names)), bits(&evaluation.scores));
        for name in names {
            // Alone as in company, and absent where the evaluation has none.
            let alone = watch(&[name]);
            prop_assert_eq!(alone.get(name), evaluation.scores.get(name), "{}", name);
        }
    }

    #[test]
    fn the_tuned_threshold_is_the_first_best_of_evaluating_each(
        case in cases(),
        start in -1.0f64..0.9,
        width in 0.1f64..1.5,
        points in 1usize..30,
        eighths in any::<bool>(),
    ) {
        // On the grid of eighths every score equals a threshold, where strictness shows.
        let grid = match eighths {
            true => ThresholdGrid { start: -0.125, end: 1.0, points: 10 },
            false => ThresholdGrid { start, end: start + width, points },
        };
        let objectives = [
            (Objective::MicroF1, "micro-f1"),
            (Objective::MacroF1All, "macro-f1-all"),
            (Objective::MacroF1Present, "macro-f1-present"),
            (Objective::MacroF1Caml, "macro-f1-caml"),
        ];
        for (objective, name) in objectives {
            let tuned = case.with(|s, t| tune_threshold(s, t, &grid, objective).unwrap());
            let mut best = (f32::NAN, -1.0);
            for threshold in grid.thresholds().unwrap() {
                let scores = case.evaluate(&Options { threshold, ..options() }).scores;
                let value = scores.get(name).copied().unwrap_or(0.0);
                if value > best.1 {
                    best = (threshold, value);
                }
            }
            prop_assert_eq!((tuned.threshold, tuned.value), best, "{}", name);
        }
    }
}
