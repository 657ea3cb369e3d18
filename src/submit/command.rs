//! How a scheduler's commands are called, and what can be wrong with that.

use std::process::{Command, Stdio};

use super::quote::joined;

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
    /// What was queued could not be written down.
    #[error(transparent)]
    Kept(#[from] crate::results::files::Error),
    /// Choices that this scheduler cannot follow.
    #[error("{0}")]
    Choice(String),
}

impl Error {
    /// Whether nothing is queued any more.
    pub fn left_nothing(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::Choice(_) => true,
            Self::Refused { after, .. } => !after.contains(STAYS),
            Self::Answer { .. } | Self::Kept(_) => false,
        }
    }
}

/// What is said where something stays queued.
pub(super) const STAYS: &str = "could not be cancelled";

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
