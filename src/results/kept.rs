//! What a stage leaves on disk: a folder of files with a sealed list of them, `stage.json`, which also says what the
//! stage was made from. Nothing in it is believed: the folder's name must be the hash of the stage's inputs, and every
//! byte that is read is compared with the list.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::files;
use super::seal::{self, hex};
use crate::record::{Stage, StageName};

/// The file in a stage's folder that lists the others.
pub const LIST: &str = "stage.json";
/// Rises when the layout of [`LIST`] changes.
const FORMAT: u32 = 1;

/// The list: what there is, and what it was made from.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct List {
    format: u32,
    checksum: String,
    stage: StageName,
    key: String,
    made_from: Stage,
    files: BTreeMap<String, FileFacts>,
    facts: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FileFacts {
    sha256: String,
    bytes: u64,
}

/// Why what a stage left cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It is not what was written.
    #[error("{path}: {problem}")]
    Damaged {
        /// The file that is missing, was changed or does not fit; the list itself where that is wrong.
        path: PathBuf,
        /// What is wrong with it, in words that follow its path.
        problem: String,
    },
    /// The file system refused.
    #[error(transparent)]
    Disk(#[from] files::Error),
}

/// What a stage left, its list verified.
#[derive(Clone, Debug)]
pub struct Kept {
    directory: PathBuf,
    list: List,
}

impl Kept {
    /// Opens the folder of a stage; `None` where there is none.
    ///
    /// # Errors
    /// The list is missing, was changed, or is of another stage than its place says.
    pub fn open(directory: &Path, stage: StageName, key: &str) -> Result<Option<Self>, Trouble> {
        let path = directory.join(LIST);
        let damaged = |problem: String| Trouble::Damaged {
            path: path.clone(),
            problem,
        };
        let Some(bytes) = files::read(&path)? else {
            return match directory.exists() {
                true => Err(damaged("is missing, though its folder is there".into())),
                false => Ok(None),
            };
        };
        seal::verify(&bytes).map_err(damaged)?;
        let list: List = serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
        if list.format != FORMAT {
            return Err(damaged(format!(
                "has format {}, this program reads {FORMAT}",
                list.format
            )));
        }
        if list.stage != stage || list.key != key || list.made_from.key() != key {
            return Err(damaged(format!(
                "is of the stage {} {}, made from inputs with the key {}; expected {stage} {key}",
                list.stage,
                list.key,
                list.made_from.key()
            )));
        }
        // Whoever reads or copies a file joins its name to a folder.
        let is_plain = |name: &String| {
            let mut parts = Path::new(name).components();
            matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name.as_str())
        };
        if let Some(name) = list.files.keys().find(|name| !is_plain(name)) {
            return Err(damaged(format!(
                "lists {name:?}, which is not the name of a file beside it"
            )));
        }
        Ok(Some(Self {
            directory: directory.to_owned(),
            list,
        }))
    }

    /// What the stage was made from: its hash is the folder's name.
    pub fn made_from(&self) -> &Stage {
        &self.list.made_from
    }

    /// What the stage says of itself beside its files.
    ///
    /// # Errors
    /// It is of another shape.
    pub fn facts<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        serde_json::from_value(self.list.facts.clone()).map_err(|error| self.damaged(LIST, error.to_string()))
    }

    /// Where a file lies, for programs that read it themselves.
    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    /// The names of its files, sorted; the list itself is none of them.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.list.files.keys().map(String::as_str)
    }

    /// The SHA-256 that the list has of a file.
    pub fn sha256(&self, file: &str) -> Option<&str> {
        self.list.files.get(file).map(|facts| facts.sha256.as_str())
    }

    /// The bytes of a file, compared with the list.
    ///
    /// # Errors
    /// The file is missing or was changed.
    pub fn read(&self, file: &str) -> Result<Vec<u8>, Trouble> {
        self.stream(file, |input, length| {
            let mut bytes = Vec::with_capacity(length as usize);
            input.read_to_end(&mut bytes)?;
            Ok(bytes)
        })
    }

    /// A file as JSON.
    ///
    /// # Errors
    /// As [`read`](Self::read), or another shape.
    pub fn json<T: DeserializeOwned>(&self, file: &str) -> Result<T, Trouble> {
        // Only the place: the reader's own words may quote what stands there.
        serde_json::from_slice(&self.read(file)?).map_err(|error| {
            self.damaged(
                file,
                format!("of another shape at line {}, column {}", error.line(), error.column()),
            )
        })
    }

    /// Reads a file through `read`, which is given its length, and compares all of it with the list.
    ///
    /// # Errors
    /// The file is missing or was changed, or what `read` says.
    pub fn stream<T>(&self, file: &str, read: impl FnOnce(&mut dyn Read, u64) -> io::Result<T>) -> Result<T, Trouble> {
        let listed = self.list.files.get(file);
        let listed = listed.ok_or_else(|| self.damaged(file, "is not in the list of its stage".into()))?;
        let path = self.path(file);
        let disk = |source| files::Error::at(&path, "read")(source);
        let opened = match File::open(&path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.damaged(file, "is missing".into()));
            }
            Err(error) => return Err(disk(error).into()),
        };
        let length = opened.metadata().map_err(disk)?.len();
        if length != listed.bytes {
            return Err(self.damaged(file, format!("has {length} bytes, expected {}", listed.bytes)));
        }
        let mut input = Hashing {
            stream: BufReader::with_capacity(1 << 20, opened),
            hash: Sha256::new(),
        };
        let outcome = read(&mut input, length).and_then(|value| {
            io::copy(&mut input, &mut io::sink())?;
            Ok(value)
        });
        let found = hex(&input.hash.finalize());
        match outcome {
            Ok(value) if found == listed.sha256 => Ok(value),
            Ok(_) => Err(self.damaged(file, "was changed after it was written".into())),
            Err(error) if error.raw_os_error().is_some() => Err(disk(error).into()),
            Err(error) => Err(self.damaged(file, error.to_string())),
        }
    }

    /// Compares every file with the list.
    ///
    /// # Errors
    /// The first that differs.
    pub fn verify(&self) -> Result<(), Trouble> {
        for file in self.list.files.keys() {
            self.stream(file, |_, _| Ok(()))?;
        }
        Ok(())
    }

    fn damaged(&self, file: &str, problem: String) -> Trouble {
        Trouble::Damaged {
            path: self.path(file),
            problem,
        }
    }
}

/// A stage's folder while it is being written.
pub struct Draft {
    directory: PathBuf,
    files: BTreeMap<String, FileFacts>,
}

impl Draft {
    /// A draft in a folder that exists.
    pub fn at(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            files: BTreeMap::new(),
        }
    }

    /// Adds a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, file: &str, bytes: &[u8]) -> Result<(), files::Error> {
        self.stream(file, |output| output.write_all(bytes))
    }

    /// Adds a file as JSON.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn json<T: Serialize>(&mut self, file: &str, value: &T) -> Result<(), files::Error> {
        let bytes = serde_json::to_vec(value)
            .map_err(|error| files::Error::at(&self.directory.join(file), "write")(error.into()))?;
        self.write(file, &bytes)
    }

    /// Adds a file that `write` writes.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn stream(
        &mut self,
        file: &str,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), files::Error> {
        let path = self.directory.join(file);
        let written = files::create_private(&path).and_then(|created| {
            let mut output = Hashing {
                stream: BufWriter::with_capacity(1 << 20, created),
                hash: Sha256::new(),
            };
            write(&mut output)?;
            output.flush()?;
            output.stream.get_ref().sync_all()?;
            let bytes = output.stream.get_ref().metadata()?.len();
            Ok(FileFacts {
                sha256: hex(&output.hash.finalize()),
                bytes,
            })
        });
        let facts = written.map_err(|source| files::Error::at(&path, "write")(source))?;
        self.files.insert(file.into(), facts);
        Ok(())
    }

    /// Adds a file that is in the folder already. Returns its SHA-256.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn adopt(&mut self, file: &str) -> Result<String, files::Error> {
        let path = self.directory.join(file);
        let hashed = File::open(&path).and_then(|opened| {
            let bytes = opened.metadata()?.len();
            let mut input = Hashing {
                stream: opened,
                hash: Sha256::new(),
            };
            io::copy(&mut BufReader::with_capacity(1 << 20, &mut input), &mut io::sink())?;
            Ok(FileFacts {
                sha256: hex(&input.hash.finalize()),
                bytes,
            })
        });
        let facts = hashed.map_err(|source| files::Error::at(&path, "read")(source))?;
        let sha256 = facts.sha256.clone();
        self.files.insert(file.into(), facts);
        Ok(sha256)
    }

    /// Seals the list and moves the folder to its place: a reader sees all of it or nothing. Where another process was
    /// first, its folder stays: it holds the same.
    ///
    /// # Errors
    /// The folder cannot be written or moved.
    pub fn publish<T: Serialize>(
        self,
        place: &Path,
        (stage, made_from): (StageName, &Stage),
        facts: &T,
    ) -> Result<(), files::Error> {
        let path = self.directory.join(LIST);
        let json = |error: serde_json::Error| files::Error::at(&path, "write")(error.into());
        let list = List {
            format: FORMAT,
            checksum: seal::BLANK.into(),
            stage,
            key: made_from.key(),
            made_from: made_from.clone(),
            files: self.files,
            facts: serde_json::to_value(facts).map_err(json)?,
        };
        let mut bytes = serde_json::to_vec_pretty(&list).map_err(json)?;
        seal::seal(&mut bytes);
        files::write_atomically(&path, &bytes, true)?;
        files::publish_directory(&self.directory, place)
    }
}

/// A stream that hashes all that passes.
struct Hashing<S> {
    stream: S,
    hash: Sha256,
}

impl<S: Read> Read for Hashing<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

impl<S: Write> Write for Hashing<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.stream.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
