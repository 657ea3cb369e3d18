//! A RoBERTa's directory: Hugging Face's states, and files that contradict each other. tests/reference/make_roberta.py made
//! the fixture.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use icdbench::models::bert::{Encoder, EncoderConfig};
use icdbench::models::layers::Packed;
use icdbench::models::ops::Layout;
use icdbench::models::{Initialiser, Pass, Task, parameters};
use icdbench::pretrained::{Architecture, PretrainedBert};
use icdbench::record::{StageName, Status};
use serde::Deserialize;
use serde_json::{Value, json};

use super::common::{Bench, assert_good, stderr, suite_text};
use super::prepared::{Prepared, prepared};

const FILES: [&str; 4] = ["config.json", "vocab.json", "merges.txt", "model.safetensors"];

#[derive(Deserialize)]
struct Expected {
    sequences: Vec<Sequence>,
}

/// Ids with their special tokens, and the states that Hugging Face gives of them.
#[derive(Deserialize)]
struct Sequence {
    ids: Vec<i32>,
    states: Vec<Vec<f32>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/roberta")
}

/// A copy of the fixture's directory that goes away with the test.
fn copy() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in FILES {
        fs::copy(folder().join(name), copy.path().join(name)).unwrap();
    }
    copy
}

fn read(directory: &Path) -> Result<PretrainedBert, String> {
    let place = format!("{}/", directory.display());
    PretrainedBert::read(directory, None).map_err(|error| error.to_string().replace(&place, ""))
}

/// The directory with one key of its config.json set, or taken out.
fn with_config(key: &str, value: Value) -> Result<PretrainedBert, String> {
    let copy = copy();
    let path = copy.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    match value {
        Value::Null => drop(config.as_object_mut().unwrap().remove(key).unwrap()),
        value => config[key] = value,
    }
    fs::write(path, config.to_string()).unwrap();
    read(copy.path())
}

#[track_caller]
fn assert_refused(found: Result<PretrainedBert, String>, start: &str) {
    let message = found.expect_err("refused");
    assert!(message.starts_with(start), "{message}");
}

#[test]
fn the_states_are_hugging_faces_packed_and_padded() {
    let pretrained = read(&folder()).unwrap();
    assert_eq!(pretrained.config.architecture, Architecture::Roberta);
    assert_eq!(
        (pretrained.config.positions, pretrained.config.norm_epsilon),
        (34, 1e-5)
    );
    assert_eq!(pretrained.tokens.len(), 400);
    assert!(pretrained.report.missing.is_empty() && pretrained.report.left_over.is_empty());
    let given = pretrained.into_encoder();
    // Rows 0 and 1 are before the first position.
    assert_eq!((given.positions, given.token_types, given.norm_epsilon), (32, 1, 1e-5));
    assert_eq!(given.parameters["embeddings.position"].shape, [32, 8]);
    let config = EncoderConfig {
        layers: given.layers,
        hidden: given.hidden,
        heads: given.heads,
        intermediate: given.intermediate,
        positions: given.positions,
        dropout: 0.0,
        attention_dropout: 0.0,
        initializer_range: 0.02,
        norm_epsilon: given.norm_epsilon,
    };
    let task = Task {
        vocabulary: 400,
        padding: 1,
        cls: Some(0),
        separator: Some(2),
        encoder: Some(Arc::new(given)),
        ..Task::default()
    };
    config.check(&task, ("", 0), true).unwrap();
    let device = Device::flex();
    let encoder = Encoder::init(&config, &task, true, &mut Initialiser::new(1, &device));

    let expected = fs::read_to_string(folder().join("expected.json")).unwrap();
    let sequences = serde_json::from_str::<Expected>(&expected).unwrap().sequences;
    let ids: Vec<Vec<i32>> = sequences.iter().map(|sequence| sequence.ids.clone()).collect();
    assert_eq!(ids.iter().map(Vec::len).max(), Some(32));
    let lengths: Vec<usize> = ids.iter().map(Vec::len).collect();
    for layout in [Layout::packed(lengths.clone()), Layout::padded(lengths)] {
        let starts = layout.starts();
        let packed = Packed::with_layout(&ids, 1, layout);
        let rows = parameters::host(encoder.forward(&packed, Pass::default()));
        for (start, sequence) in starts.into_iter().zip(&sequences) {
            for (row, expected) in rows[start * 8..].chunks(8).zip(&sequence.states) {
                for (found, expected) in row.iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-5, "{found}, Hugging Face's is {expected}");
                }
            }
        }
    }
}

#[test]
fn an_encoder_of_berts_norms_is_refused_and_the_preset_has_robertas() {
    let given = read(&folder()).unwrap().into_encoder();
    let mut config = EncoderConfig {
        layers: given.layers,
        hidden: given.hidden,
        heads: given.heads,
        intermediate: given.intermediate,
        positions: given.positions,
        ..EncoderConfig::preset("bert-base").unwrap()
    };
    let task = Task {
        vocabulary: 400,
        encoder: Some(Arc::new(given)),
        ..Task::default()
    };
    assert_eq!(
        config.check(&task, ("", 0), false).unwrap_err(),
        "encoder.norm-epsilon = 1e-12 and the run's pretrained encoder has 1e-5: write its own, or a preset of its kind"
    );
    config.norm_epsilon = EncoderConfig::preset("roberta-base").unwrap().norm_epsilon;
    assert_eq!(config.check(&task, ("", 0), false), Ok(()));
}

#[test]
fn the_epsilon_and_the_preset_are_settings_of_the_encoder() {
    let sizes = json!({"layers": 1, "hidden": 2, "heads": 1, "intermediate": 2, "positions": 9, "dropout": 0.0,
                       "attention-dropout": 0.0, "initializer-range": 0.1});
    let parse = |settings: &Value| serde_json::from_value::<EncoderConfig>(settings.clone());
    let bert = parse(&sizes).unwrap();
    assert_eq!(bert.norm_epsilon, 1e-12);
    // What BERT does is not written: settings without it are those of before it was there.
    assert_eq!(json!(bert), sizes);
    let mut roberta = sizes.clone();
    roberta["norm-epsilon"] = json!(1e-5);
    assert_eq!(json!(parse(&roberta).unwrap()), roberta);
    let preset = json!({"preset": "roberta-base", "dropout": 0.1, "attention-dropout": 0.1, "initializer-range": 0.02});
    assert_eq!(parse(&preset).unwrap().norm_epsilon, 1e-5);
    let mut both = preset;
    both["norm-epsilon"] = json!(1e-12);
    let message = parse(&both).unwrap_err().to_string();
    assert!(
        message.contains("preset \"roberta-base\" fixes `norm-epsilon`"),
        "{message}"
    );
}

#[test]
fn names_with_a_head_are_read_and_the_head_is_left_over() {
    let copy = copy();
    let path = copy.path().join("model.safetensors");
    let tensors = candle_core::safetensors::load(&path, &candle_core::Device::Cpu).unwrap();
    let bias = tensors["pooler.dense.bias"].clone();
    let named = tensors
        .into_iter()
        .map(|(name, tensor)| (format!("roberta.{name}"), tensor));
    let head = [("lm_head.dense.bias".to_owned(), bias)];
    let named = named.filter(|(name, _)| !name.contains("pooler")).chain(head);
    candle_core::safetensors::save(&named.collect(), &path).unwrap();
    let found = read(copy.path()).unwrap();
    let expected = read(&folder()).unwrap();
    assert_eq!(found.report.left_over, ["lm_head.dense.bias"]);
    assert_eq!(found.report.missing, ["pooler.dense.weight", "pooler.dense.bias"]);
    for (path, values) in &found.parameters {
        assert_eq!(*values, expected.parameters[path], "{path}");
    }
}

#[test]
fn a_configuration_that_contradicts_its_files_is_refused() {
    // Left out: RoBERTa's own, and the table of positions shows that it is another's.
    assert!(with_config("pad_token_id", Value::Null).is_ok());
    for (key, value, words) in [
        (
            "pad_token_id",
            json!(0),
            "config.json: pad_token_id is 0, expected 1, the id of <pad> in the vocabulary",
        ),
        (
            "pad_token_id",
            json!(-1),
            "config.json: pad_token_id is -1, expected from 0 to below vocab_size, 400",
        ),
        (
            "pad_token_id",
            json!(i64::MAX),
            "config.json: pad_token_id is 9223372036854775807, expected from 0 to below vocab_size, 400",
        ),
        (
            "max_position_embeddings",
            json!(2),
            "config.json: max_position_embeddings is 2, expected above 2, the first position",
        ),
        (
            "max_position_embeddings",
            json!(512),
            "model.safetensors: tensor embeddings.position_embeddings.weight has shape [34, 8], expected [512, 8]",
        ),
        (
            "max_position_embeddings",
            json!(1u64 << 40),
            "config.json: max_position_embeddings is 1099511627776, expected at most 16777216",
        ),
        (
            "vocab_size",
            json!(399),
            "vocab.json: 400 tokens, expected 399 at most, the vocab_size of config.json",
        ),
        (
            "layer_norm_eps",
            json!(1.0),
            "config.json: layer_norm_eps is 1e0, expected a number above 0 and below 1",
        ),
        (
            "model_type",
            json!("bert"),
            "no vocabulary: found neither vocab.txt nor tokenizer.json",
        ),
    ] {
        let message = with_config(key, value).expect_err(key);
        assert!(message.contains(words), "{words:?} is not in: {message}");
    }
}

#[test]
fn files_that_are_missing_or_broken_are_named() {
    for (name, words) in [
        (
            "vocab.json",
            "no vocabulary: found neither vocab.json nor tokenizer.json",
        ),
        ("merges.txt", "merges.txt: cannot read the byte-level BPE"),
        ("model.safetensors", "no weights: found neither"),
    ] {
        let copy = copy();
        fs::remove_file(copy.path().join(name)).unwrap();
        let message = read(copy.path()).expect_err(name);
        assert!(message.contains(words), "{words:?} is not in: {message}");
    }
    for (name, start) in [
        ("vocab.json", "vocab.json: not a vocab.json or a tokenizer.json"),
        ("merges.txt", "merges.txt, line 1: expected two parts"),
        ("model.safetensors", "model.safetensors: not a whole weights file"),
    ] {
        let copy = copy();
        fs::write(copy.path().join(name), "{").unwrap();
        assert_refused(read(copy.path()), start);
    }
    // A tokenizer.json alone will do.
    let copy = copy();
    for name in ["vocab.json", "merges.txt"] {
        fs::remove_file(copy.path().join(name)).unwrap();
    }
    fs::copy(folder().join("tokenizer.json"), copy.path().join("tokenizer.json")).unwrap();
    assert_eq!(read(copy.path()).unwrap().tokens, read(&folder()).unwrap().tokens);
}

/// PLM-ICD from the fixture.
const RUN: &str = r#"
[[run]]
text = "bytes"
encoder = "tiny"
[run.model.plm_icd]
encoder = { layers = 2, hidden = 8, heads = 2, intermediate = 12, positions = 32, dropout = 0.0, attention-dropout = 0.0, initializer-range = 0.02, norm-epsilon = 1e-5 }
chunk = 32
head = { label-attention = { projection = 8, initializer-range = 0.03, label-block = 4 } }
[run.training]
epochs = 2
batch-size = 8
accumulate = 1
bucket = 2
optimiser = { adamw = { betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.01, decay = "matrices" } }
learning-rate = 0.01
schedule = { linear = { warmup = 0.1 } }
clip-norm = 1.0
select = "last"
"#;

/// A suite with that run, on the files of a directory.
fn suite(directory: &Path) -> String {
    let sha256 = PretrainedBert::read(directory, None).unwrap().weights_sha256;
    let tables = format!(
        "[text.bytes]\nnormalise = \"none\"\ntokenizer = {{ byte-level-bpe = {{ file = {vocabulary:?} }} }}\n\n\
         [encoder.tiny]\ndirectory = {directory:?}\nsha256 = \"{sha256}\"\n\n[evaluation]",
        vocabulary = directory.join("vocab.json"),
    );
    suite_text(60, RUN).replacen("[evaluation]", &tables, 1)
}

#[test]
fn a_run_starts_from_it_and_its_files_are_in_the_keys() {
    let copy = copy();
    let text = suite(copy.path());
    let Prepared { plan, tasks, .. } = prepared(&text).unwrap();
    let task = &tasks[0];
    assert_eq!((task.cls, task.padding, task.separator), (Some(0), 1, Some(2)));
    assert_eq!((task.vocabulary, task.encoder.is_some()), (400, true));
    let before = &plan.cells[0];
    let stage = &before.chain[&StageName::Tokenizer];
    assert!(stage.reads.is_empty());
    let made_by: Vec<&str> = ["file", "merges.txt", "tokenizer.json"]
        .into_iter()
        .filter(|name| stage.made_by.contains_key(*name))
        .collect();
    assert_eq!(made_by, ["file", "merges.txt"]);
    let merges = copy.path().join("merges.txt");
    let fewer: Vec<String> = fs::read_to_string(&merges)
        .unwrap()
        .lines()
        .take(30)
        .map(str::to_owned)
        .collect();
    fs::write(&merges, fewer.join("\n")).unwrap();
    let after = prepared(&text).unwrap().plan;
    assert_ne!(
        before.keys[&StageName::Tokenizer],
        after.cells[0].keys[&StageName::Tokenizer]
    );
    assert_eq!(
        before.keys[&StageName::Encoder],
        after.cells[0].keys[&StageName::Encoder]
    );

    // The text's files of another place, whose merges are others.
    let apart = text.replace(
        &format!("{:?}", copy.path().join("vocab.json")),
        &format!("{:?}", folder().join("vocab.json")),
    );
    let message = prepared(&apart).err().unwrap();
    assert!(
        message.contains("do not merge the same pairs, from pair 30 on"),
        "{message}"
    );
    let message = prepared(&text.replace(", norm-epsilon = 1e-5", "")).err().unwrap();
    assert!(
        message.contains("encoder.norm-epsilon = 1e-12 and the run's"),
        "{message}"
    );
}

#[test]
fn the_program_trains_plm_icd_from_it() {
    let bench = Bench::new(&suite(&folder()));
    let output = bench.run(&["run", "tiny.toml", "--no-report"]);
    assert_good(&output);
    let told = stderr(&output);
    assert!(
        told.contains("note: [encoder.tiny] model.safetensors: loaded"),
        "{told}"
    );
    let records = bench.records("results");
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].status, Status::Ok);
}
