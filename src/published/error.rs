//! What can be wrong with a registry of published numbers.

use std::path::PathBuf;

/// Why the registry cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the folder cannot be read.
    #[error("{path}: cannot be read ({source}); expected a folder with SHA256SUMS and the files that it lists")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// Another file than the one whose hash is kept.
    #[error(
        "{file}: its SHA-256 is {found}, SHA256SUMS has {expected}: a digit of it changed. Compare it with the paper again, \
         then write its hash into SHA256SUMS (sha256sum {file})"
    )]
    Changed {
        /// Its name in the folder.
        file: String,
        /// As SHA256SUMS has it, or that it has none.
        expected: String,
        /// Of the file.
        found: String,
    },
    /// Not a file of this shape.
    #[error("{file}: {source}")]
    Parse {
        /// Its name in the folder.
        file: String,
        /// With line, column, what was found and what was expected.
        source: Box<toml::de::Error>,
    },
    /// Something that refers to nothing, or to several things.
    #[error("{file}: {place}: {problem}")]
    Reference {
        /// Its name in the folder.
        file: String,
        /// The table, row or claim.
        place: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// No paper or table of that name.
    #[error("no {what} is called {name:?}: expected one of {known}")]
    Unknown {
        /// `paper`, or `table of longbert`.
        what: String,
        /// As it was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
}
