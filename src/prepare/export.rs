//! The directory of an export: which files there are, under which of their names, and whether a generator made them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::error::Error;
use super::request::Watcher;
use crate::data::prepared::Input;
use crate::data::synthetic::exports::GENERATED;
use crate::data::{CsvFile, Recipe};

/// An export on disk.
pub(super) struct Export {
    pub from: PathBuf,
    /// For messages.
    pub title: &'static str,
    /// Whether a generator made it.
    pub generated: bool,
}

impl Export {
    pub fn open(from: &Path, recipe: &Recipe) -> Result<Self, Error> {
        let title = match recipe {
            Recipe::Mimic3(_) => "MIMIC-III v1.4",
            Recipe::Mimic4(_) => "MIMIC-IV and MIMIC-IV-Note",
            Recipe::Visits(_) => "a hospital's export",
        };
        let export = Self {
            from: from.to_owned(),
            title,
            generated: from.join(GENERATED).exists(),
        };
        match from.is_dir() {
            true => Ok(export),
            false => Err(Error::NoFile {
                from: from.to_owned(),
                names: vec!["such directory".into()],
                title,
            }),
        }
    }

    /// A file by its name without `.csv`, in one of some folders; whatever its case, plain or gzip.
    pub fn find(&self, folders: &[&str], name: &str) -> Result<PathBuf, Error> {
        let shown = |folder: &&str| match *folder {
            "." => format!("{name}.csv (or .csv.gz)"),
            folder => format!("{folder}/{name}.csv (or .csv.gz)"),
        };
        self.find_optional(folders, name)?.ok_or_else(|| Error::NoFile {
            from: self.from.clone(),
            names: folders.iter().map(shown).collect(),
            title: self.title,
        })
    }

    /// The same for a file that an export may lack. Of two that may be meant none is taken.
    pub fn find_optional(&self, folders: &[&str], name: &str) -> Result<Option<PathBuf>, Error> {
        let wanted = |entry: &fs::DirEntry| {
            let found = entry.file_name().to_string_lossy().to_ascii_lowercase();
            let name = name.to_ascii_lowercase();
            found == format!("{name}.csv") || found == format!("{name}.csv.gz")
        };
        let mut found: Vec<PathBuf> = Vec::new();
        for folder in folders {
            let place = match *folder {
                "." => self.from.clone(),
                folder => self.from.join(folder),
            };
            let Ok(entries) = fs::read_dir(place) else {
                continue;
            };
            let entries = entries.filter_map(Result::ok).filter(wanted);
            found.extend(entries.map(|entry| entry.path()));
        }
        found.sort();
        match found.len() {
            0 | 1 => Ok(found.pop()),
            _ => Err(Error::Content {
                file: self.from.display().to_string(),
                found: found
                    .iter()
                    .map(|path| self.shown(path))
                    .collect::<Vec<_>>()
                    .join(" and "),
                expected: format!("one file {name}.csv or {name}.csv.gz"),
                next: "remove those that are not meant".into(),
            }),
        }
    }

    /// A path as messages and manifests show it: within the export.
    pub fn shown(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.from).unwrap_or(path);
        inside.to_string_lossy().replace('\\', "/")
    }

    /// What a file was, once it is read.
    pub fn input(&self, file: CsvFile) -> Result<Input, Error> {
        let (path, rows) = (file.path().to_owned(), file.rows());
        let facts = file.finish()?;
        Ok(Input {
            path: self.shown(&path),
            bytes: facts.bytes,
            sha256: facts.sha256,
            rows,
            changed: changed(&path),
        })
    }
}

/// When a file was last changed, nanoseconds since 1970; 0 where the system does not tell.
pub(super) fn changed(path: &Path) -> u64 {
    let modified = fs::metadata(path).and_then(|found| found.modified()).ok();
    let since = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_nanos() as u64)
}

/// Tells now and then how far a large file is, and whether to stop.
pub(super) struct Pace<'w> {
    watcher: &'w dyn Watcher,
    shown: String,
    bytes: u64,
    rows: u64,
}

impl<'w> Pace<'w> {
    pub fn of(file: &CsvFile, export: &Export, watcher: &'w dyn Watcher) -> Self {
        let bytes = fs::metadata(file.path()).map_or(0, |found| found.len());
        Self {
            watcher,
            shown: export.shown(file.path()),
            bytes,
            rows: 0,
        }
    }

    /// After each row.
    pub fn row(&mut self, position: u64) -> Result<(), Error> {
        self.rows += 1;
        if self.rows.is_multiple_of(4096) {
            self.watcher.reading(&self.shown, position, self.bytes);
            if self.watcher.stop() {
                return Err(Error::Stopped);
            }
        }
        Ok(())
    }
}
