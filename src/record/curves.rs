//! What a record holds of curves: aggregates over all (note, code) pairs of the evaluation part, to four significant digits.
//! Definitions stand at [`crate::metrics::curves`]; what becomes of small counts, at [`super::SmallCounts`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Curves over all pairs of evaluation note and code, and the codes by their area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Curves {
    /// Decisions at the thresholds 0.01 to 0.99, ascending.
    pub thresholds: Vec<ThresholdRow>,
    /// Precision of the pooled ranking where it reaches each hundredth of recall, by rising recall.
    pub precision_recall: Vec<PrecisionRow>,
    /// Absent where a score is no probability.
    pub calibration: Option<CalibrationFacts>,
    /// Codes by their area under the ROC curve, ascending; bins without a code have no row.
    pub areas: Vec<AreaBinRow>,
}

impl Curves {
    /// Everything in it that lies between 0 and 1.
    pub(super) fn shares(&self) -> impl Iterator<Item = f64> + '_ {
        let decisions = self.thresholds.iter().flat_map(|row| {
            let macro_f1 = row.macro_f1_present.unwrap_or_default();
            [
                row.threshold,
                row.micro_precision,
                row.micro_recall,
                row.micro_f1,
                macro_f1,
            ]
        });
        let ranking = self.precision_recall.iter().flat_map(|row| [row.recall, row.precision]);
        let bins = self.calibration.iter().flat_map(|found| &found.bins);
        let bins = bins.flat_map(|bin| [bin.lower, bin.upper, bin.mean_probability, bin.gold_share]);
        let areas = self.areas.iter().flat_map(|bin| [bin.lower, bin.upper]);
        decisions.chain(ranking).chain(bins).chain(areas)
    }
}

/// Decisions at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ThresholdRow {
    /// A code is predicted when its probability is above it.
    pub threshold: f64,
    /// Of the pooled decisions; 0 when nothing is predicted.
    pub micro_precision: f64,
    /// Of the pooled decisions.
    pub micro_recall: f64,
    /// Of the pooled decisions.
    pub micro_f1: f64,
    /// Mean F1 over the codes with a gold positive; absent when there is none.
    pub macro_f1_present: Option<f64>,
}

/// Precision where the pooled ranking reaches a recall.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PrecisionRow {
    /// 0 to 1.
    pub recall: f64,
    /// 0 to 1; not interpolated.
    pub precision: f64,
}

/// Whether pairs with a probability of p are gold in a share of p of the cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CalibrationFacts {
    /// Expected calibration error over 20 bins of equal width.
    pub expected_error: f64,
    /// Bins that hold pairs, ascending.
    pub bins: Vec<CalibrationBinRow>,
}

/// The pairs whose probability lies above `lower` and not above `upper`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CalibrationBinRow {
    /// Lower edge; a probability of 0 is in the first bin.
    pub lower: f64,
    /// Upper edge.
    pub upper: f64,
    /// (note, code) pairs in the bin.
    pub pairs: u64,
    /// Their mean probability.
    pub mean_probability: f64,
    /// Share of them that is gold.
    pub gold_share: f64,
}

/// Codes whose area under the ROC curve is at least `lower` and below `upper`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AreaBinRow {
    /// Lower edge.
    pub lower: f64,
    /// Upper edge; an area of 1 is in the last bin.
    pub upper: f64,
    /// Codes in the bin.
    pub codes: u32,
}
