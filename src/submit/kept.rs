//! What was queued, as a submission's folder keeps it.

use serde::{Deserialize, Serialize};

use super::name::Scheduler;
use super::phases::Phase;

/// What was queued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Kept {
    /// The suite's name.
    pub suite: String,
    /// Who runs it.
    pub scheduler: Scheduler,
    /// In order.
    pub phases: Vec<Phase>,
    /// As the scheduler names them.
    pub queued: Vec<Queued>,
    /// Whether `icdbench cancel` took it back.
    pub cancelled: bool,
}

/// A part of a phase that the scheduler has a name for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Queued {
    /// The phase's place.
    pub phase: usize,
    /// Its first task's place in the phase.
    pub first: usize,
    /// The scheduler's name for it.
    pub id: String,
}
