//! The faults that other tests rely on do happen, where they were asked for and nowhere else, and are counted.
#![cfg(unix)]

mod common;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::SystemTime;

use common::inject::{At, Count, Inject, Kind, build, child as process, part};
use common::{Bench, assert_fails, assert_good, logistic_regression, stderr, suite_text};

/// Every kind that a child can show by itself, with the name of what it does.
const SHOWN: [(Kind, &str); 16] = [
    (Kind::Write, "write"),
    (Kind::PositionedWrite, "write at"),
    (Kind::ShortWrite, "write half"),
    (Kind::Read, "read"),
    (Kind::OpenToWrite, "create"),
    (Kind::OpenToRead, "open"),
    (Kind::OpenToRead, "list"),
    (Kind::Sync, "sync"),
    (Kind::Truncate, "truncate"),
    (Kind::Touch, "touch"),
    (Kind::Rename, "rename"),
    (Kind::Link, "link"),
    (Kind::Remove, "remove"),
    (Kind::MakeDirectory, "make directory"),
    (Kind::Lock, "lock"),
    (Kind::Allocate(64 << 20), "allocate"),
];

/// A step of the child on `victim`, as the number of bytes that it moved, where it moves any.
fn step(name: &str) -> std::io::Result<usize> {
    let victim = || File::options().read(true).write(true).open("victim");
    let done = |done: std::io::Result<()>| done.map(|()| 0);
    match name {
        "write" | "write half" => victim()?.write(b"1234"),
        "write at" => victim()?.write_at(b"1234", 0),
        "read" => victim()?.read(&mut [0; 4]),
        "create" => File::create("victim").map(|_| 0),
        "open" => File::open("victim").map(|_| 0),
        "list" => fs::read_dir("victims").map(Iterator::count),
        "sync" => done(victim()?.sync_all()),
        "truncate" => done(victim()?.set_len(4)),
        "touch" => done(victim()?.set_modified(SystemTime::now())),
        "rename" => done(fs::rename("victim", "moved-victim").and_then(|()| fs::rename("moved-victim", "victim"))),
        "link" => done(fs::hard_link("victim", "second-victim").and_then(|()| fs::remove_file("second-victim"))),
        "remove" => done(fs::remove_file("victim").and_then(|()| fs::write("victim", "1234"))),
        "make directory" => done(fs::create_dir("new-victim").and_then(|()| fs::remove_dir("new-victim"))),
        "lock" => done(victim()?.try_lock().map_err(Into::into)),
        "allocate" => {
            let reserved = Vec::<u8>::new().try_reserve_exact(64 << 20);
            done(reserved.map_err(|_| std::io::Error::from_raw_os_error(libc::EXDEV)))
        }
        _ => unreachable!("{name}"),
    }
}

/// The first step fails with a code that it would never fail with by itself, and the second is done.
#[test]
#[ignore = "a process of the other tests"]
fn child() {
    match part().as_deref() {
        None => {}
        Some("write half") => {
            assert_eq!(step("write half").unwrap(), 2);
            assert_eq!(step("write half").unwrap(), 4);
        }
        Some("close") => {
            let file = File::open("victim").unwrap();
            // SAFETY: the file is not used again, and not closed again.
            let closed = unsafe { libc::close(file.as_raw_fd()) };
            let code = std::io::Error::last_os_error().raw_os_error();
            std::mem::forget(file);
            assert_eq!((closed, code), (-1, Some(libc::EXDEV)));
        }
        Some(name) => {
            assert_eq!(step(name).unwrap_err().raw_os_error(), Some(libc::EXDEV), "{name}");
            step(name).unwrap();
        }
    }
}

fn inject(kind: Kind) -> Inject<'static> {
    Inject {
        kind,
        at: At::Call(1),
        errno: libc::EXDEV,
        path: (!matches!(kind, Kind::Allocate(_))).then_some("victim"),
        process: None,
    }
}

fn run(command: &mut Command, inject: &Inject) -> (std::process::Output, Count) {
    let count = inject.command(command);
    (command.output().unwrap(), count)
}

#[test]
fn each_kind_fails_the_call_that_was_asked_for_and_counts_all() {
    if build().is_none() {
        return;
    }
    for (kind, name) in SHOWN.into_iter().chain([(Kind::Close, "close")]) {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("victim"), "1234").unwrap();
        fs::create_dir(directory.path().join("victims")).unwrap();
        let (output, count) = run(&mut process(name, directory.path()), &inject(kind));
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        assert_eq!(count.failures(), [1], "{name}");
        assert!(count.calls() >= 2 || kind == Kind::Close, "{name}: {}", count.calls());
    }
}

#[test]
fn a_full_disk_ends_the_program_with_the_systems_words() {
    if build().is_none() {
        return;
    }
    let bench = Bench::new(&suite_text(60, &logistic_regression(2)));
    let mut fault = Inject {
        kind: Kind::Write,
        at: At::Never,
        errno: libc::ENOSPC,
        path: Some("/results/"),
        process: Some("tiny.toml"),
    };
    let command = |results: &str| bench.command(&["--results", results, "--quiet", "run", "tiny.toml", "--no-report"]);

    let (output, count) = run(&mut command("counted/results"), &fault);
    assert_good(&output);
    let calls = count.calls();
    assert!(calls > 0 && count.failures().is_empty(), "only counted: {calls}");

    fault.at = At::From(1);
    let (output, count) = run(&mut command("full/results"), &fault);
    assert_fails(&output, 2, &["No space left on device"]);
    assert_eq!(count.failures()[0], 1);
    assert_good(&command("full/results").output().unwrap());

    fault.process = Some("another program");
    let (output, count) = run(&mut command("not-meant/results"), &fault);
    assert_good(&output);
    assert_eq!((count.calls(), count.failures()), (0, vec![]));
}

#[test]
fn standard_output_and_standard_error_fail_by_themselves() {
    if build().is_none() {
        return;
    }
    let bench = Bench::new("not a suite");
    for (kind, arguments) in [
        (Kind::StandardOutput, &["list"][..]),
        (Kind::StandardError, &["run", "tiny.toml"]),
    ] {
        let mut fault = Inject {
            at: At::From(1),
            path: None,
            ..inject(kind)
        };
        let said = |output: &std::process::Output| match kind {
            Kind::StandardOutput => output.stdout.len(),
            _ => output.stderr.len(),
        };
        let (output, count) = run(&mut bench.command(arguments), &fault);
        assert_eq!(said(&output), 0, "{kind:?}");
        assert_eq!(count.failures()[0], 1, "{kind:?}");

        fault.at = At::Never;
        let (output, count) = run(&mut bench.command(arguments), &fault);
        assert!(said(&output) > 0 && count.calls() > 0, "{kind:?}");
    }
}

#[test]
fn memory_that_runs_out_aborts_the_program() {
    if build().is_none() {
        return;
    }
    let bench = Bench::new(&suite_text(60, &logistic_regression(2)));
    let arguments = ["--quiet", "run", "tiny.toml", "--no-report"];
    let fault = Inject {
        at: At::From(1),
        errno: libc::ENOMEM,
        ..inject(Kind::Allocate(1 << 12))
    };
    let (output, count) = run(&mut bench.command(&arguments), &fault);
    assert!(!output.status.success());
    assert_eq!(count.failures()[0], 1);
}
