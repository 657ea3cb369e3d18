//! From a suite to records: what there is to do ([`Plan`]), what it would take ([`estimate`]), and
//! doing it ([`run`]).

mod cell;
mod estimate;
mod initial_weights;
mod outcome;
mod prepare;
mod run;
mod salt;
mod svmlight;
mod text_data;

pub use cell::{Cell, descriptions, key_of, recorded};
pub use estimate::{Estimate, estimate};
pub use prepare::{Error, Places, Plan, Prepared};
pub use run::{CellEnd, Error as RunError, RunObserver, RunOptions, RunSummary, run};
pub use salt::Salt;
pub use svmlight::export_svmlight;
pub use text_data::TextData;
