//! Whether engines compute the same: the logits of each model from the same weights and the same notes, side by side.

use std::time::Duration;

use burn::tensor::Device;
use serde::Serialize;
use serde_json::json;
use tempfile::TempDir;

use super::check::model;
use super::engines::Engines;
use super::protocol::{About, Ask, Failure, FailureKind, Load, Logits};
use super::sets::Sets;
use super::side::Side;
use super::{Job, Refused, weights};
use crate::models::parameters;

/// What is asked of all engines.
#[derive(Clone, Debug)]
pub struct Question {
    /// As the table of models names it.
    pub model: String,
    /// Most tokens of a note: of the notes one has so many, one has one, the others lie between.
    pub length: usize,
    /// Codes to predict.
    pub codes: usize,
    /// Notes.
    pub notes: usize,
    /// The seed of notes and weights.
    pub seed: u64,
    /// The largest difference that passes, relative to the largest logit.
    pub tolerance: f64,
    /// Seconds that an engine may take for one answer.
    pub timeout: Duration,
}

/// How far an engine's logits are from those of the first engine.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Agreement {
    /// The model.
    pub model: String,
    /// Most tokens of a note.
    pub length: usize,
    /// The engine that was compared with.
    pub reference: String,
    /// The engine that was compared.
    pub engine: String,
    /// Its framework's version, where it said so.
    pub version: String,
    /// The largest logit of the reference, without its sign.
    pub largest_logit: f64,
    /// The largest difference of two logits.
    pub difference: f64,
    /// That over the largest logit.
    pub relative: f64,
    /// The greatest `relative` that passes.
    pub tolerance: f64,
    /// Whether it passes; `false` where nothing was compared.
    pub passes: bool,
    /// Why there is nothing to compare, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

impl Agreement {
    /// Whether the engine does not have this model, or what it needs is not here: nobody's fault.
    pub fn is_skipped(&self) -> bool {
        let kind = self.error.as_ref().map(|error| error.kind);
        matches!(kind, Some(FailureKind::Unavailable | FailureKind::Unsupported))
    }
}

/// Asks all engines, one after another, and compares each with the first.
///
/// # Errors
/// A question that no engine can be asked; a first engine that gives no logits.
pub fn verify(question: &Question, sides: &[Side], engines: &Engines) -> Result<Vec<Agreement>, Refused> {
    let job = Job::sized(&question.model, (question.length, question.notes), question.codes, None)?;
    let refused = |problem: String| Refused {
        job: json!({"model": question.model, "length": question.length}),
        problem,
    };
    let Some((first, others)) = sides.split_first() else {
        return Err(refused("no engine: expected two or more".into()));
    };
    let folder = tempfile::tempdir().map_err(|error| refused(error.to_string()))?;
    let load = write(question, &job, &folder).map_err(refused)?;
    let ask = |side: &Side| logits(&load, side, engines, question.timeout);
    let (_, expected) = ask(first).map_err(|failure| {
        refused(format!(
            "{first}: {failure}. Put an engine first that has this model, or name others with --models"
        ))
    })?;
    Ok(others
        .iter()
        .map(|side| compared(question, (first, &expected), side, ask(side)))
        .collect())
}

/// Weights and notes as files for all engines. All parameters are away from where they start, so that none that starts
/// at 0 or 1 goes unseen.
fn write(question: &Question, job: &Job, folder: &TempDir) -> Result<Load, String> {
    let path = |name: &str| folder.path().join(name);
    let (weights_path, inputs) = (path("weights.safetensors"), path("inputs.safetensors"));
    let words = |error: std::io::Error| error.to_string();
    weights::write(&parameters::read(&model(job, &Device::flex())?), &weights_path).map_err(words)?;
    let sets = Sets::random(&[lengths(question)], job.task.vocabulary, job.codes, question.seed);
    sets.write(&inputs).map_err(words)?;
    Ok(Load {
        weights: Some(weights_path),
        ..job.load(inputs)
    })
}

/// One note of all tokens, one of a single one, the others spread between.
fn lengths(question: &Question) -> Vec<usize> {
    let last = question.notes.saturating_sub(1).max(1);
    let tokens = |note: usize| question.length - (question.length - 1) * note / last;
    (0..question.notes).map(tokens).collect()
}

fn logits(load: &Load, side: &Side, engines: &Engines, timeout: Duration) -> Result<(About, Logits), Failure> {
    let mut engine = engines.start(side)?;
    let about: About = engine.ask(&Ask::About, timeout)?;
    engine.load(engines.load_of(side, load), timeout)?;
    Ok((about, engine.ask(&Ask::Logits { set: 0 }, timeout)?))
}

fn compared(
    question: &Question,
    (first, expected): (&Side, &Logits),
    side: &Side,
    found: Result<(About, Logits), Failure>,
) -> Agreement {
    let mut agreement = Agreement {
        model: question.model.clone(),
        length: question.length,
        reference: first.to_string(),
        engine: side.to_string(),
        version: String::new(),
        largest_logit: largest(expected.logits.iter().flatten().copied()),
        difference: f64::NAN,
        relative: f64::NAN,
        tolerance: question.tolerance,
        passes: false,
        error: None,
    };
    match found {
        Err(error) => agreement.error = Some(error),
        Ok((about, found)) => {
            agreement.version = about.version;
            let shape = |logits: &Logits| logits.logits.iter().map(Vec::len).collect::<Vec<_>>();
            if shape(&found) != shape(expected) {
                let words = format!("logits of shape {:?}; expected {:?}", shape(&found), shape(expected));
                agreement.error = Some(Failure::failed(words));
                return agreement;
            }
            let pairs = found.logits.iter().flatten().zip(expected.logits.iter().flatten());
            agreement.difference = largest(pairs.map(|(a, b)| a - b));
            agreement.relative = agreement.difference / agreement.largest_logit;
            // Not so where there is none.
            agreement.passes = agreement.relative <= question.tolerance;
        }
    }
    agreement
}

/// The greatest without signs; not a number where one of them is none.
fn largest(values: impl Iterator<Item = f32>) -> f64 {
    values.fold(0.0, |most, value| match value.is_nan() || most.is_nan() {
        true => f64::NAN,
        false => most.max(f64::from(value.abs())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question {
            model: "caml".into(),
            length: 10,
            codes: 2,
            notes: 4,
            seed: 1,
            tolerance: 1e-4,
            timeout: Duration::from_secs(60),
        }
    }

    fn about() -> About {
        About {
            engine: "other".into(),
            version: "1".into(),
            models: Vec::new(),
            modes: Vec::new(),
        }
    }

    fn answer(logits: [[f32; 2]; 1]) -> Logits {
        Logits {
            logits: logits.iter().map(|row| row.to_vec()).collect(),
        }
    }

    #[test]
    fn notes_go_from_all_tokens_to_one() {
        assert_eq!(lengths(&question()), [10, 7, 4, 1]);
        assert_eq!(lengths(&Question { notes: 1, ..question() }), [10]);
    }

    #[test]
    fn the_largest_difference_decides() {
        let side: Side = "burn".parse().unwrap();
        let expected = answer([[2.0, -4.0]]);
        let of = |found| compared(&question(), (&side, &expected), &side, Ok((about(), answer(found))));
        let near = of([[2.0001, -4.0]]);
        assert!(near.passes && near.largest_logit == 4.0, "{near:?}");
        let far = of([[2.0, -4.001]]);
        assert!(!far.passes && far.error.is_none() && !far.is_skipped(), "{far:?}");
        assert!(!of([[f32::NAN, -4.0]]).passes);
    }

    #[test]
    fn what_was_not_compared_does_not_pass() {
        let side: Side = "burn".parse().unwrap();
        let expected = answer([[2.0, -4.0]]);
        let short = Logits {
            logits: vec![vec![2.0]],
        };
        let found = compared(&question(), (&side, &expected), &side, Ok((about(), short)));
        assert!(!found.passes && !found.is_skipped(), "{found:?}");
        let lacks = compared(
            &question(),
            (&side, &expected),
            &side,
            Err(Failure::unsupported("no caml")),
        );
        assert!(!lacks.passes && lacks.is_skipped());
    }
}
