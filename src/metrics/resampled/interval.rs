//! From redraws to an interval.

/// Share of the redraws inside an interval.
pub const INSIDE: f64 = 0.95;
/// A metric that is undefined in a greater share of the redraws has no interval.
const UNDEFINED: f64 = 0.05;

/// What other notes, as many and of the same kind, might have shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Least value inside.
    pub low: f64,
    /// Greatest value inside.
    pub high: f64,
    /// Standard error: the standard deviation of the redraws.
    pub se: f64,
}

/// The interval of a quantity from its value over all notes and over each redraw: the middle 95 % of the redraws, moved so
/// that their mean lies on the value (Efron and Tibshirani 1993, section 10.2: the bootstrap's estimate of bias taken out).
/// Means over codes need that: a code that few notes have is in no note of many redraws, so that redraws lie below the
/// value. `None` where more than one in twenty redraws leaves it undefined, or there is none.
pub fn interval(value: f64, redraws: &[f64]) -> Option<Interval> {
    let mut defined: Vec<f64> = redraws.iter().copied().filter(|redraw| redraw.is_finite()).collect();
    let missing = redraws.len() - defined.len();
    if defined.is_empty() || missing as f64 > UNDEFINED * redraws.len() as f64 || !value.is_finite() {
        return None;
    }
    defined.sort_by(f64::total_cmp);
    let count = defined.len() as f64;
    // Equal redraws have their own value for a mean, whatever a sum would round to.
    let mean = match defined[0] == defined[defined.len() - 1] {
        true => defined[0],
        false => defined.iter().sum::<f64>() / count,
    };
    let squares: f64 = defined.iter().map(|redraw| (redraw - mean).powi(2)).sum();
    let outside = (1.0 - INSIDE) / 2.0;
    Some(Interval {
        // The value itself is always inside: where nearly all redraws are one number, both quantiles lie on one side of the mean.
        low: value.min(value + (quantile(&defined, outside) - mean)),
        high: value.max(value + (quantile(&defined, 1.0 - outside) - mean)),
        se: (squares / (count - 1.0).max(1.0)).sqrt(),
    })
}

impl Interval {
    /// Of a score, which is a share.
    pub fn of_share(self) -> Self {
        Self {
            low: self.low.max(0.0),
            high: self.high.min(1.0),
            ..self
        }
    }
}

/// The quantile of ascending values, linear between neighbours.
fn quantile(ascending: &[f64], share: f64) -> f64 {
    let place = share * (ascending.len() - 1) as f64;
    let (below, above) = (ascending[place.floor() as usize], ascending[place.ceil() as usize]);
    below + (place - place.floor()) * (above - below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_the_redraws_lies_around_the_value() {
        let redraws: Vec<f64> = (0..=1000).map(|at| f64::from(at) / 1000.0).collect();
        let found = interval(0.7, &redraws).unwrap();
        assert!(
            (found.low - 0.225).abs() < 1e-12 && (found.high - 1.175).abs() < 1e-12,
            "{found:?}"
        );
        assert!((found.se - (1.0f64 / 12.0).sqrt()).abs() < 1e-3);
        let share = found.of_share();
        assert_eq!((share.low, share.high), (found.low, 1.0));
    }

    #[test]
    fn equal_redraws_leave_no_room() {
        let found = interval(0.3, &[0.1; 7]).unwrap();
        assert_eq!((found.low, found.high, found.se), (0.3, 0.3, 0.0));
    }

    #[test]
    fn the_value_is_inside_though_nearly_all_redraws_are_one_number() {
        let mut redraws = vec![0.3; 1000];
        redraws[..3].fill(0.2);
        let found = interval(0.3, &redraws).unwrap();
        assert!(found.low <= 0.3 && 0.3 <= found.high && found.se > 0.0, "{found:?}");
    }

    #[test]
    fn what_is_mostly_undefined_has_no_interval() {
        let mut redraws = vec![0.5; 100];
        redraws[..5].fill(f64::NAN);
        assert!(interval(0.5, &redraws).is_some());
        redraws[..6].fill(f64::NAN);
        assert!(interval(0.5, &redraws).is_none());
        assert!(interval(0.5, &[]).is_none() && interval(f64::NAN, &[0.5]).is_none());
    }
}
