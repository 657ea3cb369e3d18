//! All groups of a throughput suite: those that are there are read, the others are timed and written, one file each.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use burn::tensor::Device;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::measure::{Clock, SETS, inputs_file, measure};
use super::record::{Group, VERSION};
use super::suite::ThroughputSuite;
use crate::bench::protocol::Load;
use crate::bench::sets::Sets;
use crate::bench::{Engines, Job, Peak};
use crate::machine::{Machine, built};
use crate::models::Precision;
use crate::models::work::NoteSize;
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
    Refused(#[from] crate::bench::Refused),
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
                let group = timed(suite, &job, key, engines, &machine)?;
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
fn groups(suite: &ThroughputSuite) -> Result<Vec<(String, usize)>, Error> {
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

/// Everything that a timing goes by, the peers' versions aside, which are in it.
fn key(suite: &ThroughputSuite, job: &Job, machine: &Machine, threads: usize) -> String {
    let settings = &suite.throughput;
    let engines: Vec<String> = settings.engines.iter().map(ToString::to_string).collect();
    let asked = json!({
        "version": VERSION, "code": built::CODE_SHA256, "packages": built::NUMERIC_PACKAGES, "build": built::BUILD,
        "cpu": machine.cpu, "gpu": machine.gpu, "cpus": machine.cpus, "threads": threads, "engines": engines,
        "model": job.model, "settings": job.settings, "length": job.length, "batch": job.batch, "codes": job.codes,
        "precision": settings.precision, "kinds": settings.kinds, "half-width": settings.half_width,
        "seconds": settings.seconds, "least-runs": settings.least_runs, "timeout": settings.timeout,
        "max-bytes": settings.max_bytes,
    });
    hex(&Sha256::digest(asked.to_string()))
}

fn timed(
    suite: &ThroughputSuite,
    job: &Job,
    key: String,
    engines: &Engines,
    machine: &Machine,
) -> Result<Group, Error> {
    let started = SystemTime::now();
    let scratch = tempfile::tempdir()?;
    let inputs = inputs_file(scratch.path());
    // Notes are cut where the model stops reading, as they are in training.
    let config = job.config().map_err(|problem| Error::Damaged {
        path: inputs.clone(),
        problem,
    })?;
    let read = config.reads(job.length);
    let sets = Sets::random(&vec![vec![read; job.batch]; SETS], job.task.vocabulary, job.codes, SEED);
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
    let timings = measure(&suite.throughput, &load, engines, SEED);
    let mut provenance = machine.provenance(started, SystemTime::now());
    provenance.threads = engines.threads() as u32;
    Ok(Group {
        version: VERSION,
        key,
        model: job.model.clone(),
        settings: job.settings.clone(),
        length: job.length,
        tokens: read * job.batch,
        padded_tokens: read * job.batch,
        batch: job.batch,
        codes: job.codes,
        precision: suite.throughput.precision.clone(),
        work: config.work(job.codes, &sizes),
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
