//! Exit codes.

/// Done, and nothing was found wrong.
pub const GOOD: u8 = 0;
/// A check failed: a store is not what was written (`check`), a device computes something else (`bench --check`), a score
/// fell (`gate`).
pub const WORSE: u8 = 1;
/// The command, a cell or a job could not run, or a data set is not what the registry lists.
pub const COULD_NOT_RUN: u8 = 2;
/// Not enough data to say: no record to report on, or every cell of a run was skipped.
pub const NOT_ENOUGH_DATA: u8 = 3;
/// What was asked for does not compare: other notes, other codes, another version of the metrics.
pub const NOT_COMPARABLE: u8 = 4;
/// A cell's scores say nothing about its notes.
pub const DEGENERATE: u8 = 5;
/// Stopped with Ctrl-C (128 + SIGINT).
pub const INTERRUPTED: u8 = 130;
