//! Timings as numbers: how long a cell takes and how surely, whether a head is slower than its base, how time grows with the
//! length, and when a history changed. Knows no models, no processes, no terminal: who runs engines hands seconds in.
//!
//! A *cell* here is a name: whatever is timed by itself, such as one model's training step at one length.

mod counts;
mod draws;
mod error;
mod growth;
mod hardware;
mod history;
mod pairs;
mod schedule;
mod signed_rank;
mod summary;
mod verdict;

pub use counts::{Counted, counted};
pub use error::Error;
pub use growth::{Growth, Order, growth};
pub use hardware::{Hardware, Mismatch};
pub use history::{ChangePoint, Entry, by_cell, change_points, line, parse};
pub use pairs::{Compared, Pairs, Verdict, compare};
pub use schedule::{placed, schedule};
pub use summary::{Summary, enough, median_interval, middle, sorted, summary, warm};
pub use verdict::{Answer, Judgement, Mode, SelfTest, Suspects, answer, mode, self_test, suspects};
