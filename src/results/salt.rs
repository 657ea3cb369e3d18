//! Salted hashes of note and patient identifiers: what records name notes by.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{disk, random};
use crate::record::hex;

/// The salt of a store.
#[derive(Clone)]
pub struct Salt(Vec<u8>);

/// Public data sets publish their identifiers: a fixed salt lets records of two machines be paired.
const PUBLIC: &[u8] = b"icdbench public data set";

/// Hexadecimal digits of a salt that was drawn.
const DIGITS: usize = 64;

/// Why there is no salt.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// The system gave no random numbers.
    #[error("cannot draw a salt: the system's random numbers: {0}. Nothing was written; run the same command again")]
    Random(std::io::Error),
    /// The file is not what was written: cut short, or edited.
    #[error(
        "{path}: not a salt: expected {DIGITS} hexadecimal digits, found {found}. Copy the file back from where it was kept. Only if no record here was made with it, delete it, and a new one is drawn"
    )]
    Malformed {
        /// `salt` in the private directory.
        path: PathBuf,
        /// Its length and kind; never its content.
        found: String,
    },
}

impl Salt {
    /// The salt for public data.
    pub fn public() -> Self {
        Self(PUBLIC.to_vec())
    }

    /// The salt for credentialed data: `salt` in a private directory, made at first use from the system's random
    /// numbers. To pair records of two machines, copy the file before the first run.
    ///
    /// # Errors
    /// When the file cannot be read or made, or does not hold a salt. It is never replaced: note names made
    /// with it could no longer be paired.
    pub fn of_directory(private: &Path) -> Result<Self, Error> {
        let path = private.join("salt");
        if let Some(found) = wait_for(&path)? {
            return Self::parse(&path, &found);
        }
        disk::make_directory(private, true).map_err(disk::Error::at(private, "make the directory"))?;
        let drawn = hex(&random::<{ DIGITS / 2 }>().map_err(Error::Random)?);
        // Another process may have been first: its salt counts then.
        disk::write_new(&path, format!("{drawn}\n").as_bytes(), true)
            .map_err(disk::Error::at(&path, "write the salt"))?;
        Self::parse(&path, &wait_for(&path)?.unwrap_or_default())
    }

    fn parse(path: &Path, found: &[u8]) -> Result<Self, Error> {
        let digits = found.strip_suffix(b"\n").unwrap_or(found);
        let digits = digits.strip_suffix(b"\r").unwrap_or(digits);
        let strange = digits.iter().filter(|digit| !digit.is_ascii_hexdigit()).count();
        if digits.len() == DIGITS && strange == 0 {
            return Ok(Self(digits.to_ascii_lowercase()));
        }
        Err(Error::Malformed {
            path: path.to_owned(),
            found: format!("{} bytes, {strange} of them no such digit", digits.len()),
        })
    }

    /// The hash that stands for an identifier: 16 hexadecimal digits.
    pub fn hash(&self, identifier: &str) -> String {
        let digest = Sha256::new()
            .chain_update((self.0.len() as u64).to_le_bytes())
            .chain_update(&self.0)
            .chain_update(identifier)
            .finalize();
        hex(&digest[..8])
    }

    /// What a cell's key says of the salt.
    pub fn fingerprint(&self) -> String {
        self.hash("fingerprint")
    }
}

/// The salt file's bytes. Where there are no hard links another process's new file is empty for a moment.
fn wait_for(path: &Path) -> Result<Option<Vec<u8>>, disk::Error> {
    for _ in 0..10 {
        match disk::read(path).map_err(disk::Error::at(path, "read the salt"))? {
            Some(found) if found.is_empty() => std::thread::sleep(Duration::from_millis(50)),
            found => return Ok(found),
        }
    }
    Ok(Some(Vec::new()))
}
