//! Doing what a plan says: cell after cell, each ending in a record whatever its end, none twice,
//! and none by two processes at once.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use burn::tensor::Device;

use super::cell::Cell;
use super::outcome::{self, Scored};
use super::prepare::{Plan, Prepared};
use crate::contain::{is_out_of_memory, panic_message, quietly};
use crate::machine::{self, Machine};
use crate::metrics;
use crate::record::{self, Record, RecordStore, SCHEMA_VERSION, Status, Timings};
use crate::train::{self, End, Job, Observer, Reading, Trained, checkpoint, train};

/// Choices of one run of a plan.
pub struct RunOptions<'a> {
    /// The results directory.
    pub results: &'a Path,
    /// The device.
    pub device: &'a Device,
    /// Run cells again that ended in `failed`, `out-of-memory` or `unsupported`.
    pub retry: bool,
    /// Time between two checkpoints.
    pub checkpoint_every: Duration,
}

/// Told how a run of a plan goes on.
pub trait RunObserver: Observer {
    /// Work on a cell starts.
    fn cell_started(&self, _index: usize, _cell: &Cell) {}
    /// A cell has its record (or was interrupted).
    fn cell_ended(&self, _index: usize, _cell: &Cell, _end: &CellEnd) {}
    /// A sentence for the user.
    fn notice(&self, _sentence: &str) {}
}

/// How a cell ended in this run.
#[derive(Clone, Debug)]
pub enum CellEnd {
    /// It had a record already.
    Found(Box<Record>),
    /// It was run, and has a record now.
    Written(Box<Record>),
    /// The observer asked to stop; a checkpoint is on disk.
    Interrupted,
}

/// What a run of a plan came to.
#[derive(Clone, Debug, Default)]
pub struct RunSummary {
    /// The records, in the order of the plan's cells; `None` where the run was interrupted before.
    pub records: Vec<Option<Record>>,
    /// Cells that were run now.
    pub written: usize,
    /// Whether the observer asked to stop.
    pub interrupted: bool,
}

/// Why a run of a plan cannot go on: the world, not a cell.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A record.
    #[error(transparent)]
    Record(#[from] record::Error),
    /// A checkpoint or the weights.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// A checkpoint that does not fit the cell.
    #[error(transparent)]
    Train(train::Error),
    /// The results directory.
    #[error(
        "{path}: cannot {verb}: {source}. Finished cells are untouched; fix the cause and run the same command again"
    )]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// The system's own words.
        source: io::Error,
    },
}

/// Runs every cell that has no record yet.
///
/// Several processes may run the same plan on the same results directory: a cell is locked while it
/// runs, the others go on with the next one and wait for locked cells at the end.
///
/// # Errors
/// When records or checkpoints cannot be read or written. Finished cells stay.
pub fn run(plan: &Plan, options: &RunOptions, observer: &dyn RunObserver) -> Result<RunSummary, Error> {
    let runner = Runner {
        plan,
        options,
        observer,
        store: RecordStore::new(options.results),
        machine: Machine::look(),
    };
    let mut summary = RunSummary {
        records: vec![None; plan.cells.len()],
        ..RunSummary::default()
    };
    let mut waiting: Vec<usize> = (0..plan.cells.len()).collect();
    for patience in [Patience::None, Patience::Wait] {
        for index in std::mem::take(&mut waiting) {
            if observer.interrupted() {
                summary.interrupted = true;
                return Ok(summary);
            }
            match runner.cell(index, patience)? {
                None => waiting.push(index),
                Some(end) => {
                    observer.cell_ended(index, &plan.cells[index], &end);
                    match end {
                        CellEnd::Found(record) => summary.records[index] = Some(*record),
                        CellEnd::Written(record) => {
                            summary.records[index] = Some(*record);
                            summary.written += 1;
                        }
                        CellEnd::Interrupted => {
                            summary.interrupted = true;
                            return Ok(summary);
                        }
                    }
                }
            }
        }
    }
    Ok(summary)
}

/// Whether to wait for a cell that another process holds.
#[derive(Clone, Copy, PartialEq)]
enum Patience {
    None,
    Wait,
}

struct Runner<'a> {
    plan: &'a Plan,
    options: &'a RunOptions<'a>,
    observer: &'a dyn RunObserver,
    store: RecordStore,
    machine: Machine,
}

impl Runner<'_> {
    /// `None` when another process holds the cell and there is no patience to wait.
    fn cell(&self, index: usize, patience: Patience) -> Result<Option<CellEnd>, Error> {
        let cell = &self.plan.cells[index];
        if let Some(record) = self.finished(cell)? {
            // A run killed between its record and this may have left checkpoints.
            if self.work_directory(cell).exists()
                && let Some(_lock) = self.lock(cell, Patience::None)?
            {
                self.remove_checkpoints(cell)?;
            }
            return Ok(Some(CellEnd::Found(Box::new(record))));
        }
        let Some(_lock) = self.lock(cell, patience)? else {
            let interrupted = patience == Patience::Wait;
            return Ok(interrupted.then_some(CellEnd::Interrupted));
        };
        // The other process may have finished it in the meantime.
        if let Some(record) = self.finished(cell)? {
            return Ok(Some(CellEnd::Found(Box::new(record))));
        }
        self.observer.cell_started(index, cell);
        let end = self.work(cell)?;
        if let CellEnd::Written(record) = &end {
            self.store.write(record)?;
            self.remove_checkpoints(cell)?;
        }
        Ok(Some(end))
    }

    fn finished(&self, cell: &Cell) -> Result<Option<Record>, Error> {
        let found = self.store.find(&cell.key)?;
        let again = |status| match status {
            Status::Ok | Status::Skipped => false,
            Status::Failed | Status::OutOfMemory | Status::Unsupported => self.options.retry,
        };
        let found = found.filter(|record| !again(record.status));
        // Another suite, or another name of the run, may have made it: the key does not know names.
        Ok(found.map(|record| Record {
            cell: cell.description.clone(),
            ..record
        }))
    }

    fn work_directory(&self, cell: &Cell) -> PathBuf {
        self.options.results.join("work").join(&cell.key)
    }

    /// `None` when another process holds the cell and there is no patience to wait, or the observer
    /// asked to stop waiting.
    fn lock(&self, cell: &Cell, patience: Patience) -> Result<Option<File>, Error> {
        let path = self.work_directory(cell).with_extension("lock");
        let io = |source| Error::Io {
            path: path.clone(),
            verb: "lock the cell",
            source,
        };
        fs::create_dir_all(self.options.results.join("work")).map_err(io)?;
        let file = File::options().create(true).append(true).open(&path).map_err(io)?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::Error(source)) => return Err(io(source)),
                Err(TryLockError::WouldBlock) if patience == Patience::None || self.observer.interrupted() => {
                    return Ok(None);
                }
                Err(TryLockError::WouldBlock) if told => std::thread::sleep(Duration::from_millis(100)),
                Err(TryLockError::WouldBlock) => {
                    self.observer
                        .notice("another process is running the next cell; waiting for it");
                    told = true;
                }
            }
        }
    }

    fn remove_checkpoints(&self, cell: &Cell) -> Result<(), Error> {
        let path = self.work_directory(cell);
        match fs::remove_dir_all(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Io {
                path,
                verb: "remove the finished cell's checkpoints",
                source,
            }),
            _ => Ok(()),
        }
    }

    /// Runs a cell to its end. A panic in it (a device that cannot hold it, a bug) ends the cell, not the suite.
    fn work(&self, cell: &Cell) -> Result<CellEnd, Error> {
        let started = SystemTime::now();
        let prepared = match &self.plan.prepared {
            Ok(prepared) => prepared,
            Err(reason) => {
                let record = self.record(cell, started, Status::Skipped, Some(reason.clone()), None);
                return Ok(CellEnd::Written(Box::new(record)));
            }
        };
        machine::reset_peak_memory();
        let (outcome, place) = quietly(|| self.train_and_score(cell, prepared));
        let record = match outcome {
            Ok(Ok(Some(scored))) => {
                let Scored {
                    outcome,
                    timings,
                    degenerate,
                    ..
                } = *scored;
                match degenerate {
                    None => self.record(cell, started, Status::Ok, None, Some((Some(outcome), timings))),
                    Some(reason) => {
                        let reason = Some(format!("{}{reason}", record::DEGENERATE));
                        self.record(cell, started, Status::Failed, reason, Some((None, timings)))
                    }
                }
            }
            Ok(Ok(None)) => return Ok(CellEnd::Interrupted),
            Ok(Err(Problem::World(error))) => return Err(error),
            Ok(Err(Problem::Cell(reason))) => self.record(cell, started, Status::Failed, Some(reason), None),
            Err(panic) => {
                let message = format!("{}{place}", panic_message(panic.as_ref()));
                let status = if is_out_of_memory(&message) {
                    Status::OutOfMemory
                } else {
                    Status::Failed
                };
                self.record(cell, started, status, Some(message), None)
            }
        };
        Ok(CellEnd::Written(Box::new(record)))
    }

    /// `None` when the observer asked to stop.
    fn train_and_score(&self, cell: &Cell, prepared: &Prepared) -> Result<Option<Box<Scored>>, Problem> {
        let run = &self.plan.suite.runs[cell.run];
        let text = &prepared.text[&run.text];
        let directory = self.work_directory(cell);
        let reading = Reading {
            length: run.model.reads(cell.length as usize),
            batch_size: run.training.batch_size,
            padding: text.task.padding,
            multiple_of: 1,
            precision: self.plan.suite.precision,
        };
        let job = Job {
            model: &run.model,
            task: &prepared.tasks[cell.run],
            recipe: &run.training,
            evaluation: &self.plan.suite.evaluation,
            training: prepared.training(run),
            validation: prepared.validation(run),
            reading,
            seed: cell.seed,
            device: self.options.device,
            directory: &directory,
            checkpoint_every: self.options.checkpoint_every,
        };
        let trained = match train(&job, self.observer).map_err(Problem::from)? {
            End::Finished(trained) => trained,
            End::Interrupted => return Ok(None),
        };
        let weights_sha256 = self.keep_weights(cell, &directory, &trained)?;
        let started = Instant::now();
        let codes = text.task.codes;
        let Some(scores) = train::probabilities(
            &trained.model,
            &text.evaluation,
            reading,
            codes,
            self.options.device,
            self.observer,
        ) else {
            return Ok(None);
        };
        let seconds = started.elapsed().as_secs_f64();
        let timings = timings(&trained, &reading, &text.evaluation, seconds);
        outcome::scored(
            &self.plan.suite,
            cell,
            prepared,
            *trained,
            scores,
            weights_sha256,
            timings,
        )
        .map(|scored| Some(Box::new(scored)))
        .map_err(Problem::Cell)
    }

    /// Writes the scored weights beside the checkpoints, then moves them to their place: a killed run
    /// leaves nothing half-written there. Returns their SHA-256.
    fn keep_weights(&self, cell: &Cell, directory: &Path, trained: &Trained) -> Result<String, Problem> {
        let staged = directory.join("weights.safetensors");
        let hash =
            checkpoint::write(&staged, &trained.parameters, &cell.key).map_err(|error| Problem::World(error.into()))?;
        let place = self.options.results.join("weights");
        fs::create_dir_all(&place)
            .and_then(|()| fs::rename(&staged, place.join(format!("{}.safetensors", cell.key))))
            .and_then(|()| record::sync_directory(&place))
            .map_err(|source| {
                Problem::World(Error::Io {
                    path: place.clone(),
                    verb: "keep the weights",
                    source,
                })
            })?;
        Ok(hash)
    }

    fn record(
        &self,
        cell: &Cell,
        started: SystemTime,
        status: Status,
        reason: Option<String>,
        result: Option<(Option<record::Outcome>, Timings)>,
    ) -> Record {
        let (outcome, timings) = result.map_or((None, None), |(outcome, timings)| (outcome, Some(timings)));
        Record {
            schema: SCHEMA_VERSION,
            checksum: String::new(),
            key: cell.key.clone(),
            stages: Default::default(),
            status,
            reason,
            cell: cell.description.clone(),
            inputs: cell.inputs.clone(),
            outcome,
            timings,
            provenance: self.machine.provenance(started, SystemTime::now()),
        }
    }
}

/// What stops a cell.
enum Problem {
    /// The cell has failed; the suite goes on.
    Cell(String),
    /// Nothing can go on.
    World(Error),
}

impl From<train::Error> for Problem {
    fn from(error: train::Error) -> Self {
        match error {
            train::Error::Metrics {
                source: metrics::Error::Degenerate(_),
                ..
            } => Self::Cell(format!("{}{error}", record::DEGENERATE)),
            train::Error::Diverged { .. } | train::Error::Metrics { .. } | train::Error::TooLarge { .. } => {
                Self::Cell(error.to_string())
            }
            train::Error::Checkpoint(error) => Self::World(error.into()),
            train::Error::Mismatch { .. } => Self::World(Error::Train(error)),
        }
    }
}

fn timings(trained: &Trained, reading: &Reading, evaluation: &crate::text::TokenStore, seconds: f64) -> Timings {
    let effort = &trained.effort;
    let rate = |count: u64, seconds: f64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
    Timings {
        training_seconds: effort.training_seconds,
        validation_seconds: effort.validation_seconds,
        evaluation_seconds: seconds,
        training_notes_per_second: rate(effort.notes, effort.training_seconds),
        training_tokens_per_second: rate(effort.tokens, effort.training_seconds),
        evaluation_notes_per_second: rate(evaluation.len() as u64, seconds),
        evaluation_tokens_per_second: rate(reading.tokens(evaluation), seconds),
        peak_memory_bytes: machine::peak_memory(),
        sittings: effort.sittings,
    }
}
