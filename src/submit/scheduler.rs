//! What each scheduler does with a submission.

use super::choices::{Accepted, Choices, File, InQueue};
use super::command::{Error, ask, find};
use super::kept::{Kept, Queued};
use super::name::Scheduler;
use super::phases::Phase;
use super::quote::joined;
use super::{hyperqueue, kubernetes, parallel, slurm, task};

impl Scheduler {
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
    pub fn queue(self, phases: &[Phase], choices: &Choices, accepted: &mut Accepted) -> Result<Vec<Queued>, Error> {
        let queued = match self {
            Self::Slurm => return slurm::queue(phases, choices, accepted),
            Self::Hyperqueue => hyperqueue::queue(choices)?,
            Self::Parallel => parallel::run(choices)?,
            Self::Kubernetes => kubernetes::queue(phases, choices)?,
        };
        accepted(&queued)?;
        Ok(queued)
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
            Self::Slurm => return slurm::cancel(kept),
            Self::Hyperqueue => {
                let ids = ids.collect::<Vec<_>>().join(",");
                ["hq", "job", "cancel", &ids].map(str::to_owned).to_vec()
            }
            // It stays in the foreground: whoever has it there stops it.
            Self::Parallel => return Ok(()),
            Self::Kubernetes => ["kubectl", "delete", "--ignore-not-found"]
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
