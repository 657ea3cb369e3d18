//! Why a report could not be written.

use std::path::PathBuf;

use super::plots::paint::PaintError;

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error(
        "{path}: cannot {verb} the report: {source}. Free space, fix the permissions or choose another directory, and run the command again"
    )]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried, as `cannot ...` goes on: `write`, `replace`, ...
        verb: &'static str,
        /// The system's own words.
        source: std::io::Error,
    },
    /// A plot could not be painted.
    #[error("plot `{plot}`: {source}")]
    Plot {
        /// File name without extension.
        plot: String,
        /// What the painter found.
        source: PaintError,
    },
    /// A table could not be spelled as CSV.
    #[error("{file}: {source}")]
    Csv {
        /// Its name in the report's directory, such as `scores.csv`.
        file: &'static str,
        /// What the CSV writer found.
        source: ::csv::Error,
    },
    /// What papers say could not be read.
    #[error(transparent)]
    Published(#[from] crate::published::Error),
}
