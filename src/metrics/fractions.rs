//! The few fractions that every family of metrics is made of.

/// `numerator / denominator`, and 0 for 0/0: the field's convention for precision, recall and F1.
pub(super) fn ratio(numerator: u64, denominator: u64) -> f64 {
    if denominator == 0 {
        0.0
    } else {
        numerator as f64 / denominator as f64
    }
}

/// F1 of pooled counts, 2tp / (2tp + fp + fn); 0 when nothing is gold and nothing is predicted.
pub(super) fn f1(tp: u64, fp: u64, missed: u64) -> f64 {
    ratio(2 * tp, 2 * tp + fp + missed)
}

/// 2ab / (a + b), and 0 when both are 0.
pub(super) fn harmonic_mean(a: f64, b: f64) -> f64 {
    if a + b == 0.0 { 0.0 } else { 2.0 * a * b / (a + b) }
}
