//! The search for the settings of runs, as a suite writes it: `[search]`. It is expanded by [`crate::search`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::train::Budget;

/// A search for the settings of a suite's runs: every trial is trained as the run says but for the settings tried, and
/// scored on the validation notes; the evaluation part is not looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Search {
    /// The metric on the validation notes that decides, such as `micro-f1`; mean over the suite's lengths and seeds.
    pub metric: String,
    /// Which combinations of values are tried.
    pub draw: Draw,
    /// The budget of each trial's training, in place of its recipe's. Left out: the recipe's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Values to try: by the run's name, then by the setting's path in the run, such as `training.learning-rate`.
    pub settings: BTreeMap<String, BTreeMap<String, Values>>,
}

/// Which combinations of values are tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Draw {
    /// All of them.
    Grid,
    /// So many of them for each run, drawn with a seed, none twice.
    Random {
        /// Trials of each run.
        trials: usize,
        /// Seed of the draw.
        seed: u64,
    },
}

/// Values of one setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Values {
    /// These.
    Listed(Vec<Value>),
    /// Any number between two, for random draws.
    Range(Range),
}

/// Numbers to draw from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Range {
    /// The least.
    pub from: f64,
    /// The greatest.
    pub to: f64,
    /// Whether equal ratios are equally likely, in place of equal differences.
    #[serde(default)]
    pub logarithmic: bool,
}

impl Range {
    /// Whether there is a number in it.
    pub(super) fn is_possible(self) -> bool {
        let finite = self.from.is_finite() && self.to.is_finite();
        finite && self.from < self.to && (!self.logarithmic || self.from > 0.0)
    }
}

/// That a run's settings were chosen by a search: `chosen`. It moves no result; the report tells it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Chosen {
    /// Trials that it was chosen among.
    pub trials: usize,
    /// The validation metric that decided.
    pub metric: String,
    /// Its value in the chosen trial.
    pub value: f64,
    /// The suite that searched.
    pub search: String,
}

impl Chosen {
    /// Such as `chosen among 12 trials of quick-search by validation micro-f1 (0.519)`.
    pub fn sentence(&self) -> String {
        let noun = if self.trials == 1 { "trial" } else { "trials" };
        format!(
            "chosen among {} {noun} of {} by validation {} ({:.3})",
            self.trials, self.search, self.metric, self.value
        )
    }
}
