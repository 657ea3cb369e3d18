//! How scores become decisions and metrics, as a suite says it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::{
    self, Evaluation, Objective, Options, Scores, Targets, ThresholdGrid, TieOrder, evaluate, tune_threshold,
};

/// A suite's `[evaluation]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EvaluationSettings {
    /// The k of precision, recall and F1 at k.
    pub at_k: Vec<usize>,
    /// Which of two codes with equal scores ranks first.
    pub ties: TieOrder,
    /// Where the decision threshold comes from.
    pub threshold: ThresholdRule,
}

/// Where the decision threshold comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum ThresholdRule {
    /// This number.
    Fixed(f32),
    /// The point of the grid with the best value on the validation notes.
    Tuned {
        /// What is made best.
        objective: Objective,
        /// The thresholds tried.
        grid: ThresholdGrid,
    },
}

/// What an evaluation of the validation notes decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The threshold from here on.
    pub threshold: f32,
    /// Every metric at that threshold.
    pub scores: BTreeMap<String, f64>,
}

impl EvaluationSettings {
    /// Whether this suite computes a metric of that name.
    pub fn knows(&self, metric: &str) -> bool {
        match metric.rsplit_once("-at-") {
            Some((family, k)) => {
                ["precision", "recall", "f1"].contains(&family) && k.parse().is_ok_and(|k| self.at_k.contains(&k))
            }
            None => metrics::metric_info(metric).is_some(),
        }
    }

    /// What is wrong with the settings: the key and the problem.
    pub fn check(&self) -> Result<(), (String, String)> {
        if self.at_k.contains(&0) {
            return Err(("at-k".into(), "holds 0: expected ranks from 1".into()));
        }
        match &self.threshold {
            ThresholdRule::Fixed(value) if !(0.0..=1.0).contains(value) => {
                let problem = format!("fixed = {value}: expected a probability, 0 to 1");
                Err(("threshold".into(), problem))
            }
            ThresholdRule::Tuned { grid, .. } => match grid.thresholds() {
                Ok(_) => Ok(()),
                Err(error) => Err(("threshold".into(), error.to_string())),
            },
            ThresholdRule::Fixed(_) => Ok(()),
        }
    }

    /// How the threshold is chosen, for people.
    pub fn threshold_source(&self) -> String {
        match &self.threshold {
            ThresholdRule::Fixed(_) => "fixed by the suite".into(),
            ThresholdRule::Tuned { .. } => "tuned on the validation notes".into(),
        }
    }

    /// Chooses the threshold on validation scores (`[note, code]`, the model's codes only) and
    /// evaluates them at it.
    pub fn choose(&self, scores: &[f32], gold: &[Vec<u32>], codes: usize) -> Result<Verdict, metrics::Error> {
        let scores = Scores::new(scores, gold.len(), codes)?;
        let seen: Vec<Vec<u32>> = gold
            .iter()
            .map(|row| {
                row.iter()
                    .copied()
                    .filter(|&column| (column as usize) < codes)
                    .collect()
            })
            .collect();
        let targets = Targets::from_rows(&seen, codes)?;
        let threshold = match &self.threshold {
            ThresholdRule::Fixed(value) => *value,
            ThresholdRule::Tuned { objective, grid } => tune_threshold(&scores, &targets, grid, *objective)?.threshold,
        };
        let evaluation = evaluate(&scores, &targets, &self.options(threshold))?;
        Ok(Verdict {
            threshold,
            scores: evaluation.scores,
        })
    }

    /// Every metric at a given threshold.
    pub fn evaluate(&self, scores: &Scores, targets: &Targets, threshold: f32) -> Result<Evaluation, metrics::Error> {
        evaluate(scores, targets, &self.options(threshold))
    }

    fn options(&self, threshold: f32) -> Options {
        Options {
            threshold,
            at_k: self.at_k.clone(),
            ties: self.ties,
        }
    }
}
