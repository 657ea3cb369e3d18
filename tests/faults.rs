//! Fault injection, as SQLite does it: every kind of call that the store makes fails once, in the parent and in its
//! workers, early and late; after repair the same command ends in the same bytes.
#![cfg(target_os = "linux")]

mod common;

use std::collections::BTreeSet;

use common::inject::{At, Inject, Kind, build};
use common::{Bench, assert_good, caml, files, logistic_regression, stderr, suite_text};
use icdbench::results::Store;
use icdbench::results::check::check;

/// A kind of calls, how it fails, and whether only calls on the results directory are meant.
type Fault = (Kind, i32, bool);

/// Faults of one kind in one process, spread over its calls.
const OF_A_KIND: u64 = 10;

const RUN: [&str; 10] = [
    "--json",
    "--datasets",
    "datasets.toml",
    "--results",
    "THERE",
    "run",
    "tiny.toml",
    "--no-report",
    "--checkpoint-every",
    "0",
];

/// A suite of two cells, and a registry that calls its notes credentialed or not.
fn bench(credentialed: bool) -> Bench {
    let text = suite_text(60, &(logistic_regression(2) + &caml(2, 8))) + "\n[keep]\nscores = true\n";
    let bench = Bench::new(&text);
    let registry = include_str!("fixtures/codiesp/datasets.toml");
    let registry = match credentialed {
        true => registry.replace("credentialed = false", "credentialed = true"),
        false => registry.to_owned(),
    };
    std::fs::write(bench.path("datasets.toml"), registry).unwrap();
    bench
}

/// Has each fault happen at several calls of the run and of its workers, and asserts that after repair the same command
/// ends in the same bytes; and that at least so many faults happened.
fn after_repair_the_same_bytes(faults: &[Fault], credentialed: bool, at_least: usize) {
    if build().is_none() {
        return; // build() said why
    }
    let bench = bench(credentialed);
    assert_good(&bench.run(&RUN));
    let expected = bench.results("THERE");
    assert_eq!(expected.len(), 6);
    // Rows of credentialed notes are named with the store's own salt.
    let salt = std::fs::read(bench.path("THERE/private/salt")).ok();
    assert_eq!(salt.is_some(), credentialed);
    let start_over = || {
        let _ = std::fs::remove_dir_all(bench.path("THERE"));
        if let Some(salt) = &salt {
            let _ = std::fs::create_dir_all(bench.path("THERE/private"));
            std::fs::write(bench.path("THERE/private/salt"), salt).unwrap();
        }
    };
    let mut met = 0;
    for &(kind, errno, in_results) in faults {
        // The run and its workers have each calls of their own.
        for process in ["run tiny.toml", " worker"] {
            let fault = |at| Inject {
                kind,
                at,
                errno,
                path: in_results.then_some("THERE/"),
                process: Some(process),
            };
            start_over();
            let mut counting = bench.command(&RUN);
            let count = fault(At::Never).command(&mut counting);
            assert_good(&counting.output().unwrap());
            let calls = count.most_calls();
            let places = (0..OF_A_KIND).map(|step| 1 + step * calls / OF_A_KIND);
            let places: BTreeSet<u64> = places.filter(|&at| at <= calls).collect();
            for at in places {
                start_over();
                let mut command = bench.command(&RUN);
                let count = fault(At::Call(at)).command(&mut command);
                let output = command.output().unwrap();
                let what = format!(
                    "{kind:?} {errno} at {at} of {calls} in {process:?}: {}",
                    stderr(&output)
                );
                met += usize::from(!count.failures().is_empty());
                if matches!(kind, Kind::StandardOutput | Kind::StandardError) && process == "run tiny.toml" {
                    assert_eq!(output.status.code(), Some(0), "the streams never touch a cell: {what}");
                }
                // Whatever a worker that had no memory left is a record; asked again, it is run again.
                let repaired = bench.run(&[&RUN[..], &["--retry"]].concat());
                assert_eq!(
                    repaired.status.code(),
                    Some(0),
                    "{what}\nafter repair: {}",
                    stderr(&repaired)
                );
                assert!(bench.results("THERE") == expected, "other bytes after {what}");
                let problems = check(&Store::new(&bench.path("THERE"), None)).unwrap().problems;
                assert!(problems.is_empty(), "{problems:?} after {what}");
            }
        }
    }
    // All tests of this kind together: at least 200.
    assert!(met >= at_least, "{met} faults");
}

#[test]
fn after_writes_that_failed_the_same_command_ends_in_the_same_bytes() {
    let faults = [
        (Kind::Write, libc::ENOSPC, true),
        (Kind::Write, libc::EIO, true),
        (Kind::ShortWrite, libc::ENOSPC, true),
        (Kind::OpenToWrite, libc::EACCES, true),
        (Kind::OpenToWrite, libc::EMFILE, true),
        (Kind::Sync, libc::EIO, true),
    ];
    after_repair_the_same_bytes(&faults, false, 75);
}

#[test]
fn after_names_that_could_not_be_changed_the_same_command_ends_in_the_same_bytes() {
    let faults = [
        (Kind::Rename, libc::EIO, true),
        (Kind::Rename, libc::EXDEV, true),
        (Kind::Link, libc::EPERM, true),
        (Kind::Remove, libc::EBUSY, true),
        (Kind::MakeDirectory, libc::ENOSPC, true),
    ];
    after_repair_the_same_bytes(&faults, true, 45);
}

#[test]
fn after_reads_streams_and_allocations_that_failed_the_same_command_ends_in_the_same_bytes() {
    let faults = [
        (Kind::Read, libc::EIO, true),
        (Kind::OpenToRead, libc::EACCES, true),
        (Kind::StandardOutput, libc::EPIPE, false),
        (Kind::StandardOutput, libc::ENOSPC, false),
        (Kind::StandardError, libc::EPIPE, false),
        (Kind::StandardError, libc::EIO, false),
        (Kind::Allocate(16_384), libc::ENOMEM, false),
    ];
    after_repair_the_same_bytes(&faults, true, 85);
}

/// They are missing on many shared file systems, or mean nothing there. That one would be counted: `inject.rs`.
#[test]
fn no_process_asks_for_the_systems_own_file_locks() {
    if build().is_none() {
        return; // build() said why
    }
    let bench = bench(true);
    let counting = Inject {
        kind: Kind::Lock,
        at: At::Never,
        errno: libc::ENOLCK,
        path: None,
        process: None,
    };
    let mut command = bench.command(&RUN);
    let count = counting.command(&mut command);
    assert_good(&command.output().unwrap());
    assert!(count.processes() >= 2, "the run and its workers were counted");
    assert_eq!(count.calls(), 0);
}

#[test]
fn a_report_that_could_not_be_written_leaves_the_one_before_and_is_written_after_repair() {
    if build().is_none() {
        return; // build() said why
    }
    let bench = Bench::new(&suite_text(60, &logistic_regression(2)));
    assert_good(&bench.run(&["--results", "THERE", "run", "tiny.toml"]));
    let report = ["--results", "THERE", "report", "tiny.toml"];
    let written = || {
        let folder = bench.path("reports/tiny");
        let all = files(&folder).into_iter();
        all.map(|name| (name.clone(), std::fs::read(folder.join(name)).unwrap()))
            .collect::<Vec<_>>()
    };
    assert_good(&bench.run(&report));
    let expected = written();
    let mut met = 0;
    for (kind, errno) in [
        (Kind::Write, libc::ENOSPC),
        (Kind::OpenToWrite, libc::EACCES),
        (Kind::Rename, libc::EIO),
        (Kind::Read, libc::EIO),
    ] {
        for at in [1, 3, 9] {
            let fault = Inject {
                kind,
                at: At::Call(at),
                errno,
                path: Some("reports/"),
                process: None,
            };
            let mut command = bench.command(&report);
            let count = fault.command(&mut command);
            let output = command.output().unwrap();
            if count.failures().is_empty() {
                continue;
            }
            met += 1;
            // What cannot be read of the report before (how many cells it shows) keeps no new one from being written.
            if kind != Kind::Read {
                assert_eq!(output.status.code(), Some(2), "{kind:?} at {at}: {}", stderr(&output));
                assert!(stderr(&output).contains("the report"), "{}", stderr(&output));
            }
            assert_good(&bench.run(&report));
            assert!(written() == expected, "{kind:?} at {at}");
        }
    }
    assert!(met >= 5, "{met} faults");
}
