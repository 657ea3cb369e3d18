//! Why a suite cannot be planned.

use std::path::PathBuf;

use crate::data;

/// Why a suite cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The registry has no such data set, or a file of it cannot be read.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// A file whose hash is part of a key.
    #[error(
        "{place}: {path}: cannot read it: {source}. Check that the file exists and may be read, or correct the suite"
    )]
    File {
        /// The suite's table that names it.
        place: String,
        /// As the suite names it, or `config.json` in the directory that the suite names.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// Parts of a run that do not go together.
    #[error("run {run:?}: {problem}")]
    Run {
        /// The run's title, as reports call it.
        run: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A cell that was asked for and is not in the suite.
    #[error("--cell {asked}: {problem}")]
    Cell {
        /// The start of a key, as it was asked for.
        asked: String,
        /// That no cell has such a key, or several have; and what to do.
        problem: String,
    },
}
