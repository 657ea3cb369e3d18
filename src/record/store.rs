//! One JSON file per cell, written atomically; reading says what is wrong with a file and what to do.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Record, SCHEMA_VERSION};

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error(
        "{path}: cannot {verb} the record: {source}. Finished cells are untouched; free space or fix the permissions and run the same command again"
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried: `read`, `write`, ...
        verb: &'static str,
        /// The system's own words.
        source: std::io::Error,
    },
    /// Not JSON, or not a record.
    #[error("{path}: not a record of this program: {source}. Delete the file to have the cell run again")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the JSON reader found.
        source: serde_json::Error,
    },
    /// Written by a newer program.
    #[error(
        "{path}: record has schema {found}, this program reads up to {SCHEMA_VERSION}. Use the newer icdbench that wrote it, or another results directory"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's schema version.
        found: u64,
    },
}

/// The records of one results directory: `<directory>/records/<key>.json`.
#[derive(Clone, Debug)]
pub struct RecordStore {
    directory: PathBuf,
}

impl RecordStore {
    /// The store under a results directory; nothing is created until a record is written.
    pub fn new(results: &Path) -> Self {
        Self {
            directory: results.join("records"),
        }
    }

    /// Where the record of a key lies.
    pub fn path(&self, key: &str) -> PathBuf {
        self.directory.join(format!("{key}.json"))
    }

    /// The record of a key, `None` where the cell has none yet.
    pub fn find(&self, key: &str) -> Result<Option<Record>, Error> {
        let path = self.path(key);
        if !path.exists() {
            return Ok(None);
        }
        read_record(&path).map(Some)
    }

    /// Every record, ordered by key.
    pub fn all(&self) -> Result<Vec<Record>, Error> {
        if !self.directory.exists() {
            return Ok(Vec::new());
        }
        let io = |source| Error::Io {
            path: self.directory.clone(),
            verb: "list",
            source,
        };
        let mut paths = fs::read_dir(&self.directory)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>())
            .map_err(io)?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        paths.iter().map(|path| read_record(path)).collect()
    }

    /// Writes a record so that a reader sees all of it or none.
    pub fn write(&self, record: &Record) -> Result<PathBuf, Error> {
        let path = self.path(&record.key);
        let io = |source| Error::Io {
            path: path.clone(),
            verb: "write",
            source,
        };
        let mut bytes = serde_json::to_vec_pretty(record).map_err(|error| io(error.into()))?;
        bytes.push(b'\n');
        write_atomically(&path, &bytes).map_err(io)?;
        Ok(path)
    }
}

/// Writes a file so that a reader sees all of it or none, and so that it outlives a power cut: a
/// temporary file beside it, synced, then renamed, then the directory synced.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut unfinished = tempfile::NamedTempFile::new_in(directory)?;
    unfinished.write_all(bytes)?;
    unfinished.as_file().sync_all()?;
    unfinished.persist(path).map_err(|error| error.error)?;
    sync_directory(directory)
}

/// Makes a rename in a directory outlive a power cut.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    // Only Unix can open a directory to sync it; elsewhere the system orders such writes itself.
    #[cfg(unix)]
    fs::File::open(directory)?.sync_all()?;
    Ok(())
}

/// Reads one record file. The schema version is looked at first, so that a record of a newer
/// program is named as such and not as malformed.
pub fn read_record(path: &Path) -> Result<Record, Error> {
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u64,
    }
    let bytes = fs::read(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        verb: "read",
        source,
    })?;
    let malformed = |source| Error::Malformed {
        path: path.to_owned(),
        source,
    };
    let version: Version = serde_json::from_slice(&bytes).map_err(malformed)?;
    if version.schema > u64::from(SCHEMA_VERSION) {
        return Err(Error::Newer {
            path: path.to_owned(),
            found: version.schema,
        });
    }
    serde_json::from_slice(&bytes).map_err(malformed)
}
