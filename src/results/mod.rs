//! The store on disk: how files come and go so that no reader sees half of one, who is at work on what, what stages leave
//! and how that is verified. It knows nothing of what the files say.

pub mod check;
pub mod clean;
pub mod disk;
pub mod files;
mod heartbeat;
pub mod kept;
pub mod lock;
pub mod merge;
mod process;
pub mod runner;
pub mod salt;
pub mod seal;
mod store;

use std::io;

pub use store::Store;

/// Bytes from the system's random numbers.
fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::other(error.to_string()),
    })?;
    Ok(bytes)
}
