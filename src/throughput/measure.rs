//! One model at one length in all engines: started, warmed up, run in turns.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::record::Timing;
use super::suite::Settings;
use crate::bench::protocol::{About, Ask, Failure, FailureKind, Kind, Load, Loaded, Memory, Ran};
use crate::bench::{Energy, Engines, Running, Side};
use crate::speed::{enough, median_interval, schedule, warm};

/// Sets of notes, so that no run reads what the last one did.
pub(super) const SETS: usize = 4;

/// Runs of a kind that may be warm-up.
const MOST_WARM_UP: usize = 4;

/// A run is as fast as the one before when it takes at least so much of its time: the warm-up is over.
const STABLE: f64 = 0.9;

/// Most rounds of timed runs.
const MOST_ROUNDS: usize = 200;

/// How long before a timed run no other engine has run. The threads of the one before it may still be waiting for work, and they
/// wait by computing (libgomp's for some milliseconds), on the processors that the next is timed on.
const APART: Duration = Duration::from_millis(20);

/// An engine with the model ready, or why not.
struct Contender {
    side: Side,
    engine: Option<Running>,
    about: Option<About>,
    loaded: Option<Loaded>,
    failure: Option<Failure>,
}

/// Times all kinds of runs of what `load` describes in all engines of the suite.
pub(super) fn measure(settings: &Settings, load: &Load, engines: &Engines, seed: u64) -> Vec<Timing> {
    let timeout = Duration::from_secs_f64(settings.timeout);
    let mut contenders: Vec<Contender> = settings
        .engines
        .iter()
        .map(|side| Contender::start(side, engines))
        .collect();
    // Side by side, since one that makes ready for seconds is waited for anyway. Not the start: an engine ends with the thread
    // that started it.
    std::thread::scope(|scope| {
        for contender in &mut contenders {
            scope.spawn(|| contender.load(load, engines, timeout));
        }
    });
    let mut timings = Vec::new();
    for &kind in &settings.kinds {
        timings.extend(in_turns(settings, kind, &mut contenders, seed));
    }
    timings
}

/// Times one kind of run in all engines.
fn in_turns(settings: &Settings, kind: Kind, contenders: &mut [Contender], seed: u64) -> Vec<Timing> {
    let timeout = Duration::from_secs_f64(settings.timeout);
    let mut series: Vec<Series> = contenders
        .iter_mut()
        .map(|contender| {
            let mut series = Series::default();
            series.warm_up(contender, kind, settings);
            series
        })
        .collect();
    // The first engine is the one that the suite is about.
    let limits: Vec<Limits> = (0..contenders.len())
        .map(|place| match place {
            0 => Limits {
                least: settings.least_runs,
                longest: 15.0 * settings.seconds,
            },
            _ => Limits {
                least: settings.peer_runs,
                longest: settings.seconds,
            },
        })
        .collect();
    let others = contenders.len() > 1;
    for (round, order) in schedule(contenders.len(), MOST_ROUNDS, seed).into_iter().enumerate() {
        let mut ran = false;
        for place in order {
            if series[place].is_done(settings, limits[place]) {
                continue;
            }
            if others {
                series[place].be_apart(&mut contenders[place], kind, round, timeout);
            }
            series[place].once(&mut contenders[place], kind, round % SETS, timeout);
            ran = true;
        }
        if !ran {
            break;
        }
    }
    contenders
        .iter_mut()
        .zip(series)
        .map(|(contender, series)| series.timing(contender, kind, timeout))
        .collect()
}

/// How often an engine runs at least, and how long a run may take to be followed by another.
#[derive(Clone, Copy)]
struct Limits {
    least: usize,
    longest: f64,
}

/// The runs of one engine.
#[derive(Default)]
struct Series {
    warm_up: Vec<f64>,
    runs: Vec<Ran>,
    /// Joules of each run, where the machine tells.
    joules: Vec<Option<f64>>,
    failure: Option<Failure>,
}

impl Series {
    /// Runs until one is no faster than the one before, in every engine alike: a first run may have compiled. One that takes as
    /// long as all timed runs may is the only one.
    fn warm_up(&mut self, contender: &mut Contender, kind: Kind, settings: &Settings) {
        let timeout = Duration::from_secs_f64(settings.timeout);
        // Peaks are those of this kind of run.
        let _: Result<Memory, Failure> = contender.ask(&Ask::Memory { reset: true }, timeout);
        for set in 0..MOST_WARM_UP {
            self.once(contender, kind, set % SETS, timeout);
            if self.failure.is_some() {
                break;
            }
            match self.seconds()[..] {
                [first] if first >= settings.seconds => break,
                [.., before, last] if last >= STABLE * before => break,
                _ => {}
            }
        }
        self.warm_up = self.runs.drain(..).map(|ran| ran.seconds).collect();
        self.joules.clear();
    }

    fn once(&mut self, contender: &mut Contender, kind: Kind, set: usize, timeout: Duration) {
        let mut energy = Energy::of_engine(&contender.side.device);
        match contender.ask(&Ask::Run { kind, set }, timeout) {
            Ok(ran) => {
                self.runs.push(ran);
                self.joules.push(energy.as_mut().and_then(Energy::joules));
            }
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// Lets [`APART`] pass. What takes less runs in that time, untimed: a processor that had nothing to do, and a cache that
    /// another engine has filled, would make a short run twice as long.
    fn be_apart(&mut self, contender: &mut Contender, kind: Kind, round: usize, timeout: Duration) {
        let before = self.runs.last().map(|ran| ran.seconds);
        let before = before.or(self.warm_up.last().copied()).unwrap_or(f64::INFINITY);
        if before >= APART.as_secs_f64() {
            return std::thread::sleep(APART);
        }
        let begun = Instant::now();
        for run in 0.. {
            // Never the notes of the timed run.
            let set = (round + 1 + run % (SETS - 1)) % SETS;
            let again: Result<Ran, Failure> = contender.ask(&Ask::Run { kind, set }, timeout);
            self.failure = again.err();
            if self.failure.is_some() || begun.elapsed() >= APART {
                break;
            }
        }
    }

    fn seconds(&self) -> Vec<f64> {
        self.runs.iter().map(|ran| ran.seconds).collect()
    }

    /// Whether another run is not needed or not possible.
    fn is_done(&self, settings: &Settings, limits: Limits) -> bool {
        let seconds = self.seconds();
        let spent: f64 = seconds.iter().sum();
        self.failure.is_some()
            || enough(&seconds, settings.half_width, limits.least)
            || (spent >= settings.seconds && seconds.len() >= limits.least)
            || seconds.iter().any(|&run| run >= limits.longest)
    }

    fn timing(self, contender: &mut Contender, kind: Kind, timeout: Duration) -> Timing {
        let mut seconds = self.seconds();
        let mut warm_up_seconds = self.warm_up;
        // What looks like warm-up still, is, where enough is left for an interval.
        let first = match warm(&seconds) {
            first if median_interval(&seconds[first..]).is_some() => first,
            _ => 0,
        };
        warm_up_seconds.extend(seconds.drain(..first));
        let memory = contender
            .ask(&Ask::Memory { reset: false }, timeout)
            .unwrap_or_default();
        Timing {
            engine: contender.side.to_string(),
            version: contender
                .about
                .as_ref()
                .map_or(String::new(), |about| about.version.clone()),
            machine: contender
                .loaded
                .as_ref()
                .map_or(String::new(), |loaded| loaded.machine.clone()),
            kind,
            parameters: contender.loaded.as_ref().map(|loaded| loaded.parameters),
            idle_rss_bytes: contender.loaded.as_ref().and_then(|loaded| loaded.idle_rss_bytes),
            joules: mean(&self.joules[first..]),
            largest: None,
            parts: parts(&self.runs[first..]),
            loss: self.runs.last().and_then(|ran| ran.loss),
            seconds,
            warm_up_seconds,
            memory,
            failure: self.failure,
        }
    }
}

/// The mean, where all are known.
fn mean(joules: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = joules.iter().copied().collect::<Option<_>>()?;
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// Whether a kind of run of what `load` describes runs.
pub(super) fn fits(settings: &Settings, side: &Side, load: &Load, engines: &Engines, kind: Kind) -> bool {
    let timeout = Duration::from_secs_f64(settings.timeout);
    let mut contender = Contender::start(side, engines);
    contender.load(load, engines, timeout);
    // Once warm, and once more: moments are made in the first step.
    for set in 0..2 {
        let _: Result<Ran, Failure> = contender.ask(&Ask::Run { kind, set }, timeout);
    }
    contender.failure.is_none()
}

/// The median seconds of each part.
fn parts(runs: &[Ran]) -> BTreeMap<String, f64> {
    let mut all: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, seconds) in runs.iter().flat_map(|ran| &ran.parts) {
        all.entry(name).or_default().push(*seconds);
    }
    let median = |mut seconds: Vec<f64>| {
        seconds.sort_by(f64::total_cmp);
        seconds[seconds.len() / 2]
    };
    all.into_iter()
        .map(|(name, seconds)| (name.to_owned(), median(seconds)))
        .collect()
}

impl Contender {
    fn start(side: &Side, engines: &Engines) -> Self {
        let started = engines.start(side);
        Self {
            side: side.clone(),
            about: None,
            loaded: None,
            failure: started.as_ref().err().cloned(),
            engine: started.ok(),
        }
    }

    /// Has the model made ready.
    fn load(&mut self, load: &Load, engines: &Engines, timeout: Duration) {
        self.about = self.ask(&Ask::About, timeout).ok();
        let load = engines.load_of(&self.side, load);
        match self.ask(&Ask::Load(Box::new(load)), timeout) {
            Ok(loaded) => self.loaded = Some(loaded),
            Err(failure) => {
                self.failure = Some(failure);
                self.engine = None;
            }
        }
    }

    /// The engine's answer. Once it has failed other than by what it cannot do, it is not asked again: its process may be
    /// gone, or in any state.
    fn ask<T: serde::de::DeserializeOwned>(&mut self, ask: &Ask, timeout: Duration) -> Result<T, Failure> {
        let answer = match (&mut self.engine, &self.failure) {
            (Some(engine), None) => engine.ask(ask, timeout),
            (_, Some(failure)) => return Err(failure.clone()),
            (None, None) => return Err(Failure::failed("the engine has ended")),
        };
        if let Err(failure) = &answer
            && failure.kind != FailureKind::Unsupported
        {
            self.failure = Some(failure.clone());
            self.engine = None;
        }
        answer
    }
}
