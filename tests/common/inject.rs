//! Faults on purpose: one call of one kind fails in a child process (tests/faults/inject.c does it).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The calls of the C library that fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Writing to files, pipes and sockets other than standard output and standard error.
    Write,
    /// Writing at a place in a file.
    PositionedWrite,
    /// Writing, of which only half is done.
    ShortWrite,
    StandardOutput,
    StandardError,
    Read,
    OpenToWrite,
    /// Of files and of directories that are listed.
    OpenToRead,
    /// The file is closed all the same.
    Close,
    Sync,
    Truncate,
    /// Setting a file's times.
    Touch,
    Rename,
    Link,
    Remove,
    MakeDirectory,
    /// The system's own file locks.
    Lock,
    /// Memory of this many bytes or more at once.
    Allocate(usize),
    /// Whatever changes a file or a name.
    Change,
}

/// In place of an error: the process is killed.
pub const KILLED: i32 = -1;
/// In place of an error: the process is killed, and its parent before it.
pub const KILLED_WITH_PARENT: i32 = -2;

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::PositionedWrite => "pwrite",
            Self::ShortWrite => "short-write",
            Self::StandardOutput => "stdout",
            Self::StandardError => "stderr",
            Self::Read => "read",
            Self::OpenToWrite => "open-write",
            Self::OpenToRead => "open-read",
            Self::Close => "close",
            Self::Sync => "sync",
            Self::Truncate => "truncate",
            Self::Touch => "touch",
            Self::Rename => "rename",
            Self::Link => "link",
            Self::Remove => "remove",
            Self::MakeDirectory => "mkdir",
            Self::Lock => "lock",
            Self::Allocate(_) => "allocate",
            Self::Change => "change",
        }
    }
}

/// Which of the calls, counted from 1 in each process.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// None: they are only counted.
    Never,
    Call(u64),
    /// From this one on.
    From(u64),
}

/// A fault for a child process and its children.
#[derive(Clone, Debug)]
pub struct Inject<'a> {
    pub kind: Kind,
    pub at: At,
    /// How it fails: `libc::ENOSPC`, ..., [`KILLED`], [`KILLED_WITH_PARENT`].
    pub errno: i32,
    /// Only calls on a path that contains this, where the kind has paths.
    pub path: Option<&'a str>,
    /// Only processes whose command line contains this.
    pub process: Option<&'a str>,
}

impl Inject<'_> {
    /// Sets the fault for a command. Ask [`build`] first.
    ///
    /// # Panics
    /// Where the library cannot be built.
    pub fn command(&self, command: &mut Command) -> Count {
        let library = build().expect("build() was asked");
        let count = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let at = match self.at {
            At::Never => "0".into(),
            At::Call(number) => number.to_string(),
            At::From(number) => format!("{number}+"),
        };
        command
            .env("LD_PRELOAD", library)
            .env("ICDBENCH_INJECT_KIND", self.kind.name())
            .env("ICDBENCH_INJECT_AT", at)
            .env("ICDBENCH_INJECT_ERRNO", self.errno.to_string())
            .env("ICDBENCH_INJECT_COUNT", &count);
        let bytes = match self.kind {
            Kind::Allocate(bytes) => Some(bytes.to_string()),
            _ => None,
        };
        for (name, value) in [
            ("ICDBENCH_INJECT_PATH", self.path),
            ("ICDBENCH_INJECT_PROCESS", self.process),
            ("ICDBENCH_INJECT_BYTES", bytes.as_deref()),
        ] {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Count(count)
    }
}

/// What happened in the processes of a command.
pub struct Count(tempfile::TempPath);

impl Count {
    /// Calls of the kind, the failed ones too, in processes that ended by themselves (not by a signal).
    pub fn calls(&self) -> u64 {
        self.numbers("calls ").sum()
    }

    /// The same of the process that made the most.
    pub fn most_calls(&self) -> u64 {
        self.numbers("calls ").max().unwrap_or(0)
    }

    /// Processes whose calls were counted.
    pub fn processes(&self) -> usize {
        self.numbers("calls ").count()
    }

    /// The numbers of the calls that failed.
    pub fn failures(&self) -> Vec<u64> {
        self.numbers("failed ").collect()
    }

    fn numbers(&self, word: &str) -> impl Iterator<Item = u64> {
        let text = std::fs::read_to_string(&self.0).unwrap();
        let numbers: Vec<u64> = text
            .lines()
            .filter_map(|line| line.strip_prefix(word))
            .map(|number| number.parse().unwrap())
            .collect();
        numbers.into_iter()
    }
}

/// This test program again, as a process of its own in a directory: it runs the one test `child`, which is
/// ignored otherwise and does what [`part`] says.
pub fn child(part: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["child", "--exact", "--ignored", "--nocapture"])
        .env("ICDBENCH_TEST_CHILD", part)
        .current_dir(directory);
    command
}

/// In the test `child`: what it is to do; `None` where nobody started it for that.
pub fn part() -> Option<String> {
    std::env::var("ICDBENCH_TEST_CHILD").ok()
}

/// The library, compiled when it is first asked for; `None`, with the reason on standard error, where it cannot be.
pub fn build() -> Option<PathBuf> {
    static LIBRARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match LIBRARY.get_or_init(compile) {
        Ok(library) => Some(library.clone()),
        Err(reason) => {
            eprintln!("skipped, no faults can be made here: {reason}");
            None
        }
    }
}

fn compile() -> Result<PathBuf, String> {
    if !cfg!(all(
        target_os = "linux",
        target_env = "gnu",
        target_pointer_width = "64"
    )) {
        return Err("that needs 64-bit Linux with glibc".into());
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/inject.c");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = folder.join("inject.so");
    // Several test programs may do this at once: each compiles its own and renames it over the others' equal one.
    let own = tempfile::NamedTempFile::new_in(folder).unwrap().into_temp_path();
    let compiler = std::env::var("CC").unwrap_or("cc".into());
    let output = Command::new(&compiler)
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&*own, &source])
        .arg("-ldl")
        .output()
        .map_err(|error| format!("no C compiler {compiler:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    // A compiler is there: then not to compile is a mistake in the source.
    assert!(output.status.success(), "{compiler}: {said}");
    own.persist(&library).unwrap();
    Ok(library)
}
