//! All groups of a throughput suite: those that are there are read, the others are timed and written, one file each.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use burn::tensor::Device;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::measure::{Clock, SETS, measure};
use super::record::{Group, VERSION};
use super::suite::ThroughputSuite;
use crate::bench::protocol::Load;
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
    let clock = Clock::new(suite.throughput.minutes);
    let machine = Machine::look();
    let mut found = Vec::new();
    let mut outcome = Outcome::default();
    let groups = groups(suite)?;
    outcome.peak = peak(suite, folder, &machine, engines.threads(), tell)?;
    for (number, (model, length)) in groups.iter().enumerate() {
        let job = job(suite, model, *length)?;
        let key = key(suite, &job, &machine, engines.threads());
        let path = folder.join(format!("{key}.json"));
        let kept = read(&path)?.filter(|group| !(again && lacks(group)));
        let name = format!("{model} · {length} tokens");
        let group = match kept {
            Some(group) => group,
            None if stopped() || outcome.stopped => {
                outcome.stopped = true;
                continue;
            }
            None if clock.is_up() => {
                outcome.left.push(name);
                continue;
            }
            None => {
                tell(&format!("[{}/{}] {name}", number + 1, groups.len()));
                let group = timed(suite, (model, *length), key, engines, &machine)?;
                write(&group, folder, &path)?;
                group
            }
        };
        found.push(group);
    }
    // In the suite's order of models.
    let place = |group: &Group| suite.throughput.models.iter().position(|model| *model == group.model);
    found.sort_by_key(|group| (place(group), group.length));
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
        job(suite, model, *length)?;
    }
    Ok(all)
}

fn job(suite: &ThroughputSuite, model: &str, length: usize) -> Result<Job, Error> {
    let settings = &suite.throughput;
    Ok(Job::sized(model, length, settings.codes, settings.batch(length))?)
}

/// Code of engines and of timing, beside what moves scores.
const TIMED_BY: [&str; 4] = ["src/bench/", "src/candle/", "src/throughput/measure.rs", "src/speed/"];

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
        "max-bytes": settings.max_bytes,
    });
    hex(&Sha256::digest(asked.to_string()))
}

/// A model at a length, with its inputs in a file for as long as this lives.
pub(super) struct Prepared {
    pub(super) load: Load,
    job: Job,
    /// Tokens that the model reads of a note.
    read: usize,
    work: Option<Work>,
    _scratch: TempDir,
}

/// Writes the inputs of a model at a length. Notes have all their tokens, also those that the model does not read.
pub(super) fn prepared(suite: &ThroughputSuite, model: &str, length: usize) -> Result<Prepared, Error> {
    let job = job(suite, model, length)?;
    let config = job.config().map_err(|problem| Refused {
        job: json!({"model": model, "length": length}),
        problem,
    })?;
    let read = config.reads(length);
    let scratch = tempfile::tempdir()?;
    let inputs = scratch.path().join("inputs.safetensors");
    let sets = Sets::random(
        &vec![vec![length; job.batch]; SETS],
        job.task.vocabulary,
        job.codes,
        SEED,
    );
    sets.write(&inputs)?;
    let sizes: Vec<NoteSize> = sets
        .notes(0)
        .into_iter()
        .flatten()
        .map(|note| NoteSize::of(note))
        .collect();
    let load = Load {
        model: job.model.clone(),
        settings: job.settings.clone(),
        task: job.task,
        codes: job.codes,
        length: job.length,
        device: String::new(),
        precision: suite.throughput.precision.clone(),
        mode: None,
        threads: 1,
        weights: None,
        inputs,
        max_bytes: suite.throughput.max_bytes,
    };
    Ok(Prepared {
        load,
        read,
        work: config.work(job.codes, &sizes),
        job,
        _scratch: scratch,
    })
}

fn timed(
    suite: &ThroughputSuite,
    (model, length): (&str, usize),
    key: String,
    engines: &Engines,
    machine: &Machine,
) -> Result<Group, Error> {
    let started = SystemTime::now();
    let prepared = prepared(suite, model, length)?;
    let timings = measure(&suite.throughput, &prepared.load, engines, SEED);
    let mut provenance = machine.provenance(started, SystemTime::now());
    provenance.threads = engines.threads() as u32;
    let Prepared { job, read, work, .. } = prepared;
    Ok(Group {
        version: VERSION,
        key,
        tokens: read * job.batch,
        given_tokens: job.length * job.batch,
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

/// Whether an engine has no timing for a reason that may have gone.
fn lacks(group: &Group) -> bool {
    group.timings.iter().any(|timing| timing.failure.is_some())
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
