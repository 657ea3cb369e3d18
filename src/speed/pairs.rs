//! Base and head, run in pairs: how much slower the head is, and whether that is chance.
//!
//! Each pair gives the logarithm of head over base. What both runs of a pair meet (drift, a stall that lasts) cancels; what
//! one of them meets makes an outlier, which a signed-rank test counts by its rank. See `reports/speed-gate.md` for the
//! rates.
//!
//! What is tested is not whether a head is slower at all, which an even machine would sooner or later show of any two builds, but
//! whether it is slower by more than half the margin. So a build that is the same raises far fewer alarms than the test's level
//! allows, also where processes of the same program differ by a percent, and one that is slower by twice the margin is found
//! nearly as often.

use serde::Serialize;

use super::error::{Error, seconds, share};
use super::signed_rank::signed_rank;
use super::summary::deviation;
use crate::compare::{ALPHA, holm_of};

/// The pairs of one cell. The two runs of a pair follow each other, in an order that [`super::schedule`] draws, in processes that
/// were started for this pair, each with its heap at a drawn place: what a process keeps from its start (where its memory lies,
/// say) would be in all pairs of the same two, and where a build's arrays always lie within a cache line, in all pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    /// The cell's name.
    pub cell: String,
    /// Seconds of base and head.
    pub seconds: Vec<(f64, f64)>,
}

/// What the pairs of a cell say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Faster, by more than chance, and by more than the margin as measured.
    Faster,
    /// Any difference lies within the margin: the whole interval does.
    Same,
    /// Slower, by more than chance, and by more than the margin as measured.
    Slower,
    /// A difference beyond the margin can neither be shown nor be ruled out.
    NotEnoughData,
}

impl Verdict {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Same => "same",
            Self::Slower => "slower",
            Self::NotEnoughData => "not enough data",
        }
    }
}

/// One cell of a grid, compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Compared {
    /// The cell's name.
    pub cell: String,
    /// How many pairs.
    pub pairs: usize,
    /// Head over base: above 1 is slower. The Hodges-Lehmann estimate; `None` without pairs.
    pub ratio: Option<f64>,
    /// Its 95 % interval; `None` of fewer than 6 pairs.
    pub interval: Option<(f64, f64)>,
    /// Standard deviation of a pair's log ratio, by the median absolute deviation: how much this machine jitters.
    pub spread: f64,
    /// p-value of "the head is slower by more than half the margin", one-sided.
    pub p_slower: f64,
    /// p-value of "the head is faster by more than half the margin", one-sided.
    pub p_faster: f64,
    /// p-value of "they differ", two-sided.
    pub p: f64,
    /// `p_slower` after Holm's correction over the grid.
    pub p_slower_holm: f64,
    /// `p_faster` after Holm's correction over the grid.
    pub p_faster_holm: f64,
    /// What that comes to.
    pub verdict: Verdict,
}

/// Compares a grid of cells. `margin` is the share by which a head may be slower before anybody minds. "Slower" and "faster"
/// are families of tests each: the chance that any cell of equal speed is called slower is at most 5 %, and so for faster.
///
/// # Errors
/// A time is not a finite number above 0, the margin is no share, or two cells have one name.
pub fn compare(grid: &[Pairs], margin: f64) -> Result<Vec<Compared>, Error> {
    share("margin", margin)?;
    let mut compared = Vec::with_capacity(grid.len());
    for (place, pairs) in grid.iter().enumerate() {
        if grid[..place].iter().any(|before| before.cell == pairs.cell) {
            return Err(Error::Cell {
                cell: pairs.cell.clone(),
                found: "there more than once",
                next: "put its pairs together",
            });
        }
        compared.push(one(pairs, margin)?);
    }
    let slower = holm_of(&compared.iter().map(|cell| cell.p_slower).collect::<Vec<_>>());
    let faster = holm_of(&compared.iter().map(|cell| cell.p_faster).collect::<Vec<_>>());
    for (cell, (slower, faster)) in compared.iter_mut().zip(slower.into_iter().zip(faster)) {
        (cell.p_slower_holm, cell.p_faster_holm) = (slower, faster);
        cell.verdict = verdict(cell, margin);
    }
    Ok(compared)
}

/// A cell before the others are known: nothing corrected, no verdict.
fn one(pairs: &Pairs, margin: f64) -> Result<Compared, Error> {
    let mut logs = Vec::with_capacity(pairs.seconds.len());
    for (number, &(base, head)) in pairs.seconds.iter().enumerate() {
        seconds(base, || format!("{}, base of pair {}", pairs.cell, number + 1))?;
        seconds(head, || format!("{}, head of pair {}", pairs.cell, number + 1))?;
        logs.push((head / base).ln());
    }
    let tested = signed_rank(&logs);
    let beyond = (margin / 2.0).ln_1p();
    let moved = |by: f64| signed_rank(&logs.iter().map(|log| log + by).collect::<Vec<_>>());
    let p_slower = moved(-beyond).map_or(1.0, |tested| tested.above);
    let p_faster = moved(beyond).map_or(1.0, |tested| tested.below);
    Ok(Compared {
        cell: pairs.cell.clone(),
        pairs: logs.len(),
        ratio: tested.map(|tested| tested.centre.exp()),
        interval: tested
            .and_then(|tested| tested.interval)
            .map(|(low, high)| (low.exp(), high.exp())),
        spread: deviation(&logs),
        p_slower,
        p_faster,
        p: tested.map_or(1.0, |tested| tested.two_sided()),
        p_slower_holm: p_slower,
        p_faster_holm: p_faster,
        verdict: Verdict::NotEnoughData,
    })
}

fn verdict(cell: &Compared, margin: f64) -> Verdict {
    let (Some(ratio), Some((low, high))) = (cell.ratio, cell.interval) else {
        return Verdict::NotEnoughData;
    };
    let (least, most) = (1.0 / (1.0 + margin), 1.0 + margin);
    match () {
        () if cell.p_slower_holm < ALPHA && ratio > most => Verdict::Slower,
        () if cell.p_faster_holm < ALPHA && ratio < least => Verdict::Faster,
        () if low >= least && high <= most => Verdict::Same,
        () => Verdict::NotEnoughData,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs whose ratios jitter evenly by up to `jitter` around `ratio`, with a stall in every tenth run of either side.
    fn pairs(cell: &str, ratio: f64, jitter: f64, count: u64) -> Pairs {
        let seconds = (0..count).map(|pair| {
            let jitter = jitter * ((pair * 2_654_435_761 % 1000) as f64 / 500.0 - 1.0);
            let stall = |of: u64| if pair % 10 == of { 1.6 } else { 1.0 };
            (2.0 * stall(3), 2.0 * ratio * (1.0 + jitter) * stall(7))
        });
        Pairs {
            cell: cell.into(),
            seconds: seconds.collect(),
        }
    }

    fn verdict_of(pairs: Pairs) -> Verdict {
        compare(&[pairs], 0.05).unwrap()[0].verdict
    }

    #[test]
    fn verdicts_are_of_the_size_and_of_chance() {
        assert_eq!(verdict_of(pairs("a", 1.10, 0.05, 30)), Verdict::Slower);
        assert_eq!(verdict_of(pairs("a", 0.90, 0.05, 30)), Verdict::Faster);
        assert_eq!(verdict_of(pairs("a", 1.0, 0.05, 30)), Verdict::Same);
        // Surely slower, but by what nobody minds.
        assert_eq!(verdict_of(pairs("a", 1.02, 0.01, 30)), Verdict::Same);
        assert_eq!(verdict_of(pairs("a", 1.10, 0.01, 5)), Verdict::NotEnoughData);
        assert_eq!(verdict_of(pairs("a", 1.0, 0.5, 12)), Verdict::NotEnoughData);
        assert_eq!(verdict_of(pairs("a", 1.0, 0.5, 0)), Verdict::NotEnoughData);
    }

    #[test]
    fn swapping_base_and_head_turns_everything_round() {
        let there = pairs("a", 1.08, 0.05, 25);
        let mut back = there.clone();
        back.seconds.iter_mut().for_each(|pair| *pair = (pair.1, pair.0));
        let (there, back) = (compare(&[there], 0.05).unwrap(), compare(&[back], 0.05).unwrap());
        assert!((there[0].ratio.unwrap() * back[0].ratio.unwrap() - 1.0).abs() < 1e-12);
        assert!((there[0].interval.unwrap().0 * back[0].interval.unwrap().1 - 1.0).abs() < 1e-12);
        assert!((there[0].p_slower - back[0].p_faster).abs() < 1e-12);
        assert_eq!((there[0].verdict, back[0].verdict), (Verdict::Slower, Verdict::Faster));
    }

    #[test]
    fn a_grid_needs_more_than_one_cell_does() {
        // Seven pairs of eight in one direction: p = 0.02 by itself.
        let mut seconds = vec![(1.0, 1.2); 7];
        seconds.push((1.0, 0.99));
        let slow = Pairs {
            cell: "slow".into(),
            seconds,
        };
        assert_eq!(verdict_of(slow.clone()), Verdict::Slower);
        let mut grid = vec![slow];
        grid.extend((0..9).map(|cell| pairs(&format!("cell {cell}"), 1.0, 0.05, 30)));
        let compared = compare(&grid, 0.05).unwrap();
        assert_eq!(compared[0].verdict, Verdict::NotEnoughData);
        assert!((compared[0].p_slower_holm - 10.0 * compared[0].p_slower).abs() < 1e-12);
    }

    #[test]
    fn what_drifts_is_no_difference() {
        // The machine gets slower by 1 % a run, and by turns another side runs first.
        let seconds = (0..30).map(|pair| {
            let (first, second) = (1.01f64.powi(2 * pair), 1.01f64.powi(2 * pair + 1));
            if pair % 2 == 0 {
                (first, second)
            } else {
                (second, first)
            }
        });
        let drifting = Pairs {
            cell: "a".into(),
            seconds: seconds.collect(),
        };
        assert_eq!(verdict_of(drifting), Verdict::Same);
    }

    #[test]
    fn what_is_no_time_is_refused_by_its_place() {
        let refused = |seconds| {
            let cell = "caml at 512".into();
            compare(&[Pairs { cell, seconds }], 0.05).unwrap_err().to_string()
        };
        let error = refused(vec![(1.0, 1.0), (1.0, 0.0)]);
        assert!(
            error.starts_with("caml at 512, head of pair 2: found 0 seconds"),
            "{error}"
        );
        let twice = [pairs("a", 1.0, 0.1, 8), pairs("a", 1.0, 0.1, 8)];
        assert!(matches!(compare(&twice, 0.05), Err(Error::Cell { .. })));
        assert!(matches!(compare(&[], 5.0), Err(Error::Share { .. })));
    }
}
