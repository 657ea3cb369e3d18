//! The figures that look into a score: that each is there with the numbers of the records, and none without them.

use std::collections::BTreeMap;

use icdbench::record::{
    AreaBinRow, CalibrationBinRow, CalibrationFacts, Curves, PrecisionRow, SmallCounts, ThresholdRow,
};
use icdbench::report::plots::marks::Mark;
use icdbench::report::plots::scene::Scene;

use super::*;

/// The stems of the figures that need curves.
const OF_CURVES: [&str; 4] = ["areas", "thresholds", "precision-recall", "calibration"];

fn threshold(threshold: f64, precision: f64, recall: f64, f1: f64) -> ThresholdRow {
    ThresholdRow {
        threshold,
        micro_precision: precision,
        micro_recall: recall,
        micro_f1: f1,
        macro_f1_present: Some(f1 / 2.0),
    }
}

fn calibration_bin(lower: f64, upper: f64, pairs: u64, mean: f64, share: f64) -> CalibrationBinRow {
    CalibrationBinRow {
        lower,
        upper,
        pairs,
        mean_probability: mean,
        gold_share: share,
    }
}

fn area(lower: f64, upper: f64, codes: u32) -> AreaBinRow {
    AreaBinRow { lower, upper, codes }
}

/// Invented curves, with `bins` of probability.
pub fn curves(bins: Vec<CalibrationBinRow>) -> Curves {
    Curves {
        thresholds: vec![
            threshold(0.1, 0.3, 0.9, 0.45),
            threshold(0.2, 0.5, 0.6, 0.5455),
            threshold(0.3, 0.8, 0.2, 0.32),
        ],
        precision_recall: [(0.1, 0.95), (0.5, 0.6), (1.0, 0.2)]
            .map(|(recall, precision)| PrecisionRow { recall, precision })
            .to_vec(),
        calibration: Some(CalibrationFacts {
            expected_error: 0.0125,
            bins,
        }),
        areas: vec![area(0.5, 0.52, 3), area(0.9, 0.92, 10), area(0.98, 1.0, 7)],
    }
}

/// A scored record with curves.
pub fn curved(run: &str, seed: u64, level: f64, bins: Vec<CalibrationBinRow>) -> Reported {
    let mut found = scored(cell(run, 512, seed), level);
    let outcome = found.record.outcome.as_mut().unwrap();
    outcome.curves = Some(curves(bins));
    outcome.scores.insert("micro-precision".to_owned(), 0.5);
    outcome.scores.insert("micro-recall".to_owned(), 0.4);
    found
}

pub fn two_bins() -> Vec<CalibrationBinRow> {
    vec![
        calibration_bin(0.0, 0.05, 300, 0.01, 0.02),
        calibration_bin(0.9, 0.95, 20, 0.92, 0.8),
    ]
}

pub fn tips(scene: &Scene) -> Vec<&str> {
    scene.tips.iter().map(|tip| tip.text.as_str()).collect()
}

pub fn texts(scene: &Scene) -> Vec<&str> {
    let marks = scene.marks.iter();
    let found = marks.filter_map(|mark| match mark {
        Mark::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    found.collect()
}

/// The rows of a CSV file, heading first, cut into fields.
pub fn sheet(page: &Page<'_>, file: &str) -> Vec<Vec<String>> {
    let (_, fill) = csv::SHEETS.iter().find(|(name, _)| *name == file).unwrap();
    let bytes = fill(&page.summary).unwrap();
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect());
    rows.collect()
}

/// Fields of the first row under these headings.
pub fn fields<'s>(sheet: &'s [Vec<String>], row: usize, headings: &[&str]) -> Vec<&'s str> {
    let at = |heading: &&str| sheet[0].iter().position(|of| of == heading).unwrap();
    headings
        .iter()
        .map(|heading| sheet[row][at(heading)].as_str())
        .collect()
}

#[test]
fn records_before_curves_have_a_report_without_their_figures() {
    let (records, suite) = mixed();
    let page = page(&records, &suite);
    let stems: Vec<&str> = page.figures().map(|figure| figure.stem.as_str()).collect();
    assert!(OF_CURVES.iter().all(|stem| !stems.contains(stem)), "{stems:?}");
    assert!(
        ["bins", "groups", "scatter"].iter().all(|stem| stems.contains(stem)),
        "{stems:?}"
    );
    let headings: Vec<&str> = page.blocks.iter().map(|block| block.heading.as_str()).collect();
    assert!(!headings.contains(&"Decisions and thresholds") && !headings.contains(&"Calibration"));
    for file in ["areas.csv", "thresholds.csv", "precision-recall.csv", "calibration.csv"] {
        assert_eq!(sheet(&page, file).len(), 1, "{file} has more than its headings");
    }
}

#[test]
fn records_with_curves_have_every_figure_under_its_heading_and_their_numbers_as_csv() {
    let records = [
        curved("caml", 1, 0.4, two_bins()),
        curved("bert_xml", 1, 0.5, two_bins()),
    ];
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let under = |heading: &str| {
        let block = page.blocks.iter().find(|block| block.heading == heading).unwrap();
        match &block.body {
            Body::Results { figures, .. } => figures.iter().map(|figure| figure.stem.as_str()).collect::<Vec<_>>(),
            _ => panic!("{heading}"),
        }
    };
    assert_eq!(under("Where the score comes from"), ["bins", "groups", "areas"]);
    assert_eq!(under("Decisions and thresholds"), ["thresholds", "precision-recall"]);
    assert_eq!(under("Calibration"), ["calibration"]);
    assert_eq!(under("Code by code"), ["scatter"]);
    let found = sheet(&page, "thresholds.csv");
    assert_eq!(found.len(), 1 + 2 * 3);
    let headings = [
        "run",
        "threshold",
        "micro-f1",
        "macro-f1-present",
        "micro-precision",
        "micro-recall",
    ];
    // Without a suite the cells are ordered by name.
    assert_eq!(
        fields(&found, 1, &headings),
        ["bert_xml", "0.1", "0.45", "0.225", "0.3", "0.9"]
    );
    let found = sheet(&page, "precision-recall.csv");
    assert_eq!(
        fields(&found, 2, &["run", "micro-recall", "micro-precision"]),
        ["bert_xml", "0.5", "0.6"]
    );
    let found = sheet(&page, "areas.csv");
    assert_eq!(
        fields(&found, 3, &["run", "lower", "upper", "codes"]),
        ["bert_xml", "0.98", "1", "7"]
    );
    let found = sheet(&page, "calibration.csv");
    let headings = [
        "expected-error",
        "lower",
        "upper",
        "pairs",
        "mean-probability",
        "gold-share",
    ];
    assert_eq!(
        fields(&found, 2, &headings),
        ["0.0125", "0.9", "0.95", "20", "0.92", "0.8"]
    );
}

#[test]
fn the_points_of_the_curves_say_what_the_records_say() {
    let records = [curved("caml", 1, 0.4, two_bins())];
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let of = |stem: &str| tips(&figure(&page, stem).scene);
    assert!(
        of("thresholds").contains(&"caml †: Micro-F1 (%) 54.5 at threshold 0.20"),
        "{:?}",
        of("thresholds")
    );
    assert!(of("thresholds").contains(&"caml †: Micro-precision (%) 50.0 at its threshold, 0.31"));
    assert!(of("precision-recall").contains(&"caml † at its threshold: precision 50.0, recall 40.0"));
    assert!(
        of("areas").contains(&"caml †: 10.0 codes with an AUC of 90 to 92 %"),
        "{:?}",
        of("areas")
    );
    assert!(texts(&figure(&page, "areas").scene).contains(&"7 of 20 from 98 on"));
    let calibration = of("calibration");
    let expected = "caml †: of 20 pairs with a mean probability of 92.0 %, 80.0 % are gold";
    assert!(calibration.contains(&expected), "{calibration:?}");
    // The best threshold is that of the greatest micro-F1.
    let cells = row(table(&page, "thresholds"), &["caml"]);
    let printed = |cell: &Cell| match cell {
        Cell::Number(number) => number.mean.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        cells.iter().map(printed).collect::<Vec<_>>(),
        ["0.31", "40.0", "0.20", "54.5"]
    );
    assert_eq!(printed(&row(table(&page, "calibration"), &["caml"])[0]), "1.25");
}

#[test]
fn bins_of_several_seeds_meet_at_edges_that_all_of_them_have() {
    // The second seed's bins were put together, as small counts are withheld.
    let first = vec![
        calibration_bin(0.0, 0.05, 100, 0.02, 0.1),
        calibration_bin(0.05, 0.1, 60, 0.06, 0.2),
        calibration_bin(0.1, 1.0, 40, 0.5, 0.5),
    ];
    let second = vec![
        calibration_bin(0.0, 0.1, 140, 0.03, 0.1),
        calibration_bin(0.1, 1.0, 60, 0.4, 0.5),
    ];
    let records = [curved("caml", 1, 0.4, first), curved("caml", 2, 0.4, second)];
    let suite = suite(Vec::new());
    let page = page(&records, &suite);
    let found = tips(&figure(&page, "calibration").scene);
    // (100 x 0.02 + 60 x 0.06 + 140 x 0.03) / 300 and (10 + 12 + 14) / 300; pairs are the mean of the two seeds.
    let expected = [
        "caml †: of 150 pairs with a mean probability of 3.3 %, 12.0 % are gold",
        "caml †: of 50 pairs with a mean probability of 44.0 %, 50.0 % are gold",
    ];
    assert_eq!(found[..2], expected);
    // The same points in both panels.
    assert_eq!(found.len(), 4);
}

#[test]
fn what_is_withheld_is_said() {
    let mut records = [
        curved("caml", 1, 0.4, two_bins()),
        curved("bert_xml", 1, 0.5, two_bins()),
    ];
    let suite = suite(Vec::new());
    let said = |records: &[Reported]| {
        let page = assemble(records, &suite);
        let captions = page
            .figures()
            .map(|figure| (figure.stem.clone(), figure.caption.clone()));
        let foot = table(&page, "frequent").foot.join(" ");
        (captions.collect::<BTreeMap<String, String>>(), foot)
    };
    let (captions, foot) = said(&records);
    let silent = assemble(&records, &suite);
    assert!(!silent.remarks.iter().any(|remark| remark.contains("Rows by note")));
    drop(silent);
    assert!(captions.values().all(|caption| !caption.contains("withheld")));
    assert!(!foot.contains("withheld"));
    for record in &mut records {
        record.record.outcome.as_mut().unwrap().small_counts = SmallCounts::BelowElevenWithheld;
    }
    let (captions, foot) = said(&records);
    for stem in ["groups", "scatter", "thresholds", "precision-recall", "calibration"] {
        assert!(captions[stem].contains("withheld"), "{stem}: {}", captions[stem]);
    }
    assert!(captions["areas"].contains("put together until each has 11 codes"));
    assert!(foot.contains("withheld"));
    let says = |page: &Page<'_>| page.remarks.iter().any(|remark| remark.contains("Rows by note"));
    assert!(says(&assemble(&records, &suite)));
    // The count from 98 on may be of a wider bin.
    let page = assemble(&records, &suite);
    assert!(
        !texts(&figure(&page, "areas").scene)
            .iter()
            .any(|text| text.starts_with("7 of 20"))
    );
}
