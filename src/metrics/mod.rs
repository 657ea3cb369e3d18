//! Every score of the benchmark, from plain slices: probabilities by note and code, and gold codes.
//!
//! The definitions are those of the papers that are compared, by name where they disagree (there
//! are three macro-F1s); [`METRICS`] is the table of them. Counts are integers and sums of
//! fractions run in a fixed order, so results do not depend on the number of threads.
//!
//! ```
//! use icdbench::metrics::{Options, Scores, Targets, TieOrder, evaluate};
//!
//! // Two notes, three codes.
//! let scores = Scores::new(&[0.9, 0.2, 0.6, 0.1, 0.8, 0.3], 2, 3)?;
//! let targets = Targets::from_rows(&[vec![0], vec![1, 2]], 3)?;
//! let options = Options { threshold: 0.5, at_k: vec![1], ties: TieOrder::HigherIndexFirst };
//!
//! let evaluation = evaluate(&scores, &targets, &options)?;
//! assert_eq!(evaluation.scores["precision-at-1"], 1.0);
//! assert_eq!(evaluation.scores["micro-recall"], 2.0 / 3.0);
//! # Ok::<(), icdbench::metrics::Error>(())
//! ```

mod codes;
mod columns;
mod combine;
mod curves;
mod degenerate;
mod error;
mod evaluate;
mod fractions;
mod frequency;
mod input;
mod ladder;
mod names;
mod notes;
pub mod resampled;
mod threshold;
mod version;
mod watch;

pub use codes::CodeScore;
pub use combine::{Combination, weights};
pub use curves::{AreaBin, Calibration, CalibrationBin, Curves, PrecisionPoint, ThresholdPoint, curves};
pub use degenerate::degenerate;
pub use error::{Degenerate, Error};
pub use evaluate::{Evaluation, Options, evaluate};
pub use frequency::{FrequencyBin, frequency_bins};
pub use input::{Scores, Targets, TieOrder};
pub use names::{METRICS, MetricInfo, is_by_rank, is_of_evidence, metric_info, metric_title};
pub use notes::{NoteMetric, NoteScore};
pub use threshold::{MOST_POINTS, Objective, ThresholdGrid, Tuned, tune_threshold};
pub use version::VERSION;
pub use watch::watched;
