//! Checkpoints: weights, moments and progress in one safetensors file, written atomically, with a
//! hash, so that a truncated or damaged file is told apart from a good one.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::models::parameters::{Parameters, Values};
use crate::record::{hex, write_atomically};

/// Why a checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error(
        "{path}: cannot {verb} the checkpoint: {source}. What was written before is untouched; free space or fix the permissions and run the same command again"
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// `read` or `write`.
        verb: &'static str,
        /// The system's own words.
        source: std::io::Error,
    },
    /// Truncated, changed, or not a checkpoint.
    #[error("{path}: not a whole checkpoint: {problem}. Delete the folder it is in to train this cell from its start")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

const METADATA: &str = "icdbench";

/// Writes parameters and `progress` to `path`: a temporary file beside it, synced, then renamed.
/// The same content gives the same bytes. Returns the file's SHA-256.
pub fn write<P: Serialize>(path: &Path, parameters: &Parameters, progress: &P) -> Result<String, Error> {
    let io = |source| Error::Io {
        path: path.to_owned(),
        verb: "write",
        source,
    };
    let bytes: BTreeMap<&str, Vec<u8>> = parameters
        .iter()
        .map(|(name, values)| {
            (
                name.as_str(),
                values.values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            )
        })
        .collect();
    let payload = digest(bytes.iter().map(|(&name, bytes)| (name, bytes.as_slice())));
    let metadata = serde_json::json!({ "payload": payload, "progress": progress });
    let views = bytes.iter().map(|(&name, bytes)| {
        let shape = parameters[name].shape.clone();
        // OK because the bytes were made from as many f32 as the shape holds.
        (name, TensorView::new(Dtype::F32, shape, bytes).expect("whole tensor"))
    });
    let metadata = HashMap::from([(METADATA.to_owned(), metadata.to_string())]);
    let file = safetensors::serialize(views, Some(metadata)).map_err(|error| io(std::io::Error::other(error)))?;
    write_atomically(path, &file).map_err(io)?;
    Ok(hex(&Sha256::digest(&file)))
}

/// Reads what [`write()`] wrote; `None` where there is no file.
pub fn read<P: DeserializeOwned>(path: &Path) -> Result<Option<(Parameters, P)>, Error> {
    let damaged = |problem: String| Error::Damaged {
        path: path.to_owned(),
        problem,
    };
    let file = match std::fs::read(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(Error::Io {
                path: path.to_owned(),
                verb: "read",
                source,
            });
        }
    };
    let size = file.len();
    let tensors = SafeTensors::deserialize(&file)
        .map_err(|error| damaged(format!("{size} bytes, cut short or changed ({error})")))?;
    let (_, header) = SafeTensors::read_metadata(&file).map_err(|error| damaged(error.to_string()))?;
    let metadata = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(METADATA))
        .ok_or_else(|| damaged("no icdbench header".into()))?;
    let mut metadata: serde_json::Value = serde_json::from_str(metadata).map_err(|error| damaged(error.to_string()))?;
    let mut views = tensors.tensors();
    views.sort_by(|(left, _), (right, _)| left.cmp(right));
    let payload = digest(views.iter().map(|(name, view)| (name.as_str(), view.data())));
    if metadata["payload"] != serde_json::Value::String(payload) {
        return Err(damaged(
            "its content does not match the hash it was written with".into(),
        ));
    }
    let values = |view: &TensorView| Values {
        shape: view.shape().to_vec(),
        values: view
            .data()
            .chunks_exact(4)
            .map(|chunk| f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]))
            .collect(),
    };
    let parameters = views.iter().map(|(name, view)| (name.clone(), values(view))).collect();
    let progress = serde_json::from_value(metadata["progress"].take())
        .map_err(|error| damaged(format!("its progress is of another version ({error})")))?;
    Ok(Some((parameters, progress)))
}

/// SHA-256 over names and bytes, in the order given.
fn digest<'a>(tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in tensors {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Parameters {
        let values = |count: usize| Values {
            shape: vec![count],
            values: (0..count).map(|i| i as f32).collect(),
        };
        Parameters::from([("a".into(), values(5)), ("b.c".into(), values(3))])
    }

    #[test]
    fn what_is_written_is_read_and_the_same_content_has_the_same_hash() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("last");
        let first = write(&path, &example(), &7u32).unwrap();
        assert_eq!(read::<u32>(&path).unwrap(), Some((example(), 7)));
        assert_eq!(write(&path, &example(), &7u32).unwrap(), first);
        assert_eq!(read::<u32>(&directory.path().join("none")).unwrap(), None);
    }

    #[test]
    fn a_file_cut_anywhere_or_changed_is_refused_with_its_name_and_the_next_step() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("last");
        write(&path, &example(), &7u32).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in [0, 4, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let message = read::<u32>(&path).unwrap_err().to_string();
            assert!(message.contains("last: not a whole checkpoint"), "{message}");
            assert!(message.contains("Delete the folder"), "{message}");
        }
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &changed).unwrap();
        let message = read::<u32>(&path).unwrap_err().to_string();
        assert!(message.contains("does not match the hash"), "{message}");
    }
}
