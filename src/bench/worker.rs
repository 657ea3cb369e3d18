//! Jobs in processes of their own: on the CPU one each, so that a peak of memory is that of one job; on
//! other devices one for as long as nothing goes wrong, since starting such a device takes long and
//! what it compiled and tuned is worth keeping.
//!
//! A worker is the program itself. It reads jobs from its standard input, one JSON object a line, and writes
//! a record after each part of a job and an empty line after the job.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value, json};

use super::Job;
use super::timing::{Measured, time};
use crate::device::{self, DeviceChoice, Started, lacks_precision};
use crate::engines::death::{kernel_kills, verdict};
use crate::engines::process::Process;
use crate::machine::Machine;

/// The key of a worker's line that says that the device cannot be used.
const UNAVAILABLE: &str = "unavailable";

/// A device that cannot be used, in the worker's words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(String);

/// Runs jobs in worker processes.
pub struct Workers {
    program: PathBuf,
    arguments: Vec<String>,
    timeout: Duration,
    machine: Machine,
    kept: Option<Worker>,
}

impl Workers {
    /// Workers that are `program` called with `arguments` and the number of threads. A job that takes longer
    /// than `timeout` is ended.
    pub fn new(program: PathBuf, arguments: Vec<String>, timeout: Duration) -> Self {
        Self {
            program,
            arguments,
            timeout,
            machine: Machine::look(),
            kept: None,
        }
    }

    /// The record of a job, with its provenance. Whatever goes wrong with the job is in it as `error`.
    ///
    /// # Errors
    /// When the device cannot be used at all, or no worker can be started.
    pub fn run(&mut self, job: &Job) -> Result<Map<String, Value>, Unavailable> {
        let started = SystemTime::now();
        let kills = kernel_kills();
        let kept = self.kept.take().filter(|worker| worker.suits(job));
        let mut worker = match kept {
            Some(worker) => worker,
            None => Worker::start(&self.program, &self.arguments, job)
                .map_err(|error| Unavailable(format!("{} does not start: {error}", self.program.display())))?,
        };
        let (record, end) = worker.run(job, self.timeout);
        if let Some(words) = record.as_ref().and_then(|record| record.get(UNAVAILABLE)) {
            return Err(Unavailable(words.as_str().unwrap_or_default().to_owned()));
        }
        let error = match end {
            End::Done if job.device.class.runs_on_cpu() => None,
            End::Done => {
                // After an error the device may be in any state: the next job starts it anew.
                let good = record.as_ref().is_some_and(|record| !record.contains_key("error"));
                self.kept = good.then_some(worker);
                None
            }
            End::TimedOut => Some(format!("not done after {} s", self.timeout.as_secs())),
            End::Died => Some(verdict(&worker.process.death(), kills).1),
        };
        let nothing = || object(&Measured::failed(job, &self.machine.gpu, "no record".into()));
        let mut record = record.unwrap_or_else(nothing);
        if job.device.class.runs_on_cpu() {
            record.insert("machine".into(), self.machine.cpu.clone().into());
        }
        if let Some(error) = error {
            record.insert("error".into(), error.into());
        }
        let mut provenance = self.machine.provenance(started, SystemTime::now());
        provenance.threads = job.threads as u32;
        record.insert("provenance".into(), json!(provenance));
        Ok(record)
    }
}

/// A running worker. It takes jobs of one device and one number of threads.
struct Worker {
    process: Process,
    device: DeviceChoice,
    threads: usize,
}

enum End {
    Done,
    TimedOut,
    Died,
}

impl Worker {
    fn start(program: &Path, arguments: &[String], job: &Job) -> std::io::Result<Self> {
        let threads = ["--threads".to_owned(), job.threads.to_string()];
        let process = Process::start(program, &[&threads, arguments].concat())?;
        Ok(Self {
            process,
            device: job.device,
            threads: job.threads,
        })
    }

    fn suits(&self, job: &Job) -> bool {
        self.device == job.device && self.threads == job.threads
    }

    /// The last record that the worker wrote of the job, and how it ended.
    fn run(&mut self, job: &Job, timeout: Duration) -> (Option<Map<String, Value>>, End) {
        let deadline = Instant::now() + timeout;
        let mut record = None;
        self.process.send(&json!(job).to_string());
        if job.device.class.runs_on_cpu() {
            self.process.close_input(); // no more jobs for this one
        }
        loop {
            match self.process.line(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.is_empty() => return (record, End::Done),
                Ok(line) => match serde_json::from_str(&line) {
                    Ok(Value::Object(found)) => record = Some(found),
                    _ => eprintln!("{line}"), // a library's, not ours
                },
                Err(RecvTimeoutError::Timeout) => return (record, End::TimedOut),
                Err(RecvTimeoutError::Disconnected) => return (record, End::Died),
            }
        }
    }
}

/// A worker's life: jobs in, records out, until there are no more jobs.
///
/// # Errors
/// When a job cannot be read or a record cannot be written.
pub fn serve(jobs: impl BufRead, mut records: impl Write) -> anyhow::Result<()> {
    let mut opened: Option<(DeviceChoice, Started)> = None;
    for line in jobs.lines() {
        let job: Job = serde_json::from_str(&line?)?;
        match ready(&mut opened, &job) {
            Err(words) => writeln!(records, "{}", json!({UNAVAILABLE: words.to_string()}))?,
            Ok(started) => {
                let mut written = Ok(());
                time(&job, &started.device, &started.description, |record| {
                    let line = writeln!(records, "{}", json!(record)).and_then(|()| records.flush());
                    written = std::mem::replace(&mut written, Ok(())).and(line);
                });
                written?;
                started.device.memory_cleanup();
            }
        }
        writeln!(records)?;
        records.flush()?;
    }
    Ok(())
}

/// The job's device: the one that is open, or opened now.
fn ready<'a>(opened: &'a mut Option<(DeviceChoice, Started)>, job: &Job) -> Result<&'a Started, device::Unavailable> {
    let device = job.device;
    let unavailable = |lack| device::Unavailable { device, lack };
    let (_, started) = match opened.take() {
        Some((choice, started)) if choice == device => opened.insert((choice, started)),
        _ => opened.insert((device, device.start().map_err(unavailable)?)),
    };
    match lacks_precision(device.class, &started.device, job.precision) {
        Some(lack) => Err(unavailable(lack)),
        None => Ok(started),
    }
}

fn object(record: &Measured) -> Map<String, Value> {
    match json!(record) {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
