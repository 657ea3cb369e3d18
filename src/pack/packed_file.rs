//! One file of an archive.

use sha2::{Digest, Sha256};

use crate::record::hex;

/// A file of the archive.
#[derive(Clone, Debug)]
pub(super) struct PackedFile {
    /// With `/`.
    pub path: String,
    pub bytes: Vec<u8>,
    /// What it is, in a few words.
    pub title: String,
}

impl PackedFile {
    pub fn new(path: impl Into<String>, bytes: impl Into<Vec<u8>>, title: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            bytes: bytes.into(),
            title: title.into(),
        }
    }

    pub fn sha256(&self) -> String {
        hex(&Sha256::digest(&self.bytes))
    }
}
