//! Whether one build of the program is slower than another: both on this machine, in pairs, each pair in random order.

use std::time::Duration;

use serde::Serialize;

use super::measure::SETS;
use super::run::{Error, Prepared, groups, prepared};
use super::suite::{Settings, ThroughputSuite};
use crate::bench::protocol::{Ask, Failure, Kind, Ran};
use crate::bench::{Engines, Running, Side};
use crate::speed::{
    Answer, Compared, Judgement, Mode, Pairs, SelfTest, answer, compare, middle, mode, placed, schedule, self_test,
    sorted, suspects,
};

/// Runs of each engine before those of a pair, at least: an optimiser's moments are made in the first, and memory is settled
/// after it.
const WARM_UP: usize = 2;

/// Seconds of both engines together before those of a pair: what takes a millisecond becomes a third faster within its first
/// sixty runs, by steps that come sooner in one process than in another.
const WARM: f64 = 0.1;

/// Seconds of both engines together that are enough for a pair.
const ENOUGH: f64 = 0.2;

/// Runs of each engine in a pair at most, and as many before them.
const MOST_ROUNDS: usize = 200;

/// Bytes of the heap that every process leaves out: more than a program has in one piece before its model, so that what is
/// left out is no such piece.
const LEFT_OUT: usize = 64 << 10;

/// Places of a heap within a cache line, and lines within a page.
const PLACES: [u32; 2] = [4, 64];

/// Bytes between places: as the C library aligns what it gives.
const STEP: usize = 16;

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
    /// Every cell of that.
    pub itself: Vec<Compared>,
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
    let of_itself = compare(&itself.pairs, settings.margin)?;
    let self_test = self_test(&of_itself);

    tell("the head against the base");
    let mut first = Grid::default();
    first.measure(suite, (base, head), (settings.pairs, 2), &all, tell)?;
    let compared = compare(&first.pairs, settings.margin)?;

    let mut failures = itself.failures;
    failures.extend(first.failures);
    let suspects = suspects(&compared, settings.margin);
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
        itself: of_itself,
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
            let kinds: Vec<Kind> = cells.iter().map(|&(_, kind)| kind).collect();
            let measured = in_pairs((left, right), &prepared, &kinds, (pairs, seed), timeout);
            for ((cell, _), seconds) in cells.into_iter().zip(measured) {
                match seconds {
                    Ok(seconds) => {
                        let right = seconds.iter().map(|(_, right)| *right).collect();
                        self.of_right.push((in_full(settings, &cell, length), right));
                        self.pairs.push(Pairs { cell, seconds });
                    }
                    Err(failure) => self.failures.push((cell, failure)),
                }
            }
        }
        Ok(())
    }
}

/// Pairs of each kind of run, seconds of the first and of the second build; or why there are none. The processes of both builds
/// are started for every pair, by turns the one and the other first, each with its heap at a drawn place. A kind that has failed
/// once is not tried again.
fn in_pairs(
    (left, right): (&Engines, &Engines),
    prepared: &Prepared,
    kinds: &[Kind],
    (pairs, seed): (usize, u64),
    timeout: Duration,
) -> Vec<Result<Vec<(f64, f64)>, Failure>> {
    let ready = |engines: &Engines, place: usize| -> Result<Running, Failure> {
        let side = Side::burn();
        let mut engine = engines.start_at(&side, LEFT_OUT + STEP * place)?;
        engine.load(engines.load_of(&side, &prepared.load), timeout)?;
        Ok(engine)
    };
    let mut measured: Vec<Result<Vec<(f64, f64)>, Failure>> = kinds.iter().map(|_| Ok(Vec::new())).collect();
    let drawn = schedule(2, pairs, seed).into_iter().zip(placed(2, pairs, PLACES, seed));
    for (number, (order, places)) in drawn.enumerate() {
        let mut running = None;
        for (measured, &kind) in measured.iter_mut().zip(kinds) {
            let Ok(seconds) = measured else { continue };
            // An engine that has failed is not asked again: its answers may come late.
            let two = match (running.take(), number % 2) {
                (Some(two), _) => Ok(two),
                (None, 0) => ready(left, places[0]).and_then(|left| Ok([left, ready(right, places[1])?])),
                (None, _) => ready(right, places[1]).and_then(|right| Ok([ready(left, places[0])?, right])),
            };
            match two.and_then(|mut two| Ok((one_pair(&mut two, kind, (number, &order), timeout)?, two))) {
                Ok((pair, two)) => {
                    seconds.push(pair);
                    running = Some(two);
                }
                Err(failure) => *measured = Err(failure),
            }
        }
    }
    measured
}

/// Seconds of the first and of the second engine. What takes little is run again, by turns, for medians.
fn one_pair(
    two: &mut [Running; 2],
    kind: Kind,
    (number, order): (usize, &[usize]),
    timeout: Duration,
) -> Result<(f64, f64), Failure> {
    let mut round = |round: usize| -> Result<[f64; 2], Failure> {
        let set = (number + round) % SETS;
        let mut seconds = [0.0; 2];
        for &side in order {
            let ran: Ran = two[side].ask(&Ask::Run { kind, set }, timeout)?;
            seconds[side] = ran.seconds;
        }
        Ok(seconds)
    };
    let (mut warm, mut warmed) = (0.0, 0);
    while warmed < WARM_UP || (warm < WARM && warmed < MOST_ROUNDS) {
        warm += round(warmed)?.iter().sum::<f64>();
        warmed += 1;
    }
    let mut seconds = [Vec::new(), Vec::new()];
    let mut spent = 0.0;
    while spent < ENOUGH && seconds[0].len() < MOST_ROUNDS {
        let [left, right] = round(warmed + seconds[0].len())?;
        seconds[0].push(left);
        seconds[1].push(right);
        spent += left + right;
    }
    let [left, right] = seconds.map(|seconds| middle(&sorted(&seconds)).unwrap_or(f64::NAN));
    Ok((left, right))
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
