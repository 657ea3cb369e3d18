//! Salted hashes of note and patient identifiers: what records name notes by.

use std::io::Write;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::record::hex;

/// The salt of a results directory.
#[derive(Clone)]
pub struct Salt(Vec<u8>);

/// Public data sets publish their identifiers: a fixed salt lets records of two machines be paired.
const PUBLIC: &[u8] = b"icdbench public data set";

impl Salt {
    /// The salt for public data.
    pub fn public() -> Self {
        Self(PUBLIC.to_vec())
    }

    /// The salt of a results directory for credentialed data: `<results>/salt`, made at first use from
    /// the system's random numbers. To pair records of two machines, copy the file before the first run.
    pub fn of_directory(results: &Path) -> std::io::Result<Self> {
        let path = results.join("salt");
        if let Ok(found) = std::fs::read(&path) {
            return Ok(Self(found));
        }
        std::fs::create_dir_all(results)?;
        let mut unfinished = tempfile::NamedTempFile::new_in(results)?;
        let state = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), results);
        let drawn = Sha256::new()
            .chain_update(state.to_le_bytes())
            .chain_update(unfinished.path().as_os_str().as_encoded_bytes())
            .chain_update(format!("{:?}", std::time::SystemTime::now()))
            .finalize();
        unfinished.write_all(hex(&drawn).as_bytes())?;
        unfinished.as_file().sync_all()?;
        // Another process may have been first: its salt counts then.
        match unfinished.persist_noclobber(&path) {
            Ok(_) => std::fs::read(&path).map(Self),
            Err(_) => std::fs::read(&path).map(Self),
        }
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
