//! Fault injection, as SQLite does it: every kind of call that the store makes fails once, in the parent and in its
//! workers, early and late; after repair the same command ends in the same bytes.
#![cfg(target_os = "linux")]

mod common;

use common::inject::{At, Inject, Kind, build};
use common::{Bench, assert_good, caml, files, logistic_regression, stderr, suite_text};

/// Kinds of calls, how they fail, and whether only calls on the results directory are meant.
const FAULTS: [(Kind, i32, bool); 19] = [
    (Kind::Write, libc::ENOSPC, true),
    (Kind::Write, libc::EIO, true),
    (Kind::ShortWrite, libc::ENOSPC, true),
    (Kind::StandardOutput, libc::EPIPE, false),
    (Kind::StandardOutput, libc::ENOSPC, false),
    (Kind::StandardError, libc::EPIPE, false),
    (Kind::StandardError, libc::EIO, false),
    (Kind::Read, libc::EIO, true),
    (Kind::OpenToWrite, libc::EACCES, true),
    (Kind::OpenToWrite, libc::EMFILE, true),
    (Kind::OpenToRead, libc::EACCES, true),
    (Kind::Sync, libc::EIO, true),
    (Kind::Rename, libc::EIO, true),
    (Kind::Rename, libc::EXDEV, true),
    (Kind::Link, libc::EPERM, true),
    (Kind::Remove, libc::EBUSY, true),
    (Kind::MakeDirectory, libc::ENOSPC, true),
    (Kind::Lock, libc::ENOLCK, false),
    (Kind::Allocate(16_384), libc::ENOMEM, false),
];

/// Faults of one kind, spread over its calls.
const OF_A_KIND: u64 = 24;

const RUN: [&str; 7] = [
    "--json",
    "--results",
    "THERE",
    "run",
    "tiny.toml",
    "--checkpoint-every",
    "0",
];

#[test]
fn after_any_fault_and_its_repair_the_same_command_ends_in_the_same_bytes() {
    if build().is_none() {
        return; // build() said why
    }
    let text = suite_text(60, &(logistic_regression(2) + &caml(2, 8))) + "\n[keep]\nscores = true\n";
    let bench = Bench::new(&text);
    assert_good(&bench.run(&RUN));
    let expected = bench.results("THERE");
    assert_eq!(expected.len(), 6);
    // The run and its workers have each calls of their own.
    let processes = ["run tiny.toml", "icdbench worker"];
    let (mut injected, mut met) = (0, 0);
    for (kind, errno, in_results) in FAULTS {
        for process in processes {
            let fault = |at| Inject {
                kind,
                at,
                errno,
                path: in_results.then_some("THERE/"),
                process: Some(process),
            };
            start_over(&bench);
            let mut counting = bench.command(&RUN);
            let count = fault(At::Never).command(&mut counting);
            assert_good(&counting.output().unwrap());
            let calls = count.calls();
            let wanted = OF_A_KIND / processes.len() as u64;
            let places = (0..wanted)
                .map(|step| 1 + step * calls / wanted)
                .filter(|&at| at <= calls);
            let places: std::collections::BTreeSet<u64> = places.collect();
            for at in places {
                start_over(&bench);
                let mut command = bench.command(&RUN);
                let count = fault(At::Call(at)).command(&mut command);
                let output = command.output().unwrap();
                let what = format!(
                    "{kind:?} {errno} at {at} of {calls} in {process:?}: {}",
                    stderr(&output)
                );
                injected += count.failures().len();
                met += usize::from(!count.failures().is_empty());
                if matches!(kind, Kind::StandardOutput | Kind::StandardError) && process == processes[0] {
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
                let check = bench.run(&["check", "THERE"]);
                assert_good(&check);
            }
        }
    }
    assert!(injected >= 200 && met >= 200, "{injected} faults in {met} runs");
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
            assert_eq!(output.status.code(), Some(2), "{kind:?} at {at}: {}", stderr(&output));
            assert!(stderr(&output).contains("the report"), "{}", stderr(&output));
            assert_good(&bench.run(&report));
            assert!(written() == expected, "{kind:?} at {at}");
        }
    }
    assert!(met >= 5, "{met} faults");
}

fn start_over(bench: &Bench) {
    let _ = std::fs::remove_dir_all(bench.path("THERE"));
}
