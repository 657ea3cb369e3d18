//! What a record says of one code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One code's counts and scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CodeRow {
    /// As the label set spells it.
    pub code: String,
    /// Training notes with the code.
    pub training: u32,
    /// True positives.
    pub tp: u32,
    /// False positives.
    pub fp: u32,
    /// False negatives.
    #[serde(rename = "fn")]
    pub fn_: u32,
    /// Area under the ROC curve, where defined.
    pub roc_auc: Option<f64>,
    /// Average precision, where defined.
    pub pr_auc: Option<f64>,
}
