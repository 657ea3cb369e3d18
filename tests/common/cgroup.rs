//! Processes that may hold only so much memory, as the kernel counts it: beyond that it ends one of them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Bench;

/// A memory cgroup of its own for processes that a test starts, removed in the end.
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// `None`, with the reason on standard error, where this process may not make one.
    pub fn new(bytes: u64) -> Option<Self> {
        let skipped = |what: &str| eprintln!("skipped, no memory cgroup can be made here: {what}");
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::SeqCst);
        let name = format!("icdbench-test-{}-{number}", std::process::id());
        // Version 1 has a tree for each resource; in version 2 the root must pass the controller on.
        let trees = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ];
        for (tree, limit) in trees {
            let cgroup = Self(Path::new(tree).join(&name));
            if std::fs::create_dir(&cgroup.0).is_err() {
                continue;
            }
            // Without the controller the file is not there, and a test's file system would take any.
            let limited =
                cgroup.0.join(limit).exists() && std::fs::write(cgroup.0.join(limit), bytes.to_string()).is_ok();
            // Whatever it has of swap counts too, where the kernel keeps that account.
            for (swap, bytes) in [("memory.memsw.limit_in_bytes", bytes), ("memory.swap.max", 0)] {
                let _ = std::fs::write(cgroup.0.join(swap), bytes.to_string());
            }
            if limited && cgroup.takes_a_process() {
                return Some(cgroup);
            }
        }
        skipped("neither version lets this user do so");
        None
    }

    /// The program in a directory, in this group with all that it starts.
    pub fn run(&self, bench: &Bench, arguments: &[&str]) -> Output {
        let line = format!("echo $$ > {}/cgroup.procs && exec \"$@\"", self.0.display());
        Command::new("bash")
            .current_dir(bench.directory.path())
            .env("RAYON_NUM_THREADS", "1")
            .args(["-c", &line, "bash", env!("CARGO_BIN_EXE_icdbench")])
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Whether a process may go into it: in a container it may not.
    fn takes_a_process(&self) -> bool {
        let line = format!("echo $$ > {}/cgroup.procs", self.0.display());
        let tried = Command::new("bash").args(["-c", &line]).output();
        tried.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The last process may not be gone yet.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
