//! Pretrained encoders: a Hugging Face BERT or RoBERTa directory gives the right numbers under the encoder's names,
//! whatever its format and naming, and every mistake is answered before any compute.

mod common;
#[path = "common/prepared.rs"]
mod prepared;

#[path = "pretrained/formats.rs"]
mod formats;
#[path = "pretrained/hostile.rs"]
mod hostile;
#[path = "pretrained/pickles.rs"]
mod pickles;
#[path = "pretrained/reading.rs"]
mod reading;
#[path = "pretrained/roberta.rs"]
mod roberta;
#[path = "pretrained/suites.rs"]
mod suites;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use icdbench::pretrained::{Error, PretrainedBert};
use serde_json::json;

const VOCABULARY: usize = 9;
const POSITIONS: usize = 5;
const TYPES: usize = 2;
const HIDDEN: usize = 4;
const INTERMEDIATE: usize = 6;
const LAYERS: usize = 2;

/// How a file calls its tensors.
#[derive(Clone, Copy)]
struct Naming {
    prefix: &'static str,
    norm: [&'static str; 2],
}

const TODAY: Naming = Naming {
    prefix: "",
    norm: ["weight", "bias"],
};

const CONVERTED: Naming = Naming {
    prefix: "bert.",
    norm: ["gamma", "beta"],
};

/// Every tensor of the tiny BERT by today's name.
fn shapes() -> BTreeMap<String, Vec<usize>> {
    let mut shapes = BTreeMap::new();
    let mut put = |name: String, shape: &[usize]| shapes.insert(name, shape.to_vec());
    for (table, entries) in [("word", VOCABULARY), ("position", POSITIONS), ("token_type", TYPES)] {
        put(format!("embeddings.{table}_embeddings.weight"), &[entries, HIDDEN]);
    }
    let mut norms = vec!["embeddings.LayerNorm".to_owned()];
    let mut linears = vec![("pooler.dense".to_owned(), HIDDEN, HIDDEN)];
    for layer in 0..LAYERS {
        let start = format!("encoder.layer.{layer}");
        for part in ["query", "key", "value"] {
            linears.push((format!("{start}.attention.self.{part}"), HIDDEN, HIDDEN));
        }
        linears.push((format!("{start}.attention.output.dense"), HIDDEN, HIDDEN));
        linears.push((format!("{start}.intermediate.dense"), HIDDEN, INTERMEDIATE));
        linears.push((format!("{start}.output.dense"), INTERMEDIATE, HIDDEN));
        norms.push(format!("{start}.attention.output.LayerNorm"));
        norms.push(format!("{start}.output.LayerNorm"));
    }
    for name in norms {
        put(format!("{name}.weight"), &[HIDDEN]);
        put(format!("{name}.bias"), &[HIDDEN]);
    }
    for (name, inputs, outputs) in linears {
        put(format!("{name}.weight"), &[outputs, inputs]);
        put(format!("{name}.bias"), &[outputs]);
    }
    shapes
}

/// Element `j` of a tensor: whole numbers that 16 bits hold, another sequence for every name.
fn value(name: &str, element: usize) -> f32 {
    let sum: usize = name.bytes().map(usize::from).sum();
    ((sum + 7 * element) % 251) as f32 - 125.0
}

fn called(naming: Naming, today: &str) -> String {
    let [weight, bias] = naming.norm;
    let name = today
        .replace("LayerNorm.weight", &format!("LayerNorm.{weight}"))
        .replace("LayerNorm.bias", &format!("LayerNorm.{bias}"));
    format!("{}{name}", naming.prefix)
}

/// The tiny BERT's tensors by their names in a file.
fn tensors(naming: Naming, precision: DType) -> HashMap<String, Tensor> {
    let tensor = |name: &str, shape: Vec<usize>| {
        let elements = shape.iter().product();
        let values: Vec<f32> = (0..elements).map(|element| value(name, element)).collect();
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
        tensor.to_dtype(precision).unwrap()
    };
    let shapes = shapes().into_iter();
    shapes
        .map(|(name, shape)| (called(naming, &name), tensor(&name, shape)))
        .collect()
}

fn config() -> serde_json::Value {
    json!({
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 2,
        "intermediate_size": INTERMEDIATE,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": TYPES,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.2,
        "position_embedding_type": "absolute",
    })
}

/// An encoder's directory that goes away with the test.
struct Tiny(tempfile::TempDir);

impl Tiny {
    /// Configuration and vocabulary, without weights.
    fn without_weights() -> Self {
        let tiny = Self(tempfile::tempdir().unwrap());
        tiny.write("config.json", config().to_string());
        let tokens = [
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "of", "with", "patient",
        ];
        tiny.write("vocab.txt", tokens.join("\n") + "\n");
        tiny
    }

    fn with(tensors: &HashMap<String, Tensor>) -> Self {
        let tiny = Self::without_weights();
        candle_core::safetensors::save(tensors, tiny.path("model.safetensors")).unwrap();
        tiny
    }

    fn new() -> Self {
        Self::with(&tensors(TODAY, DType::F32))
    }

    fn with_config(key: &str, value: serde_json::Value) -> Self {
        let tiny = Self::new();
        let mut config = config();
        config[key] = value;
        tiny.write("config.json", config.to_string());
        tiny
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    fn read(&self) -> Result<PretrainedBert, Error> {
        PretrainedBert::read(self.0.path(), None)
    }

    fn assert_refused(&self, words: &[&str]) {
        let message = self.read().unwrap_err().to_string();
        for word in words {
            assert!(message.contains(word), "{word:?} is not in: {message}");
        }
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pretrained");
    fs::read(folder.join(name)).unwrap()
}
