//! Metrics against worked values and against textbook versions that are written here from their
//! definitions, slow and plain, and share no code with the crate.

#[path = "metrics/properties.rs"]
mod properties;
#[path = "metrics/textbook.rs"]
mod textbook;

use std::collections::BTreeMap;

use icdbench::metrics::{
    CodeScore, Evaluation, METRICS, Objective, Options, Scores, Targets, ThresholdGrid, TieOrder, evaluate,
    frequency_bins, is_of_evidence, metric_info, metric_title, tune_threshold, watched,
};

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
    // Those of evidence are made of spans.
    for metric in METRICS.iter().filter(|metric| !is_of_evidence(metric.name)) {
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
        "threshold grid of 0 points from 0 to 1; expected 1 to 10000 points and strictly ascending single-precision thresholds",
        "threshold grid of 3 points from 1 to 0; expected 1 to 10000 points and strictly ascending single-precision thresholds",
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
