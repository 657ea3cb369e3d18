//! The throughput gate's judgement: a machine that tells a program from itself judges nobody, a slow cell is measured again
//! before anything fails, and whether that fails the run depends on how quiet the machine is.

use serde::Serialize;

use super::error::Error;
use super::pairs::{Compared, Verdict};
use super::summary::{middle, sorted};
use crate::compare::ALPHA;

/// What a slower cell does to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It is told: on machines that others use too.
    Inform,
    /// It fails the run: on machines that nobody else uses.
    Fail,
}

/// What the comparison of the base with itself came to (A/A).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SelfTest {
    /// Cells that were compared.
    pub cells: usize,
    /// Those that look slower by more than half the margin at 5 %, without correction: fewer than one in twenty.
    pub alarms: usize,
    /// Those that are called slower or faster after Holm's correction: none, where timings can be trusted.
    pub wrong: Vec<String>,
    /// Median over the cells of the standard deviation of a pair's log ratio.
    pub spread: f64,
}

/// Judges a comparison of a program with itself.
pub fn self_test(compared: &[Compared]) -> SelfTest {
    let differs = |cell: &&Compared| matches!(cell.verdict, Verdict::Slower | Verdict::Faster);
    let spreads: Vec<f64> = compared.iter().map(|cell| cell.spread).collect();
    SelfTest {
        cells: compared.len(),
        alarms: compared.iter().filter(|cell| cell.p_slower < ALPHA).count(),
        wrong: compared.iter().filter(differs).map(|cell| cell.cell.clone()).collect(),
        spread: middle(&sorted(&spreads)).unwrap_or(0.0),
    }
}

/// The mode that was asked for; else to fail, where the machine does not tell a program from itself and its pairs jitter by no
/// more than `quiet` (a standard deviation of log ratios), and to inform elsewhere.
pub fn mode(asked: Option<Mode>, test: &SelfTest, quiet: f64) -> Mode {
    let trusted = test.cells > 0 && test.wrong.is_empty() && test.spread <= quiet;
    asked.unwrap_or(if trusted { Mode::Fail } else { Mode::Inform })
}

/// Cells that look slower in a first measurement.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Suspects {
    /// Them, as they were measured.
    pub cells: Vec<Compared>,
}

/// What is slower beyond the margin as measured, by chance or not: to be measured again, in new pairs. The second measurement
/// alone decides, so that no correction over the whole grid has to be paid for a cell in which a stall or two made the first
/// unclear.
pub fn suspects(compared: &[Compared], margin: f64) -> Suspects {
    let slower = |cell: &&Compared| cell.ratio.is_some_and(|ratio| ratio > 1.0 + margin);
    Suspects {
        cells: compared.iter().filter(slower).cloned().collect(),
    }
}

/// What became of the suspects: each as it was measured first and second.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Judgement {
    /// Slower, by more than chance.
    pub failing: Vec<[Compared; 2]>,
    /// The second measurement can neither show nor rule out that they are slower.
    pub unsettled: Vec<[Compared; 2]>,
    /// Not slower the second time.
    pub cleared: Vec<[Compared; 2]>,
}

impl Suspects {
    /// Judges the suspects by a second measurement, which [`super::compare`] has compared as a grid of its own: Holm's
    /// correction is over the suspects then, not over all cells again.
    ///
    /// # Errors
    /// A suspect was not measured again. Cells that are no suspects are not looked at.
    pub fn again(self, second: &[Compared]) -> Result<Judgement, Error> {
        let mut judgement = Judgement::default();
        for first in self.cells {
            let Some(second) = second.iter().find(|cell| cell.cell == first.cell) else {
                return Err(Error::Cell {
                    cell: first.cell,
                    found: "not measured again",
                    next: "measure every suspect a second time before judging",
                });
            };
            let group = match second.verdict {
                Verdict::Slower => &mut judgement.failing,
                Verdict::NotEnoughData => &mut judgement.unsettled,
                Verdict::Same | Verdict::Faster => &mut judgement.cleared,
            };
            group.push([first, second.clone()]);
        }
        Ok(judgement)
    }
}

/// What the gate says of the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// No cell is slower beyond the margin.
    Passes,
    /// Some are, and this machine only tells so.
    Informs,
    /// Some are.
    Fails,
}

/// The answer to a judgement. Unsettled suspects fail nothing.
pub fn answer(judgement: &Judgement, mode: Mode) -> Answer {
    match (judgement.failing.is_empty(), mode) {
        (true, _) => Answer::Passes,
        (false, Mode::Inform) => Answer::Informs,
        (false, Mode::Fail) => Answer::Fails,
    }
}

#[cfg(test)]
mod tests {
    use super::super::pairs::{Pairs, compare};
    use super::*;

    /// A grid whose cells are slower by these factors, with 3 % of jitter.
    fn grid(cells: &[(&str, f64)]) -> Vec<Compared> {
        let pairs = cells.iter().map(|(cell, ratio)| Pairs {
            cell: (*cell).into(),
            seconds: (0..24u64)
                .map(|pair| {
                    (
                        1.0,
                        ratio * (0.97 + 0.06 * ((pair * 2_654_435_761 % 1000) as f64 / 1000.0)),
                    )
                })
                .collect(),
        });
        compare(&pairs.collect::<Vec<_>>(), 0.05).unwrap()
    }

    #[test]
    fn a_suspect_fails_only_when_it_is_slower_again() {
        let first = suspects(&grid(&[("a", 1.0), ("b", 1.2), ("c", 1.2), ("d", 0.8)]), 0.05);
        let names: Vec<&str> = first.cells.iter().map(|cell| cell.cell.as_str()).collect();
        assert_eq!(names, ["b", "c"]);
        let judgement = first.clone().again(&grid(&[("b", 1.0), ("c", 1.2)])).unwrap();
        assert_eq!(judgement.failing.len(), 1);
        assert_eq!(judgement.failing[0][1].cell, "c");
        assert_eq!(judgement.cleared[0][1].cell, "b");
        assert_eq!(answer(&judgement, Mode::Fail), Answer::Fails);
        assert_eq!(answer(&judgement, Mode::Inform), Answer::Informs);
        let error = first.again(&grid(&[("b", 1.0)])).unwrap_err().to_string();
        assert!(error.starts_with("cell \"c\": not measured again"), "{error}");
        let none = suspects(&grid(&[("a", 1.0)]), 0.05).again(&[]).unwrap();
        assert_eq!(answer(&none, Mode::Fail), Answer::Passes);
    }

    #[test]
    fn what_looks_slower_is_decided_by_the_second_measurement() {
        // Three stalls of the base hide that the head is slower.
        let seconds = |stalls: usize| {
            (0..24)
                .map(|pair| (if pair < stalls { 3.0 } else { 1.0 }, 1.1))
                .collect()
        };
        let pairs = |cell: &str, stalls| Pairs {
            cell: cell.into(),
            seconds: seconds(stalls),
        };
        let mut first = vec![pairs("a", 5)];
        first.extend((0..9).map(|cell| pairs(&format!("stalled {cell}"), 24)));
        let first = compare(&first, 0.05).unwrap();
        assert_eq!(first[0].verdict, Verdict::NotEnoughData);
        let suspects = suspects(&first, 0.05);
        assert_eq!(suspects.cells.len(), 1);
        let judgement = suspects.again(&compare(&[pairs("a", 2)], 0.05).unwrap()).unwrap();
        assert_eq!(judgement.failing.len(), 1);
    }

    #[test]
    fn a_second_measurement_that_says_nothing_fails_nothing() {
        let first = suspects(&grid(&[("a", 1.2)]), 0.05);
        let few = Pairs {
            cell: "a".into(),
            seconds: vec![(1.0, 1.2); 4],
        };
        let judgement = first.again(&compare(&[few], 0.05).unwrap()).unwrap();
        assert_eq!(judgement.unsettled.len(), 1);
        assert_eq!(answer(&judgement, Mode::Fail), Answer::Passes);
    }

    #[test]
    fn the_default_is_to_fail_on_quiet_machines_only() {
        let quiet = self_test(&grid(&[("a", 1.0), ("b", 1.0)]));
        assert!(
            quiet.wrong.is_empty() && quiet.spread > 0.01 && quiet.spread < 0.03,
            "{quiet:?}"
        );
        assert_eq!(mode(None, &quiet, 0.03), Mode::Fail);
        assert_eq!(mode(None, &quiet, 0.01), Mode::Inform);
        assert_eq!(mode(Some(Mode::Inform), &quiet, 0.03), Mode::Inform);
        // A machine on which a program differs from itself.
        let biased = self_test(&grid(&[("a", 1.0), ("b", 1.1)]));
        assert_eq!((biased.wrong.as_slice(), biased.alarms), (&["b".to_owned()][..], 1));
        assert_eq!(mode(None, &biased, 0.03), Mode::Inform);
        assert_eq!(mode(None, &self_test(&[]), 0.03), Mode::Inform);
    }
}
