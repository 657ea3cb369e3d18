//! What the repeats of one cell come to, how many of the first are warm-up, and whether there are enough.

use serde::Serialize;

use super::error::{Error, seconds as check};

/// The chance that an interval misses, on each side.
const TAIL: f64 = 0.025;

/// The repeats of one cell after its warm-up. All but `runs` and the share in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// How many there were.
    pub runs: usize,
    /// Their median.
    pub median: f64,
    /// The median's 95 % interval; `None` of fewer than 6 runs.
    pub interval: Option<(f64, f64)>,
    /// The least time within which at least 95 % of the runs ended: of fewer than 20 runs the longest.
    pub p95: f64,
    /// Half the interval's width over the median.
    pub half_width: Option<f64>,
}

/// Summarises the seconds of a cell's repeats; `None` where there are none.
///
/// # Errors
/// A time is not a finite number above 0.
pub fn summary(seconds: &[f64]) -> Result<Option<Summary>, Error> {
    for (run, &found) in seconds.iter().enumerate() {
        check(found, || format!("run {}", run + 1))?;
    }
    let sorted = sorted(seconds);
    let Some(median) = middle(&sorted) else {
        return Ok(None);
    };
    let interval = median_interval(seconds);
    Ok(Some(Summary {
        runs: sorted.len(),
        median,
        interval,
        p95: sorted[(sorted.len() * 95).div_ceil(100) - 1],
        half_width: interval.map(|(low, high)| (high - low) / 2.0 / median),
    }))
}

/// The interval between two order statistics that holds the median with a chance of at least 95 %, whatever the runs'
/// distribution (binomial, Conover 1999, section 3.2). `None` of fewer than 6 runs, whose range does not reach 95 %.
pub fn median_interval(seconds: &[f64]) -> Option<(f64, f64)> {
    let runs = seconds.len();
    let sorted = sorted(seconds);
    // Terms of the binomial distribution by logarithms: 0.5^n alone is 0 beyond 1,074 runs.
    let mut term = -(runs as f64) * std::f64::consts::LN_2;
    let mut below = term.exp();
    let mut outside = 0;
    while below <= TAIL {
        outside += 1;
        term += ((runs - outside + 1) as f64 / outside as f64).ln();
        below += term.exp();
    }
    (outside > 0).then(|| (sorted[outside - 1], sorted[runs - outside]))
}

/// Whether a cell was repeated often enough: at least `least` times, and until half of the median's interval is no more than
/// `half_width` of the median. The caller ends a cell whose budget is spent before that.
pub fn enough(seconds: &[f64], half_width: f64, least: usize) -> bool {
    let Ok(Some(found)) = summary(seconds) else {
        return false;
    };
    found.runs >= least && found.half_width.is_some_and(|width| width <= half_width)
}

/// How many of the first runs are warm-up: as many as are slower than a limit, three standard deviations above the median of the
/// later half (the median absolute deviation's; at least 3 % of the median), and so again with the runs that stay, until
/// the first of them is below its limit. At most half of the runs: where it is half, they may not have become stable yet,
/// and more are needed.
pub fn warm(seconds: &[f64]) -> usize {
    let most = seconds.len() / 2;
    let mut first = 0;
    while first < most {
        let rest = &seconds[first..];
        let limit = limit(&rest[rest.len() / 2..]);
        match rest.iter().take_while(|run| **run > limit).count() {
            0 => break,
            slow => first += slow,
        }
    }
    first.min(most)
}

/// What a run of a stable machine hardly ever exceeds.
fn limit(stable: &[f64]) -> f64 {
    let median = middle(&sorted(stable)).unwrap_or(f64::INFINITY);
    median + (3.0 * deviation(stable)).max(0.03 * median)
}

/// The standard deviation of a normal distribution that has these numbers' median absolute deviation.
pub(super) fn deviation(values: &[f64]) -> f64 {
    let median = middle(&sorted(values)).unwrap_or(0.0);
    let distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    1.482_602 * middle(&sorted(&distances)).unwrap_or(0.0)
}

/// Ascending.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The median of ascending numbers.
pub fn middle(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        count if count % 2 == 1 => Some(sorted[half]),
        _ => Some((sorted[half - 1] + sorted[half]) / 2.0),
    }
}

/// The rank of each number from 1; equal ones share their mean rank.
pub(super) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for equal in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = start as f64 + (equal.len() + 1) as f64 / 2.0;
        equal.iter().for_each(|&place| ranks[place] = mean);
        start += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Jitter of up to 3 % around 1, without any trend.
    fn noise(runs: usize, shift: u64) -> Vec<f64> {
        (0..runs as u64)
            .map(|run| 1.0 + 0.03 * (((run + shift) * 2_654_435_761 % 1000) as f64 / 500.0 - 1.0))
            .collect()
    }

    #[test]
    fn the_interval_is_that_of_the_binomial_tables() {
        // Conover 1999, table A3: outside are so many order statistics on each side.
        for (runs, outside) in [(6, 1), (8, 1), (9, 2), (12, 3), (20, 6), (30, 10), (100, 40)] {
            let ascending: Vec<f64> = (1..=runs).map(f64::from).collect();
            let expected = (f64::from(outside), f64::from(runs + 1 - outside));
            assert_eq!(median_interval(&ascending), Some(expected), "{runs} runs");
        }
        assert_eq!(median_interval(&[1.0; 5]), None);
        assert_eq!(median_interval(&vec![1.0; 5000]), Some((1.0, 1.0)));
    }

    #[test]
    fn a_summary_has_median_interval_and_p95() {
        let seconds: Vec<f64> = (1..=20).rev().map(f64::from).collect();
        let found = summary(&seconds).unwrap().unwrap();
        assert_eq!((found.runs, found.median, found.p95), (20, 10.5, 19.0));
        assert_eq!(found.interval, Some((6.0, 15.0)));
        assert_eq!(found.half_width, Some(4.5 / 10.5));
        assert_eq!(summary(&[]).unwrap(), None);
        let error = summary(&[1.0, f64::NAN]).unwrap_err().to_string();
        assert!(error.starts_with("run 2: found NaN seconds"), "{error}");
    }

    #[test]
    fn repeats_are_enough_when_the_interval_is_narrow() {
        let seconds = noise(40, 0);
        assert!(enough(&seconds, 0.03, 10));
        assert!(!enough(&seconds, 0.001, 10));
        assert!(!enough(&seconds[..9], 0.5, 10));
        assert!(!enough(&[1.0; 5], 0.5, 1), "five runs have no interval");
    }

    #[test]
    fn a_slow_first_run_is_warm_up() {
        for runs in [6, 12, 30] {
            let mut seconds = noise(runs, 3);
            seconds[0] = 4.0;
            assert_eq!(warm(&seconds), 1, "{runs} runs");
        }
    }

    #[test]
    fn a_decay_is_warm_up_until_it_is_lost_in_the_noise() {
        let decay = noise(30, 5).into_iter().enumerate();
        let seconds: Vec<f64> = decay
            .map(|(run, s)| s * (1.0 + 2.0 * 0.5f64.powi(run as i32)))
            .collect();
        // 2 x 0.5^6 is 3 %, the size of the noise.
        assert!((4..=8).contains(&warm(&seconds)), "{}", warm(&seconds));
        let still_falling: Vec<f64> = (0..20).map(|run| 2.0 - 0.05 * f64::from(run)).collect();
        assert_eq!(warm(&still_falling), 10);
    }

    #[test]
    fn stable_runs_have_no_warm_up_to_speak_of() {
        assert_eq!(warm(&[1.0; 12]), 0);
        assert_eq!(warm(&[]), 0);
        assert_eq!(warm(&[2.0]), 0);
        let lost: usize = (0..50).map(|shift| warm(&noise(24, shift * 37))).sum();
        assert!(lost <= 20, "{lost} of 1,200 runs were called warm-up");
    }

    #[test]
    fn neither_a_stall_nor_a_machine_that_slows_down_is_warm_up() {
        let mut stalled = noise(24, 1);
        stalled[8..11].iter_mut().for_each(|seconds| *seconds *= 1.6);
        assert!(warm(&stalled) <= 1, "{}", warm(&stalled));
        let slower: Vec<f64> = noise(24, 1)
            .into_iter()
            .enumerate()
            .map(|(run, seconds)| if run < 8 { seconds } else { seconds * 1.2 })
            .collect();
        assert!(warm(&slower) <= 1, "{}", warm(&slower));
    }
}
