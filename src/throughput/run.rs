//! All groups of a throughput suite: those that are there are read, the others are timed and written, one file each.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use burn::tensor::Device;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::clock::Clock;
use super::largest::largest;
use super::measure::{SETS, fits, measure};
use super::record::{Group, Timing, VERSION};
use super::suite::ThroughputSuite;
use crate::bench::protocol::{FailureKind, Load};
use crate::bench::sets::Sets;
use crate::bench::{Engines, Job, Peak, Refused};
use crate::machine::{Machine, built};
use crate::models::Precision;
use crate::models::work::{NoteSize, Work};
use crate::record::hex;
use crate::results::disk;

/// The seed of the notes, and of the order in which engines take turns.
const SEED: u64 = 1;

/// What a run of a suite came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// By model and length, in the suite's order.
    pub groups: Vec<Group>,
    /// What the machine can do.
    pub peak: Option<Peak>,
    /// Groups that were not begun because the time was up.
    pub left: Vec<String>,
    /// Whether it was stopped.
    pub stopped: bool,
}

/// Why a suite cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A model that cannot be built at a length.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// What the file system refused.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// A file of timings that is none.
    #[error("{path}: {problem}; delete it, and it is timed again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        problem: String,
    },
    /// Timings that nothing can be said of.
    #[error(transparent)]
    Speed(#[from] crate::speed::Error),
    /// Inputs that cannot be written.
    #[error("writing a batch of notes to a temporary folder: {0}")]
    Inputs(#[from] io::Error),
}

/// Times what has no file in `folder` yet, shortest length first. `again` times what ended without timings once more;
/// `tell` hears what is being done; `stopped` is asked between groups.
///
/// # Errors
/// What keeps all of it from going on. What an engine cannot do is in its timing.
pub fn run(
    suite: &ThroughputSuite,
    folder: &Path,
    engines: &Engines,
    again: bool,
    tell: &dyn Fn(&str),
    stopped: &dyn Fn() -> bool,
) -> Result<Outcome, Error> {
    let mut clock = Clock::new(suite.throughput.minutes);
    let machine = Machine::look();
    let mut found = Vec::new();
    let mut outcome = Outcome::default();
    let groups = batches(suite)?;
    outcome.peak = peak(suite, folder, &machine, engines.threads(), tell)?;
    for (number, (model, length, notes)) in groups.iter().enumerate() {
        let job = job(suite, model, (*length, *notes))?;
        let key = key(suite, &job, &machine, engines.threads());
        let path = folder.join(format!("{key}.json"));
        let kept = read(&path)?.filter(|group| !(again && lacks(group, tell)));
        let name = match notes {
            1 => format!("{model} · {length} tokens"),
            _ => format!("{model} · {notes} x {length} tokens"),
        };
        let group = match kept {
            Some(group) => group,
            None if stopped() || outcome.stopped => {
                outcome.stopped = true;
                continue;
            }
            None if clock.is_up(model) => {
                outcome.left.push(name);
                continue;
            }
            None => {
                tell(&format!("[{}/{}] {name}", number + 1, groups.len()));
                let begun = Instant::now();
                let group = timed(suite, (model, *length, *notes), key, engines, &machine)?;
                write(&group, folder, &path)?;
                clock.took(model, begun.elapsed());
                group
            }
        };
        found.push(group);
    }
    // In the suite's order of models.
    let place = |group: &Group| suite.throughput.models.iter().position(|model| *model == group.model);
    found.sort_by_key(|group| (place(group), group.length, std::cmp::Reverse(group.batch)));
    outcome.groups = found;
    Ok(outcome)
}

/// What says most first: all models at the shortest length, then at the next.
pub(super) fn groups(suite: &ThroughputSuite) -> Result<Vec<(String, usize)>, Error> {
    let mut lengths = suite.throughput.lengths.clone();
    lengths.sort_unstable();
    let models = &suite.throughput.models;
    let all = lengths
        .iter()
        .flat_map(|&length| models.iter().map(move |model| (model.clone(), length)));
    let all: Vec<(String, usize)> = all.collect();
    // A mistake in the last must not cost the time of the others.
    for (model, length) in &all {
        job(suite, model, (*length, 1))?;
    }
    Ok(all)
}

/// The same, each with the notes of every batch.
fn batches(suite: &ThroughputSuite) -> Result<Vec<(String, usize, usize)>, Error> {
    let groups = groups(suite)?.into_iter();
    let batches = groups.flat_map(|(model, length)| {
        let notes = suite.throughput.batches(length).into_iter();
        notes.map(move |notes| (model.clone(), length, notes))
    });
    Ok(batches.collect())
}

/// A model in the suite's settings with so many notes of a length.
pub(super) fn job(suite: &ThroughputSuite, model: &str, (length, notes): (usize, usize)) -> Result<Job, Error> {
    let settings = &suite.throughput;
    let others = settings.settings.get(model);
    Ok(Job::sized(model, (length, notes), settings.codes, others)?)
}

/// Code of engines and of timing, beside what moves scores.
const TIMED_BY: [&str; 5] = [
    "src/bench/",
    "src/candle/",
    "src/throughput/measure.rs",
    "src/throughput/largest.rs",
    "src/speed/",
];

/// Everything that a timing goes by, the versions of what Python finds and of programs elsewhere aside, which are in it.
fn key(suite: &ThroughputSuite, job: &Job, machine: &Machine, threads: usize) -> String {
    let settings = &suite.throughput;
    let engines: Vec<String> = settings.engines.iter().map(ToString::to_string).collect();
    let code = built::SOURCES
        .iter()
        .filter(|(file, _)| TIMED_BY.iter().any(|start| file.starts_with(start)));
    let code: Vec<String> = code.map(|(file, sha256)| format!("{file} {sha256}")).collect();
    let asked = json!({
        "timed-by": code, "scripts": Engines::scripts_sha256(), "cargo-lock": built::CARGO_LOCK_SHA256,
        "version": VERSION, "code": built::CODE_SHA256, "packages": built::NUMERIC_PACKAGES, "build": built::BUILD,
        "cpu": machine.cpu, "gpu": machine.gpu, "cpus": machine.cpus, "threads": threads, "engines": engines,
        "model": job.model, "settings": job.settings, "length": job.length, "batch": job.batch, "codes": job.codes,
        "precision": settings.precision, "kinds": settings.kinds, "half-width": settings.half_width,
        "seconds": settings.seconds, "least-runs": settings.least_runs, "peer-runs": settings.peer_runs, "timeout": settings.timeout,
        "max-bytes": settings.max_bytes, "shortest": settings.shortest, "largest-batch": settings.largest_batch,
    });
    hex(&Sha256::digest(asked.to_string()))
}

/// A model at a length, with its inputs in a file for as long as this lives.
pub(super) struct Prepared {
    pub(super) load: Load,
    job: Job,
    /// Tokens of a batch that the model reads, with and without those that fill up, and all that it is given.
    read: usize,
    padded: usize,
    given: usize,
    work: Option<Work>,
    _scratch: TempDir,
}

/// Writes the inputs of a model at a length, as many notes as the suite says.
pub(super) fn prepared(suite: &ThroughputSuite, model: &str, length: usize) -> Result<Prepared, Error> {
    prepared_of(suite, job(suite, model, (length, suite.throughput.batch(length)))?)
}

/// Writes the inputs of a job: its notes, the longest of its length, also tokens that the model does not read.
pub(super) fn prepared_of(suite: &ThroughputSuite, job: Job) -> Result<Prepared, Error> {
    let (length, notes) = (job.length, job.batch);
    let config = job.config().map_err(|problem| Refused {
        job: json!({"model": job.model, "length": length}),
        problem,
    })?;
    let lengths = suite.throughput.lengths_of(length, notes);
    let read = lengths.iter().map(|&length| config.reads(length)).sum();
    let (padded, given) = (config.reads(length) * notes, lengths.iter().sum());
    let scratch = tempfile::tempdir()?;
    let inputs = scratch.path().join("inputs.safetensors");
    let sets = Sets::random(&vec![lengths; SETS], job.task.vocabulary, job.codes, SEED);
    sets.write(&inputs)?;
    let sizes: Vec<NoteSize> = sets
        .notes(0)
        .into_iter()
        .flatten()
        .map(|note| NoteSize::of(note))
        .collect();
    let load = Load {
        precision: suite.throughput.precision.clone(),
        max_bytes: suite.throughput.max_bytes,
        ..job.load(inputs)
    };
    Ok(Prepared {
        load,
        read,
        padded,
        given,
        work: config.work(job.codes, &sizes),
        job,
        _scratch: scratch,
    })
}

fn timed(
    suite: &ThroughputSuite,
    (model, length, notes): (&str, usize, usize),
    key: String,
    engines: &Engines,
    machine: &Machine,
) -> Result<Group, Error> {
    let started = SystemTime::now();
    let prepared = prepared_of(suite, job(suite, model, (length, notes))?)?;
    let mut timings = measure(&suite.throughput, &prepared.load, engines, SEED);
    largest_batches(suite, (model, length, notes), engines, &mut timings)?;
    let mut provenance = machine.provenance(started, SystemTime::now());
    provenance.threads = engines.threads() as u32;
    let Prepared {
        job,
        read,
        padded,
        given,
        work,
        ..
    } = prepared;
    Ok(Group {
        version: VERSION,
        key,
        tokens: read,
        padded_tokens: padded,
        given_tokens: given,
        model: job.model,
        settings: job.settings,
        length: job.length,
        batch: job.batch,
        codes: job.codes,
        precision: suite.throughput.precision.clone(),
        work,
        timings,
        provenance,
    })
}

/// Looks for the largest batch that fits where one did not, or where the suite asks for it: in each engine and kind of run.
fn largest_batches(
    suite: &ThroughputSuite,
    (model, length, notes): (&str, usize, usize),
    engines: &Engines,
    timings: &mut [Timing],
) -> Result<(), Error> {
    let settings = &suite.throughput;
    for timing in timings {
        let fitted = match &timing.failure {
            None => true,
            Some(failure) if failure.kind == FailureKind::OutOfMemory => false,
            Some(_) => continue,
        };
        let most = settings.largest_batch.unwrap_or(notes).max(notes);
        if fitted && most == notes {
            continue;
        }
        let side = settings.engines.iter().find(|side| side.to_string() == timing.engine);
        let Some(side) = side else { continue };
        let found = largest((notes, fitted), most, |notes| {
            let prepared = prepared_of(suite, job(suite, model, (length, notes))?)?;
            Ok::<_, Error>(fits(settings, side, &prepared.load, engines, timing.kind))
        })?;
        timing.largest = Some(found);
    }
    Ok(())
}

/// What the CPU can do in the suite's precision: as it was measured before, or measured now. `None` where there is no
/// such precision.
fn peak(
    suite: &ThroughputSuite,
    folder: &Path,
    machine: &Machine,
    threads: usize,
    tell: &dyn Fn(&str),
) -> Result<Option<Peak>, Error> {
    if suite.throughput.precision != "f32" {
        return Ok(None);
    }
    let asked =
        json!({"packages": built::NUMERIC_PACKAGES, "build": built::BUILD, "cpu": machine.cpu, "threads": threads});
    let path = folder.join(format!("peak-{}.json", hex(&Sha256::digest(asked.to_string()))));
    if let Some(bytes) = disk::read(&path).map_err(disk::Error::at(&path, "read"))?
        && let Ok(peak) = serde_json::from_slice(&bytes)
    {
        return Ok(Some(peak));
    }
    tell("measuring what the machine can do");
    let Ok(peak) = Peak::measure(&Device::flex(), Precision::F32, 0.5) else {
        return Ok(None);
    };
    write(&peak, folder, &path)?;
    Ok(Some(peak))
}

/// Whether an engine has no timing for a reason that may have gone. Says which, since all engines are timed again then: they
/// are compared as they ran in turns.
fn lacks(group: &Group, tell: &dyn Fn(&str)) -> bool {
    let failed = group
        .timings
        .iter()
        .find_map(|timing| Some((timing, timing.failure.as_ref()?)));
    if let Some((timing, failure)) = failed {
        let (model, length, engine) = (&group.model, group.length, &timing.engine);
        tell(&format!(
            "again: {model} · {length} tokens, in all engines, as {engine} could not: {failure}"
        ));
    }
    failed.is_some()
}

fn read(path: &Path) -> Result<Option<Group>, Error> {
    let Some(bytes) = disk::read(path).map_err(disk::Error::at(path, "read"))? else {
        return Ok(None);
    };
    let damaged = |problem: String| Error::Damaged {
        path: path.to_owned(),
        problem,
    };
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if value.get("version") != Some(&json!(VERSION)) {
        let found = value.get("version").unwrap_or(&Value::Null);
        return Err(damaged(format!("version {found}, expected {VERSION}")));
    }
    serde_json::from_value(value)
        .map(Some)
        .map_err(|error| damaged(error.to_string()))
}

fn write<T: Serialize>(value: &T, folder: &Path, path: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(disk::Error::at(folder, "make"))?;
    // OK because it is made of text and finite numbers.
    let mut bytes = serde_json::to_vec_pretty(value).expect("timings as JSON");
    bytes.push(b'\n');
    disk::write_atomically(path, &bytes, false).map_err(disk::Error::at(path, "write"))?;
    Ok(())
}
