//! Whether one build of the program is slower than another: both on this machine, in pairs, each pair in random order.

use std::time::Duration;

use serde::Serialize;

use super::run::{Error, Prepared, groups, prepared};
use super::suite::{Settings, ThroughputSuite};
use crate::bench::protocol::{Ask, Failure, Kind, Ran};
use crate::bench::{Engines, Running, Side};
use crate::speed::{
    Answer, Compared, Judgement, Mode, Pairs, SelfTest, answer, compare, mode, schedule, self_test, suspects,
};

/// Runs of each build and cell before the pairs.
const WARM_UP: usize = 3;

/// How a gate goes about it.
#[derive(Clone, Copy, Debug)]
pub struct GateSettings {
    /// Pairs of runs of each cell; half as many in the self-test.
    pub pairs: usize,
    /// By which share a build may be slower before anybody minds.
    pub margin: f64,
    /// Spread of a pair up to which the machine counts as quiet.
    pub quiet: f64,
    /// What a slower cell does; by the machine's noise where it is not asked for.
    pub mode: Option<Mode>,
}

/// What a gate found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Judged {
    /// The head against itself.
    pub self_test: SelfTest,
    /// What a slower cell does to the run.
    pub mode: Mode,
    /// Every cell, the head over the base.
    pub compared: Vec<Compared>,
    /// What became of those that looked slower.
    pub judgement: Judgement,
    /// In a word.
    pub answer: Answer,
    /// Cells that one of the builds could not run, with the reason.
    pub failures: Vec<(String, Failure)>,
    /// Seconds of the head's runs, by the cell with all its sizes.
    pub of_head: Vec<(String, Vec<f64>)>,
}

/// Runs the suite's models and lengths in the engine `burn` of two builds and judges the head.
///
/// # Errors
/// What keeps all of it from going on.
pub fn gate(
    suite: &ThroughputSuite,
    (base, head): (&Engines, &Engines),
    settings: GateSettings,
    tell: &dyn Fn(&str),
) -> Result<Judged, Error> {
    tell("the head against itself");
    let all = |_: &str| true;
    let mut itself = Grid::default();
    itself.measure(suite, (head, head), (settings.pairs.div_ceil(2), 1), &all, tell)?;
    let self_test = self_test(&compare(&itself.pairs, settings.margin)?);

    tell("the head against the base");
    let mut first = Grid::default();
    first.measure(suite, (base, head), (settings.pairs, 2), &all, tell)?;
    let compared = compare(&first.pairs, settings.margin)?;

    let mut failures = itself.failures;
    failures.extend(first.failures);
    let suspects = suspects(&compared);
    let names: Vec<String> = suspects.cells.iter().map(|cell| cell.cell.clone()).collect();
    let mut again = Grid::default();
    if !names.is_empty() {
        tell(&format!("again: {}", names.join(", ")));
        let suspected = |name: &str| names.iter().any(|known| known == name);
        again.measure(suite, (base, head), (settings.pairs, 3), &suspected, tell)?;
        failures.extend(again.failures);
        // What could not be measured again is told above, and judged by nothing.
        let lost = |name: &String| failures.iter().any(|(cell, _)| cell == name);
        again
            .pairs
            .extend(names.iter().filter(|name| lost(name)).map(|name| Pairs {
                cell: name.clone(),
                seconds: Vec::new(),
            }));
    }
    let judgement = suspects.again(&compare(&again.pairs, settings.margin)?)?;
    let mode = mode(settings.mode, &self_test, settings.quiet);
    Ok(Judged {
        answer: answer(&judgement, mode),
        self_test,
        mode,
        compared,
        judgement,
        of_head: first.of_right,
        failures,
    })
}

/// One comparison of two builds, as [`gate`] makes several: pairs of all cells of the suite, in orders that `seed` draws.
///
/// # Errors
/// What keeps all of it from going on; `Ok(Err(..))` is the first cell that could not be run.
pub fn compared_once(
    suite: &ThroughputSuite,
    sides: (&Engines, &Engines),
    (pairs, seed): (usize, u64),
    margin: f64,
) -> Result<Result<Vec<Compared>, (String, Failure)>, Error> {
    let mut grid = Grid::default();
    grid.measure(suite, sides, (pairs, seed), &|_| true, &|_| ())?;
    match grid.failures.into_iter().next() {
        Some(failed) => Ok(Err(failed)),
        None => Ok(Ok(compare(&grid.pairs, margin)?)),
    }
}

/// Pairs of all cells, and what could not be run.
#[derive(Default)]
struct Grid {
    pairs: Vec<Pairs>,
    /// Seconds of the second engine, by the cell with all its sizes.
    of_right: Vec<(String, Vec<f64>)>,
    failures: Vec<(String, Failure)>,
}

impl Grid {
    /// Measures the cells whose name is wanted.
    fn measure(
        &mut self,
        suite: &ThroughputSuite,
        (left, right): (&Engines, &Engines),
        (pairs, seed): (usize, u64),
        wanted: &dyn Fn(&str) -> bool,
        tell: &dyn Fn(&str),
    ) -> Result<(), Error> {
        let settings = &suite.throughput;
        for (model, length) in groups(suite)? {
            let cells = settings.kinds.iter().map(|&kind| (name(&model, length, kind), kind));
            let cells: Vec<(String, Kind)> = cells.filter(|(name, _)| wanted(name)).collect();
            if cells.is_empty() {
                continue;
            }
            tell(&format!("{model} · {length} tokens"));
            let prepared = prepared(suite, &model, length)?;
            let timeout = Duration::from_secs_f64(settings.timeout);
            let two = ready(left, &prepared, timeout).and_then(|left| Ok([left, ready(right, &prepared, timeout)?]));
            let mut two = match two {
                Ok(two) => two,
                Err(failure) => {
                    self.failures
                        .extend(cells.into_iter().map(|(cell, _)| (cell, failure.clone())));
                    continue;
                }
            };
            let mut failed: Option<Failure> = None;
            for (cell, kind) in cells {
                // An engine that has failed is not asked again: its answers may come late.
                let measured = match &failed {
                    Some(failure) => Err(failure.clone()),
                    None => in_pairs(&mut two, kind, (pairs, seed), timeout),
                };
                match measured {
                    Ok(seconds) => {
                        let right = seconds.iter().map(|(_, right)| *right).collect();
                        self.of_right.push((in_full(settings, &cell, length), right));
                        self.pairs.push(Pairs { cell, seconds });
                    }
                    Err(failure) => {
                        failed = Some(failure.clone());
                        self.failures.push((cell, failure));
                    }
                }
            }
        }
        Ok(())
    }
}

/// A cell's name within a suite.
pub(super) fn name(model: &str, length: usize, kind: Kind) -> String {
    let kind = match kind {
        Kind::Inference => "inference",
        Kind::Step => "step",
    };
    format!("{model} {length} {kind}")
}

/// A cell's name among those of all suites: a history may be of several, and a suite may change.
fn in_full(settings: &Settings, cell: &str, length: usize) -> String {
    let (batch, codes) = (settings.batch(length), settings.codes);
    format!("{cell}, {batch} notes, {codes} codes, {}", settings.precision)
}

fn ready(engines: &Engines, prepared: &Prepared, timeout: Duration) -> Result<Running, Failure> {
    let side = Side::burn();
    let mut engine = engines.start(&side)?;
    engine.load(engines.load_of(&side, &prepared.load), timeout)?;
    Ok(engine)
}

/// Seconds of the first and of the second engine, pair by pair.
fn in_pairs(
    two: &mut [Running; 2],
    kind: Kind,
    (pairs, seed): (usize, u64),
    timeout: Duration,
) -> Result<Vec<(f64, f64)>, Failure> {
    let mut run = |side: usize, set: usize| -> Result<f64, Failure> {
        let ran: Ran = two[side].ask(&Ask::Run { kind, set }, timeout)?;
        Ok(ran.seconds)
    };
    for warm_up in 0..WARM_UP {
        run(0, warm_up % super::measure::SETS)?;
        run(1, warm_up % super::measure::SETS)?;
    }
    let mut seconds = Vec::with_capacity(pairs);
    for (pair, order) in schedule(2, pairs, seed).into_iter().enumerate() {
        let mut both = [0.0; 2];
        for side in order {
            both[side] = run(side, pair % super::measure::SETS)?;
        }
        seconds.push((both[0], both[1]));
    }
    Ok(seconds)
}
