//! Removing what interrupted and outdated work has left. What a process has locked stays. Unfinished files go whosever
//! they are, so nothing should be at work meanwhile.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::check::{KEPT, outputs};
use super::runner::Runner;
use super::{Store, files};
use crate::record::StageName;

/// How far [`clean()`] goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choices {
    /// Also the checkpoints of trainings that have not ended.
    pub unfinished: bool,
    /// Say what would be removed, and remove nothing.
    pub dry_run: bool,
}

/// One thing that was removed, or would be.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Removed {
    /// A file, or a folder with all that is in it.
    pub path: PathBuf,
    /// Why nobody needs it, in words that follow its path.
    pub why: &'static str,
    /// Of the file, or of all files in the folder.
    pub bytes: u64,
}

/// Removes temporary files, the work of finished trainings, stages that no record refers to, and the folders of older
/// versions.
///
/// # Errors
/// A folder cannot be read, or something cannot be removed.
pub fn clean(store: &Store, choices: Choices) -> Result<Vec<Removed>, files::Error> {
    let runner = Runner::new(store.clone())?;
    let listed = store.records().all()?;
    let used: BTreeSet<(StageName, String)> = listed
        .records
        .iter()
        .flat_map(|record| record.stages.iter().map(|(&name, stage)| (name, stage.key())))
        .collect();
    let mut leavings = Vec::new();
    let private = store.private();
    let mut folders = vec![
        store.results().join("records"),
        private.to_owned(),
        private.join("locks"),
        private.join("work"),
    ];
    folders.extend(KEPT.map(|stage| store.stage(stage)));
    for folder in folders {
        let names = files::list(&folder)?.into_iter();
        let own = names.filter(|(name, _)| files::is_own_temporary(name));
        leavings.extend(own.map(|(_, path)| (path, "an unfinished file", None)));
    }
    for stage in KEPT {
        for (key, path) in outputs(store, stage)? {
            if !used.contains(&(stage, key.clone())) {
                leavings.push((path, "no record was made from it", Some((stage, key))));
            }
        }
    }
    for (key, path) in files::list(&private.join("work"))? {
        let finished = store.place(StageName::Weights, &key).exists();
        if finished {
            leavings.push((path, "its training has ended", Some((StageName::Weights, key))));
        } else if choices.unfinished && !files::is_own_temporary(&key) {
            leavings.push((path, "a training that has not ended", Some((StageName::Weights, key))));
        }
    }
    for old in ["weights", "work", "cache", "salt"] {
        let path = store.results().join(old);
        if path.exists() {
            leavings.push((path, "of an older version of this program", None));
        }
    }
    let mut removed = Vec::new();
    for (path, why, stage) in leavings {
        // A stage that another process makes or reads at this moment stays.
        let lock = match &stage {
            Some((name, key)) => match runner.try_lock(name.word(), key)? {
                Some(lock) => Some(lock),
                None => continue,
            },
            None => None,
        };
        let bytes = size(&path);
        if !choices.dry_run {
            files::remove(&path)?;
        }
        drop(lock);
        removed.push(Removed { path, why, bytes });
    }
    Ok(removed)
}

/// Bytes of a file, or of all files below a folder.
fn size(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| size(&entry.path())).sum()
        }
        Ok(found) => found.len(),
        Err(_) => 0,
    }
}
