//! Notes under a data use agreement: generated ones, with a word that must not be found again.

use std::fs;
use std::path::Path;

use super::done;

/// Stands in every note.
pub const CANARY: &str = "xylophone";

/// A generated export with the canary in every text and in its codes' titles not. Gives the admissions.
pub fn export(at: &Path) -> Vec<String> {
    done(
        at,
        &[
            "-q",
            "data",
            "synth",
            "--shape",
            "mimic3",
            "--notes",
            "400",
            "--median-words",
            "40",
            "--to",
            "mimic3",
        ],
    );
    let path = at.join("mimic3/NOTEEVENTS.csv");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("Procedure:", &format!("Procedure {CANARY} noted:"))).unwrap();
    let list = fs::read_to_string(at.join("mimic3/splits.csv")).unwrap();
    list.lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap().to_owned())
        .collect()
}

/// A suite of one cell on a prepared set.
pub fn suite(name: &str, rules: &str) -> String {
    format!(
        r#"
name = "{name}"
description = "for tests"
lengths = [64]
seeds = [1]
precision = "f32"
[data.prepared]
name = "{name}"
rules = [{rules}]
[division]
train = "train"
validation = {{ part = "dev" }}
evaluation = "test"
notes-without-codes = "drop"
[labels]
rule = {{ top = 20 }}
unseen-codes = "ignore"
[text.words]
normalise = "caml"
tokenizer = {{ words = {{ min-documents = 2 }} }}
[evaluation]
at-k = [5]
ties = "higher-index-first"
threshold = {{ tuned = {{ objective = "micro-f1", grid = {{ start = 0.0, end = 1.0, points = 100 }} }} }}
[limits]
left-out-notes = 0.9
[[run]]
text = "words"
[run.model.logistic_regression]
features = "tf-idf"
unit-length = true
penalty = {{ l2 = {{ inverse-strength = 1000.0 }} }}
[run.training]
epochs = 3
batch-size = 64
accumulate = 1
bucket = 1
optimiser = {{ lbfgs = {{ history = 20, iterations = 10, gradient-tolerance = 0.1, change-tolerance = 1e-9 }} }}
learning-rate = 1.0
schedule = "constant"
clip-norm = 0.0
select = "last"
"#
    )
}
