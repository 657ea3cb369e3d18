//! Cells in worker processes: whatever becomes of one is its cell's record, and the suite goes on.
#![cfg(target_os = "linux")]

mod common;

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::cgroup::Cgroup;
use common::signals::{self, signal};
use common::{Bench, assert_fails, assert_good, caml, logistic_regression, stderr, stdout, suite_text};
use icdbench::record::Status;

/// Two cells; the first is what `runs` says, the second is good.
fn bench(first: &str, more: &str) -> Bench {
    // Long enough that it trains when the worker is found, also on a busy machine.
    let first = first.replace("patience = 50", "patience = 5000");
    Bench::new(&(suite_text(60, &(first + &logistic_regression(2))) + more))
}

fn arguments() -> [&'static str; 4] {
    ["--json", "run", "tiny.toml", "--no-report"]
}

/// Status and reason of the cell that is not well, after asserting that the other is.
fn unwell(bench: &Bench) -> (Status, String) {
    let records = bench.records("results");
    assert_eq!(records.len(), 2, "both cells have a record");
    let (good, bad): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| record.status == Status::Ok);
    assert_eq!((good.len(), bad.len()), (1, 1));
    assert_eq!(good[0].cell.run, "logistic_regression");
    (bad[0].status, bad[0].reason.clone().unwrap())
}

/// Asserts that a second run does not try the cell again unless asked, which `retry` is.
fn assert_not_tried_again(bench: &Bench) {
    let again = bench.run(&arguments());
    assert_eq!(again.status.code(), Some(2));
    assert_eq!(
        stdout(&again).matches("\"found\":true").count(),
        2,
        "{}",
        stdout(&again)
    );
}

#[test]
fn a_cell_that_needs_more_memory_than_it_may_have_is_out_of_memory() {
    // An embedding of 3 million numbers a word.
    let bench = bench(&caml(2, 3_000_000), "");
    let program = env!("CARGO_BIN_EXE_icdbench");
    let output = std::process::Command::new("bash")
        .current_dir(bench.directory.path())
        .env("RAYON_NUM_THREADS", "1")
        .args([
            "-c",
            &format!("ulimit -v 1500000; exec {program} {}", arguments().join(" ")),
        ])
        .output()
        .unwrap();
    assert_fails(&output, 2, &["out of memory"]);
    let (status, reason) = unwell(&bench);
    assert_eq!(status, Status::OutOfMemory, "{reason}");
    assert!(reason.contains("memory allocation of"), "{reason}");
    assert_not_tried_again(&bench);
}

#[test]
fn a_cell_whose_worker_the_kernel_ends_for_want_of_memory_is_out_of_memory() {
    let Some(cgroup) = Cgroup::new(300 << 20) else {
        return;
    };
    // An embedding of 600,000 numbers a word.
    let bench = bench(&caml(2, 600_000), "");
    let output = cgroup.run(&bench, &arguments());
    assert_fails(&output, 2, &["out of memory"]);
    let (status, reason) = unwell(&bench);
    assert_eq!(status, Status::OutOfMemory, "{reason}");
    assert!(
        reason.contains("the kernel ended a process for want of memory"),
        "{reason}"
    );
    assert_not_tried_again(&bench);
}

/// The worker of a run's first cell, once it trains.
fn worker(parent: &Child, bench: &Bench) -> String {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        // The folder is made when training begins.
        if bench.work("results").is_dir()
            && let Some(worker) = signals::worker(parent)
        {
            return worker;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("no worker was seen");
}

/// Sends a signal to the worker of the first cell while it trains, and asserts that the cell has failed for a reason with
/// these words, and is not tried again.
fn fails_when_signalled(bench: &Bench, name: &str, words: &str) {
    let child = bench
        .command(&arguments())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    signal(&worker(&child, bench), name);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let (status, reason) = unwell(bench);
    assert_eq!(status, Status::Failed);
    assert!(reason.contains(words), "{reason}");
    assert_not_tried_again(bench);
}

#[test]
fn a_cell_whose_worker_aborts_has_failed_with_what_it_said() {
    fails_when_signalled(&bench(&caml(2000, 64), ""), "-ABRT", "signal: 6");
}

#[test]
fn a_cell_that_hangs_is_ended_at_the_suites_limit() {
    let bench = bench(&caml(2000, 64), "\n[limits]\ncell-seconds = 3.0\n");
    fails_when_signalled(&bench, "-STOP", "limits.cell-seconds");
    // Asked, it is tried again; with another limit it is the same cell.
    let text = std::fs::read_to_string(bench.path("tiny.toml")).unwrap();
    let text = text
        .replace("epochs = 2000", "epochs = 2")
        .replace("cell-seconds = 3.0", "cell-seconds = 300.0");
    std::fs::write(bench.path("tiny.toml"), text).unwrap();
    assert_good(&bench.run(&["run", "tiny.toml", "--no-report", "--retry"]));
}

#[test]
fn a_killed_parent_takes_its_worker_with_it() {
    let bench = bench(&caml(2000, 64), "");
    let mut child = bench
        .command(&arguments())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let worker = worker(&child, &bench);
    child.kill().unwrap();
    child.wait().unwrap();
    let begun = Instant::now();
    let lives = || {
        let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap_or_default();
        // A zombie is gone; whoever adopted it has not asked yet.
        !stat.is_empty() && !stat.contains(") Z")
    };
    while lives() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!lives(), "the worker goes on");
}
