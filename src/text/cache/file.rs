//! The layout of a `.tokens` file, little-endian throughout:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `icdtoken` |
//! | 4 | store version, u32 |
//! | 32 | cache key, as in the file name |
//! | 8, 8 | notes N and tokens T, u64 |
//! | 8 (N + 1) | offsets, u64 |
//! | 4 T | token ids, u32 |
//! | 32 | sha256 of everything before |

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::super::{STORE_VERSION, TokenStore};

const MAGIC: [u8; 8] = *b"icdtoken";
const HEADER_BYTES: u64 = 8 + 4 + 32 + 8 + 8;
const TRAILER_BYTES: u64 = 32;
/// A multiple of both item sizes.
const BLOCK_BYTES: usize = 1 << 16;

/// The store in a file: `None` where there is no file, a reason where it cannot be trusted.
pub(super) fn read(path: &Path, key: &[u8; 32]) -> Result<Option<TokenStore>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    if length < HEADER_BYTES + TRAILER_BYTES {
        return Err(format!("{length} bytes, too short for a token file"));
    }
    let mut input = Hashed::new(BufReader::with_capacity(BLOCK_BYTES, file));
    read_checked(&mut input, length, key).map(Some)
}

/// Writes a store. The caller makes it appear under its final name.
pub(super) fn write(file: &mut File, key: &[u8; 32], store: &TokenStore) -> io::Result<()> {
    let mut output = Hashed::new(BufWriter::with_capacity(BLOCK_BYTES, file));
    output.write(&MAGIC)?;
    output.write(&STORE_VERSION.to_le_bytes())?;
    output.write(key)?;
    output.write(&(store.len() as u64).to_le_bytes())?;
    output.write(&(store.token_count() as u64).to_le_bytes())?;
    for offsets in store.offsets.chunks(BLOCK_BYTES / 8) {
        let bytes: Vec<u8> = offsets
            .iter()
            .flat_map(|offset| (*offset as u64).to_le_bytes())
            .collect();
        output.write(&bytes)?;
    }
    for tokens in store.tokens.chunks(BLOCK_BYTES / 4) {
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.to_le_bytes()).collect();
        output.write(&bytes)?;
    }
    let trailer = output.digest();
    output.stream.write_all(&trailer)?;
    output.stream.flush()
}

fn read_checked(input: &mut Hashed<BufReader<File>>, length: u64, key: &[u8; 32]) -> Result<TokenStore, String> {
    let failed = |error: io::Error| error.to_string();
    if input.array::<8>().map_err(failed)? != MAGIC {
        return Err("not a token file".to_owned());
    }
    let version = u32::from_le_bytes(input.array().map_err(failed)?);
    if version != STORE_VERSION {
        return Err(format!("version {version}, this program reads {STORE_VERSION}"));
    }
    if input.array::<32>().map_err(failed)? != *key {
        return Err("made for another tokenizer or other texts, and renamed".to_owned());
    }
    let notes = u64::from_le_bytes(input.array().map_err(failed)?);
    let tokens = u64::from_le_bytes(input.array().map_err(failed)?);
    // Before anything is allocated: a damaged count could ask for more memory than there is.
    let announced = announced_bytes(notes, tokens);
    if announced != Some(length) {
        let announced = announced.map_or("more than fit".to_owned(), |bytes| bytes.to_string());
        return Err(format!("{length} bytes, its header announces {announced}"));
    }
    let store = TokenStore {
        offsets: input
            .items(notes as usize + 1, |bytes| u64::from_le_bytes(bytes) as usize)
            .map_err(failed)?,
        tokens: input.items(tokens as usize, u32::from_le_bytes).map_err(failed)?,
    };
    let expected = input.digest();
    let mut trailer = [0; 32];
    input.stream.read_exact(&mut trailer).map_err(failed)?;
    if trailer != expected {
        return Err("damaged: its content does not match its checksum".to_owned());
    }
    Ok(store)
}

fn announced_bytes(notes: u64, tokens: u64) -> Option<u64> {
    let offsets = notes.checked_add(1)?.checked_mul(8)?;
    let tokens = tokens.checked_mul(4)?;
    HEADER_BYTES
        .checked_add(offsets)?
        .checked_add(tokens)?
        .checked_add(TRAILER_BYTES)
}

/// A stream that hashes all that passes.
struct Hashed<S> {
    stream: S,
    hash: Sha256,
}

impl<S> Hashed<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            hash: Sha256::new(),
        }
    }

    fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }
}

impl<S: Write> Hashed<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.stream.write_all(bytes)
    }
}

impl<S: Read> Hashed<S> {
    fn array<const BYTES: usize>(&mut self) -> io::Result<[u8; BYTES]> {
        let mut bytes = [0; BYTES];
        self.stream.read_exact(&mut bytes)?;
        self.hash.update(bytes);
        Ok(bytes)
    }

    fn items<I, const BYTES: usize>(&mut self, count: usize, item: fn([u8; BYTES]) -> I) -> io::Result<Vec<I>> {
        let mut items = Vec::with_capacity(count);
        let mut block = vec![0; BLOCK_BYTES];
        while items.len() < count {
            let bytes = BLOCK_BYTES.min((count - items.len()) * BYTES);
            self.stream.read_exact(&mut block[..bytes])?;
            self.hash.update(&block[..bytes]);
            let (chunks, _) = block[..bytes].as_chunks::<BYTES>();
            items.extend(chunks.iter().map(|chunk| item(*chunk)));
        }
        Ok(items)
    }
}
