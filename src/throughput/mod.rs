//! Throughput suites: how long training steps and inferences of each model take at each length, in several engines
//! side by side, and how much memory they need.
//!
//! A suite file with a `[throughput]` table is one ([`suite`]). Each model at each length is a *group*: all engines are
//! started, warmed up, and run in turns, so that what the machine does meanwhile meets all alike ([`measure`]). A
//! group's timings are one file ([`record`]), found again by its key ([`run`](mod@run)). [`gate`](mod@gate) sets two builds of the
//! program beside each other in pairs, [`counted`] by their instructions.

mod clock;
pub mod counted;
pub mod gate;
mod largest;
pub mod measure;
pub mod record;
pub mod run;
pub mod suite;

pub use counted::{CountedCell, CountedJudged, CountedSettings, gate_counted};
pub use gate::{GateSettings, Judged, compared_once, gate};
pub use record::{Group, Largest, Timing};
pub use run::{Outcome, run};
pub use suite::ThroughputSuite;
