//! What the notes of a division are for.

use std::fmt;

/// What notes are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Models, vocabularies and label sets are fitted on them.
    Fit,
    /// Early stopping and thresholds are chosen on them.
    Validation,
    /// They are scored.
    Evaluation,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Fit => "fitting",
            Self::Validation => "validation",
            Self::Evaluation => "evaluation",
        })
    }
}
