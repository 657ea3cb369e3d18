//! Locks that hold between threads, processes and machines that share a disk, over NFS and Lustre too, where
//! the system's own file locks may be missing or mean nothing.
//!
//! A lock is a file. It says whose it is, it appears whole or not at all, and its holder touches it every few
//! seconds. A lock whose holder is gone is taken over: at once where the holder's process was of this machine,
//! otherwise when its file has stood still for a minute of the *watcher's* own time, so that no two clocks need
//! agree.
//!
//! Taking over must be done by one only. Whoever wants to replace a lock file first makes a *ticket*, a file
//! named by the token of the lock that is to go. That name can be made once; only who made it replaces that
//! lock, in one step (a rename over it), after one more look at it. So there is no moment without a lock file
//! in which a newcomer could slip in, and who comes late finds another token than that which it saw. A ticket
//! is a lock in its turn: if its maker dies, it is taken over by the same rules.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::heartbeat::Beating;
use super::process::Process;
use super::{disk, random};
use crate::record::hex;

/// Time between two signs of life.
const BEAT: Duration = Duration::from_secs(5);

/// How long a lock may stand still. Twelve beats: a server that is being restarted, or a machine that is
/// swapping, is away for some of them.
const PATIENCE: Duration = Duration::from_secs(60);

/// The locks of one directory. Keep it for as long as you may wait for one: it remembers how long it has seen
/// which lock stand still.
pub struct Locks {
    directory: PathBuf,
    beat: Duration,
    patience: Duration,
    watched: Mutex<HashMap<PathBuf, Watched>>,
}

/// A lock. It is given back when it is dropped.
#[must_use = "a lock that is not kept is given back at once"]
pub struct Lock {
    file: Arc<Beating>,
    patience: Duration,
}

/// Who holds a lock, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The holder's machine.
    pub host: String,
    /// Process number there; another machine's says nothing here.
    pub pid: u32,
    /// Since when, by its own clock.
    pub since: String,
    /// Whether the process lives, where this machine can tell.
    pub lives: Option<bool>,
}

impl fmt::Display for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, pid, since, .. } = self;
        write!(formatter, "process {pid} on {host}, since {since}")
    }
}

/// What a lock file says.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Content {
    #[serde(flatten)]
    process: Process,
    /// Drawn for this lock: no two files ever say the same.
    token: String,
    since: String,
}

/// One look at a lock file. Two looks are equal only if nothing has been done to it in between.
#[derive(Clone, PartialEq)]
struct Look {
    bytes: Vec<u8>,
    modified: Option<SystemTime>,
}

struct Watched {
    look: Look,
    at: Instant,
    still: Duration,
}

impl Locks {
    /// The locks `<name>.lock` in a directory, which is made when the first one is.
    pub fn new(directory: PathBuf) -> Self {
        Self::with_times(directory, BEAT, PATIENCE)
    }

    /// With a time between two signs of life, and how long a lock may stand still, for tests. All who use a
    /// directory must mean the same.
    pub fn with_times(directory: PathBuf, beat: Duration, patience: Duration) -> Self {
        Self {
            directory,
            beat,
            patience,
            watched: Mutex::default(),
        }
    }

    /// Takes a lock; `None` where somebody else holds it and lives, another thread of this process included.
    ///
    /// Who waits asks again and again. A time between two questions counts for at most a quarter of the minute that a
    /// lock may stand still: if it was long, then this machine or the disk's server stood still, and the holder may
    /// have as well.
    ///
    /// # Errors
    /// When the directory or a file in it cannot be read or written, or the heartbeat cannot start.
    ///
    /// # Panics
    /// When the name is no plain file name.
    pub fn try_lock(&self, name: &str) -> Result<Option<Lock>, disk::Error> {
        let path = self.path(name);
        self.claim(&path).map_err(disk::Error::at(&path, "take the lock"))
    }

    /// Who holds a lock; `None` where nobody does, or the file does not say.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn holder(&self, name: &str) -> Result<Option<Held>, disk::Error> {
        let path = self.path(name);
        let look = Look::at(&path).map_err(disk::Error::at(&path, "read the lock"))?;
        Ok(look.and_then(|look| look.content()).map(|content| Held {
            lives: content.process.lives(&Process::this()),
            host: content.process.host,
            pid: content.process.pid,
            since: content.since,
        }))
    }

    fn path(&self, name: &str) -> PathBuf {
        assert!(
            !name.is_empty() && !name.contains(['/', '\\']),
            "{name:?}: not a lock's name"
        );
        self.directory.join(format!("{name}.lock"))
    }

    fn claim(&self, path: &Path) -> io::Result<Option<Lock>> {
        // Again where the file went away between two looks, or came; whoever meets that often has company.
        for _ in 0..8 {
            match Look::at(path)? {
                None => {
                    self.watched().remove(path);
                    let lock = self.begin(path)?;
                    let written = lock.write()?;
                    if disk::link_new(&written, lock.file.content(), path)? {
                        return Ok(Some(lock));
                    }
                }
                Some(look) if self.is_stale(path, &look) => return self.take_over(path, &look),
                Some(_) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// `None` where another process was first, or the holder has come back.
    fn take_over(&self, path: &Path, stale: &Look) -> io::Result<Option<Lock>> {
        let token = match stale.content() {
            Some(content) => content.token,
            None => format!("{}.unreadable", path.file_name().unwrap_or_default().display()),
        };
        let ticket = self.directory.join(format!("{}{token}", disk::UNFINISHED));
        let Some(_ticket) = self.claim(&ticket)? else {
            return Ok(None);
        };
        if Look::at(path)?.as_ref() != Some(stale) {
            return Ok(None);
        }
        let lock = self.begin(path)?;
        std::fs::rename(lock.write()?.path(), path)?;
        self.watched().remove(path);
        Ok(Some(lock))
    }

    /// A lock whose file is still to be put in place.
    fn begin(&self, path: &Path) -> io::Result<Lock> {
        let content = Content {
            process: Process::this(),
            token: hex(&random::<16>()?),
            since: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        };
        let bytes = serde_json::to_vec(&content)?;
        Ok(Lock {
            file: Beating::begin(path.to_owned(), bytes, self.beat)?,
            patience: self.patience,
        })
    }

    fn is_stale(&self, path: &Path, look: &Look) -> bool {
        let here = Process::this();
        if let Some(content) = look.content()
            && let Some(lives) = content.process.lives(&here)
        {
            // One of ours that no thread holds was not removed when it was given back.
            return !lives || content.process == here && !Beating::is_ours(&look.bytes);
        }
        let mut watched = self.watched();
        let now = Instant::now();
        match watched.get_mut(path) {
            Some(watched) if watched.look == *look => {
                watched.still += (now - watched.at).min(self.patience / 4);
                watched.at = now;
                watched.still >= self.patience
            }
            _ => {
                let (look, still) = (look.clone(), Duration::ZERO);
                watched.insert(path.to_owned(), Watched { look, at: now, still });
                false
            }
        }
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lock {
    /// Whether the lock is still ours: not after this process stood still so long that another took it over,
    /// or after somebody deleted its file. Ask before what was done under it is made visible.
    pub fn still_held(&self) -> bool {
        self.file.is_in_place(self.patience)
    }

    /// The lock file, whole, under a name of its own.
    fn write(&self) -> io::Result<tempfile::NamedTempFile> {
        let mut file = disk::begin_file(self.file.path(), false)?;
        file.write_all(self.file.content())?;
        Ok(file)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.file.end();
    }
}

impl Look {
    fn at(path: &Path) -> io::Result<Option<Self>> {
        disk::unless_absent(path, disk::unless_stale(|| Self::open(path)))
    }

    fn open(path: &Path) -> io::Result<Self> {
        /// A lock file has a few hundred bytes.
        const MOST: u64 = 4096;

        // Opening asks an NFS server for the file's times; without it an old answer would do.
        let file = File::open(path)?;
        let mut bytes = Vec::new();
        (&file).take(MOST).read_to_end(&mut bytes)?;
        let modified = file.metadata()?.modified().ok();
        Ok(Self { bytes, modified })
    }

    /// What the file says; `None` where it says nothing that a lock file says.
    fn content(&self) -> Option<Content> {
        let content: Content = serde_json::from_slice(&self.bytes).ok()?;
        // The token becomes part of a file name.
        let is_token = content.token.len() == 32 && content.token.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_token.then_some(content)
    }
}
