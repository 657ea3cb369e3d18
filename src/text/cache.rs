//! Encoded notes on disk, so that a second run does not tokenise again. A file that is damaged, cut short or
//! of another version is reported and rebuilt, never used.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{STORE_VERSION, TokenStore, Tokenizer};

mod file;

/// A directory of encoded notes, one file per (tokenizer, texts).
///
/// The files hold the notes in another spelling: with the vocabulary they can be read back. The directory is
/// under the same data use agreement as the data. Files are created readable by their owner only.
#[derive(Clone, Debug)]
pub struct TokenCache {
    directory: PathBuf,
}

/// Where the tokens came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// Read from the cache; nothing was encoded.
    Cache,
    /// Encoded now.
    Encoded,
}

/// The tokens, where they came from, and what the user should know about the cache.
#[derive(Clone, Debug)]
pub struct CachedTokens {
    /// The encoded notes, in the order of the texts.
    pub store: TokenStore,
    /// Cache or encoded.
    pub source: TokenSource,
    /// Empty when all went well. A notice never makes the tokens wrong, only slower to come by.
    pub notices: Vec<CacheNotice>,
}

/// Something about the cache that the user should be told; `Display` says what happened and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheNotice {
    /// A file was there and could not be trusted; the notes were encoded again.
    Rejected {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The tokens could not be kept; the next run encodes them again.
    NotWritten {
        /// The file that was to be written.
        path: PathBuf,
        /// The system's own words.
        reason: String,
    },
}

impl fmt::Display for CacheNotice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CacheNotice::Rejected { path, reason } => write!(
                formatter,
                "{}: cached tokens not used: {reason}. The notes were encoded again; nothing to do",
                path.display()
            ),
            CacheNotice::NotWritten { path, reason } => write!(
                formatter,
                "{}: tokens not cached: {reason}. The run goes on without; free space, fix the permissions or \
                 choose another cache directory to save the time of encoding next time",
                path.display()
            ),
        }
    }
}

impl TokenCache {
    /// A cache in this directory, which is created when the first file is written.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The encoded texts, from the cache when they are there, else encoded now and kept. `progress` is called
    /// as in [`TokenStore::encode`], and never on a hit.
    ///
    /// The texts are hashed on every call rather than named by the caller, so that a stale name can never
    /// bring another data set's tokens.
    pub fn load_or_encode<T: AsRef<str> + Sync>(
        &self,
        tokenizer: &Tokenizer,
        texts: &[T],
        progress: &mut dyn FnMut(usize, usize),
    ) -> CachedTokens {
        let key = key(tokenizer, texts);
        let path = self.directory.join(format!("{}.tokens", hex(&key)));
        let mut notices = Vec::new();
        match file::read(&path, &key) {
            Ok(Some(store)) => {
                return CachedTokens {
                    store,
                    source: TokenSource::Cache,
                    notices,
                };
            }
            Ok(None) => {}
            Err(reason) => notices.push(CacheNotice::Rejected {
                path: path.clone(),
                reason,
            }),
        }
        let store = TokenStore::encode(tokenizer, texts, progress);
        if let Err(error) = self.write(&path, &key, &store) {
            notices.push(CacheNotice::NotWritten {
                path,
                reason: error.to_string(),
            });
        }
        CachedTokens {
            store,
            source: TokenSource::Encoded,
            notices,
        }
    }

    /// Writes beside the target and renames, so that no reader and no second writer ever sees half a file.
    fn write(&self, path: &Path, key: &[u8; 32], store: &TokenStore) -> io::Result<()> {
        std::fs::create_dir_all(&self.directory)?;
        let mut unfinished = tempfile::NamedTempFile::new_in(&self.directory)?;
        file::write(unfinished.as_file_mut(), key, store)?;
        unfinished.persist(path)?;
        Ok(())
    }
}

/// Hex sha256 over all texts, in order; each text is hashed alone first, in parallel.
pub fn content_fingerprint<T: AsRef<str> + Sync>(texts: &[T]) -> String {
    hex(&content_digest(texts))
}

fn content_digest<T: AsRef<str> + Sync>(texts: &[T]) -> [u8; 32] {
    let digests: Vec<[u8; 32]> = texts
        .par_iter()
        .map(|text| Sha256::digest(text.as_ref().as_bytes()).into())
        .collect();
    let mut all = Sha256::new();
    for digest in digests {
        all.update(digest);
    }
    all.finalize().into()
}

/// Everything that decides the content of a file.
fn key<T: AsRef<str> + Sync>(tokenizer: &Tokenizer, texts: &[T]) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"icdbench tokens")
        .chain_update(STORE_VERSION.to_le_bytes())
        .chain_update(tokenizer.fingerprint())
        .chain_update(content_digest(texts))
        .finalize()
        .into()
}

fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
