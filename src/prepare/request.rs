//! What is asked for, and who looks on.

use std::path::Path;

use crate::data::prepared::MadeBy;
use crate::data::{Dataset, Registry};

/// What is to be prepared.
pub struct Request<'a> {
    /// The registry's data set.
    pub dataset: &'a Dataset,
    /// For published lists.
    pub registry: &'a Registry,
    /// Rules in the place of the registry's, each as `rule=value`.
    pub changes: &'a [String],
    /// The directory of the export.
    pub from: &'a Path,
    /// The directory of what comes out.
    pub to: &'a Path,
    /// Where published lists lie.
    pub data: Option<&'a Path>,
    /// Who makes it.
    pub made_by: MadeBy,
}

/// Who looks on.
pub trait Watcher {
    /// So many bytes of a file are read.
    fn reading(&self, _file: &str, _bytes: u64, _of: u64) {}
    /// So many rows of the table are written.
    fn writing(&self, _rows: u64, _of: u64) {}
    /// Whether to stop.
    fn stop(&self) -> bool {
        false
    }
}
