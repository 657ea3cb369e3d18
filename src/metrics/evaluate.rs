//! All metrics of one set of scores against its gold codes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::{CodePass, score_codes};
use super::input::check_shape;
use super::notes::score_notes;
use super::{CodeScore, Error, NoteScore, NoteTable, Scores, Targets, TieOrder};
use super::{f1, harmonic_mean, ratio};

/// What an evaluation needs to be told. There are no defaults: each of these moves a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Options {
    /// A code is predicted when its score is above this, strictly, compared in single precision.
    pub threshold: f32,
    /// The k of precision, recall and F1 at k; usually 5, 8 and 15.
    pub at_k: Vec<usize>,
    /// Which of two codes with equal scores ranks first.
    pub ties: TieOrder,
}

/// Everything computed from one set of scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Evaluation {
    /// Metric name (see [`super::METRICS`]) to value. A metric that is undefined here is absent.
    pub scores: BTreeMap<String, f64>,
    /// One row a code, in column order.
    pub per_code: Vec<CodeScore>,
    /// One row a note, in the order of the scores.
    pub per_note: Vec<NoteScore>,
}

/// Computes every metric of [`super::METRICS`] that is defined for these scores and targets.
///
/// # Errors
/// [`Error::Shape`] when scores and targets disagree, [`Error::Threshold`] and [`Error::AtK`] for
/// options that make no sense. Degenerate scores are evaluated; see [`super::degenerate`].
pub fn evaluate(scores: &Scores, targets: &Targets, options: &Options) -> Result<Evaluation, Error> {
    check_shape(scores, targets)?;
    if !options.threshold.is_finite() {
        return Err(Error::Threshold(options.threshold));
    }
    let per_note = score_notes(scores, targets, options.threshold, options.ties);
    let everyone: Vec<usize> = (0..per_note.len()).collect();
    let mut named = NoteTable::new(&per_note, &options.at_k, scores.codes())?.scores(&everyone)?;

    let pass = score_codes(scores, targets, options.threshold);
    add_macro(&mut named, &pass.per_code);
    add_present(&mut named, &pass.per_code);
    add_areas(&mut named, &pass);
    Ok(Evaluation {
        scores: named,
        per_code: pass.per_code,
        per_note,
    })
}

/// Averages over all codes, those without gold pairs included (0/0 counts 0).
fn add_macro(named: &mut BTreeMap<String, f64>, per_code: &[CodeScore]) {
    let mean = |value: fn(&CodeScore) -> f64| per_code.iter().map(value).sum::<f64>() / per_code.len() as f64;
    let precision = mean(|code| code.precision);
    let recall = mean(|code| code.recall);
    let jaccard = |code: &CodeScore| {
        ratio(
            code.tp.into(),
            u64::from(code.tp) + u64::from(code.fp) + u64::from(code.fn_),
        )
    };
    named.insert("macro-precision".to_owned(), precision);
    named.insert("macro-recall".to_owned(), recall);
    named.insert("macro-f1-caml".to_owned(), harmonic_mean(precision, recall));
    named.insert("macro-f1-all".to_owned(), mean(|code| code.f1));
    named.insert("jaccard-macro".to_owned(), mean(jaccard));
}

/// Averages over the codes that have gold pairs here.
fn add_present(named: &mut BTreeMap<String, f64>, per_code: &[CodeScore]) {
    let present = || per_code.iter().filter(|code| code.gold() > 0);
    let sum = |value: fn(&CodeScore) -> u32| present().map(|code| u64::from(value(code))).sum();
    if let Some(value) = mean_of(present().map(|code| code.f1)) {
        let micro = f1(sum(|code| code.tp), sum(|code| code.fp), sum(|code| code.fn_));
        named.insert("micro-f1-present".to_owned(), micro);
        named.insert("macro-f1-present".to_owned(), value);
    }
}

fn add_areas(named: &mut BTreeMap<String, f64>, pass: &CodePass) {
    let areas = [
        ("micro-roc-auc", pass.pooled.and_then(|areas| areas.roc)),
        ("micro-roc-auc-present", pass.pooled_present.and_then(|areas| areas.roc)),
        ("micro-pr-auc", pass.pooled.map(|areas| areas.pr)),
        (
            "macro-roc-auc",
            mean_of(pass.per_code.iter().filter_map(|code| code.roc_auc)),
        ),
        (
            "macro-pr-auc",
            mean_of(pass.per_code.iter().filter_map(|code| code.pr_auc)),
        ),
    ];
    let defined = areas
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    named.extend(defined);
}

/// Mean in the order given; nothing for no values.
fn mean_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// stub
pub fn watched(names: &[String], scores: &Scores, targets: &Targets, threshold: f32, ties: TieOrder) -> Result<BTreeMap<String, f64>, Error> {
    let at_k = names.iter().filter_map(|name| name.rsplit_once("-at-")?.1.parse().ok()).collect();
    let all = evaluate(scores, targets, &Options { threshold, at_k, ties })?.scores;
    Ok(all.into_iter().filter(|(name, _)| names.contains(name)).collect())
}
