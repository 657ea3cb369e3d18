//! How the store touches the disk: whole or not at all, durable, and "not there" only where that is known.
#![cfg(unix)]

mod common;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use common::files;
use common::inject::{At, Count, Inject, Kind, build, child as process, part};
use icdbench::results::disk;

/// Nothing, for comparisons.
const NOTHING: [&str; 0] = [];

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    fs::create_dir(&store).unwrap();
    (directory, store)
}

/// Runs a part of `child` in a directory with a `store` in it, under a fault on paths in the store. `None` where
/// no fault can be made.
fn in_child(part: &str, directory: &Path, kind: Kind, at: At, errno: i32) -> Option<Count> {
    build()?;
    let mut command = process(part, directory);
    let fault = Inject {
        kind,
        at,
        errno,
        path: Some("/store"),
        process: None,
    };
    let count = fault.command(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{part}, {kind:?}: {}", common::stderr(&output));
    Some(count)
}

#[test]
#[ignore = "a process of the other tests"]
fn child() {
    let file = Path::new("store/file");
    let code = |error: std::io::Error| error.raw_os_error().unwrap();
    match part().as_deref() {
        None => {}
        Some("read is refused") => {
            assert_eq!(code(disk::read(file).unwrap_err()), libc::EACCES);
            assert_eq!(code(disk::list(Path::new("store")).unwrap_err()), libc::EACCES);
        }
        Some("read goes stale") => assert_eq!(disk::read(file).unwrap().unwrap(), b"before"),
        Some("directories") => disk::make_directory(Path::new("store/a/b/c"), false).unwrap(),
        Some("write fails") => {
            disk::write_atomically(file, b"after", true).unwrap_err();
        }
        Some("write new fails") => {
            disk::write_new(Path::new("store/new"), b"after", true).unwrap_err();
        }
        Some("write in halves") => disk::write_atomically(file, b"after", true).unwrap(),
        Some("write new") => {
            let new = Path::new("store/new");
            assert!(disk::write_new(new, b"first", true).unwrap());
            assert!(!disk::write_new(new, b"second", true).unwrap());
        }
        Some("move") => disk::move_file(file, Path::new("store/made/moved")).unwrap(),
        Some("move fails") => {
            disk::move_file(file, Path::new("store/moved")).unwrap_err();
        }
        Some("publish") => {
            let unfinished = disk::begin_directory(Path::new("store")).unwrap();
            fs::create_dir(unfinished.path().join("sub")).unwrap();
            fs::write(unfinished.path().join("sub/b"), "b").unwrap();
            fs::write(unfinished.path().join("a"), "a").unwrap();
            let published = disk::publish_directory(unfinished, Path::new("store/published"));
            assert_eq!(published.is_ok(), std::env::var_os("FAILS").is_none(), "{published:?}");
        }
        Some("remove fails") => {
            disk::remove_directory(Path::new("store/old")).unwrap_err();
        }
        Some(part) => unreachable!("{part}"),
    }
}

#[test]
fn nothing_there_is_said_only_where_the_system_could_look() {
    let (_guard, store) = directory();
    assert_eq!(disk::read(&store.join("file")).unwrap(), None);
    assert_eq!(disk::read(&store.join("no/such/folder/file")).unwrap(), None);
    assert_eq!(disk::list(&store.join("no/such/folder")).unwrap(), []);

    fs::write(store.join("file"), "text").unwrap();
    symlink(store.join("loop"), store.join("loop")).unwrap();
    symlink("/no/such/disk", store.join("weights")).unwrap();
    for strange in ["file", "loop", "weights"] {
        let inside = store.join(strange).join("inside/file");
        assert!(disk::read(&inside).is_err(), "{strange}");
        assert!(disk::list(&inside).is_err(), "{strange}");
        assert!(disk::make_directory(&inside, false).is_err(), "{strange}");
        assert!(disk::write_atomically(&inside, b"", false).is_err(), "{strange}");
        assert!(disk::remove_directory(&inside).is_err(), "{strange}");
    }
    for problem in [
        disk::read(&store.join("weights")).unwrap_err(),
        disk::make_directory(&store.join("weights"), false).unwrap_err(),
    ] {
        let said = problem.to_string();
        assert!(
            said.contains("weights is a link to /no/such/disk, which is not there"),
            "{said}"
        );
    }
}

#[test]
fn a_file_that_may_not_be_read_is_not_absent() {
    let (guard, store) = directory();
    fs::write(store.join("file"), "before").unwrap();
    in_child(
        "read is refused",
        guard.path(),
        Kind::OpenToRead,
        At::From(1),
        libc::EACCES,
    );
    in_child("read goes stale", guard.path(), Kind::Read, At::Call(1), libc::ESTALE);
}

#[test]
fn names_come_sorted_and_the_programs_own_temporaries_are_known() {
    let (_guard, store) = directory();
    for name in ["b", "a", ".new-1", "c.json"] {
        fs::write(store.join(name), "").unwrap();
    }
    let found = disk::list(&store).unwrap();
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [".new-1", "a", "b", "c.json"]);
    assert_eq!(found[1].1, store.join("a"));
    let own: Vec<&str> = names.into_iter().filter(|name| disk::is_own_temporary(name)).collect();
    assert_eq!(own, [".new-1"]);
}

#[test]
fn a_private_directory_is_closed_to_others_made_now_or_before() {
    let (_guard, store) = directory();
    disk::make_directory(&store.join("above/private"), true).unwrap();
    assert_eq!(mode(&store.join("above/private")), 0o700);
    fs::create_dir(store.join("reference")).unwrap();
    assert_eq!(
        mode(&store.join("above")),
        mode(&store.join("reference")),
        "those above stay open"
    );

    fs::set_permissions(store.join("above"), fs::Permissions::from_mode(0o755)).unwrap();
    disk::make_directory(&store.join("above"), false).unwrap();
    assert_eq!(mode(&store.join("above")), 0o755);
    disk::make_directory(&store.join("above"), true).unwrap();
    assert_eq!(mode(&store.join("above")), 0o700);
}

#[test]
fn each_new_directory_is_synced_in_its_parent() {
    let (guard, store) = directory();
    let count = in_child("directories", guard.path(), Kind::Sync, At::Never, 0);
    assert!(count.is_none_or(|count| count.calls() == 3));
    let again = in_child("directories", guard.path(), Kind::Sync, At::Never, 0);
    assert!(again.is_none_or(|count| count.calls() == 0), "nothing is made");
    assert!(build().is_none() || store.join("a/b/c").is_dir());
}

#[test]
fn a_file_is_replaced_whole_and_is_private_where_asked() {
    let (_guard, store) = directory();
    fs::write(store.join("reference"), "").unwrap();
    let file = store.join("made/when/needed/file");
    disk::write_atomically(&file, b"before", false).unwrap();
    assert_eq!(mode(&file), mode(&store.join("reference")), "as the umask says");
    disk::write_atomically(&file, b"after", true).unwrap();
    assert_eq!(mode(&file), 0o600);
    assert_eq!(disk::read(&file).unwrap().unwrap(), b"after");
    assert_eq!(files(file.parent().unwrap()), ["file"]);
}

#[test]
fn a_write_that_fails_anywhere_leaves_what_was_there_and_nothing_else() {
    for (part, kind, errno) in [
        ("write fails", Kind::OpenToWrite, libc::EACCES),
        ("write fails", Kind::Write, libc::ENOSPC),
        ("write fails", Kind::Sync, libc::EIO),
        ("write fails", Kind::Rename, libc::EIO),
        ("write new fails", Kind::OpenToWrite, libc::EACCES),
        ("write new fails", Kind::Write, libc::ENOSPC),
        ("write new fails", Kind::Sync, libc::EIO),
        ("write new fails", Kind::Link, libc::EIO),
    ] {
        let (guard, store) = directory();
        fs::write(store.join("file"), "before").unwrap();
        let Some(count) = in_child(part, guard.path(), kind, At::From(1), errno) else {
            return;
        };
        assert!(!count.failures().is_empty(), "{part}, {kind:?}");
        assert_eq!(files(&store), ["file"], "{part}, {kind:?}");
        assert_eq!(fs::read(store.join("file")).unwrap(), b"before", "{part}, {kind:?}");
    }
}

#[test]
fn a_write_that_the_system_does_in_halves_is_whole() {
    let (guard, store) = directory();
    if let Some(count) = in_child("write in halves", guard.path(), Kind::ShortWrite, At::From(1), 0) {
        assert!(!count.failures().is_empty());
        assert_eq!(fs::read(store.join("file")).unwrap(), b"after");
    }
}

#[test]
fn a_new_file_does_not_replace_one_hard_links_or_not() {
    for at in [At::Never, At::From(1)] {
        let (guard, store) = directory();
        let Some(count) = in_child("write new", guard.path(), Kind::Link, at, libc::EPERM) else {
            return;
        };
        assert_eq!(count.calls(), 2);
        assert_eq!(fs::read(store.join("new")).unwrap(), b"first");
        assert_eq!(mode(&store.join("new")), 0o600);
        assert_eq!(files(&store), ["new"]);
    }
}

#[test]
fn a_file_moves_to_another_file_system() {
    for at in [At::Never, At::Call(1)] {
        let (guard, store) = directory();
        fs::write(store.join("file"), "before").unwrap();
        fs::set_permissions(store.join("file"), fs::Permissions::from_mode(0o640)).unwrap();
        let Some(count) = in_child("move", guard.path(), Kind::Rename, at, libc::EXDEV) else {
            return;
        };
        assert_eq!(count.calls(), 1 + count.failures().len() as u64);
        assert_eq!(files(&store), ["made/moved"]);
        assert_eq!(fs::read(store.join("made/moved")).unwrap(), b"before");
        assert_eq!(mode(&store.join("made/moved")), 0o640);
    }
}

#[test]
fn a_move_that_fails_keeps_the_file() {
    // Not the first rename only: then the copy cannot take its place either.
    for errno in [libc::EXDEV, libc::EIO] {
        let (guard, store) = directory();
        fs::write(store.join("file"), "before").unwrap();
        if in_child("move fails", guard.path(), Kind::Rename, At::From(1), errno).is_some() {
            assert_eq!(files(&store), ["file"]);
        }
    }
}

#[test]
fn a_directory_is_published_whole_and_the_first_one_stays() {
    let (_guard, store) = directory();
    let place = store.join("published");
    let begin = |text: &str| {
        let unfinished = disk::begin_directory(&store).unwrap();
        fs::write(unfinished.path().join("file"), text).unwrap();
        unfinished
    };
    fs::create_dir(store.join("reference")).unwrap();
    let (first, second, dropped) = (begin("first"), begin("second"), begin("dropped"));
    assert!(!place.exists());
    assert!(disk::publish_directory(first, &place).unwrap());
    assert_eq!(
        mode(&place),
        mode(&store.join("reference")),
        "as open as any other directory"
    );
    assert!(!disk::publish_directory(second, &place).unwrap());
    drop(dropped);
    assert_eq!(files(&store), ["published/file"]);
    assert_eq!(fs::read(place.join("file")).unwrap(), b"first");

    let (third, name) = (begin("third"), store.join("name"));
    fs::write(&name, "a file").unwrap();
    assert!(disk::publish_directory(third, &name).is_err());
    assert_eq!(files(&store), ["name", "published/file"]);
}

#[test]
fn all_of_a_directory_is_synced_before_it_is_published() {
    let (guard, store) = directory();
    let Some(count) = in_child("publish", guard.path(), Kind::Sync, At::Never, 0) else {
        return;
    };
    assert_eq!(count.calls(), 5, "two files, two directories, the parent");
    for call in 1..=4 {
        disk::remove_directory(&store.join("published")).unwrap();
        let mut command = process("publish", guard.path());
        let fault = Inject {
            kind: Kind::Sync,
            at: At::Call(call),
            errno: libc::EIO,
            path: Some("/store"),
            process: None,
        };
        fault.command(command.env("FAILS", ""));
        assert!(command.output().unwrap().status.success());
        assert_eq!(files(&store), NOTHING);
    }
}

#[test]
fn removing_follows_no_link() {
    let (guard, store) = directory();
    let outside = guard.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "").unwrap();
    fs::create_dir_all(store.join("work/deep")).unwrap();
    fs::write(store.join("work/deep/file"), "").unwrap();
    symlink(&outside, store.join("work/deep/link")).unwrap();
    symlink(&outside, store.join("link")).unwrap();
    symlink("/no/such/disk", store.join("dangling")).unwrap();
    for name in ["work", "link", "dangling", "not-there"] {
        disk::remove_directory(&store.join(name)).unwrap();
    }
    assert_eq!(fs::read_dir(&store).unwrap().count(), 0);
    assert_eq!(files(&outside), ["precious"]);

    fs::write(store.join("file"), "").unwrap();
    let problem = disk::remove_directory(&store.join("file")).unwrap_err();
    assert_eq!(problem.kind(), ErrorKind::NotADirectory);
    assert_eq!(files(&store), ["file"]);
}

#[test]
fn a_removal_that_is_cut_short_leaves_nothing_under_the_name() {
    let (guard, store) = directory();
    fs::create_dir(store.join("old")).unwrap();
    for name in ["a", "b", "c"] {
        fs::write(store.join("old").join(name), "").unwrap();
    }
    let Some(count) = in_child("remove fails", guard.path(), Kind::Remove, At::Call(2), libc::EIO) else {
        return;
    };
    assert_eq!(count.failures(), [2]);
    let left = disk::list(&store).unwrap();
    assert_eq!(left.len(), 1);
    assert!(left.iter().all(|(name, _)| disk::is_own_temporary(name)), "{left:?}");
}

#[test]
fn a_part_of_the_store_may_be_a_link_to_another_disk() {
    let (guard, store) = directory();
    let disk_two = guard.path().join("disk-two");
    fs::create_dir(&disk_two).unwrap();
    symlink(&disk_two, store.join("weights")).unwrap();
    let weights = store.join("weights");

    disk::make_directory(&weights, true).unwrap();
    disk::make_directory(&weights.join("sub"), false).unwrap();
    disk::write_atomically(&weights.join("sub/a"), b"a", false).unwrap();
    fs::write(store.join("b"), "b").unwrap();
    disk::move_file(&store.join("b"), &weights.join("b")).unwrap();
    assert!(disk::write_new(&weights.join("c"), b"c", false).unwrap());
    let unfinished = disk::begin_directory(&weights).unwrap();
    File::create(unfinished.path().join("file")).unwrap();
    assert!(disk::publish_directory(unfinished, &weights.join("d")).unwrap());
    assert_eq!(files(&disk_two), ["b", "c", "d/file", "sub/a"]);
    assert_eq!(disk::read(&weights.join("sub/a")).unwrap().unwrap(), b"a");
    assert_eq!(disk::list(&weights).unwrap().len(), 4);
    disk::remove_directory(&weights.join("d")).unwrap();
    assert_eq!(files(&disk_two), ["b", "c", "sub/a"]);
    assert!(weights.is_symlink());
}

#[test]
fn a_refusal_says_where_what_and_the_next_step() {
    let problem = disk::read(Path::new("Cargo.toml/file"))
        .map_err(disk::Error::at(Path::new("Cargo.toml/file"), "read the record"))
        .unwrap_err();
    let words = "Cargo.toml/file: cannot read the record: Not a directory (os error 20). Finished cells are \
                 untouched; free space or fix the permissions and run the same command again";
    assert_eq!(problem.to_string(), words);
}
