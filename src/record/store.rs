//! One JSON file per cell, sealed and written at once. A file is believed when its name is the hash of what the record
//! says it was made from, and its bytes are those that were written.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::stage::{StagePool, short};
use super::{Record, SCHEMA_VERSION};
use crate::results::{files, seal};

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error(transparent)]
    Disk(#[from] files::Error),
    /// Not what was written, or not where it was written to.
    #[error("{path}: not used: {problem}. Run the suite again to have the cell made anew, or delete the file")]
    Refused {
        /// The record's file, as it was opened.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
    /// Written by an older program: its cell is made anew.
    #[error(
        "{path}: not used: it has schema {found}, of an older icdbench; this one reads {SCHEMA_VERSION}. Run the suite again to have the cell made anew, or delete the file"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The file's schema version.
        found: u64,
    },
    /// Written by a newer program.
    #[error(
        "{path}: record has schema {found}, this program reads {SCHEMA_VERSION}. Use the newer icdbench that wrote it, or another results directory"
    )]
    Newer {
        /// The record's file, as it was opened.
        path: PathBuf,
        /// The file's schema version.
        found: u64,
    },
}

impl Error {
    /// Whether the cell is as if it had no record: it is run again, and the file replaced.
    pub fn is_as_if_absent(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Older { .. })
    }
}

/// The records of one results directory: `<directory>/records/<key>.json`.
#[derive(Clone, Debug)]
pub struct RecordStore {
    directory: PathBuf,
}

/// The records of a directory, and the files that are none.
#[derive(Debug, Default)]
pub struct Listed {
    /// Every record, ordered by key.
    pub records: Vec<Record>,
    /// Why others that are called like records are not used.
    pub refused: Vec<Error>,
    /// What other programs have left there: folders' settings of a Mac, back-ups of an editor.
    pub foreign: Vec<PathBuf>,
}

impl Listed {
    /// What is to be said of the files of other programs, if there are any.
    pub fn foreign_sentence(&self) -> Option<String> {
        let first = self.foreign.first()?;
        let (name, folder) = (first.file_name()?, first.parent()?);
        let count = match self.foreign.len() {
            1 => "1 file that is no record of this program is".to_owned(),
            several => format!("{several} files that are no records of this program are"),
        };
        Some(format!(
            "{}: {count} passed over (the first: {:?}); records are called by 64 hexadecimal digits and `.json`",
            folder.display(),
            name.to_string_lossy()
        ))
    }
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
    ///
    /// # Errors
    /// See [`Error`]: a record that is there and cannot be used is not the same as none.
    pub fn find(&self, key: &str) -> Result<Option<Record>, Error> {
        let path = self.path(key);
        let pool = &mut StagePool::default();
        files::read(&path)?.map(|bytes| parse(&path, &bytes, pool)).transpose()
    }

    /// As [`find`](Self::find), for who has looked before: over NFS a name that was not there may seem missing for a minute more.
    /// Reading the directory asks the server.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn find_anew(&self, key: &str) -> Result<Option<Record>, Error> {
        // What cannot be read now is read, and said, next.
        let _ = std::fs::read_dir(&self.directory).map(|mut entries| entries.next().is_some());
        self.find(key)
    }

    /// Every record. What other programs have left there is passed over; what is called like a record and is none is
    /// told.
    ///
    /// # Errors
    /// The folder cannot be entered.
    pub fn all(&self) -> Result<Listed, files::Error> {
        let mut records = Vec::new();
        let listed = self.each(|record| records.push(record))?;
        Ok(Listed { records, ..listed })
    }

    /// As [`all`](Self::all), a record at a time in the order of their keys, for who needs little of each: `records` of what
    /// is returned is empty.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn each(&self, mut take: impl FnMut(Record)) -> Result<Listed, files::Error> {
        /// Files that are read by one thread, whose records share their stages.
        const RUN: usize = 64;
        let mut listed = Listed::default();
        let mut paths = Vec::new();
        for (name, path) in files::list(&self.directory)? {
            if files::is_own_temporary(&name) {
                continue; // a record that is being written
            }
            match is_called_like_a_record(&name) && !path.is_dir() {
                true => paths.push(path),
                false => listed.foreign.push(path),
            }
        }
        // No more of them are held than the threads read at once.
        for paths in paths.chunks(RUN * rayon::current_num_threads()) {
            let of_run = |paths: &'_ [PathBuf]| {
                let mut pool = StagePool::default();
                let read = |path: &PathBuf| {
                    let bytes = files::read(path).transpose()?; // none where it was removed in the meantime
                    Some(bytes.map(|bytes| parse(path, &bytes, &mut pool)))
                };
                paths.iter().filter_map(read).collect::<Vec<_>>()
            };
            let read: Vec<_> = paths.par_chunks(RUN).flat_map_iter(of_run).collect();
            for read in read {
                match read? {
                    Ok(record) => take(record),
                    Err(error) => listed.refused.push(error),
                }
            }
        }
        Ok(listed)
    }

    /// Writes a record so that a reader sees all of it or none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, record: &Record) -> Result<PathBuf, files::Error> {
        let path = self.path(&record.key);
        let blank = Record {
            checksum: seal::BLANK.into(),
            ..record.clone()
        };
        let mut bytes = serde_json::to_vec_pretty(&blank)
            .map_err(|error| files::Error::at(&path, "write the record")(error.into()))?;
        bytes.push(b'\n');
        seal::seal(&mut bytes);
        files::make_directory(&self.directory, false)?;
        files::write_atomically(&path, &bytes, false)?;
        Ok(path)
    }
}

fn is_called_like_a_record(name: &str) -> bool {
    let key = name.strip_suffix(".json").unwrap_or_default();
    key.len() == 64 && key.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// Reads the bytes of one record file. Of one that is of another program's schema that is said first.
fn parse(path: &Path, bytes: &[u8], pool: &mut StagePool) -> Result<Record, Error> {
    let refused = |problem: String| Error::Refused {
        path: path.to_owned(),
        problem,
    };
    let parsed = serde_json::from_slice::<Record>(bytes);
    let schema = match &parsed {
        Ok(record) => Some(u64::from(record.schema)),
        Err(_) => schema(bytes),
    };
    match schema {
        Some(found) if found > u64::from(SCHEMA_VERSION) => {
            return Err(Error::Newer {
                path: path.to_owned(),
                found,
            });
        }
        Some(found) if found < u64::from(SCHEMA_VERSION) => {
            return Err(Error::Older {
                path: path.to_owned(),
                found,
            });
        }
        _ => {}
    }
    if schema.is_some() {
        seal::verify(bytes).map_err(refused)?;
    }
    let mut record = parsed.map_err(|error| refused(format!("it is not a record of this program ({error})")))?;
    record.check_numbers().map_err(refused)?;
    let made = pool.key_of_chain(&mut record.stages).map_err(refused)?;
    if made != record.key {
        return Err(refused(format!(
            "it says that its key is {}, and what it was made from has the key {}",
            short(&record.key),
            short(&made)
        )));
    }
    if path.file_stem().and_then(|name| name.to_str()) != Some(&record.key) {
        return Err(refused(format!(
            "it is the record of {} under another name",
            short(&record.key)
        )));
    }
    Ok(record)
}

/// The schema's version of what is not a record of this program otherwise.
fn schema(bytes: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u64,
    }
    serde_json::from_slice(bytes)
        .ok()
        .map(|version: Version| version.schema)
}
