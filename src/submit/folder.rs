//! A submission's folder in the results directory: its scripts, its logs, and what was queued.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::choices::File;
use super::kept::Kept;
use super::phases::Phase;
use crate::record::hex;
use crate::results::files;

/// Where submissions lie in a results directory.
const SUBMISSIONS: &str = "submissions";
/// What says what was queued, in a submission's folder.
const KEPT: &str = "submission.json";

/// The folder of one submission.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new folder, `<results>/submissions/<suite>-<number>`.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make(results: &Path, suite: &str) -> Result<Self, files::Error> {
        let all = results.join(SUBMISSIONS);
        files::make_directory(&all, false)?;
        for number in 1.. {
            let path = all.join(format!("{suite}-{number}"));
            match std::fs::create_dir(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                made => {
                    made.map_err(files::Error::at(&path, "make the directory"))?;
                    files::make_directory(&path.join("logs"), false)?;
                    return Ok(Self(path));
                }
            }
        }
        unreachable!("there is always another number")
    }

    /// The folder that [`Folder::make`] would make next.
    pub fn next(results: &Path, suite: &str) -> PathBuf {
        let all = results.join(SUBMISSIONS);
        let mut free = (1..)
            .map(|number: u64| all.join(format!("{suite}-{number}")))
            .filter(|path| !path.exists());
        // OK because numbers do not end.
        free.next().expect("another number")
    }

    /// The submissions of a suite that were queued, in the order in which they were made.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn all(results: &Path, suite: &str) -> Result<Vec<(Self, Kept)>, files::Error> {
        let mut found = Vec::new();
        for (name, path) in files::list(&results.join(SUBMISSIONS))? {
            let number = name.strip_prefix(suite).and_then(|rest| rest.strip_prefix('-'));
            let Some(number) = number.and_then(|number| number.parse::<u64>().ok()) else {
                continue;
            };
            let folder = Self(path);
            let Some(bytes) = files::read(&folder.0.join(KEPT))? else {
                continue; // never queued
            };
            let path = folder.0.join(KEPT);
            let kept = serde_json::from_slice::<Kept>(&bytes)
                .map_err(|error| files::Error::at(&path, "read what was queued")(error.into()))?;
            found.push((number, folder, kept));
        }
        found.sort_by_key(|(number, ..)| *number);
        Ok(found.into_iter().map(|(_, folder, kept)| (folder, kept)).collect())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes its files.
    ///
    /// # Errors
    /// One cannot be written.
    pub fn write(&self, all: &[File]) -> Result<(), files::Error> {
        all.iter()
            .try_for_each(|file| files::write_atomically(&self.0.join(&file.name), file.text.as_bytes(), false))
    }

    /// Writes what was queued.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep(&self, kept: &Kept) -> Result<(), files::Error> {
        let path = self.0.join(KEPT);
        let mut bytes =
            serde_json::to_vec_pretty(kept).map_err(|error| files::Error::at(&path, "write")(error.into()))?;
        bytes.push(b'\n');
        files::write_atomically(&path, &bytes, false)
    }

    /// Removes it where nothing was queued.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(self) -> Result<(), files::Error> {
        files::remove_directory(&self.0)
    }

    /// The last error that a task told in its log, if it has told one.
    ///
    /// # Errors
    /// The log is there and cannot be read.
    pub fn last_error(&self, phase: &Phase, task: usize) -> Result<Option<String>, files::Error> {
        let log = files::read(&self.0.join(format!("logs/{}-{task}.log", phase.name)))?;
        let log = String::from_utf8_lossy(&log.unwrap_or_default()).into_owned();
        let told = |line: &str| {
            line.contains("error: ")
                .then(|| line[line.find("error: ").unwrap_or(0) + 7..].to_owned())
        };
        Ok(log.lines().rev().find_map(told))
    }
}

/// A copy of this program among the submissions, called by its hash: what is built later does not change what is queued.
///
/// # Errors
/// It cannot be read or copied.
pub fn pinned(results: &Path, program: &Path) -> Result<PathBuf, files::Error> {
    let bytes = std::fs::read(program).map_err(files::Error::at(program, "read"))?;
    let sha256 = hex(&Sha256::digest(&bytes));
    let all = results.join(SUBMISSIONS).join("programs");
    let folder = all.join(&sha256);
    let copy = folder.join("icdbench");
    if !copy.is_file() {
        files::make_directory(&all, false)?;
        let begun = files::begin_directory(&all)?;
        let file = begun.path().join("icdbench");
        std::fs::write(&file, &bytes).map_err(files::Error::at(&file, "write"))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let executable = std::fs::Permissions::from_mode(0o755);
            for path in [&file, begun.path()] {
                std::fs::set_permissions(path, executable.clone())
                    .map_err(files::Error::at(path, "make executable"))?;
            }
        }
        files::publish_directory(begun.path(), &folder)?;
    }
    Ok(copy)
}
