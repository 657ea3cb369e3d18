//! Removing what interrupted and outdated work has left. What a process has locked stays. Unfinished files go whosever
//! they are, so nothing should be at work meanwhile.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::check::{KEPT, is_key, outputs};
use super::runner::Runner;
use super::{Store, files};
use crate::record::{Error as RecordError, StageName};

/// What is removed beside temporary files.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// Where reports lie, a folder a suite: what was left of some that were being written goes too.
    pub reports: Option<PathBuf>,
    /// Also the checkpoints of trainings that have not ended, and encoders that were pretrained for cells of which none has
    /// a record.
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

/// What a cleaning came to.
#[derive(Clone, Debug, Default)]
pub struct Cleaned {
    /// What was removed, or would be.
    pub removed: Vec<Removed>,
    /// Why other things stay, a sentence each.
    pub stays: Vec<String>,
}

/// Removes temporary files, the work of finished trainings, stages that no record refers to, and the folders of older
/// versions.
///
/// # Errors
/// A folder cannot be read, or something cannot be removed.
pub fn clean(store: &Store, choices: &Choices) -> Result<Cleaned, files::Error> {
    let runner = Runner::new(store.clone())?;
    let mut used: BTreeSet<(StageName, String)> = BTreeSet::new();
    let listed = store
        .records()
        .each(|record| used.extend(record.stages.iter().map(|(&name, stage)| (name, stage.key()))))?;
    let mut stays = Vec::new();
    let mut leavings = Vec::new();
    let private = store.private();
    let mut folders = vec![
        store.results().to_owned(),
        store.results().join("records"),
        private.to_owned(),
        private.join("locks"),
        private.join("work"),
    ];
    folders.extend(KEPT.map(|stage| store.stage(stage)));
    folders.extend(
        files::list(&private.join("work"))?
            .into_iter()
            .filter_map(|(_, path)| path.is_dir().then_some(path)),
    );
    let mut unfinished = Vec::new();
    for folder in folders {
        let names = files::list(&folder)?.into_iter();
        unfinished.extend(
            names
                .filter(|(name, _)| files::is_own_temporary(name))
                .map(|(_, path)| path),
        );
    }
    let reports = choices.reports.iter().map(|reports| unfinished_reports(reports));
    unfinished.extend(reports.collect::<Result<Vec<_>, _>>()?.into_iter().flatten());
    if !unfinished.is_empty() && runner.is_anybody_at_work()? {
        stays.push("another process is at work here, so that unfinished files stay: they may be its own".to_owned());
        unfinished.clear();
    }
    leavings.extend(unfinished.into_iter().map(|path| (path, "an unfinished file", None)));
    // What an older program made lies in other places.
    let older = |refused: &&RecordError| matches!(refused, RecordError::Older { .. });
    let refused = listed.refused.iter().filter(|refused| !older(refused)).count();
    if refused > 0 {
        stays.push(format!(
            "{refused} records cannot be used, so that what no good record was made from stays too: it may be theirs \
             (`icdbench check` names them)"
        ));
    }
    for stage in KEPT.iter().copied().filter(|_| refused == 0) {
        for (key, path) in outputs(store, stage)? {
            if used.contains(&(stage, key.clone())) {
                continue;
            }
            // It may have taken days, and its cells may be next.
            if stage == StageName::Pretraining && !choices.unfinished {
                stays.push(format!(
                    "{}: no record was made from this encoder yet; --unfinished removes it",
                    path.display()
                ));
                continue;
            }
            leavings.push((path, "no record was made from it", Some((stage, key))));
        }
    }
    let work = files::list(&private.join("work"))?.into_iter();
    for (key, path) in work.filter(|(key, _)| is_key(key)) {
        let trained = [StageName::Weights, StageName::Pretraining];
        let finished = trained.into_iter().find(|&stage| store.place(stage, &key).exists());
        if let Some(stage) = finished {
            leavings.push((path, "its training has ended", Some((stage, key))));
        } else if choices.unfinished {
            // Of which of the two it is, nothing says: nobody may be at work on either.
            if runner.try_lock(StageName::Pretraining.word(), &key)?.is_some() {
                leavings.push((path, "a training that has not ended", Some((StageName::Weights, key))));
            }
        }
    }
    for old in ["weights", "work", "cache", "salt"] {
        let path = store.results().join(old);
        if path.exists() && is_of_older_build(&path)? {
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
    Ok(Cleaned { removed, stays })
}

/// Whether a folder of the results directory is what older builds had under that name, and not somebody's own.
fn is_of_older_build(path: &Path) -> Result<bool, files::Error> {
    if !path.is_dir() {
        return Ok(true); // the salt
    }
    let is_key = |name: &str| name.len() >= 64 && name.bytes().take(64).all(|byte| byte.is_ascii_hexdigit());
    let known = |name: &str| name == "tokens" || is_key(name) || files::is_own_temporary(name);
    Ok(files::list(path)?.iter().all(|(name, _)| known(name)))
}

/// What was left of reports that were being written when their process was killed.
fn unfinished_reports(reports: &Path) -> Result<Vec<PathBuf>, files::Error> {
    let mut found = Vec::new();
    for (_, suite) in files::list(reports)?.into_iter().filter(|(_, suite)| suite.is_dir()) {
        let names = files::list(&suite)?.into_iter();
        let own =
            names.filter(|(name, path)| (name.starts_with(REPORT) || files::is_own_temporary(name)) && path.is_dir());
        found.extend(own.map(|(_, path)| path));
    }
    Ok(found)
}

/// What the names of reports that are being written start with.
const REPORT: &str = ".report-";

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
