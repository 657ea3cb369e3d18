//! Doing what a plan says: cell after cell in worker processes, each ending in a record whatever its end, none twice, and
//! none by two processes at once. This process keeps the terminal, the locks and the records; what a worker does to
//! itself is its cell's record.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant, SystemTime};

use super::death::{kernel_kills, verdict};
use super::process::Process;
use super::protocol::{Assignment, Event, Order, Places};
use crate::device::DeviceChoice;
use crate::machine::Machine;
use crate::plan::{Cell, Plan, Recorded};
use crate::record::{self, DEGENERATE, Record, RecordStore, SCHEMA_VERSION, StageName, Status, Timings};
use crate::results::runner::{Patience, Runner};
use crate::results::{Store, files};
use crate::stages::record::Scored;
use crate::stages::{CellWork, Ended};
use crate::train::Observer;

/// How often a worker's silence is interrupted to see whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Choices of one run of a plan.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The program that workers are, and what it is called with.
    pub worker: (PathBuf, Vec<String>),
    /// Where data and results lie.
    pub places: Places,
    /// What cells run on. Each worker opens it for itself.
    pub device: DeviceChoice,
    /// Run cells again that ended in `failed`, `out-of-memory` or `unsupported`.
    pub retry: bool,
    /// Time between two checkpoints.
    pub checkpoint_every: Duration,
    /// The one cell to run, by its place in the plan; all where absent.
    pub only: Option<usize>,
}

/// Told how a run of a plan goes on.
pub trait RunObserver: Observer {
    /// Work on a cell starts.
    fn cell_started(&self, _index: usize, _cell: &Cell) {}
    /// The pretraining of a cell's encoder starts, or goes on.
    fn pretraining_started(&self, _index: usize, _cell: &Cell, _name: &str) {}
    /// A cell has its record (or was interrupted).
    fn cell_ended(&self, _index: usize, _cell: &Cell, _end: &CellEnd) {}
}

/// How a cell ended in this run.
#[derive(Clone, Debug)]
pub enum CellEnd {
    /// It had a record already.
    Found(Box<Record>),
    /// It was run, and has a record now.
    Written(Box<Record>),
    /// The observer asked to stop, while the cell was worked on (what was done is kept) or while it was waited for.
    Interrupted,
}

/// What a run of a plan came to.
#[derive(Clone, Debug, Default)]
pub struct RunSummary {
    /// The records, in the order of the plan's cells; `None` where the run was interrupted before, or only another cell
    /// was asked for.
    pub records: Vec<Option<Record>>,
    /// Cells that were run now.
    pub written: usize,
    /// Whether the observer asked to stop.
    pub interrupted: bool,
}

/// Why a run of a plan cannot go on: the world, not a cell.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A record cannot be read or written, or is a newer program's.
    #[error(transparent)]
    Record(#[from] record::Error),
    /// The results directory cannot be read or written.
    #[error(transparent)]
    Disk(#[from] files::Error),
    /// A worker cannot be started.
    #[error("{program}: cannot start a worker: {source}. Free memory or processes and run the same command again")]
    Worker {
        /// The program that was to be the worker.
        program: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// In a worker's words.
    #[error("{0}")]
    World(String),
}

/// Runs the stages before training of all cells that have no record, pretrainings aside: what other machines find there then.
/// `false` when the observer asked to stop.
///
/// # Errors
/// As [`run`], and where the process that runs them ends.
pub fn run_stages(plan: &Plan, options: &RunOptions, observer: &dyn RunObserver) -> Result<bool, Error> {
    let mut cells = Cells::new(plan, options, observer)?;
    match cells.stages(&(0..plan.cells.len()).collect::<Vec<_>>())? {
        Stages::Interrupted => Ok(false),
        Stages::Done => Ok(true),
        Stages::Died => Err(Error::World(
            "the process that ran the stages before training was ended: more memory may help".into(),
        )),
    }
}

/// Pretrains the encoder `[pretrain.<name>]` where that is not done. `None` where no cell needs it.
///
/// # Errors
/// As [`run`].
pub fn run_pretraining(
    plan: &Plan,
    options: &RunOptions,
    observer: &dyn RunObserver,
    name: &str,
) -> Result<Option<Ended>, Error> {
    let needs = |cell: &Cell| {
        let of_run = plan.suite.pretraining(&plan.suite.runs[cell.run]);
        cell.skipped.is_none() && cell.ensemble.is_none() && of_run.is_some_and(|(of_run, _)| of_run == name)
    };
    let Some(index) = plan.cells.iter().position(needs) else {
        return Ok(None);
    };
    let ended = Cells::new(plan, options, observer)?.pretrain(index)?;
    match ended {
        None => Ok(Some(Ended::Done(None))),
        Some(Ended::World(words)) => Err(Error::World(words)),
        ended => Ok(ended),
    }
}

/// Runs every cell that has no record yet.
///
/// Several processes may run the same plan on the same results directory: a cell is locked while it runs, the others go
/// on with the next one and wait for locked cells at the end.
///
/// # Errors
/// When the store cannot be read or written, or the data, the suite's settings or the device keep every cell from
/// running. Finished cells stay.
pub fn run(plan: &Plan, options: &RunOptions, observer: &dyn RunObserver) -> Result<RunSummary, Error> {
    let mut cells = Cells::new(plan, options, observer)?;
    let mut summary = RunSummary {
        records: vec![None; plan.cells.len()],
        ..RunSummary::default()
    };
    let mut waiting: Vec<usize> = match options.only {
        Some(only) => vec![only],
        None => (0..plan.cells.len()).collect(),
    };
    // A worker that dies there is no answer: each cell then runs these stages itself, and has its record.
    if cells.stages(&waiting)? == Stages::Interrupted {
        summary.interrupted = true;
        return Ok(summary);
    }
    for wait in [false, true] {
        for index in std::mem::take(&mut waiting) {
            if observer.interrupted() {
                summary.interrupted = true;
                return Ok(summary);
            }
            let Some(end) = cells.cell(index, wait)? else {
                waiting.push(index);
                continue;
            };
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
    Ok(summary)
}

struct Cells<'a> {
    plan: &'a Plan,
    options: &'a RunOptions,
    observer: &'a dyn RunObserver,
    runner: Runner,
    machine: Machine,
    /// A worker that waits for the next assignment: on a GPU, whose start and whose tuned kernels are worth keeping.
    worker: Option<Process>,
    /// The pretrainings that failed in this run, by key: the other cells that need one fail for the same reason.
    failed: BTreeMap<String, Ended>,
    /// Of cells that are skipped here, by key; absent until one is asked for.
    before: RefCell<Option<BTreeMap<String, Record>>>,
}

/// How the stages before training ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stages {
    Done,
    Interrupted,
    /// The worker did.
    Died,
}

impl<'a> Cells<'a> {
    fn new(plan: &'a Plan, options: &'a RunOptions, observer: &'a dyn RunObserver) -> Result<Self, Error> {
        let store = Store::new(&options.places.results, options.places.private.as_deref());
        Ok(Self {
            plan,
            options,
            observer,
            runner: Runner::new(store)?,
            machine: Machine::look(),
            worker: None,
            failed: BTreeMap::new(),
            before: RefCell::default(),
        })
    }

    /// Runs the stages before training of all cells that have no record, so that what is wrong with one of them is said
    /// before another computes.
    fn stages(&mut self, cells: &[usize]) -> Result<Stages, Error> {
        let mut open = Vec::new();
        for &index in cells {
            let cell = &self.plan.cells[index];
            if cell.skipped.is_none() && self.finished(cell)?.is_none() {
                open.push(cell.key.clone());
            }
        }
        if open.is_empty() {
            return Ok(Stages::Done);
        }
        match self.order(CellWork::Prepare, open)? {
            Some(Ended::World(words)) => Err(Error::World(words)),
            Some(Ended::Interrupted) => Ok(Stages::Interrupted),
            Some(_) => Ok(Stages::Done),
            None => Ok(Stages::Died),
        }
    }

    /// `None` when another process holds the cell and it is not to be waited for.
    fn cell(&mut self, index: usize, wait: bool) -> Result<Option<CellEnd>, Error> {
        let plan = self.plan;
        let cell = &plan.cells[index];
        if let Some(record) = self.finished(cell)? {
            return Ok(Some(CellEnd::Found(Box::new(record))));
        }
        let lock = match wait {
            true => self.runner.lock("cell", &cell.key, &Waiting(self.observer))?,
            false => self.runner.try_lock("cell", &cell.key)?,
        };
        let Some(_lock) = lock else {
            return Ok(wait.then_some(CellEnd::Interrupted));
        };
        // Another process may have finished it since it was looked for.
        if let Some(record) = self.finished_by_now(cell)? {
            return Ok(Some(CellEnd::Found(Box::new(record))));
        }
        let kept_from = match &cell.skipped {
            Some(reason) => Some(Ended::Failed {
                status: Status::Skipped,
                reason: reason.clone(),
            }),
            None => self.pretrain(index)?,
        };
        self.observer.cell_started(index, cell);
        let started = SystemTime::now();
        let ended = match kept_from {
            Some(ended) => ended,
            None => self.ordered(CellWork::Run, cell)?,
        };
        let record = match ended {
            Ended::Interrupted => return Ok(Some(CellEnd::Interrupted)),
            Ended::World(words) => return Err(Error::World(words)),
            Ended::Failed { status, reason } => {
                made(cell, (&self.machine, started), (status, Some(reason)), (None, None))
            }
            Ended::Done(None) => return Err(Error::World("the worker did not score its cell".into())),
            Ended::Done(Some(scored)) => record_of(cell, (&self.machine, started), *scored),
        };
        self.runner.store().records().write(&record)?;
        Ok(Some(CellEnd::Written(Box::new(record))))
    }

    /// Has the encoder pretrained that a cell starts from, where that is not done: in an assignment of its own, so that it
    /// takes nothing from the cell's limit, and so that what it came to is known for the other cells that need it. How it
    /// ended, where the cell cannot go on.
    fn pretrain(&mut self, index: usize) -> Result<Option<Ended>, Error> {
        let plan = self.plan;
        let cell = &plan.cells[index];
        let pretraining = plan.suite.pretraining(&plan.suite.runs[cell.run]);
        let (Some((name, _)), Some(key)) = (pretraining, cell.keys.get(&StageName::Pretraining)) else {
            return Ok(None);
        };
        if let Some(failed) = self.failed.get(key) {
            return Ok(Some(failed.clone()));
        }
        // What was damaged since it was written is found by whoever reads it.
        if let Ok(Some(_)) = self.runner.store().open(StageName::Pretraining, key) {
            return Ok(None);
        }
        self.observer.pretraining_started(index, cell, name);
        match self.ordered(CellWork::Pretrain, cell)? {
            Ended::Done(_) => Ok(None),
            Ended::Failed { status, reason } => {
                let reason = format!("[pretrain.{name}], which its encoder comes from: {reason}");
                let failed = Ended::Failed { status, reason };
                self.failed.insert(key.clone(), failed.clone());
                Ok(Some(failed))
            }
            ended => Ok(Some(ended)),
        }
    }

    /// How one cell's assignment ended.
    fn ordered(&mut self, work: CellWork, cell: &Cell) -> Result<Ended, Error> {
        let ended = self.order(work, vec![cell.key.clone()])?;
        Ok(ended.unwrap_or_else(|| Ended::World("the worker ended without a word on its cell".into())))
    }

    /// The record of a cell that is skipped here and was scored before, of those that were there when the first such cell was
    /// asked for.
    fn scored_before(&self, cell: &Cell) -> Result<Option<Record>, Error> {
        let mut found = self.before.borrow_mut();
        if found.is_none() {
            let listed = self.runner.store().records().all()?;
            let before = Recorded::new(&listed.records);
            let skipped = self
                .plan
                .cells
                .iter()
                .filter_map(|cell| Some((cell.key.clone(), before.scored_before(cell)?)));
            *found = Some(skipped.collect());
        }
        Ok(found.as_ref().and_then(|found| found.get(&cell.key).cloned()))
    }

    /// The record of a cell that need not be run. One that cannot be believed is named, and the cell is run.
    fn finished(&self, cell: &Cell) -> Result<Option<Record>, Error> {
        self.found(cell, RecordStore::find)
    }

    /// The same, asked of the disk anew.
    fn finished_by_now(&self, cell: &Cell) -> Result<Option<Record>, Error> {
        self.found(cell, RecordStore::find_anew)
    }

    fn found(
        &self,
        cell: &Cell,
        find: fn(&RecordStore, &str) -> Result<Option<Record>, record::Error>,
    ) -> Result<Option<Record>, Error> {
        let records = self.runner.store().records();
        if cell.skipped.is_some()
            && let Some(record) = self.scored_before(cell)?
        {
            return Ok(Some(record));
        }
        let found = match find(&records, &cell.key) {
            Err(refused) if refused.is_as_if_absent() => {
                self.observer.notice(&refused.to_string());
                None
            }
            found => found?,
        };
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

    /// Has a worker do an assignment. The end of the last cell that it worked on; `None` where a worker of other stages than
    /// training and pretraining died.
    fn order(&mut self, work: CellWork, cells: Vec<String>) -> Result<Option<Ended>, Error> {
        let kills = kernel_kills();
        let mut worker = match self.worker.take() {
            Some(worker) => worker,
            None => self.start()?,
        };
        let assignment = Assignment {
            suite: self.plan.suite.clone(),
            work,
            cells,
            places: self.options.places.clone(),
            device: self.options.device.to_string(),
            checkpoint_every: self.options.checkpoint_every,
        };
        worker.send(&serde_json::to_string(&Order::Work(Box::new(assignment))).unwrap_or_default());
        let limit = self.plan.suite.limits.cell_seconds;
        let begun = Instant::now();
        let mut last = None;
        let mut stopping = false;
        loop {
            if !stopping && self.observer.interrupted() {
                stopping = true;
                worker.send(&serde_json::to_string(&Order::Stop).unwrap_or_default());
            }
            match worker.line(LOOK_EVERY) {
                Ok(line) => match serde_json::from_str(&line) {
                    Ok(Event::Idle) => break,
                    Ok(Event::Ended { ended, .. }) => last = Some(*ended),
                    Ok(event) => self.pass_on(event),
                    // A library's, not ours.
                    Err(_) => self.observer.notice(&line),
                },
                Err(RecvTimeoutError::Timeout) => {
                    let over = limit.filter(|&limit| begun.elapsed().as_secs_f64() > limit);
                    if let (Some(limit), CellWork::Run) = (over, work) {
                        let reason = format!(
                            "its worker process was ended after {limit} s, the suite's limits.cell-seconds: it hung, or the \
                             limit is too low for this machine"
                        );
                        return Ok(Some(Ended::Failed {
                            status: Status::Failed,
                            reason,
                        }));
                    }
                }
                // Ended by whoever asked to stop: no word about the cell.
                Err(RecvTimeoutError::Disconnected) if stopping || self.observer.interrupted() => {
                    return Ok(Some(Ended::Interrupted));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let (status, reason) = verdict(&worker.death(), kills);
                    return Ok(match (work, last) {
                        (_, Some(ended @ Ended::World(_))) => Some(ended),
                        (CellWork::Prepare, _) => None,
                        (CellWork::Pretrain | CellWork::Run, _) => Some(Ended::Failed { status, reason }),
                    });
                }
            }
        }
        if work != CellWork::Prepare && !self.options.device.class.runs_on_cpu() && matches!(last, Some(Ended::Done(_)))
        {
            self.worker = Some(worker);
        } else {
            worker.finish();
        }
        Ok(last)
    }

    fn start(&self) -> Result<Process, Error> {
        let (program, arguments) = &self.options.worker;
        Process::start(program, arguments).map_err(|source| Error::Worker {
            program: program.clone(),
            source,
        })
    }

    fn pass_on(&self, event: Event) {
        match event {
            Event::Started { step, steps } => self.observer.started(step, steps),
            Event::Stepped(step) => self.observer.stepped(&step),
            Event::Scored { done, all } => self.observer.scored(done, all),
            Event::Epoch { row, epochs } => self.observer.epoch(&row, epochs),
            Event::Checkpointed => self.observer.checkpointed(),
            Event::Notice(sentence) => self.observer.notice(&sentence),
            Event::Ended { .. } | Event::Idle => {}
        }
    }
}

/// The record of a cell whose scores were made, on this machine, since a time.
pub fn record_of(cell: &Cell, (machine, started): (&Machine, SystemTime), scored: Scored) -> Record {
    let ended = match scored.degenerate {
        None => (Status::Ok, None),
        Some(reason) => (Status::Failed, Some(format!("{DEGENERATE}{reason}"))),
    };
    made(cell, (machine, started), ended, (scored.outcome, scored.timings))
}

fn made(
    cell: &Cell,
    (machine, started): (&Machine, SystemTime),
    (status, reason): (Status, Option<String>),
    (outcome, timings): (Option<record::Outcome>, Option<Timings>),
) -> Record {
    Record {
        schema: SCHEMA_VERSION,
        checksum: String::new(),
        key: cell.key.clone(),
        status,
        reason,
        cell: cell.description.clone(),
        stages: cell.chain.clone(),
        outcome,
        timings,
        provenance: machine.provenance(started, SystemTime::now()),
    }
}

struct Waiting<'a>(&'a dyn RunObserver);

impl Patience for Waiting<'_> {
    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }

    fn notice(&self, sentence: &str) {
        self.0.notice(sentence);
    }
}
