//! Checkpoints: weights, moments and progress in one safetensors file, written at once and sealed by a checksum over every
//! byte, so that a truncated or changed file is told apart from a good one.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::models::parameters::{Parameters, Values};
use crate::results::{files, seal};

/// Why a file is not used: it was cut short or changed, or is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged(pub String);

/// What a checkpoint holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint<P> {
    /// Weights, and moments where training goes on from it.
    pub parameters: Parameters,
    /// What was written beside them; `()` for weights alone.
    pub progress: P,
    /// The file's checksum, as [`write()`] gave it.
    pub checksum: String,
}

const METADATA: &str = "icdbench";
/// What the names of weights start with beside moments, to tell them apart.
const WEIGHT: &str = "weight.";

/// Weights and moments together, as one checkpoint holds them.
pub fn joined(weights: Parameters, moments: Parameters) -> Parameters {
    let weights = weights.into_iter();
    let mut all: Parameters = weights
        .map(|(name, values)| (format!("{WEIGHT}{name}"), values))
        .collect();
    all.extend(moments);
    all
}

/// What [`joined`] put together: the weights, and the moments.
pub fn split(all: Parameters) -> (Parameters, Parameters) {
    let (weights, moments): (Parameters, Parameters) = all.into_iter().partition(|(name, _)| name.starts_with(WEIGHT));
    let weights = weights.into_iter();
    let weights = weights.map(|(name, values)| (name[WEIGHT.len()..].to_owned(), values));
    (weights.collect(), moments)
}

/// Writes parameters and `progress` to `path`, all or nothing. The same content gives the same bytes. Returns the
/// file's checksum.
///
/// # Errors
/// The file cannot be written.
pub fn write<P: Serialize>(path: &Path, parameters: &Parameters, progress: &P) -> Result<String, files::Error> {
    let bytes: BTreeMap<&str, Vec<u8>> = parameters
        .iter()
        .map(|(name, values)| {
            let bytes = values.values.iter().flat_map(|value| value.to_le_bytes());
            (name.as_str(), bytes.collect())
        })
        .collect();
    let metadata = json!({ "checksum": seal::BLANK, "progress": progress });
    let views = bytes.iter().map(|(&name, bytes)| {
        let shape = parameters[name].shape.clone();
        // OK because the bytes were made from as many f32 as the shape holds.
        (name, TensorView::new(Dtype::F32, shape, bytes).expect("whole tensor"))
    });
    let metadata = HashMap::from([(METADATA.to_owned(), metadata.to_string())]);
    let failed = |error: safetensors::SafeTensorError| {
        files::Error::at(path, "write the checkpoint")(std::io::Error::other(error))
    };
    let mut file = safetensors::serialize(views, Some(metadata)).map_err(failed)?;
    drop(bytes);
    let checksum = seal::seal(&mut file);
    if let Some(directory) = path.parent() {
        files::make_directory(directory, true)?;
    }
    files::write_atomically(path, &file, true)?;
    Ok(checksum)
}

/// Reads what [`write()`] wrote; `None` where there is no file.
///
/// # Errors
/// The file cannot be read. What is in it and wrong is [`Damaged`].
pub fn read<P: DeserializeOwned>(path: &Path) -> Result<Option<Result<Checkpoint<P>, Damaged>>, files::Error> {
    let file = files::read(path)?;
    Ok(file.map(|file| parse(&file).map_err(Damaged)))
}

/// Reads the bytes of a checkpoint.
///
/// # Errors
/// In words: they were cut short or changed, or are no checkpoint.
pub fn parse<P: DeserializeOwned>(file: &[u8]) -> Result<Checkpoint<P>, String> {
    let size = file.len();
    let tensors =
        SafeTensors::deserialize(file).map_err(|error| format!("{size} bytes, cut short or changed ({error})"))?;
    let checksum = seal::verify(file)?;
    let (_, header) = SafeTensors::read_metadata(file).map_err(|error| error.to_string())?;
    let metadata = header.metadata().as_ref().and_then(|metadata| metadata.get(METADATA));
    let mut metadata: Value =
        serde_json::from_str(metadata.ok_or("no icdbench header")?).map_err(|error| error.to_string())?;
    let values = |view: &TensorView| Values {
        shape: view.shape().to_vec(),
        values: numbers(view.data()),
    };
    let parameters = tensors.tensors();
    let parameters = parameters
        .iter()
        .map(|(name, view)| (name.clone(), values(view)))
        .collect();
    let progress = serde_json::from_value(metadata["progress"].take())
        .map_err(|error| format!("its progress is of another version ({error})"))?;
    Ok(Checkpoint {
        parameters,
        progress,
        checksum,
    })
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    let (chunks, _) = bytes.as_chunks::<4>();
    chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
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
    fn what_is_written_is_read_and_the_same_content_has_the_same_checksum() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("last");
        let checksum = write(&path, &example(), &7u32).unwrap();
        let found = read::<u32>(&path).unwrap().unwrap().unwrap();
        assert_eq!(
            (found.parameters, found.progress, found.checksum),
            (example(), 7, checksum.clone())
        );
        assert_eq!(write(&path, &example(), &7u32).unwrap(), checksum);
        assert!(read::<u32>(&directory.path().join("none")).unwrap().is_none());
    }

    #[test]
    fn a_file_cut_anywhere_or_with_any_bit_changed_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("last");
        write(&path, &example(), &json!({"epoch": 7, "value": 0.25})).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            read::<Value>(&path).unwrap().unwrap().is_err()
        };
        for cut in [0, 4, whole.len() / 2, whole.len() - 1] {
            assert!(refused(&whole[..cut]), "cut at {cut}");
        }
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&changed), "bit {bit}");
        }
    }
}
