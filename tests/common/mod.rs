//! What the tests of the program share: small suites, and running the program on them.
#![allow(dead_code)] // Each test file uses a part.

#[cfg(target_os = "linux")]
pub mod cgroup;
pub mod credentialed;
pub mod inject;
pub mod pretraining;
#[cfg(target_os = "linux")]
pub mod signals;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use burn::tensor::Device;
use icdbench::device::DeviceChoice;
use icdbench::models::Precision;
use icdbench::record::{Record, RecordStore, StageName};

/// The device that the model tests (`contract`, `parity`) run on: what the environment variable
/// ICDBENCH_TEST_DEVICE names as `--device` would, and flex where it is not set. The tests must be built with
/// the device's cargo feature.
pub fn device() -> Device {
    static DEVICE: OnceLock<Device> = OnceLock::new();
    let open = || {
        let name = std::env::var("ICDBENCH_TEST_DEVICE").unwrap_or("flex".into());
        let choice: DeviceChoice = name.parse().unwrap_or_else(|problem| panic!("{name:?}: {problem}"));
        choice
            .open(Precision::F32)
            .unwrap_or_else(|problem| panic!("{problem}"))
    };
    DEVICE.get_or_init(open).clone()
}

/// A suite on a few short generated notes. `runs` is the text of its `[[run]]` blocks.
pub fn suite_text(notes: u32, runs: &str) -> String {
    format!(
        r#"
name = "tiny"
description = "for tests"
lengths = [48]
seeds = [1]
precision = "f32"

[data.synthetic]
seed = 1
notes = {notes}
median-words = 40

[division]
train = "train"
validation = {{ part = "dev" }}
evaluation = "test"
notes-without-codes = "drop"

[labels]
rule = {{ top = 8 }}
unseen-codes = "ignore"

[text.words]
normalise = "caml"
tokenizer = {{ words = {{ min-documents = 2 }} }}

[evaluation]
at-k = [2]
ties = "higher-index-first"
threshold = {{ tuned = {{ objective = "micro-f1", grid = {{ start = 0.0, end = 1.0, points = 100 }} }} }}
{runs}"#
    )
}

/// Logistic regression for a few epochs.
pub fn logistic_regression(epochs: u32) -> String {
    format!(
        r#"
[[run]]
text = "words"
[run.model.logistic_regression]
features = "counts"
unit-length = false
penalty = {{ l2 = {{ inverse-strength = 1.0 }} }}
[run.training]
epochs = {epochs}
batch-size = 16
accumulate = 1
bucket = 4
optimiser = {{ adam = {{ betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.0, decay = "all" }} }}
learning-rate = 0.02
schedule = {{ linear = {{ warmup = 0.1 }} }}
clip-norm = 0.0
select = {{ best = {{ metric = "map", patience = 50 }} }}
"#
    )
}

/// CAML with every feature of the loop in use: dropout, accumulation, clipping, decay, a schedule.
pub fn caml(epochs: u32, embedding: u32) -> String {
    format!(
        r#"
[[run]]
text = "words"
[run.model.caml]
embedding = {embedding}
pretrained-embedding = false
filters = 12
width = 4
dropout = 0.2
label-block = 3
attend-to-padding = false
description-weight = 0.1
[run.training]
epochs = {epochs}
batch-size = 4
accumulate = 2
bucket = 2
optimiser = {{ adamw = {{ betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.01, decay = "matrices" }} }}
learning-rate = 0.01
schedule = {{ linear = {{ warmup = 0.1 }} }}
clip-norm = 1.0
select = {{ best = {{ metric = "micro-f1", patience = 50 }} }}
"#
    )
}

/// [`caml`]'s run, of MultiResCNN.
pub fn multi_res_cnn(epochs: u32) -> String {
    let run = caml(epochs, 6);
    let (before, settings) = run.split_once("[run.model.caml]").unwrap();
    let (_, training) = settings.split_once("[run.training]").unwrap();
    format!(
        r#"{before}[run.model.multi_res_cnn]
embedding = 6
pretrained-embedding = false
train-embedding = true
widths = [3, 5]
blocks = [4]
dropout = 0.2
label-block = 3
read-padding = false
[run.training]{training}"#
    )
}

/// A CodiEsp suite on the fixture release, scored on `evaluation`.
pub fn codiesp_suite(evaluation: &str) -> String {
    suite_text(60, &logistic_regression(3))
        .replace(
            "[data.synthetic]\nseed = 1\nnotes = 60\nmedian-words = 40",
            "[data.codiesp]\nlanguage = \"en\"\ncodes = \"diagnoses\"",
        )
        .replace("rule = { top = 8 }", "rule = \"all\"")
        .replace("min-documents = 2", "min-documents = 1")
        .replace(
            "validation = { part = \"dev\" }",
            "validation = { fraction-of-train = 0.3, seed = 1 }",
        )
        .replace("evaluation = \"test\"", &format!("evaluation = \"{evaluation}\""))
}

/// The program, called in a directory. One thread: the tests themselves run side by side.
pub fn program(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_icdbench"));
    command
        .current_dir(directory)
        .env_remove("ICDBENCH_DATA")
        .env("RAYON_NUM_THREADS", "1")
        .args(arguments);
    command
}

/// What the program says in a directory, where it must succeed.
#[track_caller]
pub fn done(directory: &Path, arguments: &[&str]) -> Output {
    let output = program(directory, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    output
}

/// A directory with a suite file in it, and results beside it.
pub struct Bench {
    pub directory: tempfile::TempDir,
}

impl Bench {
    pub fn new(suite: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("tiny.toml"), suite).unwrap();
        Self { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The program, called in the directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        program(self.directory.path(), arguments)
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn records(&self, results: &str) -> Vec<Record> {
        let listed = RecordStore::new(&self.path(results)).all().unwrap();
        assert!(listed.refused.is_empty(), "{:?}", listed.refused);
        listed.records
    }

    /// Outcomes, weights and rows by note of a results directory, as bytes.
    pub fn results(&self, results: &str) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        let private = self.path(results).join("private");
        for record in self.records(results) {
            let outcome = serde_json::to_vec(&record.outcome.expect("an outcome")).unwrap();
            let weights = record.stages[&StageName::Weights].key();
            let weights = private.join(format!("weights/{weights}/weights.safetensors"));
            let rows = private.join(format!("rows/{}/rows.json", record.key));
            found.push((format!("{} outcome", record.key), outcome));
            found.push((format!("{} weights", record.key), std::fs::read(weights).unwrap()));
            found.push((format!("{} rows", record.key), std::fs::read(rows).unwrap()));
        }
        found
    }

    /// The folder of a training's checkpoints, where there is one.
    pub fn work(&self, results: &str) -> PathBuf {
        self.path(results).join("private/work")
    }
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asserts exit code and that standard error holds each of the words.
pub fn assert_fails(output: &Output, code: i32, words: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

pub fn assert_good(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
}

/// Every file under a directory, relative, sorted.
pub fn files(directory: &Path) -> Vec<String> {
    fn walk(directory: &Path, root: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(directory, directory, &mut found);
    found.sort();
    found
}
