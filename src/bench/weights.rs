//! A model's parameters in a file that every engine reads.

use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::models::parameters::{Parameters, Values};

/// Writes parameters as [`protocol::Load::weights`](super::protocol::Load) says.
///
/// # Errors
/// The system's own words.
pub fn write(parameters: &Parameters, path: &Path) -> std::io::Result<()> {
    let bytes: Vec<(&str, &Values, Vec<u8>)> = parameters
        .iter()
        .map(|(name, values)| {
            let bytes = values.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (name.as_str(), values, bytes)
        })
        .collect();
    let mut views = Vec::with_capacity(bytes.len());
    for (name, values, bytes) in &bytes {
        let view = TensorView::new(Dtype::F32, values.shape.clone(), bytes).map_err(std::io::Error::other)?;
        views.push((*name, view));
    }
    safetensors::serialize_to_file(views, None, path).map_err(std::io::Error::other)
}

/// Reads parameters.
///
/// # Errors
/// A file that cannot be read or holds something else than f32.
pub fn read(path: &Path) -> Result<Parameters, String> {
    let data = std::fs::read(path).map_err(|error| format!("weights: {error}"))?;
    let file = SafeTensors::deserialize(&data).map_err(|error| format!("weights: {error}"))?;
    let mut parameters = Parameters::new();
    for (name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(format!("weights: {name} is {:?}; expected F32", view.dtype()));
        }
        let value = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let values = Values {
            shape: view.shape().to_vec(),
            values: view.data().chunks_exact(4).map(value).collect(),
        };
        parameters.insert(name, values);
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_back_from_their_file_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let values = |shape: &[usize], values: &[f32]| Values {
            shape: shape.to_vec(),
            values: values.to_vec(),
        };
        let parameters = Parameters::from([
            ("a.weight".into(), values(&[2, 1], &[1.5, -0.0])),
            ("b".into(), values(&[], &[f32::MIN_POSITIVE])),
        ]);
        write(&parameters, &path).unwrap();
        assert_eq!(read(&path).unwrap(), parameters);
        assert!(read(&folder.path().join("none")).unwrap_err().starts_with("weights: "));
    }
}
