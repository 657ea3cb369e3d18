//! What a submission goes by, what it consists of, and what is told of it.

use std::path::PathBuf;

use super::command::Error;
use super::kept::Queued;

/// What a submission goes by, beside its phases.
#[derive(Clone, Debug)]
pub struct Choices {
    /// Of the suite, for the names of jobs.
    pub suite: String,
    /// The submission's folder, absolute.
    pub folder: PathBuf,
    /// The directory that the suite's paths are relative to, absolute.
    pub working: PathBuf,
    /// The program that tasks call, absolute.
    pub program: PathBuf,
    /// Options of every call of the program.
    pub global: Vec<String>,
    /// Options of every `run`.
    pub how: Vec<String>,
    /// Tasks of a phase at a time, at most.
    pub at_once: Option<u32>,
    /// How often a task is tried again that could not run.
    pub retries: u32,
    /// Seconds before its time limit at which a task is told to keep how far it is.
    pub notice_seconds: u32,
    /// The centre's own options of the scheduler's command.
    pub options: Vec<String>,
    /// Names the submission among others: its folder's name.
    pub submission: String,
    /// Of Kubernetes: the container image that has the program.
    pub image: Option<String>,
    /// Of Kubernetes: persistent volume claims and where they are mounted, as `CLAIM=/path`.
    pub claims: Vec<String>,
}

/// A file of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// In the submission's folder.
    pub name: String,
    /// All of it.
    pub text: String,
}

/// A task as the scheduler has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InQueue {
    /// The phase's place in the submission.
    pub phase: usize,
    /// The task's place in the phase.
    pub task: usize,
    /// In the scheduler's words, in small letters: `pending`, `running`.
    pub state: String,
    /// Where it runs, or why it waits.
    pub about: String,
}

/// Told after each part of a submission that the scheduler has accepted: what is queued so far.
pub type Accepted<'a> = dyn FnMut(&[Queued]) -> Result<(), Error> + 'a;
