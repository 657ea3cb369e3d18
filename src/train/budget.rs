//! Budgets: what training may take at most, so that a suite can give every model the same.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What training may take at most. The optimiser's last step is the one that reaches it; validation follows, also in the
/// middle of an epoch. With L-BFGS, whose steps are epochs, training ends after the epoch that reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Budget {
    /// Optimiser steps.
    Steps(u64),
    /// Notes that go through training steps; a note counts each time.
    Notes(u64),
    /// Real (unpadded) tokens that go through training steps.
    Tokens(u64),
    /// Seconds in training steps, over all sittings. The result then depends on the machine and on what else it does,
    /// and its record says so.
    Seconds(f64),
}

impl Budget {
    /// Whether anything can be done with it.
    pub(super) fn is_possible(self) -> bool {
        match self {
            Self::Steps(most) | Self::Notes(most) | Self::Tokens(most) => most > 0,
            Self::Seconds(most) => most > 0.0 && most.is_finite(),
        }
    }
}

/// As a sentence names it, such as `3000 steps`.
impl fmt::Display for Budget {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Steps(most) => write!(formatter, "{most} steps"),
            Self::Notes(most) => write!(formatter, "{most} notes"),
            Self::Tokens(most) => write!(formatter, "{most} tokens"),
            Self::Seconds(most) => write!(formatter, "{most} seconds"),
        }
    }
}
