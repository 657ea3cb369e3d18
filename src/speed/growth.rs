//! Time or memory as a power of the length, so that "linear" and "quadratic" are measured words.
//!
//! A line through the logarithms of each length's median by least squares, and Student's interval of its slope from what is
//! left of it. The lengths are the sample, not the repeats: what all repeats of a length have in common (a busy minute, a
//! fixed cost that bends the curve) widens the interval, as it must, and a peak of memory needs to be measured only once.

use serde::Serialize;

use super::error::{Error, seconds};
use super::summary::{middle, sorted};

/// The fewest lengths that leave anything over from a line.
const LEAST: usize = 3;
/// An exponent whose interval is wider lies anywhere between linear and quadratic.
const TELLS: f64 = 1.0;
/// The normal distribution's quantile of the ends of a 95 % interval.
const NORMAL: f64 = 1.959_964;

/// `factor * length ^ exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Growth {
    /// The power.
    pub exponent: f64,
    /// Its 95 % interval.
    pub interval: (f64, f64),
    /// What length 1 would take.
    pub factor: f64,
    /// How many lengths.
    pub lengths: usize,
    /// Standard deviation of a length's logarithm around the line: how far the growth is from a power.
    pub residual: f64,
}

/// How something grows, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Less than linearly.
    BelowLinear,
    /// As the length.
    Linear,
    /// More than linearly and less than quadratically.
    Between,
    /// As the length's square.
    Quadratic,
    /// More than quadratically.
    AboveQuadratic,
    /// The interval does not tell.
    Unclear,
}

impl Order {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::BelowLinear => "less than linear",
            Self::Linear => "linear",
            Self::Between => "between linear and quadratic",
            Self::Quadratic => "quadratic",
            Self::AboveQuadratic => "more than quadratic",
            Self::Unclear => "unclear",
        }
    }
}

/// Fits a power to measurements by length: of each length the repeats, in seconds or bytes. `fixed` is a cost that was measured
/// by itself and that every length has, such as the memory before a model is made; 0 where there is none. `None` of
/// fewer than 3 lengths that differ.
///
/// # Errors
/// A length is 0 or has no repeats, or a repeat is not a finite number above `fixed`.
pub fn growth(by_length: &[(u32, Vec<f64>)], fixed: f64) -> Result<Option<Growth>, Error> {
    let mut points = Vec::with_capacity(by_length.len());
    for (length, repeats) in by_length {
        seconds(f64::from(*length), || "a length of 0".into())?;
        for (run, found) in repeats.iter().enumerate() {
            seconds(found - fixed, || {
                format!("length {length}, run {}, less what is fixed", run + 1)
            })?;
        }
        let Some(median) = middle(&sorted(repeats)) else {
            return Err(Error::Seconds {
                place: format!("length {length}, which has no runs"),
                found: f64::NAN,
            });
        };
        points.push((f64::from(*length).ln(), (median - fixed).ln()));
    }
    let mut lengths: Vec<u32> = by_length.iter().map(|(length, _)| *length).collect();
    lengths.sort();
    lengths.dedup();
    Ok((lengths.len() >= LEAST).then(|| fit(&points)))
}

/// Least squares, of at least three points that do not all lie above each other.
fn fit(points: &[(f64, f64)]) -> Growth {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let across: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let along: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let exponent = along / across;
    let left: f64 = points
        .iter()
        .map(|(x, y)| (y - mean_y - exponent * (x - mean_x)).powi(2))
        .sum();
    let residual = (left / (count - 2.0)).sqrt();
    let reach = t_quantile(points.len() - 2) * residual / across.sqrt();
    Growth {
        exponent,
        interval: (exponent - reach, exponent + reach),
        factor: (mean_y - exponent * mean_x).exp(),
        lengths: points.len(),
        residual,
    }
}

impl Growth {
    /// The word for the exponent's interval. An exponent within `tolerance` of 1 counts as 1, and so for 2: a fixed cost of a
    /// few percent bends every curve.
    pub fn order(&self, tolerance: f64) -> Order {
        let (low, high) = self.interval;
        let reaches = |power: f64| low <= power + tolerance && high >= power - tolerance;
        match (reaches(1.0), reaches(2.0)) {
            _ if high - low > TELLS => Order::Unclear,
            (true, true) => Order::Unclear,
            (true, false) => Order::Linear,
            (false, true) => Order::Quadratic,
            _ if high < 1.0 => Order::BelowLinear,
            _ if low > 2.0 => Order::AboveQuadratic,
            _ => Order::Between,
        }
    }

    /// How many times as much a length takes as another by the fit, with the exponent's interval.
    pub fn times(&self, from: u32, to: u32) -> (f64, (f64, f64)) {
        let by = |exponent: f64| (f64::from(to) / f64::from(from)).powf(exponent);
        let (one, other) = (by(self.interval.0), by(self.interval.1));
        (by(self.exponent), (one.min(other), one.max(other)))
    }
}

/// Student's quantile of the ends of a 95 % interval: exact for 1 and 2 degrees of freedom, else by the series of Abramowitz and
/// Stegun 1964, 26.7.5.
fn t_quantile(freedom: usize) -> f64 {
    let (z, n) = (NORMAL, freedom as f64);
    match freedom {
        1 => (0.475 * std::f64::consts::PI).tan(),
        2 => 0.95 * (2.0f64 / (1.0 - 0.95 * 0.95)).sqrt(),
        _ => {
            let first = (z.powi(3) + z) / 4.0;
            let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
            let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
            let fourth = 79.0 * z.powi(9) + 776.0 * z.powi(7) + 1482.0 * z.powi(5) - 1920.0 * z.powi(3) - 945.0 * z;
            z + first / n + second / n.powi(2) + third / n.powi(3) + fourth / 92_160.0 / n.powi(4)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three lengths of one power, with a small bend.
    fn bent(power: f64, bend: f64) -> Growth {
        let point = |length: u32, factor: f64| (length, vec![factor * f64::from(length).powf(power)]);
        let points = [
            point(512, 1.0),
            point(1024, 1.0 + bend),
            point(2048, 1.0),
            point(4096, 1.0 + bend),
        ];
        growth(&points, 0.0).unwrap().unwrap()
    }

    #[test]
    fn a_power_is_found_again() {
        let points: Vec<_> = [512u32, 1024, 4096]
            .map(|n| (n, vec![3.0 * f64::from(n).powf(1.5); 4]))
            .into();
        let found = growth(&points, 0.0).unwrap().unwrap();
        assert!((found.exponent - 1.5).abs() < 1e-9 && (found.factor - 3.0).abs() < 1e-6);
        assert!(found.residual < 1e-9 && found.interval.1 - found.interval.0 < 1e-6);
        let (times, (low, high)) = found.times(512, 2048);
        assert!((times - 8.0).abs() < 1e-6 && low <= times && times <= high);
        assert_eq!(growth(&points[..2], 0.0).unwrap(), None);
        let twice = [points[0].clone(), points[1].clone(), points[1].clone()];
        assert_eq!(growth(&twice, 0.0).unwrap(), None);
    }

    #[test]
    fn a_fixed_cost_that_is_known_bends_nothing() {
        let points: Vec<_> = [512u32, 1024, 2048, 4096]
            .map(|n| (n, vec![500.0 + f64::from(n)]))
            .into();
        let with = growth(&points, 0.0).unwrap().unwrap();
        let without = growth(&points, 500.0).unwrap().unwrap();
        assert!(with.exponent < 0.9 && (without.exponent - 1.0).abs() < 1e-9);
        let error = growth(&points, 1100.0).unwrap_err().to_string();
        assert!(
            error.starts_with("length 512, run 1, less what is fixed: found -88"),
            "{error}"
        );
        assert!(growth(&[(0, vec![1.0])], 0.0).is_err());
        assert!(growth(&[(5, vec![])], 0.0).is_err());
    }

    #[test]
    fn words_are_said_of_intervals() {
        assert_eq!(bent(1.0, 0.02).order(0.0), Order::Linear);
        assert_eq!(bent(2.0, 0.02).order(0.0), Order::Quadratic);
        assert_eq!(bent(1.5, 0.02).order(0.0), Order::Between);
        assert_eq!(bent(0.5, 0.02).order(0.0), Order::BelowLinear);
        assert_eq!(bent(2.5, 0.02).order(0.0), Order::AboveQuadratic);
        assert_eq!(bent(1.5, 0.9).order(0.0), Order::Unclear);
        let nearly = bent(0.96, 0.001);
        assert_eq!(
            (nearly.order(0.0), nearly.order(0.05)),
            (Order::BelowLinear, Order::Linear)
        );
    }

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (freedom, expected) in [
            (1, 12.706),
            (2, 4.303),
            (3, 3.182),
            (4, 2.776),
            (5, 2.571),
            (8, 2.306),
            (30, 2.042),
        ] {
            let found = t_quantile(freedom);
            assert!((found / expected - 1.0).abs() < 0.0015, "{freedom}: {found}");
        }
    }
}
