//! What a record alone must satisfy: totals that add up, shares between 0 and 1, intervals around their scores.

use super::differing::differs;
use crate::record::{Curves, FrequencyBinRow, Outcome, Record, ScoreInterval, SmallCounts, Timings};

pub fn problems(record: &Record, outcome: &Outcome) -> Vec<String> {
    let mut problems = Vec::new();
    let parts = [
        ("scores", &outcome.scores),
        ("validation-scores", &outcome.validation_scores),
        ("prior-scores", &outcome.prior_scores),
    ];
    for (part, scores) in parts {
        let outside = scores.iter().filter(|(_, value)| !(0.0..=1.0).contains(*value));
        problems.extend(outside.map(|(name, value)| format!("{part}.{name} is {value}, expected 0 to 1")));
        problems.extend(fractions(part, |name| scores.get(name).copied()));
    }
    for (name, found) in &outcome.intervals {
        match outcome.scores.get(name) {
            Some(score) => problems.extend(around(&format!("intervals.{name}"), *score, found)),
            None => problems.push(format!("intervals.{name} is of no score")),
        }
    }
    for bin in &outcome.frequency_bins {
        let name = format!("the bin from {}", bin.lower);
        let of_micro = bin
            .micro_f1_interval
            .and_then(|found| around(&name, bin.micro_f1, &found));
        let of_macro = bin.macro_f1_present.zip(bin.macro_f1_present_interval);
        problems.extend(of_micro);
        problems.extend(of_macro.and_then(|(value, found)| around(&name, value, &found)));
    }
    problems.extend(outcome.curves.iter().flat_map(|found| of_curves(outcome, found)));
    // Whatever redraws the notes of scores draws their curves.
    let scored = outcome.external.as_ref().is_none_or(|external| external.scored);
    if outcome.curves.is_some() != (scored && outcome.redrawn.is_some()) {
        problems.push("curves are missing beside redrawn, or there without scores of which they could be".into());
    }
    let task = &outcome.task;
    let all_codes = task.codes + task.unseen_codes;
    let in_bins: u32 = outcome.frequency_bins.iter().map(|bin| bin.codes).sum();
    if in_bins != all_codes {
        problems.push(format!("the frequency bins have {in_bins} codes, the task {all_codes}"));
    }
    if outcome.small_counts == SmallCounts::Shown {
        problems.extend(of_codes(outcome, all_codes));
    }
    if !task.token_length_quantiles.is_sorted() {
        problems.push("task.token-length-quantiles do not rise".into());
    }
    if !outcome.epochs.is_empty() && outcome.epochs.iter().all(|row| row.epoch != outcome.best_epoch) {
        problems.push(format!(
            "best-epoch is {}, which no row of epochs is of",
            outcome.best_epoch
        ));
    }
    if let Some(timings) = &record.timings {
        problems.extend(rates(timings, task.evaluation_notes));
    }
    problems
}

/// The scores that are made of others: F1 of precision and recall, Jaccard of F1.
fn fractions(part: &str, value: impl Fn(&str) -> Option<f64>) -> Vec<String> {
    let harmonic = |a: f64, b: f64| if a + b == 0.0 { 0.0 } else { 2.0 * a * b / (a + b) };
    let mut made = vec![
        (
            "micro-f1".to_owned(),
            value("micro-precision").zip(value("micro-recall")),
        ),
        (
            "macro-f1-caml".to_owned(),
            value("macro-precision").zip(value("macro-recall")),
        ),
    ];
    for k in 1..=100 {
        let both = value(&format!("precision-at-{k}")).zip(value(&format!("recall-at-{k}")));
        made.push((format!("f1-at-{k}"), both));
    }
    let problem = |(name, both): (String, Option<(f64, f64)>)| {
        let (precision, recall) = both?;
        differs(
            &format!("{part}.{name}"),
            value(&name)?,
            harmonic(precision, recall),
            "precision and recall",
        )
    };
    let mut problems: Vec<String> = made.into_iter().filter_map(problem).collect();
    if let (Some(f1), Some(jaccard)) = (value("micro-f1"), value("jaccard-micro")) {
        problems.extend(differs(
            &format!("{part}.jaccard-micro"),
            jaccard,
            f1 / (2.0 - f1),
            "micro-F1",
        ));
    }
    problems
}

fn around(name: &str, value: f64, found: &ScoreInterval) -> Option<String> {
    let inside = found.low <= value && value <= found.high && found.standard_error >= 0.0;
    (!inside).then(|| format!("{name}: {value} lies outside of {} to {}", found.low, found.high))
}

/// The rows by code give micro- and macro-F1, and the frequency bins.
fn of_codes(outcome: &Outcome, all_codes: u32) -> Vec<String> {
    let rows = &outcome.codes;
    if rows.len() != all_codes as usize {
        return vec![format!(
            "there are {} rows by code, the task has {all_codes} codes",
            rows.len()
        )];
    }
    let mut problems = Vec::new();
    let f1 = |tp: u64, fp: u64, missed: u64| match 2 * tp + fp + missed {
        0 => 0.0,
        all => 2.0 * tp as f64 / all as f64,
    };
    let counts = |row: &crate::record::CodeRow| [row.tp, row.fp, row.fn_].map(u64::from);
    let pooled = |rows: &mut dyn Iterator<Item = &crate::record::CodeRow>| {
        rows.fold([0; 3], |sums, row| {
            let row = counts(row);
            [0, 1, 2].map(|kind| sums[kind] + row[kind])
        })
    };
    let [tp, fp, missed] = pooled(&mut rows.iter());
    let from = "the rows by code";
    if let Some(found) = outcome.scores.get("micro-f1") {
        problems.extend(differs("scores.micro-f1", *found, f1(tp, fp, missed), from));
    }
    let each = rows.iter().map(|row| {
        let [tp, fp, missed] = counts(row);
        f1(tp, fp, missed)
    });
    if let Some(found) = outcome.scores.get("macro-f1-all") {
        let mean = each.sum::<f64>() / rows.len() as f64;
        problems.extend(differs("scores.macro-f1-all", *found, mean, from));
    }
    for bin in &outcome.frequency_bins {
        let inside = |row: &&crate::record::CodeRow| is_in(bin, row.training);
        let [tp, fp, missed] = pooled(&mut rows.iter().filter(inside));
        let name = format!("the bin from {}", bin.lower);
        problems.extend(differs(
            &format!("micro-f1 of {name}"),
            bin.micro_f1,
            f1(tp, fp, missed),
            from,
        ));
        let codes = rows.iter().filter(inside).count() as u64;
        let present: Vec<f64> = rows
            .iter()
            .filter(inside)
            .map(counts)
            .filter(|[tp, _, missed]| tp + missed > 0)
            .map(|[tp, fp, missed]| f1(tp, fp, missed))
            .collect();
        let numbers = [
            ("codes", u64::from(bin.codes), codes),
            ("codes-present", u64::from(bin.codes_present), present.len() as u64),
            ("gold", bin.gold, tp + missed),
        ];
        for (what, found, made) in numbers.into_iter().filter(|(_, found, made)| found != made) {
            problems.push(format!("{what} of {name} are {found}, {from} give {made}"));
        }
        let mean = (!present.is_empty()).then(|| present.iter().sum::<f64>() / present.len() as f64);
        let both = [bin.macro_f1_present, mean].map(|value| value.unwrap_or(f64::NAN));
        problems.extend(differs(&format!("macro-f1-present of {name}"), both[0], both[1], from));
    }
    problems
}

/// Curves must be of all pairs and codes, and F1 that of precision and recall.
fn of_curves(outcome: &Outcome, found: &Curves) -> Vec<String> {
    /// Precision and recall have four digits.
    const ROUNDING: f64 = 3e-4;
    let mut problems = Vec::new();
    for row in &found.thresholds {
        let sum = row.micro_precision + row.micro_recall;
        let f1 = if sum == 0.0 {
            0.0
        } else {
            2.0 * row.micro_precision * row.micro_recall / sum
        };
        if (row.micro_f1 - f1).abs() > ROUNDING {
            problems.push(format!(
                "curves: micro-f1 at threshold {} is {}, precision and recall give {f1}",
                row.threshold, row.micro_f1
            ));
        }
    }
    if outcome.small_counts != SmallCounts::Shown {
        return problems;
    }
    let task = &outcome.task;
    let all = u64::from(task.codes + task.unseen_codes) * u64::from(task.evaluation_notes);
    let bins = found.calibration.iter().flat_map(|found| &found.bins);
    let pairs: u64 = bins.map(|bin| bin.pairs).sum();
    if found.calibration.is_some() && pairs != all {
        problems.push(format!(
            "curves: the bins of calibration have {pairs} pairs, the task {all}"
        ));
    }
    let codes: u32 = found.areas.iter().map(|bin| bin.codes).sum();
    let with_area = outcome.codes.iter().filter(|row| row.roc_auc.is_some()).count();
    if codes as usize != with_area {
        problems.push(format!(
            "curves: the bins of areas have {codes} codes, {with_area} have an area"
        ));
    }
    problems
}

fn is_in(bin: &FrequencyBinRow, training: u32) -> bool {
    bin.lower <= training && bin.upper.is_none_or(|upper| training <= upper)
}

/// Rates are whole counts by seconds.
fn rates(timings: &Timings, evaluation_notes: u32) -> Vec<String> {
    let mut problems = Vec::new();
    let whole = [
        (
            "training-notes-per-second",
            timings.training_notes_per_second,
            timings.training_seconds,
        ),
        (
            "training-tokens-per-second",
            timings.training_tokens_per_second,
            timings.training_seconds,
        ),
        (
            "evaluation-tokens-per-second",
            timings.evaluation_tokens_per_second,
            timings.evaluation_seconds,
        ),
    ];
    for (name, rate, seconds) in whole {
        let count = rate * seconds;
        // Two roundings of a double.
        if (count - count.round()).abs() > 1e-12 * count.max(1.0) + 1e-9 {
            problems.push(format!(
                "timings.{name} times its seconds is {count}, expected a whole number"
            ));
        }
    }
    let notes = timings.evaluation_notes_per_second * timings.evaluation_seconds;
    if timings.evaluation_seconds > 0.0 && (notes - f64::from(evaluation_notes)).abs() > 1e-6 {
        problems.push(format!(
            "timings.evaluation-notes-per-second times its seconds is {notes}, the task has {evaluation_notes} evaluation notes"
        ));
    }
    problems
}
