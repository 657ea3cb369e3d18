//! What parent and worker of a suite's cells tell each other, one JSON object a line.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::record::EpochRow;
use crate::stages::{CellWork, Ended};
use crate::suite::Suite;
use crate::train::StepReport;

/// What the parent tells a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Work on these cells; [`Event::Idle`] answers when they are done.
    Work(Box<Assignment>),
    /// Finish the step in hand, write a checkpoint and end the job.
    Stop,
}

/// Cells to work on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Assignment {
    /// As the parent read it; the worker plans it again, with the data that it finds.
    pub suite: Suite,
    /// How far to go with each cell.
    pub work: CellWork,
    /// Keys of the cells, in the order in which to work on them.
    pub cells: Vec<String>,
    /// Where data and results lie.
    pub places: Places,
    /// As `--device` names it.
    pub device: String,
    /// Time between two checkpoints.
    pub checkpoint_every: Duration,
}

/// Where data and results lie: the same for a parent and its workers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Places {
    /// The directory of the data sets, if one was named: generated ones need none.
    pub data: Option<PathBuf>,
    /// A registry in place of the built-in one.
    pub datasets: Option<PathBuf>,
    /// The results directory.
    pub results: PathBuf,
    /// Its private part, where that lies elsewhere.
    pub private: Option<PathBuf>,
}

/// What a worker tells its parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Training starts, or goes on.
    Started {
        /// Steps done.
        step: u64,
        /// Steps in all.
        steps: u64,
    },
    /// A training step is done. Not every step is told.
    Stepped(StepReport),
    /// A batch of notes is scored. Not every batch is told.
    Scored {
        /// Notes scored so far.
        done: usize,
        /// Notes to be scored: those of validation, or those of evaluation.
        all: usize,
    },
    /// An epoch is done.
    Epoch {
        /// Its loss, and the metrics that are watched.
        row: Box<EpochRow>,
        /// Epochs of the recipe: there may be fewer.
        epochs: u32,
    },
    /// A checkpoint is on disk.
    Checkpointed,
    /// A sentence for the user.
    Notice(String),
    /// The work on a cell has ended.
    Ended {
        /// The cell's key; that of the job's first cell where the job could not begin.
        cell: String,
        /// How it ended, with the result of a cell that was scored.
        ended: Box<Ended>,
    },
    /// The assignment is done; the worker waits for the next one.
    Idle,
}
