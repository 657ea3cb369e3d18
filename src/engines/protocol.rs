//! What parent and worker of a suite's cells tell each other, one JSON object a line.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::record::EpochRow;
use crate::stages::{CellWork, Ended};
use crate::suite::Suite;
use crate::train::StepReport;

/// From the parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Do this.
    Work(Box<Job>),
    /// Finish the step in hand, write a checkpoint and end the job.
    Stop,
}

/// Cells to work on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Job {
    /// The suite.
    pub suite: Suite,
    /// What is asked for.
    pub work: CellWork,
    /// Keys of the cells, in the order in which to work on them.
    pub cells: Vec<String>,
    /// Where everything lies.
    pub places: Places,
    /// As `--device` names it.
    pub device: String,
    /// Time between two checkpoints.
    pub checkpoint_every: Duration,
}

/// Where everything lies.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Places {
    /// The data sets.
    pub data: Option<PathBuf>,
    /// A registry in place of the built-in one.
    pub datasets: Option<PathBuf>,
    /// The results directory.
    pub results: PathBuf,
    /// Its private part, where that lies elsewhere.
    pub private: Option<PathBuf>,
}

/// From the worker.
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
    /// Notes are scored.
    Scored {
        /// So many.
        done: usize,
        /// Of so many.
        all: usize,
    },
    /// An epoch is done.
    Epoch {
        /// What it came to.
        row: Box<EpochRow>,
        /// Epochs at most.
        epochs: u32,
    },
    /// A checkpoint is on disk.
    Checkpointed,
    /// A sentence for the user.
    Notice(String),
    /// The work on a cell has ended.
    Ended {
        /// The cell's key.
        cell: String,
        /// How.
        ended: Box<Ended>,
    },
    /// The job is done; the worker waits for the next one.
    Idle,
}
