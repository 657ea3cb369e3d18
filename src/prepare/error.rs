//! Why nothing was prepared.

use std::path::PathBuf;

use crate::data;

/// Everything that preparing can report. No message carries note text, codes or identifiers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or checking a file.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// The data set is not one that is prepared.
    #[error("data set `{dataset}` is not one that is prepared; expected one of {}", known.join(", "))]
    NoRecipe {
        /// As it was asked for.
        dataset: String,
        /// Those that are.
        known: Vec<String>,
    },
    /// A rule that there is not.
    #[error("--rule {problem}")]
    Rule {
        /// What is wrong, and what was expected.
        problem: String,
    },
    /// A file of the export is not there.
    #[error(
        "{from}: found no {names}, expected the files of {title}: name the directory that they were downloaded to",
        from = from.display(), names = names.join(" or ")
    )]
    NoFile {
        /// The directory of the export.
        from: PathBuf,
        /// What it may be called.
        names: Vec<String>,
        /// Which export it would be.
        title: &'static str,
    },
    /// The output would lie in the export.
    #[error(
        "--to {to} lies in the export that is read ({from}), which is never written to; name another directory",
        to = to.display(), from = from.display()
    )]
    Inside {
        /// Where it would be written.
        to: PathBuf,
        /// The export.
        from: PathBuf,
    },
    /// The directory holds other things.
    #[error(
        "{to}: found files that no preparation made, expected an empty or new directory; name another one",
        to = to.display()
    )]
    Occupied {
        /// Where it would be written.
        to: PathBuf,
    },
    /// What was found in the files does not go together.
    #[error("{file}: found {found}, expected {expected}; {next}")]
    Content {
        /// The file, as it is called in the export.
        file: String,
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
        /// What to do.
        next: String,
    },
    /// The published list and the export do not fit.
    #[error(
        "split `{name}`: {missing} of its {total} admissions have no document in the export, expected all of them; see that \
         the export is whole and of the version that the list is of"
    )]
    SplitMissing {
        /// The list.
        name: String,
        /// Admissions without a document.
        missing: u64,
        /// All of the list's.
        total: u64,
    },
    /// Nothing is left.
    #[error("no document is left: {reason}")]
    Nothing {
        /// What took the last of them.
        reason: String,
    },
    /// The output cannot be written.
    #[error("{path}: cannot {verb}: {source}. What was there is untouched; free space or fix the permissions and run the same command again", path = path.display())]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// The system's own words.
        source: std::io::Error,
    },
    /// Somebody asked to stop.
    #[error("stopped; nothing was written, and the same command begins again")]
    Stopped,
}

impl Error {
    /// For `map_err`.
    pub(super) fn write(path: &std::path::Path, verb: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, verb, source }
    }
}
