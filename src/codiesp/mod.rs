//! The scores of the CodiEsp track (Miranda-Escalada et al. 2020) for anybody's run file, by the rules of its own scripts
//! (TeMU-BSC/codiesp-evaluation-script at 976fc11, trectools 0.0.42): diagnoses (D) and procedures (P) are lists of codes by
//! rank, X is codes with the place of their evidence.
//!
//! Beside each official number stands the one that the rule hides: the official mean of average precisions is over the
//! cases that the run names, so that a run gains by leaving hard cases out.

mod extract;
mod file;
mod ranking;
mod spans;

pub use extract::{Rule, like_title};
pub use file::{Codes, Entry, Problem, Span, SpanEntry, codes, entries, gold_spans, span_entries};
pub use ranking::{RankingScores, ranking};
pub use spans::{SpanScores, spans};

use serde::Serialize;

/// How many predicted codes agree with the gold's, over (case, code), each pair once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Agreement {
    /// Pairs of the gold that the run has.
    pub found: usize,
    /// Pairs of the run.
    pub predicted: usize,
    /// Pairs of the gold.
    pub gold: usize,
    /// `found / predicted`; 0 where nothing is predicted.
    pub precision: f64,
    /// `found / gold`.
    pub recall: f64,
    /// Their harmonic mean; 0 where both are.
    pub f1: f64,
}

impl Agreement {
    fn new(found: usize, predicted: usize, gold: usize) -> Self {
        let share = |of: usize| if of == 0 { 0.0 } else { found as f64 / of as f64 };
        let (precision, recall) = (share(predicted), share(gold));
        let f1 = match precision + recall {
            0.0 => 0.0,
            sum => 2.0 * precision * recall / sum,
        };
        Self {
            found,
            predicted,
            gold,
            precision,
            recall,
            f1,
        }
    }
}
