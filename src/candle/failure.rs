//! What goes wrong, as the protocol has it.

use std::path::Path;

use crate::bench::protocol::Failure;

/// What is wrong with a file; of its path the name only.
pub fn problem(path: &Path, words: &str) -> Failure {
    let name = path.file_name().unwrap_or(path.as_os_str()).display();
    Failure::failed(format!("{name}: {words}"))
}

/// What candle could not compute.
pub fn computing(error: candle_core::Error) -> Failure {
    Failure::failed(format!("candle: {error}"))
}
