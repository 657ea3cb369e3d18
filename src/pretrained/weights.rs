//! The weights file of an encoder, in any of its three formats, as tensors by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::pickle::PthTensors;
use candle_core::safetensors::BufferedSafetensors;
use candle_core::{DType, Device, Tensor};
use sha2::{Digest, Sha256};

use super::Error;
use super::legacy::LegacyTensors;
use crate::record::hex;

/// How a zip archive starts, the format of `torch.save` since PyTorch 1.6.
const ZIP: &[u8] = b"PK\x03\x04";

/// An open weights file.
pub(super) struct Weights {
    pub(super) path: PathBuf,
    pub(super) sha256: String,
    /// The shape of every tensor, by name.
    pub(super) shapes: BTreeMap<String, Vec<usize>>,
    format: Format,
}

enum Format {
    Safetensors(BufferedSafetensors),
    Zip(PthTensors),
    Legacy(LegacyTensors),
}

impl Weights {
    /// Opens `model.safetensors`, or `pytorch_model.bin` where that is absent.
    pub(super) fn open(directory: &Path, expected_sha256: Option<&str>) -> Result<Self, Error> {
        let names = ["model.safetensors", "pytorch_model.bin"];
        let found = names
            .iter()
            .map(|name| directory.join(name))
            .find(|path| path.is_file());
        let path = found.ok_or_else(|| Error::NoWeights {
            directory: directory.to_owned(),
        })?;
        let bytes = std::fs::read(&path).map_err(|source| Error::Read {
            path: path.clone(),
            what: "it should hold the weights",
            source,
        })?;
        let sha256 = hex(&Sha256::digest(&bytes));
        if let Some(expected) = expected_sha256
            && !sha256.eq_ignore_ascii_case(expected)
        {
            return Err(Error::Checksum {
                path,
                found: sha256,
                expected: expected.to_owned(),
            });
        }
        let damaged = |problem: String| Error::Damaged {
            path: path.clone(),
            problem,
        };
        let format = if path.extension().is_some_and(|extension| extension == "safetensors") {
            Format::Safetensors(BufferedSafetensors::new(bytes).map_err(|error| damaged(error.to_string()))?)
        } else if bytes.starts_with(ZIP) {
            Format::Zip(PthTensors::new(&path, None).map_err(|error| damaged(error.to_string()))?)
        } else {
            Format::Legacy(LegacyTensors::read(bytes).map_err(damaged)?)
        };
        let shapes = format.shapes();
        if shapes.is_empty() {
            return Err(damaged("no tensor in it".into()));
        }
        Ok(Self {
            path,
            sha256,
            shapes,
            format,
        })
    }

    /// The elements of a tensor, row-major.
    pub(super) fn values(&self, name: &str) -> Result<Vec<f32>, Error> {
        let damaged = |problem: String| Error::Damaged {
            path: self.path.clone(),
            problem: format!("tensor {name}: {problem}"),
        };
        let tensor = self.format.tensor(name).map_err(damaged)?;
        if !matches!(tensor.dtype(), DType::F32 | DType::F16 | DType::BF16) {
            return Err(Error::ElementType {
                path: self.path.clone(),
                tensor: name.to_owned(),
                found: tensor.dtype().as_str().to_uppercase(),
            });
        }
        let values = tensor
            .to_dtype(DType::F32)
            .and_then(|tensor| tensor.flatten_all())
            .and_then(|tensor| tensor.to_vec1::<f32>())
            .map_err(|error| damaged(error.to_string()))?;
        if values.iter().any(|value| !value.is_finite()) {
            return Err(Error::NotFinite {
                path: self.path.clone(),
                tensor: name.to_owned(),
            });
        }
        Ok(values)
    }
}

impl Format {
    fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        match self {
            Self::Safetensors(file) => {
                let tensors = file.tensors().into_iter();
                tensors.map(|(name, view)| (name, view.shape().to_vec())).collect()
            }
            Self::Zip(file) => {
                let tensors = file.tensor_infos().iter();
                tensors
                    .map(|(name, info)| (name.clone(), info.layout.dims().to_vec()))
                    .collect()
            }
            Self::Legacy(file) => file.shapes(),
        }
    }

    fn tensor(&self, name: &str) -> Result<Tensor, String> {
        let tensor = match self {
            Self::Safetensors(file) => file.load(name, &Device::Cpu).map(Some),
            Self::Zip(file) => file.get(name),
            Self::Legacy(file) => return file.get(name),
        };
        let tensor = tensor.map_err(|error| error.to_string())?;
        tensor.ok_or_else(|| "not in the file".to_owned())
    }
}
