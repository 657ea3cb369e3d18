//! Files read whole, with a bound, and compared with the hash that a suite names.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::Error;

/// Far above any vocabulary or configuration: a file of this size is another one.
const MOST: u64 = 256 << 20;

/// The bytes of a vocabulary, a configuration or a list of such.
///
/// # Errors
/// What the system says; `InvalidData` where the file is beyond all bounds, or only stands for the one that is meant.
pub fn read_small(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST + 1).read_to_end(&mut bytes)?;
    let wrong = |problem: String| Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    if bytes.len() as u64 > MOST {
        return wrong(format!("it has more than {} MiB, so it is another file", MOST >> 20));
    }
    match stand_in(&bytes) {
        Some(what) => wrong(what.into()),
        None => Ok(bytes),
    }
}

/// What a file is that was fetched in the place of the one that is meant, with the next step.
pub fn stand_in(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Some("it is a Git LFS pointer, which only stands for the file: run `git lfs pull` in its folder");
    }
    let start = bytes.trim_ascii_start();
    let start = &start[..start.len().min(14)];
    let is_page = [&b"<!doctype html"[..], b"<html"]
        .iter()
        .any(|page| start.len() >= page.len() && start[..page.len()].eq_ignore_ascii_case(page));
    is_page.then_some("it is a web page, not the file: fetch the raw file")
}

/// Compares a file's SHA-256 with what a suite says. The file may be larger than memory.
///
/// # Errors
/// When the file cannot be read, or the hash is another one.
pub fn require_sha256(path: &Path, expected: &str) -> Result<(), Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        what: "file of word vectors",
        source,
    };
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?);
    let mut hash = Sha256::new();
    loop {
        let bytes = file.fill_buf().map_err(failed)?;
        if bytes.is_empty() {
            break;
        }
        hash.update(bytes);
        let read = bytes.len();
        file.consume(read);
    }
    compare(path, &hash.finalize(), expected)
}

/// Compares the SHA-256 of a file that was read with what a suite says.
pub(super) fn check_sha256(path: &Path, bytes: &[u8], expected: &str) -> Result<(), Error> {
    compare(path, &Sha256::digest(bytes), expected)
}

fn compare(path: &Path, digest: &[u8], expected: &str) -> Result<(), Error> {
    let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if found.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Error::Checksum {
        path: path.to_owned(),
        found,
        expected: expected.to_owned(),
    })
}
