//! `[evidence]`: the spans that models give as evidence of their codes.

use serde::{Deserialize, Serialize};

/// For the most probable codes of a note the span of text that the model reads for each is looked up in what the model
/// explains itself with, and scored against what annotators marked. How a span is cut is chosen on the validation notes,
/// among all combinations of what is listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EvidenceSettings {
    /// Codes of a note that are looked at, the most probable ones.
    pub candidates: u32,
    /// Shares of the greatest weight that a token of a span has at least.
    pub shares: Vec<f64>,
    /// Tokens with less that may lie between two with more.
    pub gap: u32,
    /// Most characters of a span.
    pub most_characters: Vec<u32>,
    /// Probabilities above which a code is given.
    pub thresholds: Vec<f32>,
}

impl EvidenceSettings {
    /// What is wrong with the settings: the key and the problem.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.candidates == 0 {
            return Err(("candidates", "0: expected at least 1".into()));
        }
        if self.shares.is_empty() || self.shares.iter().any(|share| !(*share > 0.0 && *share <= 1.0)) {
            return Err((
                "shares",
                format!("{:?}: expected shares above 0, at most 1", self.shares),
            ));
        }
        if self.most_characters.is_empty() || self.most_characters.contains(&0) {
            let problem = format!("{:?}: expected numbers of at least 1", self.most_characters);
            return Err(("most-characters", problem));
        }
        if self.thresholds.is_empty() || self.thresholds.iter().any(|threshold| !(0.0..1.0).contains(threshold)) {
            let problem = format!("{:?}: expected probabilities from 0 to below 1", self.thresholds);
            return Err(("thresholds", problem));
        }
        Ok(())
    }
}
