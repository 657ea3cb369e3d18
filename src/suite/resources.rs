//! What a scheduler is asked for, for a cell: `[resources]`, and `[run.resources]` over it. It moves no result.

use serde::{Deserialize, Serialize};

/// What a cell is given on a scheduler. What is left out is estimated, or what the scheduler gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Resources {
    /// Processors of a cell, which as many threads compute on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u32>,
    /// Memory of a cell in GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_gib: Option<u32>,
    /// Minutes after which the scheduler ends a task. One that was ended goes on from its checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<u32>,
    /// GPUs of a cell: one, where the device is a GPU, or as many as its `[training]` has replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpus: Option<u32>,
}

impl Resources {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These, and where they say nothing the `others`.
    pub fn over(self, others: Self) -> Self {
        Self {
            cpus: self.cpus.or(others.cpus),
            memory_gib: self.memory_gib.or(others.memory_gib),
            minutes: self.minutes.or(others.minutes),
            gpus: self.gpus.or(others.gpus),
        }
    }

    /// What cannot be, if anything.
    ///
    /// # Errors
    /// The key, and what was expected.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let given = [
            ("cpus", self.cpus),
            ("memory-gib", self.memory_gib),
            ("minutes", self.minutes),
        ];
        match given.into_iter().find(|(_, value)| *value == Some(0)) {
            Some((key, _)) => Err((key, "0: expected at least 1, or leave it out".into())),
            None => Ok(()),
        }
    }

    /// What of these, a run's own over the suite's, cannot be for a run of so many replicas.
    ///
    /// # Errors
    /// The key, and what was expected.
    pub fn check_for(&self, replicas: usize) -> Result<(), (&'static str, String)> {
        match self.gpus {
            Some(gpus) if gpus > 0 && gpus as usize != replicas => Err((
                "gpus",
                format!(
                    "{gpus}: expected 0, or the replicas of the run's [training], {replicas}: a cell is trained on as many \
                     GPUs, and more GPUs train more cells"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// What of these, a suite's, cannot be beside its runs' own: several GPUs that no run takes.
    ///
    /// # Errors
    /// The key, and what was expected.
    pub fn check_beside(&self, mut runs: impl Iterator<Item = Self>) -> Result<(), (&'static str, String)> {
        match self.gpus {
            Some(gpus) if gpus > 1 && runs.all(|own| own.gpus.is_some()) => Err((
                "gpus",
                format!(
                    "{gpus}: expected 0 or 1, or to be left out: each run has a number of its own, so that none takes as many"
                ),
            )),
            _ => Ok(()),
        }
    }
}
