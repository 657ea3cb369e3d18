//! The weights of an encoder, in any of their formats, in one file or in several, as tensors by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Error;
use super::fault::Fault;
use super::stored::Stored;
use super::{torch, zip};
use crate::record::hex;
use crate::text;

/// The bytes that the weights of an encoder with so many parameters may take: with heads, their optimiser's state and
/// averages of them. A file that has more is another one, and is not read.
fn most_bytes(parameters: u64) -> u64 {
    const OTHERS: u64 = 1 << 30;
    const ANY: u64 = 64 << 30;
    parameters.saturating_mul(16 * 4).saturating_add(OTHERS).min(ANY)
}

/// How the index of weights in several files is called.
const INDEX: &str = ".index.json";

/// The open weights.
pub(super) struct Weights {
    /// The weights' file, or the index of their files.
    pub(super) path: PathBuf,
    pub(super) sha256: String,
    /// How many files there are.
    pub(super) shards: usize,
    /// By name.
    pub(super) tensors: BTreeMap<String, Stored>,
    files: Vec<(PathBuf, Vec<u8>)>,
}

/// Which file each tensor is in: `model.safetensors.index.json`, `pytorch_model.bin.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Weights {
    /// Opens the first of `model.safetensors` and `pytorch_model.bin` that is there, whole or as an index of several
    /// files. The hash of several is that of all of them one after another, in the order of their names. `parameters` are
    /// those of the encoder that is looked for.
    pub(super) fn open(directory: &Path, expected_sha256: Option<&str>, parameters: u64) -> Result<Self, Error> {
        let names = ["model.safetensors", "pytorch_model.bin"];
        let names = names
            .iter()
            .flat_map(|name| [(*name).to_owned(), format!("{name}{INDEX}")]);
        let found = names.map(|name| directory.join(name)).find(|path| path.is_file());
        let path = found.ok_or_else(|| Error::NoWeights {
            directory: directory.to_owned(),
        })?;
        let (paths, index) = match path.to_string_lossy().ends_with(INDEX) {
            true => shards(&path)?,
            false => (vec![path.clone()], BTreeMap::new()),
        };
        let mut files = Vec::new();
        let mut hash = Sha256::new();
        let mut most = most_bytes(parameters);
        for path in paths {
            let bytes = read(&path, most)?;
            most -= bytes.len() as u64;
            hash.update(&bytes);
            files.push((path, bytes));
        }
        let sha256 = hex(&hash.finalize());
        if let Some(expected) = expected_sha256
            && !sha256.eq_ignore_ascii_case(expected)
        {
            return Err(checksum(path, files.len(), sha256, expected));
        }
        let mut tensors = BTreeMap::new();
        for (number, (path, bytes)) in files.iter().enumerate() {
            for (name, stored) in parsed(path, bytes, number)? {
                if tensors.insert(name.clone(), stored).is_some() {
                    return Err(damaged(path, format!("tensor {name} is in another file too")));
                }
            }
        }
        if tensors.is_empty() {
            return Err(damaged(&path, "no tensor in it".into()));
        }
        // A file of the index that holds something else, such as a shard of another model.
        for (name, file) in &index {
            let there = tensors.get(name).map(|stored| &files[stored.file].0);
            if there.is_none_or(|there| *there != path.with_file_name(file)) {
                return Err(damaged(
                    &path,
                    format!("it says that {file} holds {name}, which it does not"),
                ));
            }
        }
        Ok(Self {
            path,
            sha256,
            shards: files.len(),
            tensors,
            files,
        })
    }

    /// The elements of a tensor, row-major.
    pub(super) fn values(&self, name: &str) -> Result<Vec<f32>, Error> {
        let stored = &self.tensors[name];
        let (path, bytes) = &self.files[stored.file];
        if !stored.is_float() {
            return Err(Error::ElementType {
                path: path.clone(),
                tensor: name.to_owned(),
                found: stored.kind.clone(),
            });
        }
        let values = stored.values(bytes);
        let values = values.map_err(|problem| damaged(path, format!("tensor {name}: {problem}")))?;
        if values.iter().any(|value| !value.is_finite()) {
            return Err(Error::NotFinite {
                path: path.clone(),
                tensor: name.to_owned(),
            });
        }
        Ok(values)
    }
}

fn damaged(path: &Path, problem: String) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        problem,
    }
}

fn unsuitable(path: &Path, problem: String) -> Error {
    Error::Unsuitable {
        path: path.to_owned(),
        problem,
    }
}

fn checksum(path: PathBuf, shards: usize, found: String, expected: &str) -> Error {
    Error::Checksum {
        path,
        found,
        expected: expected.to_owned(),
        of: match shards {
            1 => String::new(),
            shards => format!(" of its {shards} files one after another, as `cat FILES | sha256sum` prints it"),
        },
    }
}

/// The files that an index names, in the order of their names, and which tensor it says is in which.
fn shards(path: &Path) -> Result<(Vec<PathBuf>, BTreeMap<String, String>), Error> {
    let bytes = text::read_small(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        what: "it should name the files with the weights",
        source,
    })?;
    let index: Index = serde_json::from_slice(&bytes).map_err(|error| damaged(path, error.to_string()))?;
    let names: BTreeSet<&String> = index.weight_map.values().collect();
    // A name with a folder in it could lead anywhere.
    let plain = |name: &str| Path::new(name).file_name().is_some_and(|file| file == name);
    if let Some(name) = names.iter().find(|name| !plain(name)) {
        return Err(unsuitable(
            path,
            format!("it names the file {name:?}, expected files beside it: fetch it again, or correct it"),
        ));
    }
    let paths = names.iter().map(|name| path.with_file_name(name)).collect();
    Ok((paths, index.weight_map))
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        what: "it should hold the weights",
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > most {
        return Err(unsuitable(
            path,
            format!(
                "it has {length} bytes, far more than the encoder of config.json: fetch the encoder's own weights, or \
                 correct `directory` in the suite"
            ),
        ));
    }
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(length as usize)
        .map_err(|error| failed(error.into()))?;
    // Not more than was looked at, should it grow.
    file.take(length).read_to_end(&mut bytes).map_err(failed)?;
    // Before its hash is compared: what is wrong is not that it was changed.
    match something_else(&bytes) {
        Some(problem) => Err(unsuitable(path, problem.into())),
        None => Ok(bytes),
    }
}

/// The tensors of one file, whatever its name says that it is.
fn parsed(path: &Path, bytes: &[u8], number: usize) -> Result<BTreeMap<String, Stored>, Error> {
    let named_safetensors = path.extension().is_some_and(|extension| extension == "safetensors");
    // The header of safetensors is JSON after its length.
    let is_safetensors = bytes.get(8) == Some(&b'{') || (named_safetensors && !bytes.starts_with(zip::START));
    let tensors = if is_safetensors {
        safetensors(bytes, number)
    } else if bytes.starts_with(zip::START) {
        torch::archive(bytes, number)
    } else if bytes.first().is_none_or(|&first| first == 0x80) {
        torch::legacy(bytes, number)
    } else if zip::START.starts_with(bytes) {
        Err(Fault::ends_early())
    } else {
        Err(Fault::Unsuitable(
            "neither safetensors nor what torch.save writes: fetch the file again, or save the encoder with \
             `model.save_pretrained(folder)`"
                .into(),
        ))
    };
    tensors.map_err(|fault| match fault {
        Fault::Damaged(problem) => damaged(path, problem),
        Fault::Unsuitable(problem) => unsuitable(path, problem),
    })
}

/// What a file is that is no weights file of PyTorch at all, with the next step.
fn something_else(bytes: &[u8]) -> Option<&'static str> {
    let starts = |start: &[u8]| bytes.starts_with(start);
    text::stand_in(bytes).or_else(|| {
        if starts(b"\x89HDF\r\n") {
            return Some("it is an HDF5 file of TensorFlow: convert it with transformers, `from_pretrained(folder, from_tf=True)`");
        }
        if starts(b"GGUF") {
            return Some("it is a GGUF file: fetch the encoder's model.safetensors or pytorch_model.bin");
        }
        if starts(b"\x1f\x8b") {
            return Some("it is compressed with gzip: unpack it");
        }
        let is_tar = bytes.get(257..262) == Some(&b"ustar"[..]);
        is_tar.then_some("it is a tar archive: unpack it, and name the folder with the weights")
    })
}

fn safetensors(bytes: &[u8], file: usize) -> Result<BTreeMap<String, Stored>, Fault> {
    let header = SafeTensors::read_metadata(bytes);
    let (length, header) = header.map_err(|error| Fault::Damaged(error.to_string()))?;
    let start = 8 + length;
    let mut tensors = BTreeMap::new();
    for (name, info) in header.tensors() {
        let (from, to) = info.data_offsets;
        let storage = start.checked_add(from).zip(start.checked_add(to));
        let (from, to) = storage.ok_or_else(Fault::ends_early)?;
        let stored = Stored {
            kind: format!("{:?}", info.dtype),
            shape: info.shape.clone(),
            strides: None,
            file,
            storage: from..to,
            offset: 0,
        };
        tensors.insert(name, stored);
    }
    Ok(tensors)
}
