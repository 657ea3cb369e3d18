//! `[[ensemble]]`: runs whose scores are put together.

use serde::{Deserialize, Serialize};

use crate::metrics::Combination;

/// Scores of several runs put together, at each of the suite's lengths and with each seed. Their weights are fitted on the
/// validation notes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ensemble {
    /// What reports call it.
    pub name: String,
    /// How scores are put together.
    pub rule: Combination,
    /// Titles of its runs.
    pub runs: Vec<String>,
    /// Weights that are tried for each run.
    pub weights: Vec<f64>,
    /// What they are chosen for.
    pub metric: String,
}
