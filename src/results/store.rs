//! The places of a results directory. What may be shown lies in `records`; what is about single notes or derives from
//! their text lies in `private`, which only its owner can enter.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::kept::{Kept, Trouble};
use super::{files, lock};
use crate::record::{RecordStore, StageName};

/// A results directory.
#[derive(Clone, Debug)]
pub struct Store {
    results: PathBuf,
    private: PathBuf,
}

impl Store {
    /// The results directory `results`; `private` where the private part lies elsewhere than in it.
    pub fn new(results: &Path, private: Option<&Path>) -> Self {
        Self {
            results: results.to_owned(),
            private: private.map_or_else(|| results.join("private"), Path::to_owned),
        }
    }

    /// Where `records` lies, and `private` where it was not put elsewhere.
    pub fn results(&self) -> &Path {
        &self.results
    }

    /// Whether anything was ever kept here: a folder of another kind, or one that a slip of the hand names, has neither
    /// part.
    pub fn is_there(&self) -> bool {
        self.results.is_dir() && (self.results.join("records").is_dir() || self.private.is_dir())
    }

    /// Where what derives from note text or is about single notes lies: it is under the data's own terms.
    pub fn private(&self) -> &Path {
        &self.private
    }

    /// One file a cell, with nothing about single notes in it.
    pub fn records(&self) -> RecordStore {
        RecordStore::new(&self.results)
    }

    /// The folder of all outputs of a stage. What a record leaves there is its rows by note.
    pub fn stage(&self, stage: StageName) -> PathBuf {
        self.private.join(match stage {
            StageName::Record => "rows",
            _ => stage.word(),
        })
    }

    /// Where a stage's output with a key lies, whether it is there or not.
    pub fn place(&self, stage: StageName, key: &str) -> PathBuf {
        self.stage(stage).join(key)
    }

    /// Where a stage keeps what it needs to go on after an interruption.
    pub fn work(&self, key: &str) -> PathBuf {
        self.private.join("work").join(key)
    }

    /// What a stage left; `None` where it has not run.
    ///
    /// # Errors
    /// See [`Kept::open`].
    pub fn open(&self, stage: StageName, key: &str) -> Result<Option<Kept>, Trouble> {
        Kept::open(&self.place(stage, key), stage, key)
    }

    /// The locks of everything that is being made here, `locks` in the private part.
    ///
    /// # Errors
    /// Their folder cannot be made.
    pub fn locks(&self) -> Result<lock::Locks, files::Error> {
        self.prepare()?;
        let directory = self.private.join("locks");
        files::make_directory(&directory, true)?;
        Ok(lock::Locks::new(directory))
    }

    /// What is being worked on, by the name of its lock, and who does, in words. Of another machine's holder nobody here
    /// knows whether it lives.
    ///
    /// # Errors
    /// The locks cannot be read.
    pub fn held(&self) -> Result<BTreeMap<String, String>, files::Error> {
        let directory = self.private.join("locks");
        let locks = lock::Locks::new(directory.clone());
        let mut held = BTreeMap::new();
        for (name, _) in files::list(&directory)? {
            let Some(name) = name.strip_suffix(".lock").filter(|name| !name.contains('\\')) else {
                continue;
            };
            if let Some(holder) = locks.holder(name)?.filter(|holder| holder.lives != Some(false)) {
                held.insert(name.to_owned(), holder.to_string());
            }
        }
        Ok(held)
    }

    /// Makes the two parts where they are missing.
    ///
    /// # Errors
    /// They cannot be made.
    pub fn prepare(&self) -> Result<(), files::Error> {
        files::make_directory(&self.results, false)?;
        files::make_directory(&self.private, true)
    }
}
