//! Metrics against worked values and against textbook versions that are written here from their
//! definitions, slow and plain, and share no code with the crate.

use std::collections::BTreeMap;

use icdbench::metrics::{
    CodeScore, Evaluation, METRICS, NoteMetric, Objective, Options, Scores, Targets, ThresholdGrid, TieOrder, evaluate,
    frequency_bins, metric_info, metric_title, tune_threshold, watched,
};
use proptest::prelude::*;

/// A small task: scores and gold flags, both `[note][code]`.
#[derive(Clone, Debug)]
struct Case {
    scores: Vec<Vec<f32>>,
    gold: Vec<Vec<bool>>,
}

impl Case {
    fn new(scores: &[&[f32]], gold: &[&str]) -> Self {
        let flags = |row: &&str| row.chars().map(|flag| flag == '1').collect();
        Case {
            scores: scores.iter().map(|row| row.to_vec()).collect(),
            gold: gold.iter().map(flags).collect(),
        }
    }

    fn codes(&self) -> usize {
        self.scores[0].len()
    }

    fn targets(&self) -> Targets {
        let columns = |row: &Vec<bool>| {
            (0..row.len())
                .filter(|&code| row[code])
                .map(|code| code as u32)
                .collect()
        };
        let rows: Vec<Vec<u32>> = self.gold.iter().map(columns).collect();
        Targets::from_rows(&rows, self.codes()).unwrap()
    }

    fn with<T>(&self, work: impl FnOnce(&Scores, &Targets) -> T) -> T {
        let values = self.scores.concat();
        let scores = Scores::new(&values, self.scores.len(), self.codes()).unwrap();
        work(&scores, &self.targets())
    }

    fn evaluate(&self, options: &Options) -> Evaluation {
        self.with(|scores, targets| evaluate(scores, targets, options).unwrap())
    }

    fn keep_notes(&self, notes: &[usize]) -> Case {
        Case {
            scores: notes.iter().map(|&note| self.scores[note].clone()).collect(),
            gold: notes.iter().map(|&note| self.gold[note].clone()).collect(),
        }
    }
}

fn options() -> Options {
    Options {
        threshold: 0.5,
        at_k: vec![1, 2, 3],
        ties: TieOrder::HigherIndexFirst,
    }
}

/// The golden vector: 6 notes, 6 codes, of which the last two are never gold.
fn golden() -> Case {
    Case::new(
        &[
            &[0.9, 0.2, 0.4, 0.1, 0.05, 0.6],
            &[0.8, 0.6, 0.3, 0.2, 0.05, 0.1],
            &[0.7, 0.45, 0.1, 0.1, 0.05, 0.2],
            &[0.95, 0.1, 0.2, 0.3, 0.05, 0.1],
            &[0.6, 0.3, 0.55, 0.2, 0.05, 0.3],
            &[0.4, 0.9, 0.2, 0.1, 0.05, 0.1],
        ],
        &["101000", "110000", "010000", "100100", "101000", "010000"],
    )
}

#[test]
fn golden_vector_matches_to_six_digits() {
    // Every value was computed with CAML's own functions and with scikit-learn.
    let expected = [
        ("micro-precision", "0.777778"),
        ("micro-recall", "0.700000"),
        ("micro-f1", "0.736842"),
        ("micro-f1-present", "0.777778"),
        ("macro-precision", "0.466667"),
        ("macro-recall", "0.361111"),
        ("macro-f1-caml", "0.407159"),
        ("macro-f1-all", "0.392593"),
        ("macro-f1-present", "0.588889"),
        ("jaccard-micro", "0.583333"),
        ("jaccard-macro", "0.327778"),
        ("macro-roc-auc", "0.968750"),
        ("micro-roc-auc", "0.946154"),
        ("micro-roc-auc-present", "0.939286"),
        ("precision-at-1", "0.833333"),
        ("precision-at-2", "0.750000"),
        ("precision-at-3", "0.555556"),
        ("recall-at-1", "0.500000"),
        ("recall-at-2", "0.916667"),
        ("recall-at-3", "1.000000"),
        ("f1-at-2", "0.825000"),
        ("map", "0.888889"),
        ("r-precision", "0.750000"),
        ("exact-match", "0.500000"),
    ];
    let scores = golden().evaluate(&options()).scores;
    for (name, value) in expected {
        assert_eq!(format!("{:.6}", scores[name]), value, "{name}");
    }
}

#[test]
fn golden_vector_has_its_best_threshold_on_the_edin_grid() {
    let tuned = golden()
        .with(|scores, targets| tune_threshold(scores, targets, &ThresholdGrid::EDIN, Objective::MicroF1).unwrap());
    assert_eq!(
        format!("{:.6} {:.6}", tuned.threshold, tuned.value),
        "0.303030 0.818182"
    );
}

#[test]
fn every_score_is_in_the_table_and_every_row_of_the_table_is_scored() {
    let scores = golden().evaluate(&options()).scores;
    for name in scores.keys() {
        assert!(metric_info(name).is_some() && metric_title(name).is_some(), "{name}");
    }
    for metric in METRICS {
        let name = metric.name.replace("-at-k", "-at-2");
        assert!(scores.contains_key(&name), "{name}");
    }
    assert_eq!(metric_title("precision-at-2").unwrap(), "P@2");
}

#[test]
fn a_score_equal_to_the_threshold_is_not_predicted() {
    let case = Case::new(&[&[0.5, 0.6]], &["10"]);
    let evaluation = case.evaluate(&options());
    assert_eq!(evaluation.scores["micro-recall"], 0.0);
    let note = &evaluation.per_note[0];
    assert_eq!((note.tp, note.fp, note.fn_), (0, 1, 1));
}

#[test]
fn ties_rank_the_higher_or_the_lower_column_first() {
    for (gold, higher_first, lower_first) in [("1000", 4, 2), ("0010", 3, 3), ("0001", 2, 4)] {
        let case = Case::new(&[&[0.3, 0.7, 0.3, 0.3]], &[gold]);
        for (ties, rank) in [
            (TieOrder::HigherIndexFirst, higher_first),
            (TieOrder::LowerIndexFirst, lower_first),
        ] {
            let note = &case.evaluate(&Options { ties, ..options() }).per_note[0];
            assert_eq!(note.gold_ranks, [rank], "{gold} {ties:?}");
        }
    }
}

#[test]
fn k_beyond_the_number_of_codes_divides_by_the_number_of_codes() {
    let case = Case::new(&[&[0.9, 0.1], &[0.2, 0.3]], &["10", "11"]);
    let scores = case
        .evaluate(&Options {
            at_k: vec![8],
            ..options()
        })
        .scores;
    assert_eq!(scores["precision-at-8"], 0.75);
    assert_eq!(scores["recall-at-8"], 1.0);
}

#[test]
fn a_note_without_gold_codes_counts_zero_and_stays_in_the_mean() {
    let case = Case::new(&[&[0.9, 0.1], &[0.2, 0.3]], &["10", "00"]);
    let scores = case.evaluate(&options()).scores;
    for name in ["recall-at-1", "map", "r-precision", "precision-at-1"] {
        assert_eq!(scores[name], 0.5, "{name}");
    }
    assert_eq!(scores["exact-match"], 1.0);
}

#[test]
fn undefined_metrics_are_absent_and_nothing_is_nan() {
    let nothing_gold = Case::new(&[&[0.9, 0.1], &[0.2, 0.3]], &["00", "00"]);
    let scores = nothing_gold.evaluate(&options()).scores;
    for name in scores.keys() {
        assert!(
            !name.contains("auc") && !name.contains("present"),
            "{name} has no value here"
        );
    }
    assert!(scores.values().all(|value| value.is_finite()));

    let all_gold = Case::new(&[&[0.9, 0.1], &[0.2, 0.3]], &["11", "11"]);
    let evaluation = all_gold.evaluate(&options());
    assert!(!evaluation.scores.keys().any(|name| name.contains("roc")));
    assert_eq!(evaluation.scores["macro-pr-auc"], 1.0);
    assert_eq!(evaluation.per_code[0].roc_auc, None);
}

#[test]
fn targets_against_themselves_are_perfect() {
    let mut case = golden();
    for (scores, gold) in case.scores.iter_mut().zip(&case.gold) {
        *scores = gold.iter().map(|&gold| f32::from(u8::from(gold))).collect();
    }
    let scores = case.evaluate(&options()).scores;
    let perfect = ["micro-f1", "macro-f1-present", "exact-match", "map", "r-precision"];
    let areas = ["micro-roc-auc", "macro-roc-auc", "micro-pr-auc", "macro-pr-auc"];
    for name in perfect.into_iter().chain(areas) {
        assert_eq!(scores[name], 1.0, "{name}");
    }
}

#[test]
fn negative_scores_and_both_zeros_are_ordered_as_numbers() {
    let case = Case::new(&[&[-0.0, 0.0, -2.0, 1.0]], &["1010"]);
    let evaluation = case.evaluate(&Options {
        threshold: -0.0,
        ..options()
    });
    // Gold -0.0 ties with 0.0 (half) and loses to 1.0; gold -2.0 loses both.
    assert_eq!(evaluation.scores["micro-roc-auc"], 0.5 / 4.0);
    let predicted = |code: &CodeScore| code.tp + code.fp;
    assert_eq!(
        evaluation.per_code.iter().map(predicted).collect::<Vec<_>>(),
        [0, 0, 0, 1]
    );
    assert_eq!(evaluation.per_note[0].gold_ranks, [3, 4]);
}

#[test]
fn wrong_input_is_refused_with_place_and_expectation() {
    let values = [0.1, 0.2, 0.3, 0.4];
    let scores = Scores::new(&values, 2, 2).unwrap();
    let targets = Targets::from_rows(&[vec![0], vec![]], 2).unwrap();
    let one_note = Targets::from_rows(&[vec![0]], 2).unwrap();
    let infinite = Options {
        threshold: f32::NAN,
        ..options()
    };
    let at_zero = Options {
        at_k: vec![5, 0],
        ..options()
    };
    let grid = |start, end, points| {
        tune_threshold(
            &scores,
            &targets,
            &ThresholdGrid { start, end, points },
            Objective::MicroF1,
        )
    };
    let errors = [
        Scores::new(&values, 2, 3).unwrap_err(),
        Scores::new(&[], 0, 3).unwrap_err(),
        Targets::from_rows(&[vec![], vec![1, 2]], 2).unwrap_err(),
        Targets::from_rows(&[vec![1, 1]], 2).unwrap_err(),
        evaluate(&scores, &one_note, &options()).unwrap_err(),
        evaluate(&scores, &targets, &infinite).unwrap_err(),
        evaluate(&scores, &targets, &at_zero).unwrap_err(),
        watched(&["map"], &scores, &one_note, 0.5, TieOrder::HigherIndexFirst).unwrap_err(),
        watched(&["map"], &scores, &targets, f32::NAN, TieOrder::HigherIndexFirst).unwrap_err(),
        grid(0.0, 1.0, 0).unwrap_err(),
        grid(1.0, 0.0, 3).unwrap_err(),
        frequency_bins(&[], &[1]).unwrap_err(),
    ];
    let expected = [
        "4 scores given for 2 notes x 3 codes; expected one probability per (note, code), row by row",
        "nothing to evaluate: 0 notes x 3 codes; at least one of each is needed, check the split and the label set",
        "gold codes of note row 1: column 2 does not exist, there are 2 codes; map gold codes to the label set of this task",
        "gold codes of note row 0: column 1 follows column 1; expected ascending columns without repeats, sort and deduplicate the row",
        "scores are 2 notes x 2 codes but targets are 1 x 2; pass the same notes and the same label set",
        "threshold is NaN; expected a finite number, usually between 0 and 1",
        "at_k holds 0; expected each k to be 1 or more, such as 5, 8 and 15",
        "scores are 2 notes x 2 codes but targets are 1 x 2; pass the same notes and the same label set",
        "threshold is NaN; expected a finite number, usually between 0 and 1",
        "threshold grid of 0 points from 0 to 1; expected at least 1 point and strictly ascending single-precision thresholds",
        "threshold grid of 3 points from 1 to 0; expected at least 1 point and strictly ascending single-precision thresholds",
        "1 training frequencies given for 0 codes; expected one per code, in column order",
    ];
    assert_eq!(errors.len(), expected.len());
    for (error, expected) in errors.iter().zip(expected) {
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn options_refuse_a_mistyped_key() {
    let good = r#"{"threshold": 0.5, "at-k": [5], "ties": "higher-index-first"}"#;
    assert!(serde_json::from_str::<Options>(good).is_ok());
    let mistyped = good.replace("ties", "tie");
    let error = serde_json::from_str::<Options>(&mistyped).unwrap_err();
    assert!(error.to_string().contains("unknown field `tie`"), "{error}");
}

#[test]
fn an_evaluation_survives_json() {
    let evaluation = golden().evaluate(&options());
    let json = serde_json::to_string(&evaluation).unwrap();
    assert!(
        json.contains(r#""gold-ranks":[1,3]"#) && json.contains(r#""fn":1"#),
        "{json}"
    );
    assert_eq!(serde_json::from_str::<Evaluation>(&json).unwrap(), evaluation);
}

/// The textbook versions, cell by cell and pair by pair.
mod textbook {
    use super::{BTreeMap, Case, Options, TieOrder};

    pub fn roc_auc(cells: &[(f32, bool)]) -> Option<f64> {
        let (mut won, mut pairs) = (0.0, 0.0);
        for (gold_score, _) in cells.iter().filter(|cell| cell.1) {
            for (other_score, _) in cells.iter().filter(|cell| !cell.1) {
                pairs += 1.0;
                if gold_score > other_score {
                    won += 1.0;
                } else if gold_score == other_score {
                    won += 0.5;
                }
            }
        }
        (pairs > 0.0).then(|| won / pairs)
    }

    /// Walks down the distinct scores as thresholds (score >= threshold is retrieved).
    pub fn average_precision(cells: &[(f32, bool)]) -> Option<f64> {
        let gold = cells.iter().filter(|cell| cell.1).count() as f64;
        let mut thresholds: Vec<f32> = cells.iter().map(|cell| cell.0).collect();
        thresholds.sort_by(|a, b| b.total_cmp(a));
        thresholds.dedup();
        let (mut sum, mut recall_before) = (0.0, 0.0);
        for threshold in thresholds {
            let retrieved = cells.iter().filter(|cell| cell.0 >= threshold);
            let (mut found, mut all) = (0.0, 0.0);
            for cell in retrieved {
                all += 1.0;
                found += f64::from(u8::from(cell.1));
            }
            let recall = found / gold;
            sum += (recall - recall_before) * (found / all);
            recall_before = recall;
        }
        (gold > 0.0).then_some(sum)
    }

    /// Gold flags of a note in the order of its ranking.
    fn ranked(scores: &[f32], gold: &[bool], ties: TieOrder) -> Vec<bool> {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        if ties == TieOrder::HigherIndexFirst {
            order.reverse();
        }
        order.sort_by(|&a, &b| scores[b].partial_cmp(&scores[a]).unwrap()); // stable
        order.into_iter().map(|code| gold[code]).collect()
    }

    fn share(part: f64, whole: f64) -> f64 {
        if whole == 0.0 { 0.0 } else { part / whole }
    }

    fn true_flags(flags: &[bool]) -> f64 {
        flags.iter().filter(|&&flag| flag).count() as f64
    }

    fn mean(values: &[f64]) -> f64 {
        values.iter().sum::<f64>() / values.len() as f64
    }

    /// tp, fp, fn of some cells.
    fn decide(cells: &[(f32, bool)], threshold: f32) -> (f64, f64, f64) {
        let count = |predicted: bool, gold: bool| {
            cells
                .iter()
                .filter(|cell| (cell.0 > threshold, cell.1) == (predicted, gold))
                .count()
        };
        (
            count(true, true) as f64,
            count(true, false) as f64,
            count(false, true) as f64,
        )
    }

    pub fn scores(case: &Case, options: &Options) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        by_cell(case, options, &mut all);
        by_note(case, options, &mut all);
        all
    }

    fn by_cell(case: &Case, options: &Options, all: &mut BTreeMap<String, f64>) {
        let column = |code: usize| -> Vec<(f32, bool)> {
            let notes = 0..case.scores.len();
            notes
                .map(|note| (case.scores[note][code], case.gold[note][code]))
                .collect()
        };
        let columns: Vec<Vec<(f32, bool)>> = (0..case.codes()).map(column).collect();
        let present: Vec<Vec<(f32, bool)>> = columns
            .iter()
            .filter(|cells| cells.iter().any(|cell| cell.1))
            .cloned()
            .collect();
        let over = |columns: &[Vec<(f32, bool)>], value: fn(f64, f64, f64) -> f64| {
            let decided = columns.iter().map(|cells| decide(cells, options.threshold));
            mean(&decided.map(|(tp, fp, fn_)| value(tp, fp, fn_)).collect::<Vec<f64>>())
        };
        let precision = |tp: f64, fp: f64, _: f64| share(tp, tp + fp);
        let recall = |tp: f64, _: f64, fn_: f64| share(tp, tp + fn_);
        let f1 = |tp: f64, fp: f64, fn_: f64| {
            let (p, r) = (share(tp, tp + fp), share(tp, tp + fn_));
            share(2.0 * p * r, p + r)
        };
        let jaccard = |tp: f64, fp: f64, fn_: f64| share(tp, tp + fp + fn_);

        let pooled = [columns.concat()];
        let mut put = |name: &str, value: f64| all.insert(name.to_owned(), value);
        put("micro-precision", over(&pooled, precision));
        put("micro-recall", over(&pooled, recall));
        put("micro-f1", over(&pooled, f1));
        put("jaccard-micro", over(&pooled, jaccard));
        let (p, r) = (over(&columns, precision), over(&columns, recall));
        put("macro-precision", p);
        put("macro-recall", r);
        put("macro-f1-caml", share(2.0 * p * r, p + r));
        put("macro-f1-all", over(&columns, f1));
        put("jaccard-macro", over(&columns, jaccard));
        if present.is_empty() {
            return;
        }
        put("macro-f1-present", over(&present, f1));
        put("micro-f1-present", over(&[present.concat()], f1));
        let rocs: Vec<f64> = columns.iter().filter_map(|cells| roc_auc(cells)).collect();
        let prs: Vec<f64> = present.iter().filter_map(|cells| average_precision(cells)).collect();
        let macro_roc = (!rocs.is_empty()).then(|| mean(&rocs));
        let areas = [
            ("micro-roc-auc", roc_auc(&pooled[0])),
            ("micro-roc-auc-present", roc_auc(&present.concat())),
            ("macro-roc-auc", macro_roc),
            ("micro-pr-auc", average_precision(&pooled[0])),
            ("macro-pr-auc", Some(mean(&prs))),
        ];
        for (name, value) in areas {
            value.map(|value| put(name, value));
        }
    }

    fn by_note(case: &Case, options: &Options, all: &mut BTreeMap<String, f64>) {
        let notes: Vec<Vec<bool>> = case
            .scores
            .iter()
            .zip(&case.gold)
            .map(|(s, g)| ranked(s, g, options.ties))
            .collect();
        let over = |value: &dyn Fn(&[bool]) -> f64| mean(&notes.iter().map(|flags| value(flags)).collect::<Vec<f64>>());
        let average_precision = |flags: &[bool]| {
            let precision_at = |rank: usize| true_flags(&flags[..rank]) / rank as f64;
            let gold = (1..=flags.len()).filter(|&rank| flags[rank - 1]);
            share(gold.map(precision_at).sum(), true_flags(flags))
        };
        let r_precision = |flags: &[bool]| {
            let r = true_flags(flags);
            share(true_flags(&flags[..r as usize]), r)
        };
        all.insert("map".to_owned(), over(&average_precision));
        all.insert("r-precision".to_owned(), over(&r_precision));
        let exact = case.scores.iter().zip(&case.gold).map(|(scores, gold)| {
            let same = scores.iter().zip(gold).all(|(s, &g)| (*s > options.threshold) == g);
            f64::from(u8::from(same))
        });
        all.insert("exact-match".to_owned(), mean(&exact.collect::<Vec<f64>>()));
        for &k in &options.at_k {
            let top = k.min(case.codes());
            let p = over(&|flags| true_flags(&flags[..top]) / top as f64);
            let r = over(&|flags| share(true_flags(&flags[..top]), true_flags(flags)));
            all.insert(format!("precision-at-{k}"), p);
            all.insert(format!("recall-at-{k}"), r);
            all.insert(format!("f1-at-{k}"), share(2.0 * p * r, p + r));
        }
    }
}

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

/// Asserts the same names and values within `tolerance`.
fn assert_close(left: &BTreeMap<String, f64>, right: &BTreeMap<String, f64>, tolerance: f64) {
    assert!(left.keys().eq(right.keys()), "{:?} {:?}", left.keys(), right.keys());
    for (name, value) in left {
        assert!(
            (value - right[name]).abs() <= tolerance,
            "{name}: {value} and {}",
            right[name]
        );
    }
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

/// A larger task with a few frequent and many rare codes, the same on every run.
fn skewed_case(notes: usize, codes: usize) -> Case {
    let mut state = 1u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    let mut case = Case {
        scores: Vec::new(),
        gold: Vec::new(),
    };
    for _ in 0..notes {
        let gold: Vec<bool> = (0..codes).map(|code| uniform() < 1.0 / (2.0 + code as f32)).collect();
        let score = |&gold: &bool| (uniform() + 0.2 * f32::from(u8::from(gold))) / 1.2;
        case.scores.push(gold.iter().map(score).collect());
        case.gold.push(gold);
    }
    case
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let case = skewed_case(60, 400);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let evaluation = case.evaluate(&options());
            let tuned = case.with(|s, t| tune_threshold(s, t, &ThresholdGrid::EDIN, Objective::MacroF1All).unwrap());
            serde_json::to_string(&(evaluation, tuned)).unwrap()
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}

#[test]
fn a_task_of_many_codes_agrees_with_the_textbook() {
    let case = skewed_case(40, 150);
    assert_close(
        &case.evaluate(&options()).scores,
        &textbook::scores(&case, &options()),
        1e-12,
    );
}
