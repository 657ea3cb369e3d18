//! The registry of published numbers (`baselines/published/`, `baselines/claims/`): tables cell by cell as they were
//! printed, and the papers' sentences as inequalities over them.
//!
//! A cell's value is a string, so that its rounding is known and nothing is read into it; [`Printed`] is the number.
//! [`claims`] says whether a sentence holds, in the tables that the paper prints or in any other numbers that stand in
//! their places ([`Numbers`]).

mod claim;
pub mod claims;
mod comparing;
mod error;
mod evaluation;
mod finding;
mod places;
mod print;
mod printed;
mod registry;
mod source;

pub use claim::Claim;
pub use claims::Numbers;
pub use error::Error;
pub use printed::Printed;
pub use registry::{Published, built_in_files};
pub use source::{Column, Computed, Kind, Paper, Remark, Row, Source, Statement, Table};
