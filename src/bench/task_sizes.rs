//! What a model's vocabulary is like.

use serde::{Deserialize, Serialize};

/// Sizes of the vocabulary that random tokens are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskSizes {
    /// Entries, padding included.
    pub vocabulary: usize,
    /// Id of `[CLS]`; absent for a vocabulary of words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cls: Option<u32>,
    /// Id of `[SEP]`; absent for a vocabulary of words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separator: Option<u32>,
}
