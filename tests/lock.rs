//! Locks between threads, processes and machines: one at a time, whoever dies.
#![cfg(target_os = "linux")] // Elsewhere no process of a lock can be asked after.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use common::files;
use common::inject::{At, Count, Inject, Kind, build, child as process, part};
use icdbench::results::lock::Locks;

const BEAT: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_millis(200);

/// Locks whose patience is short. Elsewhere `Locks::new`: nothing there waits for a minute to pass.
fn impatient(directory: &Path) -> Locks {
    Locks::with_times(directory.to_owned(), BEAT, PATIENCE)
}

/// A lock file's text with some of its entries changed.
fn changed(text: &[u8], changes: &[(&str, serde_json::Value)]) -> Vec<u8> {
    let mut content: serde_json::Value = serde_json::from_slice(text).unwrap();
    for (name, value) in changes {
        assert!(content.get(name).is_some(), "no entry {name}");
        content[name] = value.clone();
    }
    serde_json::to_vec(&content).unwrap()
}

/// What a lock file of this process says.
fn sample() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let _lock = Locks::new(directory.path().to_owned()).try_lock("sample").unwrap();
    fs::read(directory.path().join("sample.lock")).unwrap()
}

fn token(number: usize) -> serde_json::Value {
    format!("{number:032x}").into()
}

/// What a lock file of a process of this machine says that is gone: this test's number, another start.
fn dead(number: usize) -> Vec<u8> {
    changed(&sample(), &[("start", "1".into()), ("token", token(number))])
}

/// What a lock file of another machine says.
fn foreign(number: usize) -> Vec<u8> {
    changed(&sample(), &[("host", "elsewhere".into()), ("token", token(number))])
}

/// Puts a lock file in place in one step.
fn put(path: &Path, content: &[u8]) {
    let unfinished = path.with_extension(format!("{:?}", std::thread::current().id()));
    fs::write(&unfinished, content).unwrap();
    fs::rename(unfinished, path).unwrap();
}

fn ask_until_given(locks: &Locks, name: &str) {
    let asked = (0..1000).find(|_| {
        std::thread::sleep(PATIENCE / 20);
        locks.try_lock(name).unwrap().is_some()
    });
    assert!(asked.is_some(), "never given");
}

/// A child process that answers on its standard output, a line for each line that it is told.
struct Talking {
    child: Child,
    tell: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Talking {
    fn start(directory: &Path) -> Self {
        let mut child = process("talk", directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            tell: child.stdin.take(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.tell.as_ref().unwrap(), "{line}").unwrap();
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        while !line.starts_with("answer: ") {
            line.clear(); // What the test program itself says.
            assert_ne!(self.answers.read_line(&mut line).unwrap(), 0, "the child ended");
        }
        line["answer: ".len()..].trim().to_owned()
    }

    /// SIGKILL.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Lets it end by itself.
    fn end(&mut self) {
        self.tell = None;
        std::io::copy(&mut self.answers, &mut std::io::sink()).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
#[ignore = "a process of the other tests"]
fn child() {
    let locks = Locks::new(PathBuf::from("locks"));
    match part().as_deref() {
        // Told a name, tries to take its lock, keeps it, and says whether it has it.
        Some("talk") => {
            let mut kept = Vec::new();
            for name in std::io::stdin().lines() {
                let lock = locks.try_lock(&name.unwrap()).unwrap();
                println!("answer: {}", if lock.is_some() { "mine" } else { "taken" });
                kept.push(lock);
            }
        }
        Some("whole life") => {
            fs::create_dir("locks").unwrap();
            put(Path::new("locks/name.lock"), &dead(1));
            let lock = locks.try_lock("name").unwrap().expect("taken over");
            assert!(lock.still_held());
            assert!(locks.try_lock("name").unwrap().is_none());
            drop(lock);
            assert!(locks.try_lock("name").unwrap().is_some());
            assert_eq!(files(Path::new("locks")), [""; 0]);
        }
        Some("replaced by another machine") => {
            fs::create_dir("locks").unwrap();
            put(Path::new("locks/name.lock"), &dead(1));
            assert!(locks.try_lock("name").unwrap().is_some());
        }
        Some("beat") => {
            let locks = impatient(Path::new("locks"));
            let lock = locks.try_lock("name").unwrap();
            wait_for_beats(Path::new("locks/name.lock"), 3);
            assert!(lock.unwrap().still_held(), "the file says what it said");
        }
        other => assert!(other.is_none(), "{other:?}"),
    }
}

fn wait_for_beats(path: &Path, beats: usize) {
    let modified = || fs::metadata(path).unwrap().modified().unwrap();
    let mut last = modified();
    let mut seen = 0;
    for _ in 0..10_000 {
        std::thread::sleep(Duration::from_millis(1));
        if modified() != last {
            last = modified();
            seen += 1;
        }
        if seen == beats {
            return;
        }
    }
    panic!("{seen} beats of {beats}");
}

fn in_child(part: &str, kind: Kind, at: At, errno: i32) -> Option<Count> {
    build()?;
    let directory = tempfile::tempdir().unwrap();
    let mut command: Command = process(part, directory.path());
    let fault = Inject {
        kind,
        at,
        errno,
        path: Some("/locks"),
        process: None,
    };
    let count = fault.command(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", common::stderr(&output));
    Some(count)
}

#[test]
fn one_of_many_threads_gets_a_lock_and_the_next_when_it_is_given_back() {
    let directory = tempfile::tempdir().unwrap();
    let locks = Locks::new(directory.path().join("made/when/needed"));
    for _ in 0..20 {
        let start = Barrier::new(8);
        let taken: Vec<_> = std::thread::scope(|scope| {
            let take = || {
                start.wait();
                locks.try_lock("name").unwrap()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(taken.iter().flatten().count(), 1);
        assert!(locks.try_lock("name").unwrap().is_none());
        assert!(
            locks.try_lock("other").unwrap().is_some(),
            "another name is another lock"
        );
        drop(taken);
        assert!(locks.try_lock("name").unwrap().is_some());
    }
    assert_eq!(files(directory.path()), [""; 0], "nothing is left behind");
}

#[test]
fn a_directory_by_another_name_has_the_same_locks() {
    let directory = tempfile::tempdir().unwrap();
    let (place, link) = (directory.path().join("locks"), directory.path().join("link"));
    fs::create_dir(&place).unwrap();
    std::os::unix::fs::symlink(&place, &link).unwrap();
    let lock = Locks::new(place).try_lock("name").unwrap();
    assert!(Locks::new(link.clone()).try_lock("name").unwrap().is_none());
    drop(lock);
    assert!(Locks::new(link).try_lock("name").unwrap().is_some());
}

#[test]
fn a_process_keeps_others_out_and_its_lock_is_taken_over_at_once_when_it_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let locks = Locks::new(directory.path().join("locks"));
    let mut other = Talking::start(directory.path());
    other.tell("name");
    assert_eq!(other.answer(), "mine");
    assert!(locks.try_lock("name").unwrap().is_none());
    let held = locks.holder("name").unwrap().unwrap();
    assert_eq!(held.pid, other.child.id());
    let sentence = held.to_string();
    assert!(
        sentence.contains(&held.host) && sentence.contains(&held.since),
        "{sentence}"
    );

    other.kill();
    let lock = locks.try_lock("name").unwrap().expect("at once");
    assert!(lock.still_held());
    assert_eq!(locks.holder("name").unwrap().unwrap().pid, std::process::id());
}

#[test]
fn a_process_that_ends_gives_its_locks_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut other = Talking::start(directory.path());
    other.tell("name");
    assert_eq!(other.answer(), "mine");
    other.end();
    assert_eq!(files(directory.path()), [""; 0]);
}

#[test]
fn of_eight_processes_exactly_one_takes_over_a_stale_lock_fifty_times() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("locks")).unwrap();
    let mut takers: Vec<_> = (0..8).map(|_| Talking::start(directory.path())).collect();
    for round in 0..50 {
        put(&directory.path().join(format!("locks/{round}.lock")), &dead(round));
        takers.iter_mut().for_each(|taker| taker.tell(&round.to_string()));
        let answers: Vec<String> = takers.iter_mut().map(Talking::answer).collect();
        let mine = answers.iter().filter(|answer| *answer == "mine").count();
        assert_eq!(mine, 1, "round {round}: {answers:?}");
    }
    takers.iter_mut().for_each(Talking::end);
}

#[test]
fn no_two_are_inside_while_locks_are_taken_given_back_and_left_by_the_dead() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("name.lock");
    let inside = AtomicBool::new(false);
    let entered = AtomicUsize::new(0);
    let enter = || {
        let locks = Locks::new(directory.path().to_owned());
        while entered.load(Ordering::SeqCst) < 200 {
            let Some(lock) = locks.try_lock("name").unwrap() else {
                continue;
            };
            assert!(!inside.swap(true, Ordering::SeqCst), "two inside");
            let number = entered.fetch_add(1, Ordering::SeqCst);
            std::thread::yield_now();
            assert!(lock.still_held());
            inside.store(false, Ordering::SeqCst);
            if number.is_multiple_of(2) {
                put(&path, &dead(number)); // As if we had died here.
            }
        }
    };
    std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(enter))));
    assert!(entered.into_inner() >= 200);
}

#[test]
fn a_held_lock_shows_signs_of_life() {
    let directory = tempfile::tempdir().unwrap();
    let _lock = impatient(directory.path()).try_lock("name").unwrap();
    wait_for_beats(&directory.path().join("name.lock"), 3);
}

#[test]
fn another_machines_lock_is_respected_while_it_beats_and_taken_over_when_it_stands_still() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("name.lock");
    put(&path, &foreign(1));
    let locks = impatient(directory.path());
    for _ in 0..40 {
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now()).unwrap();
        assert!(locks.try_lock("name").unwrap().is_none(), "it beats");
        std::thread::sleep(PATIENCE / 20);
    }
    assert_eq!(locks.holder("name").unwrap().unwrap().host, "elsewhere");
    ask_until_given(&locks, "name");
}

#[test]
fn one_long_pause_of_the_watcher_is_not_taken_for_the_holders_death() {
    let directory = tempfile::tempdir().unwrap();
    put(&directory.path().join("name.lock"), &foreign(1));
    let locks = impatient(directory.path());
    assert!(locks.try_lock("name").unwrap().is_none());
    std::thread::sleep(2 * PATIENCE); // A disk's server that is away holds up both.
    assert!(locks.try_lock("name").unwrap().is_none());
    ask_until_given(&locks, "name");
}

#[test]
fn a_lock_file_that_says_nothing_is_stale_after_a_while() {
    for content in ["", "{\"host\":", "not json", "{}"] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("name.lock"), content).unwrap();
        let locks = impatient(directory.path());
        assert!(locks.try_lock("name").unwrap().is_none(), "it may be being written");
        assert_eq!(locks.holder("name").unwrap(), None);
        ask_until_given(&locks, "name");
        assert_eq!(files(directory.path()), [""; 0]);
    }
}

#[test]
fn a_lock_that_is_somebody_elses_now_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("name.lock");
    let locks = Locks::new(directory.path().to_owned());
    let lock = locks.try_lock("name").unwrap().unwrap();
    assert!(lock.still_held());
    let theirs = foreign(1);
    put(&path, &theirs);
    assert!(!lock.still_held());
    drop(lock);
    assert_eq!(fs::read(&path).unwrap(), theirs);

    fs::remove_file(&path).unwrap();
    let lock = locks.try_lock("name").unwrap().unwrap();
    fs::remove_file(&path).unwrap();
    assert!(!lock.still_held(), "somebody deleted the file");
}

#[test]
fn a_beat_leaves_somebody_elses_lock_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("name.lock");
    let locks = impatient(directory.path());
    let _lock = locks.try_lock("name").unwrap().unwrap();
    put(&path, &foreign(1));
    ask_until_given(&locks, "name");
}

#[test]
fn who_died_while_taking_over_is_taken_over_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("name.lock");
    let ticket = |number: usize| directory.path().join(format!(".new-{number:032x}"));
    let locks = Locks::new(directory.path().to_owned());
    put(&path, &dead(1));
    put(&ticket(1), &dead(2));
    put(&ticket(2), &dead(3));
    let lock = locks.try_lock("name").unwrap().expect("taken over");
    assert_eq!(files(directory.path()), ["name.lock"], "the tickets are gone");
    drop(lock);

    let stale = dead(4);
    put(&path, &stale);
    put(&ticket(4), &foreign(5));
    assert!(locks.try_lock("name").unwrap().is_none(), "another machine is at it");
    assert_eq!(fs::read(&path).unwrap(), stale);
}

#[test]
fn no_system_lock_is_asked_for() {
    let count = in_child("whole life", Kind::Lock, At::Never, libc::ENOSYS);
    assert!(count.is_none_or(|count| count.calls() == 0));
}

#[test]
fn locks_hold_where_there_are_no_hard_links() {
    for errno in [libc::EPERM, libc::EOPNOTSUPP, libc::ENOSYS] {
        let count = in_child("whole life", Kind::Link, At::From(1), errno);
        assert!(count.is_none_or(|count| count.failures().len() >= 2)); // the ticket, the lock again
    }
}

#[test]
fn a_lock_file_that_goes_stale_under_its_reader_is_read_again() {
    let part = "replaced by another machine";
    let count = in_child(part, Kind::Read, At::Call(1), libc::ESTALE);
    assert!(count.is_none_or(|count| count.failures() == [1]));
}

#[test]
fn a_lock_beats_where_times_cannot_be_set() {
    let count = in_child("beat", Kind::Touch, At::From(1), libc::EPERM);
    assert!(count.is_none_or(|count| count.failures().len() >= 3));
}

#[test]
fn a_refusal_names_the_lock_and_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("locks"), "a file").unwrap();
    let problem = Locks::new(directory.path().join("locks"))
        .try_lock("name")
        .err()
        .unwrap()
        .to_string();
    for words in [
        "locks/name.lock: cannot take the lock: ",
        "ot a directory",
        "run the same command again",
    ] {
        assert!(problem.contains(words), "{words:?} is not in: {problem}");
    }
}
