//! The cases of `tests/fixtures/parity`, and each as the files of a job.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::bench::protocol::Load;

/// A model's settings, inputs and parameters, and what PyTorch makes of them.
#[derive(Clone, Deserialize)]
pub struct Case {
    pub name: String,
    pub model: Value,
    pub task: Map<String, Value>,
    pub row: usize,
    pub notes: Vec<Vec<i32>>,
    pub gold: Vec<Vec<usize>>,
    pub parameters: BTreeMap<String, Array>,
    pub logits: Array,
    pub loss: f32,
    pub gradients: BTreeMap<String, Array>,
}

/// A tensor, row-major.
#[derive(Clone, Deserialize)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

pub fn fixture<T: DeserializeOwned>(name: &str) -> T {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parity");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The cases of a model.
pub fn cases(model: &str) -> Vec<Case> {
    let groups: BTreeMap<String, Vec<Case>> = fixture(model);
    let named = |(group, cases): (String, Vec<Case>)| {
        cases.into_iter().map(move |case| Case {
            name: format!("{group}, {}", case.name),
            ..case
        })
    };
    let mut cases: Vec<Case> = groups.into_iter().flat_map(named).collect();
    cases
        .iter_mut()
        .for_each(|case| case.name = format!("{model}, {}", case.name));
    cases
}

impl Case {
    pub fn model_and_settings(&self) -> (&str, &Map<String, Value>) {
        let (model, settings) = self.model.as_object().unwrap().iter().next().unwrap();
        (model, settings.as_object().unwrap())
    }

    /// Has the case as a job whose files are there as long as `work` runs.
    pub fn on_disk<T>(&self, work: impl FnOnce(&Load) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let (weights, inputs) = (
            folder.path().join("weights.safetensors"),
            folder.path().join("inputs.safetensors"),
        );
        let floats = self.parameters.iter().map(|(name, array)| {
            let bytes: Vec<u8> = array.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (name.clone(), Dtype::F32, array.shape.clone(), bytes)
        });
        write(&weights, floats.collect());

        let codes = self.task["codes"].as_u64().unwrap() as usize;
        let (notes, row) = (self.notes.len(), self.row);
        let mut tokens = vec![0i32; notes * row];
        tokens
            .chunks_mut(row)
            .zip(&self.notes)
            .for_each(|(row, note)| row[..note.len()].copy_from_slice(note));
        let lengths: Vec<i32> = self.notes.iter().map(|note| note.len() as i32).collect();
        let mut targets = vec![0u8; notes * codes];
        for (row, gold) in targets.chunks_mut(codes).zip(&self.gold) {
            gold.iter().for_each(|&code| row[code] = 1);
        }
        let bytes = |numbers: &[i32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        write(
            &inputs,
            vec![
                ("tokens".into(), Dtype::I32, vec![1, notes, row], bytes(&tokens)),
                ("lengths".into(), Dtype::I32, vec![1, notes], bytes(&lengths)),
                ("targets".into(), Dtype::U8, vec![1, notes, codes], targets),
            ],
        );
        let (model, settings) = self.model_and_settings();
        let mut task = self.task.clone();
        task.retain(|name, _| ["vocabulary", "cls", "separator"].contains(&name.as_str()));
        let load = json!({"model": model, "settings": settings, "task": task, "codes": codes, "length": row,
            "device": "cpu", "precision": "f32", "threads": 1, "weights": weights, "inputs": inputs});
        work(&serde_json::from_value(load).unwrap())
    }
}

fn write(path: &Path, tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>) {
    let views = tensors
        .iter()
        .map(|(name, kind, shape, bytes)| (name.as_str(), TensorView::new(*kind, shape.clone(), bytes).unwrap()));
    serialize_to_file(views, None, path).unwrap();
}
