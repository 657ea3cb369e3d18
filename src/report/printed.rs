//! Scores that papers print.

/// A score that a paper prints of a task of the suite, at a length that it prints too.
#[derive(Clone, Debug, PartialEq)]
pub struct PrintedScore {
    /// Of the task: data set, label set and scored part, as the records' cells name them.
    pub task: [String; 3],
    /// The paper's name in the registry.
    pub paper: String,
    /// The row's label.
    pub label: String,
    /// The run of the paper's suite that the row is.
    pub run: String,
    /// Its model's name.
    pub model: String,
    /// Sequence length.
    pub length: u32,
    /// The metric's name in the records.
    pub metric: String,
    /// As a share of 1.
    pub value: f64,
}
