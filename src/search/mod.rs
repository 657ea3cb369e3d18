//! The search for settings: a suite with `[search]` becomes a suite of trials that is run like any other, on the validation
//! notes, and from the trials' records the settings of each run are chosen.

mod choose;
mod trials;

pub use choose::{Choice, choose};
pub use trials::{Error, Trial, Trials};
