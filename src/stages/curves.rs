//! The curves of a cell as its record has them.

use crate::metrics;
use crate::record::{AreaBinRow, CalibrationBinRow, CalibrationFacts, Curves, PrecisionRow, ThresholdRow};

/// Value by value.
pub(super) fn curve_rows(found: metrics::Curves) -> Curves {
    let threshold = |point: metrics::ThresholdPoint| ThresholdRow {
        threshold: point.threshold,
        micro_precision: point.micro_precision,
        micro_recall: point.micro_recall,
        micro_f1: point.micro_f1,
        macro_f1_present: point.macro_f1_present,
    };
    let precision = |point: metrics::PrecisionPoint| PrecisionRow {
        recall: point.recall,
        precision: point.precision,
    };
    let of_probability = |bin: metrics::CalibrationBin| CalibrationBinRow {
        lower: bin.lower,
        upper: bin.upper,
        pairs: bin.pairs,
        mean_probability: bin.mean_probability,
        gold_share: bin.gold_share,
    };
    let of_area = |bin: metrics::AreaBin| AreaBinRow {
        lower: bin.lower,
        upper: bin.upper,
        codes: bin.codes,
    };
    Curves {
        thresholds: found.thresholds.into_iter().map(threshold).collect(),
        precision_recall: found.precision_recall.into_iter().map(precision).collect(),
        calibration: found.calibration.map(|found| CalibrationFacts {
            expected_error: found.expected_error,
            bins: found.bins.into_iter().map(of_probability).collect(),
        }),
        areas: found.areas.into_iter().map(of_area).collect(),
    }
}
