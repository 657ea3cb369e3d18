//! Compares a copy of a data set with the registry, file by file, without stopping at the first
//! difference.

use std::error::Error as _;
use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::checksum;
use super::error::Error;
use super::registry::{Dataset, FileEntry, FolderEntry};

/// What was found of a data set on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct VerifyReport {
    /// The data set's name in the registry.
    pub dataset: String,
    /// Whether everything that must be there is, and nothing differs.
    pub ok: bool,
    /// One entry per file and folder of the registry, in its order: folders first.
    pub entries: Vec<EntryReport>,
}

/// What was found of one file or folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct EntryReport {
    /// Path relative to the data directory.
    pub path: String,
    /// What the comparison of checksums says.
    pub status: Status,
    /// What the comparison of rows (of a file) or files (of a folder) says, where a number is
    /// expected and one was found.
    pub count: Option<CountReport>,
}

/// The state of one file or folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The bytes are those of the registry.
    Ok,
    /// It is readable, and the registry has no checksum to compare with.
    NotListed {
        /// SHA-256 found.
        found: String,
    },
    /// It is not there, which the registry allows.
    AbsentAllowed,
    /// It is not there.
    Missing,
    /// It is there with other bytes than the registry lists.
    Mismatch {
        /// SHA-256 in the registry.
        expected: String,
        /// SHA-256 found.
        found: String,
    },
    /// It is there and cannot be read.
    Unreadable {
        /// The message of the error that reading it gave.
        reason: String,
    },
}

/// A comparison of two counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CountReport {
    /// How many the registry lists.
    pub expected: u64,
    /// How many there are on disk.
    pub found: u64,
    /// Whether they are equal.
    pub ok: bool,
}

/// Computes every checksum and count that the registry lists for the data set. A data set
/// without files has an empty report.
///
/// # Errors
/// The data set has files, and no data directory was given or it is not a directory.
pub fn verify(dataset: &Dataset, data_dir: Option<&Path>) -> Result<VerifyReport, Error> {
    let mut entries = Vec::new();
    if !(dataset.files.is_empty() && dataset.folders.is_empty()) {
        let data_dir = dataset.directory(data_dir)?;
        entries.extend(dataset.folders.iter().map(|entry| folder_report(entry, data_dir)));
        entries.extend(dataset.files.iter().map(|entry| file_report(entry, data_dir)));
    }
    Ok(VerifyReport {
        dataset: dataset.name.clone(),
        ok: entries.iter().all(EntryReport::is_ok),
        entries,
    })
}

impl EntryReport {
    /// Whether the entry is as it should be.
    pub fn is_ok(&self) -> bool {
        let status = matches!(
            self.status,
            Status::Ok | Status::NotListed { .. } | Status::AbsentAllowed
        );
        status && self.count.as_ref().is_none_or(|count| count.ok)
    }
}

fn folder_report(entry: &FolderEntry, data_dir: &Path) -> EntryReport {
    let path = data_dir.join(&entry.path);
    let found = || {
        let (files, sha256) = checksum::folder_sha256(&path)?;
        Ok((Some(files), sha256))
    };
    report(
        &entry.path,
        path.exists(),
        false,
        entry.sha256.as_deref(),
        Some(entry.files),
        found,
    )
}

fn file_report(entry: &FileEntry, data_dir: &Path) -> EntryReport {
    let path = data_dir.join(&entry.path);
    let found = || {
        let bytes = checksum::read(&path)?;
        Ok((Some(line_count(&bytes)), checksum::sha256(&bytes)))
    };
    let may_be_absent = entry.may_be_absent;
    report(
        &entry.path,
        path.exists(),
        may_be_absent,
        entry.sha256.as_deref(),
        entry.rows,
        found,
    )
}

fn report(
    path: &str,
    exists: bool,
    may_be_absent: bool,
    expected_sha256: Option<&str>,
    expected_count: Option<u64>,
    found: impl FnOnce() -> Result<(Option<u64>, String), Error>,
) -> EntryReport {
    let mut count = None;
    let status = match (exists, may_be_absent) {
        (false, true) => Status::AbsentAllowed,
        (false, false) => Status::Missing,
        (true, _) => match found() {
            Err(error) => Status::Unreadable {
                reason: match error.source() {
                    Some(cause) => format!("{error}: {cause}"),
                    None => error.to_string(),
                },
            },
            Ok((found_count, sha256)) => {
                count = expected_count.zip(found_count);
                match expected_sha256 {
                    None => Status::NotListed { found: sha256 },
                    Some(expected) if expected == sha256 => Status::Ok,
                    Some(expected) => Status::Mismatch {
                        expected: expected.into(),
                        found: sha256,
                    },
                }
            }
        },
    };
    let count = count.map(|(expected, found)| CountReport {
        expected,
        found,
        ok: expected == found,
    });
    EntryReport {
        path: path.into(),
        status,
        count,
    }
}

/// Lines as [`str::lines`] counts them: a last line without a break counts too.
fn line_count(bytes: &[u8]) -> u64 {
    let breaks = bytes.iter().filter(|&&byte| byte == b'\n').count();
    let open = bytes.last().is_some_and(|&byte| byte != b'\n');
    breaks as u64 + u64::from(open)
}
