//! Cells: one (data set, split, model, settings, length, seed, device class, precision) each, named
//! by the hash of everything that can move its result.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::prepare::Inputs;
use crate::machine::{built, model_sha256};
use crate::record::{CellDescription, Record, hex};
use crate::suite::{Run, Suite};
use crate::{metrics, text};

/// One cell of a plan.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Index of the run in the suite.
    pub run: usize,
    /// The sequence length.
    pub length: u32,
    /// The training seed.
    pub seed: u64,
    /// In the words of the suite.
    pub description: CellDescription,
    /// Everything that can move the result.
    pub inputs: BTreeMap<String, Value>,
    /// SHA-256 over `inputs`.
    pub key: String,
}

/// The inputs that a suite alone decides, without its data: settings in full. A report finds a cell's
/// record by these, so that it can be made where the data is not.
pub fn cell_inputs(suite: &Suite, run: &Run, length: u32, seed: u64, device: &str) -> BTreeMap<String, Value> {
    let mut text = json!(suite.text[&run.text]);
    name_files_only(&mut text);
    let mut checkpoint = json!(run.checkpoint.as_ref().map(|name| &suite.checkpoints[name]));
    name_files_only(&mut checkpoint);
    BTreeMap::from([
        ("data".into(), json!(suite.data)),
        ("division".into(), json!(suite.division)),
        ("labels".into(), json!(suite.labels)),
        ("text".into(), text),
        ("checkpoint".into(), checkpoint),
        ("model".into(), json!(run.model)),
        ("training".into(), json!(run.training)),
        ("evaluation".into(), json!(suite.evaluation)),
        ("length".into(), json!(length)),
        ("seed".into(), json!(seed)),
        ("device".into(), json!(device)),
        ("precision".into(), json!(suite.precision)),
    ])
}

/// Cuts the paths of files and directories to their names: where a file lies moves no result (its hash is among the
/// inputs), and records must not tell whose machine made them.
fn name_files_only(value: &mut Value) {
    let Value::Object(map) = value else { return };
    for (name, inner) in map {
        match inner {
            Value::String(path) if name == "file" || name == "directory" => {
                let last = std::path::Path::new(path.as_str()).file_name();
                *path = last.map_or_else(String::new, |last| last.to_string_lossy().into_owned());
            }
            _ => name_files_only(inner),
        }
    }
}

/// All inputs of a cell: the suite's, the fingerprints of data and tokenizer, and the program's own versions.
pub(super) fn all_inputs(mut inputs: BTreeMap<String, Value>, run: &Run, found: &Inputs) -> BTreeMap<String, Value> {
    let mut put = |name: &str, value: &str| inputs.insert(name.into(), json!(value));
    put("data-sha256", &found.data);
    put("code-titles-sha256", &found.titles);
    put("labels-sha256", &found.labels);
    put("tokenizer-sha256", &found.tokenizer);
    put("word-vectors-sha256", &found.word_vectors);
    put("initial-weights", &found.initial_weights);
    put("note-salt", &found.salt);
    put("code-sha256", built::CORE_SHA256);
    put("model-code-sha256", model_sha256(run.model.name()));
    put("packages", built::NUMERIC_PACKAGES);
    put("build", built::BUILD);
    put("features", &built::FEATURES.join(" "));
    inputs.insert("metrics-version".into(), json!(metrics::VERSION));
    inputs.insert("text-version".into(), json!(text::NORMALISE_VERSION));
    inputs
}

/// SHA-256 over the inputs as canonical JSON: names in order at every depth, no spaces.
pub fn key_of(inputs: &BTreeMap<String, Value>) -> String {
    let mut bytes = String::new();
    canonical(&json!(inputs), &mut bytes);
    hex(&Sha256::digest(bytes))
}

fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut names: Vec<&String> = map.keys().collect();
            names.sort();
            out.push('{');
            for name in names {
                out.push_str(&format!("{}:", json!(name)));
                canonical(&map[name], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(values) => {
            out.push('[');
            for value in values {
                canonical(value, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// The cells a suite asks for, in its order, described without its data.
pub fn descriptions(suite: &Suite, device: &str) -> Vec<CellDescription> {
    grid(suite)
        .map(|(_, run, length, seed)| describe(suite, run, length, seed, device))
        .collect()
}

/// Of `records`, for each cell of the suite the one that ended last, called by the suite's name for it.
/// A record counts when every setting it was made with is the suite's; the data is not asked for, so
/// that a report can be made where the data is not.
pub fn recorded(suite: &Suite, device: &str, records: Vec<Record>) -> Vec<Record> {
    let wanted = grid(suite).map(|(_, run, length, seed)| {
        let inputs = cell_inputs(suite, run, length, seed, device);
        // Older records lack inputs that were added later; those are null where a suite does not use them.
        let fits = |record: &&Record| {
            inputs
                .iter()
                .all(|(name, value)| record.inputs.get(name).unwrap_or(&Value::Null) == value)
        };
        let latest = records
            .iter()
            .filter(fits)
            .max_by(|a, b| a.provenance.ended.cmp(&b.provenance.ended));
        latest.map(|record| Record {
            cell: describe(suite, run, length, seed, device),
            ..record.clone()
        })
    });
    wanted.flatten().collect()
}

/// Runs, then lengths, then seeds.
pub(super) fn grid(suite: &Suite) -> impl Iterator<Item = (usize, &Run, u32, u64)> {
    suite.runs.iter().enumerate().flat_map(move |(index, run)| {
        suite
            .lengths
            .iter()
            .flat_map(move |&length| suite.seeds.iter().map(move |&seed| (index, run, length, seed)))
    })
}

pub(super) fn describe(suite: &Suite, run: &Run, length: u32, seed: u64, device: &str) -> CellDescription {
    CellDescription {
        suite: suite.name.clone(),
        dataset: suite.data.name().into(),
        labels: suite.labels.title(),
        evaluation_part: suite.division.evaluation.clone(),
        model: run.model.name().into(),
        run: run.title().into(),
        length,
        seed,
        device: device.into(),
        precision: suite.precision.name().into(),
    }
}
