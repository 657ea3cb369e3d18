//! Whether one build of the program executes more instructions than another: for machines on which seconds say nothing.
//!
//! What counts, counts a process from its start to its end. So each engine is started several times: with a few runs of every
//! kind, and with the same and some more of one kind. The difference is what these took; the start, the model's making
//! and the warm-up cancel.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::gate::name;
use super::measure::SETS;
use super::run::{Error, Prepared, groups, job, prepared_of};
use super::suite::ThroughputSuite;
use crate::bench::protocol::{Ask, Failure, Kind, Ran};
use crate::bench::{Counter, Engines, Side};
use crate::speed::{self, Answer, Counted, Mode, Verdict, counted};

/// Runs of each kind that every process does: what is done once only is among them.
const WARM_UP: usize = 2;

/// Instructions that are counted of a kind at least, by as many runs as that takes: a process's start jitters by hundreds of thousands.
const LEAST: u64 = 50_000_000;

/// Runs that are added for that at most.
const MOST_RUNS: u64 = 1_000;

/// Entries that a vocabulary has at most: making tens of thousands of them and taking an optimiser over them would be most of
/// what is counted, and is the same for each entry.
const VOCABULARY: usize = 2000;

/// How a gate that counts goes about it.
#[derive(Clone, Copy, Debug)]
pub struct CountedSettings {
    /// What counts.
    pub counter: Counter,
    /// How often each side of each cell is counted, 3 at least.
    pub counts: usize,
    /// Runs whose instructions one count is of, at least.
    pub runs: usize,
    /// By which share of instructions a build may have more, and counts of one build may differ.
    pub tolerance: f64,
    /// What a slower cell does; where that is not asked for, it fails if the head counts as itself.
    pub mode: Option<Mode>,
}

/// A cell of which instructions were counted.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CountedCell {
    /// Its name.
    pub cell: String,
    /// What its counts say.
    #[serde(flatten)]
    pub counted: Counted,
    /// Instructions of one run of the base, as often as they were counted.
    pub base_counts: Vec<u64>,
    /// Of the head.
    pub head_counts: Vec<u64>,
}

/// What a gate that counts found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CountedJudged {
    /// What counted.
    pub counter: Counter,
    /// By which share counts may differ.
    pub tolerance: f64,
    /// The head beside itself.
    pub self_test: Vec<CountedCell>,
    /// What a slower cell does to the run.
    pub mode: Mode,
    /// The head beside the base.
    pub compared: Vec<CountedCell>,
    /// In a word.
    pub answer: Answer,
    /// Cells that one of the builds could not run, with the reason.
    pub failures: Vec<(String, Failure)>,
}

/// Counts the instructions of the suite's models and lengths in the engine `burn` of two builds, each with one thread and small
/// vocabularies, and judges the head. Nothing is counted a second time before it fails: counts that differ among themselves by more than the
/// tolerance judge nobody.
///
/// # Errors
/// What keeps all of it from going on.
pub fn gate_counted(
    suite: &ThroughputSuite,
    (base, head): (&Engines, &Engines),
    settings: CountedSettings,
    tell: &dyn Fn(&str),
) -> Result<CountedJudged, Error> {
    let (mut itself, mut compared, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    let kinds = &suite.throughput.kinds;
    for (model, length) in groups(suite)? {
        tell(&format!("{model} · {length} tokens"));
        let mut job = job(suite, &model, (length, suite.throughput.batch(length)))?;
        job.task.vocabulary = job.task.vocabulary.min(VOCABULARY);
        let prepared = prepared_of(suite, job)?;
        let timeout = Duration::from_secs_f64(suite.throughput.timeout * settings.counter.slower());
        let counting = Counting {
            prepared: &prepared,
            sides: [head, base, head],
            kinds,
            settings,
            timeout,
        };
        let cell = |kind: Kind| name(&model, length, kind);
        match counting.all()? {
            Err(failure) => failures.extend(kinds.iter().map(|&kind| (cell(kind), failure.clone()))),
            Ok(counts) => {
                for (&kind, [first, base, second]) in kinds.iter().zip(counts) {
                    itself.push(one(cell(kind), &first, &second, settings.tolerance)?);
                    compared.push(one(cell(kind), &base, &second, settings.tolerance)?);
                }
            }
        }
    }
    let of = |cells: &[CountedCell], verdict| cells.iter().any(|cell| cell.counted.verdict == verdict);
    let is_itself = itself
        .iter()
        .all(|cell: &CountedCell| cell.counted.verdict == Verdict::Same);
    let by_itself = match is_itself && !itself.is_empty() {
        true => Mode::Fail,
        false => Mode::Inform,
    };
    let mode = settings.mode.unwrap_or(by_itself);
    Ok(CountedJudged {
        counter: settings.counter,
        tolerance: settings.tolerance,
        answer: match (of(&compared, Verdict::Slower), mode) {
            (false, _) => Answer::Passes,
            (true, Mode::Inform) => Answer::Informs,
            (true, Mode::Fail) => Answer::Fails,
        },
        self_test: itself,
        mode,
        compared,
        failures,
    })
}

fn one(cell: String, base: &[u64], head: &[u64], tolerance: f64) -> Result<CountedCell, speed::Error> {
    Ok(CountedCell {
        cell,
        counted: counted(base, head, tolerance)?,
        base_counts: base.into(),
        head_counts: head.into(),
    })
}

/// A model at a length, whose runs are counted on three sides.
struct Counting<'a> {
    prepared: &'a Prepared,
    sides: [&'a Engines; 3],
    kinds: &'a [Kind],
    settings: CountedSettings,
    timeout: Duration,
}

/// Instructions of one run, `[side][count]`.
type Counts = [Vec<u64>; 3];

/// What one process does beside the warm-up: more runs of a kind, by its place.
#[derive(Clone, Copy)]
struct Work {
    side: usize,
    more: Option<(usize, usize)>,
}

impl Counting<'_> {
    /// Instructions of one run, `[kind][side][count]`; or why one of the engines could not.
    fn all(&self) -> Result<Result<Vec<Counts>, Failure>, Error> {
        let runs = match self.runs()? {
            Ok(runs) => runs,
            Err(failure) => return Ok(Err(failure)),
        };
        let (sides, plans) = (self.sides.len(), runs.len() + 1);
        let work = |place: usize| Work {
            side: place % sides,
            more: (place / sides % plans).checked_sub(1).map(|kind| (kind, runs[kind])),
        };
        let works: Vec<Work> = (0..self.settings.counts * plans * sides).map(work).collect();
        Ok(self.counts(&works)?.and_then(|counts| {
            let count = |side: usize, plan: usize, number: usize| counts[(number * plans + plan) * sides + side];
            let of_side = |side: usize, kind: usize| -> Result<Vec<u64>, Failure> {
                (0..self.settings.counts)
                    .map(|number| of_run(count(side, 0, number), count(side, kind + 1, number), runs[kind]))
                    .collect()
            };
            let of_kind = |kind: usize| -> Result<Counts, Failure> {
                Ok([of_side(0, kind)?, of_side(1, kind)?, of_side(2, kind)?])
            };
            (0..runs.len()).map(of_kind).collect()
        }))
    }

    /// Runs of each kind that are enough for what a process's start jitters by to be lost in them.
    fn runs(&self) -> Result<Result<Vec<usize>, Failure>, Error> {
        let asked = self.settings.runs;
        let mut works = vec![Work { side: 0, more: None }];
        works.extend((0..self.kinds.len()).map(|kind| Work {
            side: 0,
            more: Some((kind, asked)),
        }));
        Ok(self.counts(&works)?.and_then(|counts| {
            let enough = |&more: &u64| -> Result<usize, Failure> {
                let runs = LEAST.div_ceil(of_run(counts[0], more, asked)?);
                Ok(asked.max(runs.min(MOST_RUNS) as usize))
            };
            counts[1..].iter().map(enough).collect()
        }))
    }

    /// All instructions of processes, as many of which run at a time as there are CPUs: counts do not mind.
    fn counts(&self, works: &[Work]) -> Result<Result<Vec<u64>, Failure>, Error> {
        let scratch = tempfile::tempdir()?;
        let next = AtomicUsize::new(0);
        let found = Mutex::new(Ok(vec![0; works.len()]));
        let worker = || {
            while let Some((place, work)) = works.iter().enumerate().nth(next.fetch_add(1, Ordering::SeqCst)) {
                if found.lock().is_ok_and(|found| found.is_err()) {
                    return;
                }
                // Names of one length, so that no two processes differ by theirs.
                let count = self.once(*work, &scratch.path().join(format!("counts-{place:06}")));
                let Ok(mut found) = found.lock() else { return };
                match count {
                    Err(failure) => *found = Err(failure),
                    Ok(count) => {
                        if let Ok(counts) = found.as_mut() {
                            counts[place] = count;
                        }
                    }
                }
            }
        };
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 1..workers.min(works.len()) {
                scope.spawn(worker);
            }
            worker();
        });
        Ok(found.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// All instructions of an engine that does the warm-up of every kind, and more runs of one.
    fn once(&self, work: Work, counts: &Path) -> Result<u64, Failure> {
        let (engines, side) = (self.sides[work.side], Side::burn());
        let mut engine = engines.start_counted(&side, self.settings.counter, counts)?;
        engine.load(engines.load_of(&side, &self.prepared.load), self.timeout)?;
        for (place, &kind) in self.kinds.iter().enumerate() {
            let more = work.more.filter(|(of, _)| *of == place).map_or(0, |(_, runs)| runs);
            for run in 0..WARM_UP + more {
                let set = run % SETS;
                let _: Ran = engine.ask(&Ask::Run { kind, set }, self.timeout)?;
            }
        }
        engine.end(self.timeout)?;
        self.settings.counter.read(counts).map_err(Failure::failed)
    }
}

/// Instructions of one run, of a process without and of one with so many.
fn of_run(without: u64, with: u64, runs: usize) -> Result<u64, Failure> {
    let one = with.saturating_sub(without) / runs as u64;
    match one > 0 {
        true => Ok(one),
        false => Err(Failure::failed(format!(
            "found {with} instructions with {runs} runs and {without} without, expected more with them"
        ))),
    }
}
