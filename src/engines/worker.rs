//! The worker's end: takes assignments from its standard input, tells on its standard output how they go on.

use std::io::{BufRead, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use burn::tensor::Device;

use super::protocol::{Assignment, Event, Order};
use crate::contain::{in_full, is_out_of_memory, panic_message, quietly};
use crate::data::Registry;
use crate::device::DeviceChoice;
use crate::machine;
use crate::plan::Plan;
use crate::record::{EpochRow, Status};
use crate::results::Store;
use crate::results::runner::Runner;
use crate::stages::{CellWork, Ended, Workshop};
use crate::train::{Observer, StepReport};

/// Steps and scored batches are told no more often than this, but for the last step of an epoch.
const TELL_EVERY: Duration = Duration::from_millis(50);

/// Set by [`Order::Stop`].
static STOP: AtomicBool = AtomicBool::new(false);

/// Does assignments until its input ends. The parent's death ends the input, and so the process.
pub fn serve() {
    leave_signals_to_the_parent();
    let assignments = orders();
    let teller = Teller {
        told: Mutex::new(Instant::now()),
        step: Mutex::new(None),
    };
    while let Ok(assignment) = assignments.recv() {
        work(&assignment, &teller);
        tell(&Event::Idle);
    }
}

/// A scheduler signals all processes of a task at once. The parent is told too, asks for a checkpoint, and is the one whose
/// death ends this process: dying here at once would lose the work and be taken for a fault of the cell.
#[cfg(unix)]
fn leave_signals_to_the_parent() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        // SAFETY: only sets that the signal is ignored.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

#[cfg(not(unix))]
fn leave_signals_to_the_parent() {}

/// Orders as they come. A stop is heard in the middle of an assignment.
fn orders() -> Receiver<Assignment> {
    let (sender, assignments) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(Order::Work(assignment)) => {
                    STOP.store(false, Ordering::SeqCst);
                    if sender.send(*assignment).is_err() {
                        return;
                    }
                }
                Ok(Order::Stop) => STOP.store(true, Ordering::SeqCst),
                Err(_) => break,
            }
        }
        // The parent is gone, or wants no more: an assignment in hand has nobody left to tell.
        std::process::exit(0);
    });
    assignments
}

fn work(assignment: &Assignment, teller: &Teller) {
    let failed = |error: anyhow::Error| {
        tell(&Event::Ended {
            cell: assignment.cells.first().cloned().unwrap_or_default(),
            ended: Box::new(Ended::World(in_full(&*error))),
        });
    };
    if let Err(error) = work_on_cells(assignment, teller) {
        failed(error);
    }
}

fn work_on_cells(assignment: &Assignment, teller: &Teller) -> anyhow::Result<()> {
    let registry = Registry::open(assignment.places.datasets.as_deref())?;
    let choice: DeviceChoice = assignment.device.parse().map_err(anyhow::Error::msg)?;
    let device = match assignment.work {
        // Nothing is computed on it.
        CellWork::Prepare => Device::flex(),
        CellWork::Pretrain | CellWork::Run => choice.open(assignment.suite.precision)?,
    };
    let data = assignment.places.data.as_deref();
    let plan = Plan::make(assignment.suite.clone(), &registry, data, choice.class.name())?;
    if plan.credentialed {
        machine::no_core_dumps();
    }
    let store = Store::new(&assignment.places.results, assignment.places.private.as_deref());
    let runner = Runner::new(store)?;
    let workshop = Workshop::new(
        &plan,
        (&registry, data),
        runner,
        (&device, assignment.checkpoint_every),
        teller,
    )
    .on(choice);
    for key in &assignment.cells {
        let cell = &plan.cells[plan.cell(key)?];
        machine::reset_peak_memory();
        let (outcome, place) = quietly(|| workshop.work(cell, assignment.work));
        let ended = outcome.unwrap_or_else(|panic| {
            let reason = format!("{}{place}", panic_message(panic.as_ref()));
            let status = match is_out_of_memory(&reason) {
                true => Status::OutOfMemory,
                false => Status::Failed,
            };
            Ended::Failed { status, reason }
        });
        let goes_on = matches!(ended, Ended::Done(_) | Ended::Failed { .. });
        tell(&Event::Ended {
            cell: key.clone(),
            ended: Box::new(ended),
        });
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// Writes an event. A worker that cannot tell has nothing left to do.
fn tell(event: &Event) {
    let mut output = std::io::stdout().lock();
    let line = serde_json::to_string(event).unwrap_or_default();
    if let Err(error) = writeln!(output, "{line}").and_then(|()| output.flush()) {
        let _ = writeln!(std::io::stderr(), "cannot tell the run how its cell goes on: {error}");
        std::process::exit(2);
    }
}

/// Tells the parent how training goes on.
struct Teller {
    /// When a step or a scored batch was told last.
    told: Mutex<Instant>,
    /// The last step, while it is not told.
    step: Mutex<Option<StepReport>>,
}

impl Teller {
    fn is_due(&self) -> bool {
        let Ok(mut told) = self.told.lock() else {
            return false;
        };
        let due = told.elapsed() >= TELL_EVERY;
        if due {
            *told = Instant::now();
        }
        due
    }
}

impl Observer for Teller {
    fn started(&self, step: u64, steps: u64) {
        tell(&Event::Started { step, steps });
    }

    fn stepped(&self, step: &StepReport) {
        let due = self.is_due();
        if due {
            tell(&Event::Stepped(*step));
        }
        if let Ok(mut untold) = self.step.lock() {
            *untold = Some(*step).filter(|_| !due);
        }
    }

    fn scored(&self, done: usize, all: usize) {
        if self.is_due() {
            tell(&Event::Scored { done, all });
        }
    }

    fn epoch(&self, row: &EpochRow, epochs: u32) {
        if let Some(step) = self.step.lock().ok().and_then(|mut untold| untold.take()) {
            tell(&Event::Stepped(step));
        }
        tell(&Event::Epoch {
            row: Box::new(row.clone()),
            epochs,
        });
    }

    fn checkpointed(&self) {
        tell(&Event::Checkpointed);
    }

    fn notice(&self, sentence: &str) {
        tell(&Event::Notice(sentence.to_owned()));
    }

    fn interrupted(&self) -> bool {
        STOP.load(Ordering::SeqCst)
    }
}
