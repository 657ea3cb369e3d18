//! What became of a worker that died without a word in the protocol.

use super::process::{Death, GOODBYE};
use crate::contain::is_out_of_memory;
use crate::record::Status;

/// How often the kernel has ended a process for want of memory since it started, where it says.
pub fn kernel_kills() -> Option<u64> {
    let counters = std::fs::read_to_string("/proc/vmstat").ok()?;
    let line = counters.lines().find_map(|line| line.strip_prefix("oom_kill "))?;
    line.trim().parse().ok()
}

/// The status and the reason of a cell whose worker died; `kills_before` is what [`kernel_kills`] said before.
pub fn verdict(death: &Death, kills_before: Option<u64>) -> (Status, String) {
    // Hints of Rust's may follow what a process said last.
    let said = death.words.iter().rev().find(|line| !line.starts_with("note:"));
    let ended = death
        .status
        .map_or("an unknown status".to_owned(), |status| status.to_string());
    let memory = death.words.iter().rev().find(|line| is_out_of_memory(line));
    if let Some(line) = memory {
        return (
            Status::OutOfMemory,
            format!("its worker process ended with {ended}: {}", cut(line)),
        );
    }
    let said = said.map_or(String::new(), |line| format!(": {}", cut(line)));
    if death.lived_on {
        let seconds = GOODBYE.as_secs();
        let reason = format!("its worker process closed its output and lived on; it was ended after {seconds} s{said}");
        return (Status::Failed, reason);
    }
    if killed(death) && kernel_kills() > kills_before {
        let reason = format!("its worker process ended with {ended}: the kernel ended a process for want of memory");
        return (Status::OutOfMemory, reason);
    }
    (Status::Failed, format!("its worker process ended with {ended}{said}"))
}

#[cfg(unix)]
fn killed(death: &Death) -> bool {
    use std::os::unix::process::ExitStatusExt;
    death.status.and_then(|status| status.signal()) == Some(libc::SIGKILL)
}

#[cfg(not(unix))]
fn killed(_death: &Death) -> bool {
    false
}

/// A length that fits a table's foot.
fn cut(line: &str) -> String {
    line.chars().take(300).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    fn killed_by(signal: i32, words: &[&str], lived_on: bool) -> Death {
        Death {
            status: Some(ExitStatus::from_raw(signal)),
            words: words.iter().map(|&line| line.into()).collect(),
            lived_on,
        }
    }

    #[test]
    fn a_worker_killed_while_the_kernel_ended_one_for_want_of_memory_is_out_of_memory() {
        // As if the kernel had ended none before; where it does not say, nobody knows.
        let Some(now) = kernel_kills() else { return };
        // A number that is not above the one before, whatever other processes meet meanwhile.
        let many = Some(now + 1_000_000);
        assert_eq!(
            verdict(&killed_by(libc::SIGKILL, &[], false), None).0,
            Status::OutOfMemory
        );
        assert_eq!(verdict(&killed_by(libc::SIGKILL, &[], false), many).0, Status::Failed);
        assert_eq!(verdict(&killed_by(libc::SIGABRT, &[], false), None).0, Status::Failed);
        // This one the program has killed itself.
        let (status, reason) = verdict(&killed_by(libc::SIGKILL, &["goodbye"], true), None);
        assert_eq!(status, Status::Failed);
        assert!(reason.contains("lived on") && reason.ends_with(": goodbye"), "{reason}");
    }

    #[test]
    fn a_worker_that_said_that_memory_was_short_is_out_of_memory() {
        let death = killed_by(
            libc::SIGABRT,
            &["memory allocation of 8 bytes failed", "note: more"],
            false,
        );
        assert_eq!(verdict(&death, kernel_kills()).0, Status::OutOfMemory);
    }
}
