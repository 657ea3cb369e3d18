//! What became of a worker that died without a word in the protocol.

use super::process::Death;
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
    if killed(death) && kernel_kills() > kills_before {
        let reason = format!("its worker process ended with {ended}: the kernel ended a process for want of memory");
        return (Status::OutOfMemory, reason);
    }
    let said = said.map_or(String::new(), |line| format!(": {}", cut(line)));
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
