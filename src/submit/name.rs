//! The schedulers that a submission can go to.

use serde::{Deserialize, Serialize};

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

    /// Whether what `look` does not name is not queued any more.
    pub fn is_looked_up(self) -> bool {
        matches!(self, Self::Slurm | Self::Hyperqueue)
    }
}
