//! The sign of life of held locks: one thread of the process touches their files every few seconds, so that
//! processes on other machines see that somebody is at work.

use std::fs::{File, FileTimes};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A lock file that this process holds, or is about to make.
pub(super) struct Beating {
    path: PathBuf,
    content: Vec<u8>,
    every: Duration,
    /// When the file was last seen to be ours and touched. Locked while at work on the file, so that no beat is
    /// in it when it is removed (over NFS an open file cannot go away).
    last: Mutex<Instant>,
}

/// All of them, each with the time of its next beat.
static HELD: Mutex<Vec<(Instant, Arc<Beating>)>> = Mutex::new(Vec::new());
static CHANGED: Condvar = Condvar::new();
static STARTED: Mutex<bool> = Mutex::new(false);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Beating {
    /// Begins the beats of a lock file with this content, which nobody else's has. It need not be there yet:
    /// a beat leaves a file alone that holds anything else.
    pub fn begin(path: PathBuf, content: Vec<u8>, every: Duration) -> io::Result<Arc<Self>> {
        start()?;
        let last = Mutex::new(Instant::now());
        let held = Arc::new(Self {
            path,
            content,
            every,
            last,
        });
        lock(&HELD).push((Instant::now() + every, held.clone()));
        CHANGED.notify_all();
        Ok(held)
    }

    /// Whether this process holds, or is about to make, the lock file with this content. Its path does not tell:
    /// a directory has many names.
    pub fn is_ours(content: &[u8]) -> bool {
        lock(&HELD).iter().any(|(_, held)| held.content == content)
    }

    /// Where the lock file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the lock file says.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Whether the file is still there and ours. Where the disk does not answer, whether it was `lately`.
    pub fn is_in_place(&self, lately: Duration) -> bool {
        let last = lock(&self.last);
        match self.open(false) {
            Ok(found) => found.is_some(),
            Err(_) => last.elapsed() < lately,
        }
    }

    /// Ends the beats and removes the file if it is still ours.
    pub fn end(&self) {
        let last = lock(&self.last);
        if matches!(self.open(false), Ok(Some(_))) {
            // What stays behind is found to be nobody's: by its process number, or by its standing still.
            let _ = std::fs::remove_file(&self.path);
        }
        drop(last);
        lock(&HELD).retain(|(_, held)| !std::ptr::eq(&**held, self));
    }

    /// The file if it is ours. Opened by its name each time: that asks an NFS server, and a file that another
    /// process has put in its place is not touched.
    fn open(&self, write: bool) -> io::Result<Option<File>> {
        let mut file = match File::options().read(true).write(write).open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut found = Vec::new();
        (&mut file)
            .take(self.content.len() as u64 + 1)
            .read_to_end(&mut found)?;
        Ok((found == self.content).then_some(file))
    }

    fn beat(&self) {
        let mut last = lock(&self.last);
        // A beat that fails (a full disk, a server that is away) is made up for by the next one.
        if let Ok(Some(file)) = self.open(true)
            && self.touch(file).is_ok()
        {
            *last = Instant::now();
        }
    }

    fn touch(&self, mut file: File) -> io::Result<()> {
        let now = FileTimes::new().set_modified(SystemTime::now());
        file.set_times(now).or_else(|_| {
            // Where files belong to somebody else than who made them, times cannot be set, but writing moves them.
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&self.content[..1])?;
            file.sync_all()
        })
    }
}

/// Starts the thread, once in a process.
fn start() -> io::Result<()> {
    let mut started = lock(&STARTED);
    if !*started {
        std::thread::Builder::new()
            .name("lock heartbeat".into())
            .spawn(beat_for_ever)?;
        *started = true;
    }
    Ok(())
}

fn beat_for_ever() {
    let mut held = lock(&HELD);
    loop {
        let now = Instant::now();
        let mut due = Vec::new();
        for (next, held) in held.iter_mut().filter(|(next, _)| *next <= now) {
            *next = now + held.every;
            due.push(held.clone());
        }
        if !due.is_empty() {
            drop(held);
            due.iter().for_each(|held| held.beat());
            held = lock(&HELD);
            continue;
        }
        held = match held.iter().map(|(next, _)| *next).min() {
            Some(next) => {
                let wait = next.saturating_duration_since(now);
                let woken = CHANGED.wait_timeout(held, wait);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
            None => CHANGED.wait(held).unwrap_or_else(PoisonError::into_inner),
        };
    }
}
