//! How scores become decisions and metrics, as a suite says it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::recipe::Select;
use crate::metrics::{
    self, Evaluation, Objective, Options, Scores, Targets, ThresholdGrid, TieOrder, evaluate, tune_threshold, watched,
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
    /// This probability, 0 to 1.
    Fixed(f32),
    /// The point of the grid with the best value on the validation notes.
    Tuned {
        /// The metric that is to be greatest.
        objective: Objective,
        /// The thresholds tried.
        grid: ThresholdGrid,
    },
}

/// What training looks at after each epoch: the threshold and the watched metrics, and nothing else, so that a new
/// metric trains nothing anew.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Where the threshold comes from.
    pub threshold: ThresholdRule,
    /// Which of two codes with equal scores ranks first.
    pub ties: TieOrder,
    /// Names of the metrics that are watched.
    pub watched: Vec<String>,
}

/// What a look at the validation notes decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What a probability must be above for its code to be predicted.
    pub threshold: f32,
    /// The watched metrics at that threshold.
    pub scores: BTreeMap<String, f64>,
}

impl Selection {
    /// What a recipe looks at: the metric that chooses the epoch, and two for the learning curve.
    pub fn of(evaluation: &EvaluationSettings, select: &Select) -> Self {
        let mut watched = vec!["micro-f1".to_owned(), "map".to_owned()];
        if let Select::Best { metric, .. } = select
            && !watched.contains(metric)
        {
            watched.push(metric.clone());
        }
        Self {
            threshold: evaluation.threshold,
            ties: evaluation.ties,
            watched,
        }
    }

    /// Chooses the threshold on scores (`[note, code]`, the model's codes only) and takes the watched metrics at it.
    ///
    /// # Errors
    /// Scores and gold codes that do not fit together.
    pub fn judge(&self, scores: &[f32], gold: &[Vec<u32>], codes: usize) -> Result<Verdict, metrics::Error> {
        let scores = Scores::new(scores, gold.len(), codes)?;
        let targets = Targets::from_rows(&fitted(gold, codes), codes)?;
        let threshold = match &self.threshold {
            ThresholdRule::Fixed(value) => *value,
            ThresholdRule::Tuned { objective, grid } => tune_threshold(&scores, &targets, grid, *objective)?.threshold,
        };
        let names: Vec<&str> = self.watched.iter().map(String::as_str).collect();
        let scores = watched(&names, &scores, &targets, threshold, self.ties)?;
        Ok(Verdict { threshold, scores })
    }
}

/// Each note's gold codes that a model predicts.
pub fn fitted(gold: &[Vec<u32>], codes: usize) -> Vec<Vec<u32>> {
    let known = |row: &Vec<u32>| {
        row.iter()
            .copied()
            .filter(|&column| (column as usize) < codes)
            .collect()
    };
    gold.iter().map(known).collect()
}

impl EvaluationSettings {
    /// Whether this suite computes a metric of that name.
    pub fn knows(&self, metric: &str) -> bool {
        match metric.rsplit_once("-at-") {
            Some((family, k)) => {
                ["precision", "recall", "f1"].contains(&family) && k.parse().is_ok_and(|k| self.at_k.contains(&k))
            }
            None => metrics::metric_info(metric).is_some() && !metrics::is_of_evidence(metric),
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
