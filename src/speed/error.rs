//! What numbers are refused for.

/// Numbers that nothing can be said of.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum Error {
    /// A time that is 0, negative, infinite or not a number.
    #[error("{place}: found {found} seconds, expected a finite number above 0: measure it again")]
    Seconds {
        /// The cell or length, and which of its runs.
        place: String,
        /// The number.
        found: f64,
    },
    /// A margin or tolerance that is no share.
    #[error("{name}: found {found}, expected a share above 0 and below 1, such as 0.05")]
    Share {
        /// What the number is.
        name: &'static str,
        /// The number.
        found: f64,
    },
    /// A cell that is there twice, or not there.
    #[error("cell {cell:?}: {found}, expected once: {next}")]
    Cell {
        /// Its name.
        cell: String,
        /// How often it is there, in words.
        found: &'static str,
        /// What to do.
        next: &'static str,
    },
    /// Too few repeats to count.
    #[error("{side}: found {found} counts, expected at least {least}: count more runs")]
    TooFew {
        /// Base or head.
        side: &'static str,
        /// How many there are.
        found: usize,
        /// How many are needed.
        least: usize,
    },
    /// A line of a history that cannot be read.
    #[error("line {line} of the history: {found}; correct or delete that line")]
    History {
        /// Its number, from 1.
        line: usize,
        /// What was found and what was expected.
        found: String,
    },
}

/// Refuses what is no time.
pub(super) fn seconds(found: f64, place: impl FnOnce() -> String) -> Result<(), Error> {
    match found.is_finite() && found > 0.0 {
        true => Ok(()),
        false => Err(Error::Seconds { place: place(), found }),
    }
}

/// Refuses what is no share above 0 and below 1.
pub(super) fn share(name: &'static str, found: f64) -> Result<(), Error> {
    match found > 0.0 && found < 1.0 {
        true => Ok(()),
        false => Err(Error::Share { name, found }),
    }
}
