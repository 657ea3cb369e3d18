//! One archive for whoever reviews an artifact: a suite's records with its report, the registry, the lock file and the
//! environments, described as a Workflow Run RO-Crate (one action a cell) with Croissant for the data set.
//!
//! Rows by note of credentialed data are left out unless the user asserts that they may be shared ([`Access`]); weights,
//! texts, tokens, probabilities, evidence and salts never go in, as nothing here reads them. The same records give the same
//! bytes: no clock, no path and no order of a hash map enters an archive.

mod access;
mod archive;
mod assemble;
mod cell;
mod contents;
mod croissant;
mod environment;
mod metadata;
mod packed_file;
mod paths;
mod readme;

pub use access::Access;
pub use assemble::Error;
pub use cell::PackedCell;
pub use contents::{Agent, Pack};
pub use paths::absolute_paths;
