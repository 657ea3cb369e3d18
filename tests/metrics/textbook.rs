//! The textbook versions, cell by cell and pair by pair.

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
