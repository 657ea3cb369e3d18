//! The texts that count, as they come by, in a file of the work directory: a large export passes once, and its order is
//! not that of the table.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::error::Error;
use crate::results::files::create_private;

/// Texts on disk, only their owner's to read.
pub(super) struct Spill {
    path: PathBuf,
    output: BufWriter<File>,
    input: File,
    length: u64,
}

/// Where a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    offset: u64,
    /// Bytes.
    pub length: u32,
}

impl Spill {
    pub fn create(directory: &Path) -> Result<Self, Error> {
        let path = directory.join("texts");
        let failed = || Error::write(&path, "write");
        let output = create_private(&path).map_err(failed())?;
        let input = File::open(&path).map_err(failed())?;
        Ok(Self {
            output: BufWriter::with_capacity(1 << 20, output),
            input,
            length: 0,
            path,
        })
    }

    /// Keeps a text.
    pub fn push(&mut self, text: &str) -> Result<Piece, Error> {
        let length = u32::try_from(text.len());
        let length = length.map_err(|_| Error::write(&self.path, "write")(std::io::Error::other("a text of 4 GiB")))?;
        let piece = Piece {
            offset: self.length,
            length,
        };
        self.output
            .write_all(text.as_bytes())
            .map_err(Error::write(&self.path, "write"))?;
        self.length += u64::from(length);
        Ok(piece)
    }

    /// Before the first text is read again.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.output.flush().map_err(Error::write(&self.path, "write"))
    }

    /// Appends a text to `into`.
    pub fn read(&self, piece: Piece, into: &mut String) -> Result<(), Error> {
        let failed = || Error::write(&self.path, "read");
        let mut bytes = vec![0; piece.length as usize];
        self.input.read_exact_at(&mut bytes, piece.offset).map_err(failed())?;
        let text = String::from_utf8(bytes).map_err(|error| failed()(std::io::Error::other(error)))?;
        into.push_str(&text);
        Ok(())
    }
}
