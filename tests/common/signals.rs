//! Signals to a run at a moment that is known, however busy the machine is.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::{Bench, files};

/// Sends a signal, `-INT` for one, to a process.
pub fn signal(process: &str, name: &str) {
    let sent = Command::new("kill").args([name, process]).status().unwrap();
    assert!(sent.success());
}

/// The worker process of a run, where there is one now.
pub fn worker(parent: &Child) -> Option<String> {
    let children = format!("/proc/{0}/task/{0}/children", parent.id());
    let children = std::fs::read_to_string(children).unwrap_or_default();
    children.split_whitespace().next().map(str::to_owned)
}

/// The run that `start` starts in `results`, after a signal to it during its training. The worker is held still while the
/// signal is sent, so that it comes neither too early nor too late; a run that trained faster than it could be held
/// is begun anew.
pub fn signalled_in_training(bench: &Bench, results: &str, name: &str, start: impl Fn() -> Child) -> Child {
    for _ in 0..10 {
        let mut child = start();
        let begun = Instant::now();
        while files(&bench.work(results)).is_empty() && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{results}: no checkpoint");
            std::thread::sleep(Duration::from_millis(2));
        }
        if let Some(worker) = worker(&child)
            && is_held(&worker)
        {
            let trains = !files(&bench.work(results)).is_empty() && bench.records(results).is_empty();
            if trains {
                signal(&child.id().to_string(), name);
            }
            signal(&worker, "-CONT");
            if trains {
                return child;
            }
        }
        child.wait().unwrap();
        std::fs::remove_dir_all(bench.path(results)).unwrap();
    }
    panic!("{results}: ten runs ended before they could be held");
}

/// Stops a process; false where it has ended.
fn is_held(process: &str) -> bool {
    let sent = Command::new("kill").args(["-STOP", process]).output().unwrap();
    let begun = Instant::now();
    while sent.status.success() && begun.elapsed() < Duration::from_secs(60) {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The state stands after the name, which is in parentheses and may hold anything.
        match stat.rsplit(") ").next().and_then(|rest| rest.chars().next()) {
            Some('T') => return true,
            None | Some('Z' | 'X') => return false,
            Some(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    false
}
