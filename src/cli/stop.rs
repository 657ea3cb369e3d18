//! How a user stops what the program is at.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::exit;
use super::terminal::say;

/// Set by Ctrl-C: the step in hand is finished, what must be kept is written, and the program ends.
pub(super) static STOP: AtomicBool = AtomicBool::new(false);

/// Within this time a second request is the first: a scheduler tells the program and the shell that it runs in, which passes it
/// on.
const ONE_REQUEST: Duration = Duration::from_secs(1);

/// Makes Ctrl-C, a request to end and a terminal that is gone set [`STOP`], and says what the program is `doing` then.
///
/// # Errors
/// The system does not let it.
pub(super) fn listen(doing: &'static str) -> Result<()> {
    let hangups_ignored = ignores_hangups();
    let first: Mutex<Option<Instant>> = Mutex::new(None);
    ctrlc::set_handler(move || {
        if STOP.swap(true, Ordering::SeqCst) {
            let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
            if first.get_or_insert_with(Instant::now).elapsed() < ONE_REQUEST {
                return;
            }
            std::process::exit(i32::from(exit::INTERRUPTED)); // asked twice: now
        }
        *first.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        say!("\n{doing} (press Ctrl-C again to stop at once) ...");
    })
    .context("installing the Ctrl-C handler")?;
    if hangups_ignored {
        ignore_hangups();
    }
    Ok(())
}

/// Whether whoever started the program asked that it outlives its terminal, as `nohup` does.
#[cfg(unix)]
fn ignores_hangups() -> bool {
    // SAFETY: sigaction writes one `sigaction`, which all zeros are, and changes nothing when given none.
    unsafe {
        let mut found: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGHUP, std::ptr::null(), &mut found) == 0 && found.sa_sigaction == libc::SIG_IGN
    }
}

#[cfg(unix)]
fn ignore_hangups() {
    // SAFETY: only sets that the signal is ignored.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
}

#[cfg(not(unix))]
fn ignores_hangups() -> bool {
    false
}

#[cfg(not(unix))]
fn ignore_hangups() {}
