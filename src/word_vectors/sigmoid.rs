//! The table of sigmoids that word2vec's own program and gensim look up: see [`Sigmoid::Table`](super::settings::Sigmoid::Table).

/// A product from here on is a decision that is made: nothing is learnt from it. So does gensim; word2vec's own program counts
/// such a probability as 0 or 1.
pub(super) const DECIDED: f32 = 6.0;

/// Points of the table, and how many of them a unit is counted to have.
const POINTS: usize = 1_000;
pub(super) const POINTS_A_UNIT: f32 = 83.0;

/// The table of sigmoids.
pub(super) fn sigmoids() -> Vec<f32> {
    let point = |index: usize| (2.0 * index as f64 / POINTS as f64 - 1.0) * f64::from(DECIDED);
    (0..POINTS)
        .map(|index| (1.0 / (1.0 + (-point(index)).exp())) as f32)
        .collect()
}
