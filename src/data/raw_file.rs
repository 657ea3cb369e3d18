//! A large file as it comes from a hospital: plain or gzip, read once from start to end by a thread of its own, which
//! takes its checksum on the way.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::checksum::hex;
use super::error::Error;

const BLOCK: usize = 1 << 20;
/// Blocks that may wait to be looked at.
const AHEAD: usize = 8;

/// A file that is being read.
pub struct RawFile {
    path: PathBuf,
    blocks: Receiver<io::Result<Vec<u8>>>,
    reader: Option<JoinHandle<Option<(u64, String)>>>,
    position: Arc<AtomicU64>,
}

/// What a file was, once it is read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFileFacts {
    /// Bytes on disk.
    pub bytes: u64,
    /// SHA-256 of these.
    pub sha256: String,
}

impl RawFile {
    /// Opens the file; what its first bytes are says whether it is gzip, not its name.
    ///
    /// # Errors
    /// It cannot be read, or it is no file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        super::checksum::refuse_unless_file(path)?;
        let file = File::open(path).map_err(unreadable(path))?;
        let (sender, blocks) = sync_channel(AHEAD);
        let position = Arc::new(AtomicU64::new(0));
        let digested = Digested {
            file,
            digest: Sha256::new(),
            position: position.clone(),
        };
        let reader = std::thread::Builder::new()
            .name("raw file".into())
            .spawn(move || read(digested, &sender))
            .map_err(unreadable(path))?;
        Ok(Self {
            path: path.to_owned(),
            blocks,
            reader: Some(reader),
            position,
        })
    }

    /// The next bytes, `None` after the last.
    ///
    /// # Errors
    /// They cannot be read; a gzip that is cut off or damaged.
    pub fn next_block(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.blocks.recv() {
            Ok(Ok(block)) => Ok(Some(block)),
            Ok(Err(source)) => Err(unreadable(&self.path)(source)),
            Err(_) => Ok(None),
        }
    }

    /// All bytes of a file that is small, and what it was.
    ///
    /// # Errors
    /// As [`RawFile::next_block`].
    pub fn whole(path: &Path) -> Result<(Vec<u8>, RawFileFacts), Error> {
        let mut file = Self::open(path)?;
        let mut bytes = Vec::new();
        while let Some(block) = file.next_block()? {
            bytes.extend_from_slice(&block);
        }
        Ok((bytes, file.finish()?))
    }

    /// Bytes of the file on disk that were read so far.
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// Reads what is left, for the checksum.
    ///
    /// # Errors
    /// As [`RawFile::next_block`].
    pub fn finish(mut self) -> Result<RawFileFacts, Error> {
        while self.next_block()?.is_some() {}
        let ended = self.reader.take().and_then(|reader| reader.join().ok()).flatten();
        let (bytes, sha256) =
            ended.ok_or_else(|| unreadable(&self.path)(io::Error::other("reading it ended early")))?;
        Ok(RawFileFacts { bytes, sha256 })
    }
}

/// Tells the blocks, then gives length and checksum. `None` where nobody listens any more or reading failed.
fn read(file: Digested, blocks: &SyncSender<io::Result<Vec<u8>>>) -> Option<(u64, String)> {
    let mut file = BufReader::with_capacity(BLOCK, file);
    let start = io::BufRead::fill_buf(&mut file);
    let gzip = match start {
        Ok(start) => start.starts_with(&[0x1f, 0x8b]),
        Err(error) => {
            let _ = blocks.send(Err(error));
            return None;
        }
    };
    let file = match gzip {
        false => {
            tell(&mut file, blocks)?;
            file
        }
        true => {
            let mut inflated = MultiGzDecoder::new(file);
            tell(&mut inflated, blocks)?;
            inflated.into_inner()
        }
    };
    let Digested { digest, position, .. } = file.into_inner();
    Some((position.load(Ordering::Relaxed), hex(&digest.finalize())))
}

fn tell(bytes: &mut impl Read, blocks: &SyncSender<io::Result<Vec<u8>>>) -> Option<()> {
    loop {
        let mut block = Vec::with_capacity(BLOCK);
        let read = bytes.by_ref().take(BLOCK as u64).read_to_end(&mut block);
        match read {
            Ok(0) => return Some(()),
            Ok(_) => blocks.send(Ok(block)).ok()?,
            Err(error) => {
                // What came before the bad place is for its own messages first.
                if !block.is_empty() {
                    blocks.send(Ok(block)).ok()?;
                }
                let _ = blocks.send(Err(damaged(error)));
                return None;
            }
        }
    }
}

/// The words of the gzip reader say what it met, not what that means.
fn damaged(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(error.kind(), "the gzip file is cut off, or followed by other bytes")
        }
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            io::Error::new(error.kind(), format!("the gzip file is damaged ({error})"))
        }
        _ => error,
    }
}

/// The bytes as they lie on disk, with their checksum.
struct Digested {
    file: File,
    digest: Sha256,
    position: Arc<AtomicU64>,
}

impl Read for Digested {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.digest.update(&buffer[..read]);
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Read {
        path: path.clone(),
        what: "file",
        next: "check that it exists, may be read and is whole, or fetch it again".into(),
        source,
    }
}
