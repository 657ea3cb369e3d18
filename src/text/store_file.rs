//! The layout of a file of token ids, little-endian throughout:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `icdtoken` |
//! | 8, 8 | notes N and tokens T, u64 |
//! | 8 (N + 1) | offsets, u64 |
//! | 4 T | token ids, u32 |
//!
//! The file holds the notes in another spelling: with the vocabulary they can be read back. It is under the same data
//! use agreement as the data.

use std::io::{self, Read, Write};

use super::store::TokenStore;

const MAGIC: [u8; 8] = *b"icdtoken";
const HEADER_BYTES: u64 = 8 + 8 + 8;
/// A multiple of both item sizes.
const BLOCK_BYTES: usize = 1 << 16;

impl TokenStore {
    /// Writes all notes.
    ///
    /// # Errors
    /// What the stream says.
    pub fn write_to(&self, output: &mut dyn Write) -> io::Result<()> {
        output.write_all(&MAGIC)?;
        output.write_all(&(self.len() as u64).to_le_bytes())?;
        output.write_all(&(self.token_count() as u64).to_le_bytes())?;
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        for offsets in self.offsets.chunks(BLOCK_BYTES / 8) {
            block.clear();
            block.extend(offsets.iter().flat_map(|offset| (*offset as u64).to_le_bytes()));
            output.write_all(&block)?;
        }
        for tokens in self.tokens.chunks(BLOCK_BYTES / 4) {
            block.clear();
            block.extend(tokens.iter().flat_map(|token| token.to_le_bytes()));
            output.write_all(&block)?;
        }
        Ok(())
    }

    /// Reads what [`write_to`](Self::write_to) wrote from a stream of `length` bytes.
    ///
    /// # Errors
    /// What the stream says; `InvalidData` where its content is something else.
    pub fn read_from(input: &mut dyn Read, length: u64) -> io::Result<Self> {
        let wrong = |problem: String| io::Error::new(io::ErrorKind::InvalidData, problem);
        if array::<8>(input)? != MAGIC {
            return Err(wrong("not a file of token ids".into()));
        }
        let notes = u64::from_le_bytes(array(input)?);
        let tokens = u64::from_le_bytes(array(input)?);
        // Before anything is allocated: a damaged count could ask for more memory than there is.
        if announced_bytes(notes, tokens) != Some(length) {
            return Err(wrong(format!("{length} bytes, its header announces another length")));
        }
        let store = Self {
            offsets: items(input, notes as usize + 1, |bytes| u64::from_le_bytes(bytes) as usize)?,
            tokens: items(input, tokens as usize, u32::from_le_bytes)?,
        };
        let ascending = store.offsets.windows(2).all(|pair| pair[0] <= pair[1]);
        if !ascending || store.offsets[0] != 0 || store.offsets.last() != Some(&store.tokens.len()) {
            return Err(wrong("offsets that do not fit the tokens".into()));
        }
        Ok(store)
    }
}

fn announced_bytes(notes: u64, tokens: u64) -> Option<u64> {
    let offsets = notes.checked_add(1)?.checked_mul(8)?;
    let tokens = tokens.checked_mul(4)?;
    HEADER_BYTES.checked_add(offsets)?.checked_add(tokens)
}

fn array<const BYTES: usize>(input: &mut dyn Read) -> io::Result<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn items<I, const BYTES: usize>(input: &mut dyn Read, count: usize, item: fn([u8; BYTES]) -> I) -> io::Result<Vec<I>> {
    let mut items = Vec::with_capacity(count);
    let mut block = vec![0; BLOCK_BYTES];
    while items.len() < count {
        let bytes = BLOCK_BYTES.min((count - items.len()) * BYTES);
        input.read_exact(&mut block[..bytes])?;
        let (chunks, _) = block[..bytes].as_chunks::<BYTES>();
        items.extend(chunks.iter().map(|chunk| item(*chunk)));
    }
    Ok(items)
}
