//! The schedulers that a submission can go to, and how their commands are called.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::folder::{Kept, Queued};
use super::phases::Phase;
use super::quote::joined;
use super::{hyperqueue, kubernetes, parallel, slurm, task};

/// Who runs the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scheduler {
    /// SLURM, with job arrays.
    Slurm,
    /// HyperQueue, with a job file.
    Hyperqueue,
    /// GNU parallel, on this machine or over ssh; it stays in the foreground.
    Parallel,
    /// Kubernetes, with Indexed Jobs.
    Kubernetes,
}

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

/// Why nothing was queued, or the scheduler could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scheduler's command is not here.
    #[error(
        "{command}: not found: {scheduler} is not on this machine. Call `icdbench submit` where its commands are, or show what it would be told with --dry-run. Nothing was queued"
    )]
    Missing {
        /// As it was called.
        command: String,
        /// For people.
        scheduler: &'static str,
    },
    /// The scheduler refused.
    #[error("{command}: {said}{after}")]
    Refused {
        /// As it was called.
        command: String,
        /// In its own words.
        said: String,
        /// What became of what was queued before.
        after: String,
    },
    /// The scheduler's answer is not one that is known.
    #[error("{command}: cannot read its answer: found {found:?}, expected {expected}")]
    Answer {
        /// As it was called.
        command: String,
        /// Its first line.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Choices that this scheduler cannot follow.
    #[error("{0}")]
    Choice(String),
}

impl Scheduler {
    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Slurm => "SLURM",
            Self::Hyperqueue => "HyperQueue",
            Self::Parallel => "GNU parallel",
            Self::Kubernetes => "Kubernetes",
        }
    }

    /// The command that takes submissions.
    pub fn command(self) -> &'static str {
        match self {
            Self::Slurm => "sbatch",
            Self::Hyperqueue => "hq",
            Self::Parallel => "parallel",
            Self::Kubernetes => "kubectl",
        }
    }

    /// All files of a submission but the suite's own.
    ///
    /// # Errors
    /// A choice that the scheduler cannot follow.
    pub fn files(self, phases: &[Phase], choices: &Choices) -> Result<Vec<File>, Error> {
        let mut files = vec![File {
            name: task::SCRIPT.into(),
            text: task::script(choices),
        }];
        files.extend(phases.iter().map(|phase| File {
            name: format!("{}.tasks", phase.name),
            text: task::lines(phase, choices),
        }));
        files.extend(match self {
            Self::Slurm => slurm::files(phases, choices)?,
            Self::Hyperqueue => vec![hyperqueue::file(phases, choices)],
            Self::Parallel => vec![parallel::file(phases, choices)],
            Self::Kubernetes => kubernetes::files(phases, choices)?,
        });
        Ok(files)
    }

    /// The commands that queue a submission; what they wait for by the name of the phase, as ids are known later.
    pub fn commands(self, phases: &[Phase], choices: &Choices) -> Vec<String> {
        match self {
            Self::Slurm => slurm::commands(phases, choices),
            Self::Hyperqueue => vec![joined(hyperqueue::command(choices).iter().map(String::as_str))],
            Self::Parallel => vec![joined(parallel::command(choices).iter().map(String::as_str))],
            Self::Kubernetes => kubernetes::commands(phases, choices),
        }
    }

    /// Has the scheduler look at a submission whose files are there, as far as it can without queueing it.
    ///
    /// # Errors
    /// It is not here, or it would refuse.
    pub fn test(self, phases: &[Phase], choices: &Choices) -> Result<(), Error> {
        match self {
            Self::Slurm => slurm::test(phases, choices),
            _ => find(self.command(), self.title()),
        }
    }

    /// Queues a submission whose files are there; of GNU parallel, does it.
    ///
    /// # Errors
    /// It is not here, or it refused; then nothing is queued any more.
    pub fn queue(self, phases: &[Phase], choices: &Choices) -> Result<Vec<Queued>, Error> {
        match self {
            Self::Slurm => slurm::queue(phases, choices),
            Self::Hyperqueue => hyperqueue::queue(choices),
            Self::Parallel => parallel::run(choices),
            Self::Kubernetes => kubernetes::queue(phases, choices),
        }
    }

    /// What the scheduler says of a submission's tasks that have not ended.
    ///
    /// # Errors
    /// It is not here, or does not answer.
    pub fn look(self, kept: &Kept) -> Result<Vec<InQueue>, Error> {
        match self {
            Self::Slurm => slurm::look(kept),
            Self::Hyperqueue => hyperqueue::look(kept),
            // Whoever has it in the foreground sees it; the locks of the store say what runs.
            Self::Parallel | Self::Kubernetes => Ok(Vec::new()),
        }
    }

    /// Takes a submission's tasks out of the queue and ends those that run.
    ///
    /// # Errors
    /// It is not here, or it refused.
    pub fn cancel(self, kept: &Kept) -> Result<(), Error> {
        let ids = kept.queued.iter().map(|queued| queued.id.clone());
        let command: Vec<String> = match self {
            Self::Slurm => ["scancel".to_owned()].into_iter().chain(ids).collect(),
            Self::Hyperqueue => {
                let ids = ids.collect::<Vec<_>>().join(",");
                ["hq", "job", "cancel", &ids].map(str::to_owned).to_vec()
            }
            Self::Parallel => {
                return Err(Error::Choice(
                    "GNU parallel stays in the foreground: press Ctrl-C twice where it runs; the cells keep how far they are"
                        .into(),
                ));
            }
            Self::Kubernetes => ["kubectl", "delete"]
                .map(str::to_owned)
                .into_iter()
                .chain(ids)
                .collect(),
        };
        if kept.queued.is_empty() {
            return Ok(());
        }
        ask(&command, self.title()).map(|_| ())
    }
}

/// Whether a command is on this machine.
pub(super) fn find(command: &str, scheduler: &'static str) -> Result<(), Error> {
    let places = std::env::var_os("PATH").unwrap_or_default();
    match std::env::split_paths(&places).any(|place| place.join(command).is_file()) {
        true => Ok(()),
        false => Err(Error::Missing {
            command: command.into(),
            scheduler,
        }),
    }
}

/// Calls a command of a scheduler and gives back what it printed.
pub(super) fn ask(words: &[String], scheduler: &'static str) -> Result<String, Error> {
    let shown = || joined(words.iter().map(String::as_str));
    let refused = |said: String| Error::Refused {
        command: shown(),
        said,
        after: String::new(),
    };
    let output = Command::new(&words[0]).args(&words[1..]).stdin(Stdio::null()).output();
    let output = match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::Missing {
                command: words[0].clone(),
                scheduler,
            });
        }
        output => output.map_err(|error| refused(error.to_string()))?,
    };
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(refused(match said.trim() {
                "" => format!("it ended with {}", output.status),
                said => said.lines().map(str::trim).collect::<Vec<_>>().join("; "),
            }))
        }
    }
}
