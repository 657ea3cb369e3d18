//! Exit codes.

/// Good.
pub const GOOD: u8 = 0;
/// A gate or a check says worse.
pub const WORSE: u8 = 1;
/// Something could not run.
pub const COULD_NOT_RUN: u8 = 2;
/// Not enough data to say.
pub const NOT_ENOUGH_DATA: u8 = 3;
/// Results that cannot be compared: other hardware, other data, another version.
pub const NOT_COMPARABLE: u8 = 4;
/// A degenerate result.
pub const DEGENERATE: u8 = 5;
/// Stopped with Ctrl-C (128 + SIGINT).
pub const INTERRUPTED: u8 = 130;
