//! The salt of note names: drawn once, kept private, never replaced.
#![cfg(unix)]

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use common::files;
use common::inject::{At, Inject, Kind, build, child as process, part};
use icdbench::results::salt::{Error, Salt};

#[test]
#[ignore = "a process of the other tests"]
fn child() {
    if let Some(words) = part() {
        let problem = Salt::of_directory(Path::new("private")).err().unwrap().to_string();
        assert!(problem.contains(&words), "{words:?} is not in: {problem}");
    }
}

#[test]
fn public_names_are_those_that_published_records_hold() {
    assert_eq!(Salt::public().hash("note-1"), "111240edbad214b5");
    assert_eq!(Salt::public().fingerprint(), "67c72387fa453372");
}

#[test]
fn a_salt_is_drawn_once_in_a_directory_and_only_we_may_read_it() {
    let directory = tempfile::tempdir().unwrap();
    let draw = |name: &str| Salt::of_directory(&directory.path().join(name)).unwrap();
    let first = draw("private");
    assert_eq!(first.hash("note-1"), draw("private").hash("note-1"));
    assert_ne!(first.hash("note-1"), draw("another").hash("note-1"));
    assert_ne!(first.hash("note-1"), first.hash("note-2"));
    assert_ne!(first.fingerprint(), draw("another").fingerprint());

    let file = directory.path().join("private/salt");
    let text = fs::read_to_string(&file).unwrap();
    let digits = text.strip_suffix('\n').unwrap();
    assert!(digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
}

#[test]
fn all_who_are_first_at_once_agree() {
    for _ in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let start = Barrier::new(8);
        let names: Vec<String> = std::thread::scope(|scope| {
            let draw = || {
                start.wait();
                Salt::of_directory(directory.path()).unwrap().hash("note-1")
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(draw)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
        assert_eq!(files(directory.path()), ["salt"]);
    }
}

#[test]
fn a_salt_that_was_copied_or_made_before_gives_the_same_names() {
    let digits = "0123456789abcdef".repeat(4);
    for text in [
        digits.clone(),
        format!("{digits}\n"),
        format!("{digits}\r\n"),
        digits.to_uppercase(),
    ] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("salt"), &text).unwrap();
        let salt = Salt::of_directory(directory.path()).unwrap();
        assert_eq!(salt.hash("note-1"), "94d425bfe1f29cdc");
        assert_eq!(fs::read_to_string(directory.path().join("salt")).unwrap(), text);
    }
}

#[test]
fn a_file_that_is_no_salt_is_named_and_neither_shown_nor_replaced() {
    let digits = "0123456789abcdef".repeat(4);
    for (text, found) in [
        (String::new(), "0 bytes, 0 of them"),
        ("secret\n".into(), "6 bytes, 3 of them"),
        (digits[1..].to_owned(), "63 bytes, 0 of them"),
        (format!("{digits}0\n"), "65 bytes, 0 of them"),
        (format!("g{}\n", &digits[1..]), "64 bytes, 1 of them"),
        (format!("{digits}\n\n"), "65 bytes, 1 of them"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("salt");
        fs::write(&file, &text).unwrap();
        let problem = Salt::of_directory(directory.path()).err().unwrap();
        assert!(matches!(problem, Error::Malformed { .. }), "{problem}");
        let said = problem.to_string();
        for words in ["/salt: not a salt", found, "Copy the file back"] {
            assert!(said.contains(words), "{words:?} is not in: {said}");
        }
        assert!(!said.contains("secret") && !said.contains("0123456789"), "{said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn a_salt_that_another_process_is_writing_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("salt");
    fs::write(&file, "").unwrap();
    std::thread::scope(|scope| {
        let write = || {
            std::thread::sleep(Duration::from_millis(20));
            fs::write(&file, "0123456789abcdef".repeat(4)).unwrap();
        };
        scope.spawn(write);
        assert_eq!(
            Salt::of_directory(directory.path()).unwrap().hash("note-1"),
            "94d425bfe1f29cdc"
        );
    });
}

#[test]
fn a_disk_that_refuses_is_an_error_and_never_another_salt() {
    for (kind, errno, words, there) in [
        (Kind::OpenToRead, libc::EACCES, "salt: cannot read the salt: Perm", true),
        (Kind::Read, libc::EIO, "salt: cannot read the salt: Input/output", true),
        (
            Kind::Write,
            libc::ENOSPC,
            "salt: cannot write the salt: No space",
            false,
        ),
        (
            Kind::Sync,
            libc::EIO,
            "salt: cannot write the salt: Input/output",
            false,
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let private = directory.path().join("private");
        fs::create_dir(&private).unwrap();
        let text = "0123456789abcdef".repeat(4);
        if there {
            fs::write(private.join("salt"), &text).unwrap();
        }
        if build().is_none() {
            return;
        }
        let mut command = process(words, directory.path());
        let fault = Inject {
            kind,
            at: At::From(1),
            errno,
            path: Some("/private"),
            process: None,
        };
        fault.command(&mut command);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{kind:?}: {}", common::stderr(&output));
        let left = fs::read_to_string(private.join("salt")).ok();
        assert_eq!(left, there.then_some(text), "{kind:?}");
        assert_eq!(files(&private).len(), usize::from(there), "{kind:?}");
    }
}
