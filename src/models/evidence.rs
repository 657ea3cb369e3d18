//! What annotators marked in training notes: the tokens that a code rests on.

use serde::{Deserialize, Serialize};

/// The training notes with what annotators marked in them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// In the order of the training notes.
    pub notes: Vec<EvidenceNote>,
}

/// A training note, as far as the model reads it.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EvidenceNote {
    /// Its token ids.
    pub tokens: Vec<i32>,
    /// Columns of its gold codes.
    pub codes: Vec<u32>,
    /// What was marked, in the order of the data set.
    pub spans: Vec<EvidenceSpan>,
}

/// The tokens of a note that a code rests on.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EvidenceSpan {
    /// The code's column.
    pub code: u32,
    /// Places in the note's tokens, ascending.
    pub places: Vec<u32>,
}

impl EvidenceNote {
    /// The token ids of a span.
    pub fn span(&self, span: &EvidenceSpan) -> Vec<i32> {
        span.places.iter().map(|&place| self.tokens[place as usize]).collect()
    }
}

// By hand, so that no note reaches a log through `{:?}`.
impl std::fmt::Debug for EvidenceNote {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EvidenceNote")
            .field("tokens", &self.tokens.len())
            .field("spans", &self.spans.len())
            .finish_non_exhaustive()
    }
}
