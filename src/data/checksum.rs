//! SHA-256 of files and folders, and the one way in which this module reads bytes.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::Error;

/// SHA-256 in lower-case hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A digest over fields of known length, so that no two sequences of fields give the same bytes.
pub(super) struct Fingerprint(Sha256);

impl Fingerprint {
    /// `purpose` keeps fingerprints of different things apart; it also carries their version.
    pub fn new(purpose: &str) -> Self {
        let mut fingerprint = Self(Sha256::new());
        fingerprint.text(purpose);
        fingerprint
    }

    pub fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    /// Adds a text with its length.
    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    /// 64 lower-case hexadecimal digits over all fields added.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// Refuses what is no file, such as a pipe, which would be waited for without an end.
pub(super) fn refuse_unless_file(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Read {
        path: path.to_path_buf(),
        what: "file",
        next: "check that it exists and is a file, or fetch the data again".into(),
        source,
    };
    match fs::metadata(path).map_err(failed)?.is_file() {
        true => Ok(()),
        false => Err(failed(std::io::Error::other("it is no regular file"))),
    }
}

/// The bytes of a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::Read {
        path: path.to_path_buf(),
        what: "file",
        next: "check that it exists and may be read, or fetch the data again".into(),
        source,
    })
}

/// SHA-256 of a file of any size.
///
/// # Errors
/// It cannot be read.
pub fn file_sha256(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        what: "file",
        next: "check that it exists and may be read, or prepare the data again".into(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    let mut digest = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block).map_err(failed)? {
            0 => return Ok(hex(&digest.finalize())),
            read => digest.update(&block[..read]),
        }
    }
}

/// Bytes as text, or the row at which they stop being UTF-8.
pub(super) fn utf8(bytes: Vec<u8>, path: &Path) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let breaks = error.as_bytes()[..good].iter().filter(|&&b| b == b'\n');
        Error::NotUtf8 {
            path: path.to_path_buf(),
            row: breaks.count() + 1,
        }
    })
}

/// The entries of a folder in the byte order of their names; hidden ones (`.name`) are left out.
pub(super) fn folder_entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::Read {
        path: folder.to_path_buf(),
        what: "directory",
        next: "check that it exists and may be read, or fetch the data again".into(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// The number of files in a folder and the [`FolderChecksum`] over all of them.
pub(super) fn folder_sha256(folder: &Path) -> Result<(u64, String), Error> {
    let paths = folder_entries(folder)?;
    let mut all = FolderChecksum::default();
    for path in &paths {
        all.add(path, &read(path)?);
    }
    Ok((paths.len() as u64, all.finish()))
}

/// One checksum over all files of a folder: the SHA-256 of what `sha256sum *` prints there, one line
/// `<sha256>  <name>` per file in byte order of the names. `LC_ALL=C bash -c 'sha256sum * | sha256sum'` inside the
/// folder gives the same.
#[derive(Default)]
pub(super) struct FolderChecksum(Sha256);

impl FolderChecksum {
    /// Adds a file; they come in byte order of their names. Of the path only the last component counts.
    pub fn add(&mut self, path: &Path, bytes: &[u8]) {
        self.0.update(sha256(bytes));
        self.0.update(b"  ");
        self.0.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        self.0.update(b"\n");
    }

    /// In hexadecimal.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}
