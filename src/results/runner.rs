//! The life of a stage: looked up, locked, run, written at once, verified when read again. A stage knows its work only.

use std::time::Duration;

use super::kept::{Draft, Kept, Trouble};
use super::lock::{Lock, Locks};
use super::{Store, files};
use crate::record::{Stage, StageName, short};

/// How often a lock that another process holds is asked for again.
const AGAIN: Duration = Duration::from_millis(50);

/// Who waits and who is told.
pub trait Patience {
    /// Whether to stop now.
    fn interrupted(&self) -> bool;
    /// Tells the user what is waited for, or why a stage is run again.
    fn notice(&self, sentence: &str);
}

/// The work was stopped by [`Patience::interrupted`].
#[derive(Clone, Copy, Debug)]
pub struct Interrupted;

/// What lies in the place of a stage's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<T> {
    /// There is no such folder: the stage has not run.
    Nothing,
    /// What was read from it.
    Whole(T),
    /// Something that is not what was written: where and why.
    Damaged(String),
}

/// One stage to be had.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its place in the chain, which names its lock too.
    pub name: StageName,
    /// What it is made from.
    pub stage: &'a Stage,
    /// SHA-256 over the stage, see [`Stage::key`]; also the name of its folder.
    pub key: &'a str,
}

/// Runs stages in one results directory.
pub struct Runner {
    store: Store,
    /// Absent where nothing is kept.
    locks: Option<Locks>,
}

impl Runner {
    /// A runner on a store, whose folders are made where they are missing.
    ///
    /// # Errors
    /// The folders cannot be made.
    pub fn new(store: Store) -> Result<Self, files::Error> {
        let locks = Some(store.locks()?);
        Ok(Self { store, locks })
    }

    /// A runner that makes every stage anew in memory and touches no disk: for a look at what a run would take where
    /// there is no results directory.
    pub fn keeping_nothing(store: Store) -> Self {
        Self { store, locks: None }
    }

    /// Whether what is made is kept.
    pub fn keeps(&self) -> bool {
        self.locks.is_some()
    }

    /// The store that it looks in and writes to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What `read` makes of a stage's output, after `make` has made it where it is missing or damaged. Another process
    /// that makes the same stage is waited for.
    ///
    /// # Errors
    /// The store cannot be read or written, what `make` says, or [`Interrupted`].
    pub fn obtain<T, E: From<files::Error> + From<Interrupted>>(
        &self,
        wanted: Wanted,
        patience: &dyn Patience,
        read: impl Fn(&Kept) -> Result<T, Trouble>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        if !self.keeps() {
            return make();
        }
        if let Found::Whole(found) = self.look(wanted, &read)? {
            return Ok(found);
        }
        let Some(_lock) = self.lock(wanted.name.word(), wanted.key, patience)? else {
            return Err(Interrupted.into());
        };
        // Another process may have made it in the meantime.
        match self.look(wanted, &read)? {
            Found::Whole(found) => return Ok(found),
            Found::Nothing => {}
            Found::Damaged(problem) => {
                patience.notice(&format!("{problem}. The stage {} is run again", wanted.name));
                files::remove_directory(&self.store.place(wanted.name, wanted.key))?;
            }
        }
        make()
    }

    /// What `read` makes of a stage's output.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn look<T>(
        &self,
        wanted: Wanted,
        read: impl Fn(&Kept) -> Result<T, Trouble>,
    ) -> Result<Found<T>, files::Error> {
        let kept = self.store.open(wanted.name, wanted.key);
        match kept.and_then(|kept| kept.as_ref().map(&read).transpose()) {
            Ok(None) => Ok(Found::Nothing),
            Ok(Some(found)) => Ok(Found::Whole(found)),
            Err(Trouble::Disk(error)) => Err(error),
            Err(Trouble::Damaged { path, problem }) => Ok(Found::Damaged(format!("{}: {problem}", path.display()))),
        }
    }

    /// Writes a stage's output in one go and puts it in its place.
    ///
    /// # Errors
    /// Its folder cannot be made, or what `write` says.
    pub fn keep<F: serde::Serialize, E: From<files::Error>>(
        &self,
        wanted: Wanted,
        facts: &F,
        write: impl FnOnce(&mut Draft) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.keeps() {
            return Ok(());
        }
        let place = self.store.place(wanted.name, wanted.key);
        let parent = place.parent().unwrap_or(&place);
        files::make_directory(parent, true)?;
        let begun = files::begin_directory(parent)?;
        let mut draft = Draft::at(begun.path());
        write(&mut draft)?;
        draft.publish(&place, (wanted.name, wanted.stage), facts)?;
        Ok(())
    }

    /// Locks a stage or a cell, waiting for another process that holds it; `None` when the waiting was interrupted.
    ///
    /// # Errors
    /// The lock cannot be written.
    pub fn lock(&self, kind: &str, key: &str, patience: &dyn Patience) -> Result<Option<Lock>, files::Error> {
        let mut told = false;
        loop {
            if let Some(lock) = self.try_lock(kind, key)? {
                return Ok(Some(lock));
            }
            if patience.interrupted() {
                return Ok(None);
            }
            if !told {
                patience.notice(&format!("another process makes {kind} {}; waiting for it", short(key)));
                told = true;
            }
            std::thread::sleep(AGAIN);
        }
    }

    /// Whether another process holds any lock here.
    ///
    /// # Errors
    /// The locks cannot be read.
    pub fn is_anybody_at_work(&self) -> Result<bool, files::Error> {
        let Some(locks) = &self.locks else { return Ok(false) };
        for (name, _) in files::list(&self.store.private().join("locks"))? {
            let Some(name) = name.strip_suffix(".lock").filter(|name| !name.contains('\\')) else {
                continue;
            };
            // One that nobody holds any more is taken, and gone when it is given back.
            if locks.try_lock(name)?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Locks a stage or a cell if no other process holds it.
    ///
    /// # Errors
    /// The lock cannot be written.
    pub fn try_lock(&self, kind: &str, key: &str) -> Result<Option<Lock>, files::Error> {
        match &self.locks {
            Some(locks) => locks.try_lock(&format!("{kind}-{key}")),
            None => Ok(None),
        }
    }
}
