//! Putting a report in its place: all files are finished in a hidden directory first, then renamed one by one, so that
//! a reader never sees half a file. A failure before the renaming leaves the old report as it was.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::error::Error;

/// A report being written.
pub struct Staging {
    target: PathBuf,
    staged: tempfile::TempDir,
    files: Vec<PathBuf>,
}

impl Staging {
    /// Makes the target directory where it does not exist, and a hidden one inside, on the same file system.
    pub fn begin(target: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io {
            path: target.to_owned(),
            verb: "create",
            source,
        };
        fs::create_dir_all(target).map_err(io)?;
        let staged = tempfile::Builder::new()
            .prefix(".report-")
            .tempdir_in(target)
            .map_err(io)?;
        fs::create_dir(staged.path().join(PLOTS)).map_err(io)?;
        Ok(Self {
            target: target.to_owned(),
            staged,
            files: Vec::new(),
        })
    }

    /// Stages a file with these bytes, to be named relative to the report.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.staged.path().join(name);
        let written = fs::File::create(&path).and_then(|mut file| file.write_all(bytes));
        written.map_err(|source| Error::Io {
            path: path.clone(),
            verb: "write",
            source,
        })?;
        sync(&path)?;
        self.files.push(PathBuf::from(name));
        Ok(())
    }

    /// Renames every staged file into its place, then removes plots of an earlier report that this one does not
    /// have. Returns the files' paths in the order they were staged.
    pub fn finish(self) -> Result<Vec<PathBuf>, Error> {
        let plots = self.target.join(PLOTS);
        fs::create_dir_all(&plots).map_err(|source| Error::Io {
            path: plots.clone(),
            verb: "create",
            source,
        })?;
        let mut placed = Vec::new();
        for name in &self.files {
            let path = self.target.join(name);
            fs::rename(self.staged.path().join(name), &path).map_err(|source| Error::Io {
                path: path.clone(),
                verb: "replace",
                source,
            })?;
            placed.push(path);
        }
        remove_stale(&plots, &placed)?;
        #[cfg(unix)] // Elsewhere directories cannot be opened, and the system orders such writes itself.
        for directory in [&plots, &self.target] {
            sync(directory)?;
        }
        Ok(placed)
    }
}

/// Makes what was written to a file or done in a directory outlive a power cut.
fn sync(path: &Path) -> Result<(), Error> {
    let synced = fs::File::open(path).and_then(|opened| opened.sync_all());
    match synced {
        // The answer of file systems that cannot sync a directory.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced.map_err(|source| Error::Io {
            path: path.to_owned(),
            verb: "write",
            source,
        }),
    }
}

/// Folder of the plots inside a report.
pub const PLOTS: &str = "plots";

/// The plots folder is the report's own: a picture in it that was not placed now belongs to an earlier report.
fn remove_stale(plots: &Path, placed: &[PathBuf]) -> Result<(), Error> {
    let io = |source| Error::Io {
        path: plots.to_owned(),
        verb: "clear old plots from",
        source,
    };
    let placed: BTreeSet<&PathBuf> = placed.iter().collect();
    for entry in fs::read_dir(plots).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let picture = path
            .extension()
            .is_some_and(|extension| extension == "svg" || extension == "png");
        if picture && !placed.contains(&path) {
            fs::remove_file(&path).map_err(io)?;
        }
    }
    Ok(())
}
