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
    /// What other notes might have shown: the mean over the values of the least and the greatest of their 95 % intervals;
    /// absent where one has none. Seeds share the evaluation notes, so their intervals are no independent guesses, and the
    /// mean is as wide as they are.
    pub interval: Option<(f64, f64)>,
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
        Some(Self {
            mean,
            sd,
            n,
            interval: None,
        })
    }

    /// With the intervals of its values.
    pub fn within(self, intervals: impl Iterator<Item = Option<(f64, f64)>>) -> Self {
        let intervals: Vec<(f64, f64)> = match intervals.collect::<Option<Vec<_>>>() {
            Some(intervals) if intervals.len() == self.n => intervals,
            _ => return self,
        };
        let mean = |end: fn(&(f64, f64)) -> f64| intervals.iter().map(end).sum::<f64>() / self.n as f64;
        Self {
            interval: Some((mean(|ends| ends.0), mean(|ends| ends.1))),
            ..self
        }
    }

    /// In another unit.
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            mean: factor * self.mean,
            sd: self.sd.map(|sd| factor * sd),
            interval: self.interval.map(|(low, high)| (factor * low, factor * high)),
            ..self
        }
    }

    /// From the least to the greatest that is drawn of it: one standard deviation around the mean, and the interval.
    pub fn reach(&self) -> (f64, f64) {
        let sd = self.sd.unwrap_or(0.0);
        let (low, high) = self.interval.unwrap_or((self.mean, self.mean));
        (low.min(self.mean - sd), high.max(self.mean + sd))
    }
}
