//! A quantity over the seeds of a cell, and the mark of what had not finished learning.

/// The mark of what had not finished learning.
pub const UNFINISHED: char = '†';

/// Mean and spread of one quantity over the seeds of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n - 1); absent for one value.
    pub sd: Option<f64>,
    /// Number of values.
    pub n: usize,
}

impl Spread {
    /// The spread of the finite values; `None` where there is none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let sd = (n > 1).then(|| (squares / (n - 1) as f64).sqrt());
        Some(Self { mean, sd, n })
    }
}
