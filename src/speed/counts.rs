//! The counted mode: instructions instead of seconds, for machines on which seconds say nothing. What else runs there hardly
//! moves a count, so there is a tolerance and no test.

use serde::Serialize;

use super::error::{Error, share};
use super::pairs::Verdict;
use super::summary::{middle, sorted};

/// Repeats of a side without which nobody knows whether the count jitters.
const LEAST: usize = 3;

/// The instructions of base and head, compared.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counted {
    /// Median instructions of the base.
    pub base: f64,
    /// Of the head.
    pub head: f64,
    /// Head over base.
    pub ratio: f64,
    /// (third quartile - first quartile) / median of the side that jitters more.
    pub jitter: f64,
    /// What that comes to. Not enough data: a side jitters by more than the tolerance.
    pub verdict: Verdict,
}

/// Compares counts of instructions, several of each side. A head with more than `1 + tolerance` times the base's is slower.
///
/// # Errors
/// A side has fewer than 3 counts or a count of 0, or the tolerance is no share.
pub fn counted(base: &[u64], head: &[u64], tolerance: f64) -> Result<Counted, Error> {
    share("tolerance", tolerance)?;
    let (base, of_base) = side("base", base)?;
    let (head, of_head) = side("head", head)?;
    let (ratio, jitter) = (head / base, of_base.max(of_head));
    let verdict = match () {
        () if jitter > tolerance => Verdict::NotEnoughData,
        () if ratio > 1.0 + tolerance => Verdict::Slower,
        () if ratio < 1.0 / (1.0 + tolerance) => Verdict::Faster,
        () => Verdict::Same,
    };
    Ok(Counted {
        base,
        head,
        ratio,
        jitter,
        verdict,
    })
}

/// Median and jitter of a side.
fn side(name: &'static str, counts: &[u64]) -> Result<(f64, f64), Error> {
    let above: Vec<f64> = counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| count as f64)
        .collect();
    let sorted = sorted(&above);
    let median = middle(&sorted).filter(|_| sorted.len() >= LEAST && sorted.len() == counts.len());
    let median = median.ok_or(Error::TooFew {
        side: name,
        found: sorted.len(),
        least: LEAST.max(counts.len()),
    })?;
    Ok((median, (quartile(&sorted, 0.75) - quartile(&sorted, 0.25)) / median))
}

/// A quantile of ascending numbers, between neighbours where it lies between.
fn quartile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts that jitter by up to `jitter` on either side.
    fn counts(of: f64, jitter: f64, shift: u64) -> Vec<u64> {
        let jittered = |run: u64| 1.0 + jitter * (((run + shift) * 2_654_435_761 % 1000) as f64 / 500.0 - 1.0);
        (0..5).map(|run| (of * jittered(run)) as u64).collect()
    }

    #[test]
    fn three_percent_are_found_and_jitter_is_not() {
        for shift in 0..200 {
            let base = counts(4e9, 0.003, shift);
            let found = |factor: f64| {
                counted(&base, &counts(4e9 * factor, 0.003, shift + 991), 0.01)
                    .unwrap()
                    .verdict
            };
            assert_eq!(found(1.03), Verdict::Slower, "shift {shift}");
            assert_eq!(found(0.97), Verdict::Faster, "shift {shift}");
            assert_eq!(found(1.0), Verdict::Same, "shift {shift}");
        }
    }

    #[test]
    fn counts_that_jitter_by_more_than_the_tolerance_say_nothing() {
        let found = counted(&[100, 130, 160], &[200, 200, 200], 0.01).unwrap();
        assert_eq!((found.ratio, found.verdict), (200.0 / 130.0, Verdict::NotEnoughData));
        assert!((found.jitter - 30.0 / 130.0).abs() < 1e-12);
        // One odd run of five is none.
        let odd = [1000, 1001, 1000, 1002, 1900];
        assert_eq!(counted(&odd, &odd, 0.01).unwrap().verdict, Verdict::Same);
    }

    #[test]
    fn too_few_counts_are_refused() {
        let error = counted(&[5, 5, 5], &[5, 5], 0.01).unwrap_err().to_string();
        assert_eq!(error, "head: found 2 counts, expected at least 3: count more runs");
        assert!(counted(&[5, 5, 0], &[5, 5, 5], 0.01).is_err());
        assert!(matches!(counted(&[5; 3], &[5; 3], 0.0), Err(Error::Share { .. })));
    }
}
