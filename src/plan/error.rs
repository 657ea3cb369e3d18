//! Why a suite cannot be planned.

use std::path::PathBuf;

use crate::data;

/// Why a suite cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data set.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// A file whose hash is part of a key.
    #[error(
        "{place}: {path}: cannot read it: {source}. Check that the file exists and may be read, or correct the suite"
    )]
    File {
        /// The suite's table that names it.
        place: String,
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// Parts of a run that do not go together.
    #[error("run {run:?}: {problem}")]
    Run {
        /// The run's title.
        run: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A cell that was asked for and is not in the suite.
    #[error("--cell {asked}: {problem}")]
    Cell {
        /// What was asked for.
        asked: String,
        /// What was found.
        problem: String,
    },
}
