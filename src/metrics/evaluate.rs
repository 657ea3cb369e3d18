//! All metrics of one set of scores against its gold codes, put together from their families.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::codes::{CODE_METRICS, CodeScore, score_codes};
use super::error::Error;
use super::input::{Scores, Targets, TieOrder, check};
use super::notes::{NoteMetric, NoteScore, note_metrics, score_notes};

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
    check(scores, targets, options.threshold)?;
    if options.at_k.contains(&0) {
        return Err(Error::AtK);
    }
    let per_note = score_notes(scores, targets, options.threshold, options.ties);
    let everyone: Vec<usize> = (0..per_note.len()).collect();
    let by_note = note_metrics(&options.at_k).filter_map(|name| {
        let value = NoteMetric::new(&name, &per_note, scores.codes())?.over(&everyone);
        Some((name, value))
    });
    let pass = score_codes(scores, targets, options.threshold);
    let by_code = CODE_METRICS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), pass.value(name)?)));
    Ok(Evaluation {
        scores: by_note.chain(by_code).collect(),
        per_code: pass.per_code,
        per_note,
    })
}
