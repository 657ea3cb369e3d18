//! A cell's key hashes everything that can move its result: change one input and it changes, change
//! nothing and it does not.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{caml, codiesp_suite, logistic_regression, suite_text};
use icdbench::data::Registry;
use icdbench::experiment::{Cell, Places, Plan, key_of};
use icdbench::suite::Suite;

fn keys_of(text: &str, data: Option<&Path>, registry: &Registry, device: &str) -> Vec<String> {
    let cells = cells_of(text, data, registry, device);
    cells.into_iter().map(|cell| cell.key).collect()
}

fn cells_of(text: &str, data: Option<&Path>, registry: &Registry, device: &str) -> Vec<Cell> {
    let scratch = tempfile::tempdir().unwrap();
    let places = Places {
        data,
        results: scratch.path(),
        cache: scratch.path(),
        device,
    };
    let suite = Suite::parse(text, "test.toml").unwrap();
    Plan::make(suite, registry, &places, &mut |_| {}).unwrap().cells
}

fn keys(text: &str) -> Vec<String> {
    keys_of(text, None, &icdbench::data::registry().unwrap(), "flex")
}

fn good() -> String {
    suite_text(60, &(logistic_regression(3) + &caml(3, 16)))
}

#[test]
fn the_same_inputs_give_the_same_keys() {
    assert_eq!(keys(&good()), keys(&good()));
}

#[test]
fn what_cannot_move_a_result_does_not_move_the_key() {
    for (from, to) in [
        ("name = \"tiny\"", "name = \"other\""),
        ("description = \"for tests\"", "description = \"x\""),
    ] {
        assert_eq!(keys(&good()), keys(&good().replacen(from, to, 1)), "{to}");
    }
}

#[test]
fn any_changed_setting_changes_the_key() {
    let both = [0, 1];
    let cases: &[(&str, &str, &[usize])] = &[
        // (from, to, cells that must change)
        ("lengths = [48]", "lengths = [47]", &both),
        ("seeds = [1]", "seeds = [2]", &both),
        ("seed = 1\n", "seed = 2\n", &both), // the notes
        ("median-words = 40", "median-words = 41", &both),
        ("notes = 60", "notes = 61", &both),
        ("rule = { top = 8 }", "rule = { top = 7 }", &both),
        ("unseen-codes = \"ignore\"", "unseen-codes = \"count-as-missed\"", &both),
        (
            "notes-without-codes = \"drop\"",
            "notes-without-codes = \"keep\"",
            &both,
        ),
        ("normalise = \"caml\"", "normalise = \"edin\"", &both),
        ("min-documents = 2", "min-documents = 3", &both),
        ("at-k = [2]", "at-k = [3]", &both),
        ("ties = \"higher-index-first\"", "ties = \"lower-index-first\"", &both),
        ("points = 100", "points = 101", &both),
        ("features = \"counts\"", "features = \"binary\"", &[0]),
        ("inverse-strength = 1.0", "inverse-strength = 2.0", &[0]),
        ("learning-rate = 0.02", "learning-rate = 0.03", &[0]),
        ("epochs = 3\nbatch-size = 16", "epochs = 4\nbatch-size = 16", &[0]),
        ("filters = 12", "filters = 13", &[1]),
        ("dropout = 0.2", "dropout = 0.1", &[1]),
        ("label-block = 3", "label-block = 4", &[1]),
        ("attend-to-padding = false", "attend-to-padding = true", &[1]),
        ("clip-norm = 1.0", "clip-norm = 2.0", &[1]),
        ("weight-decay = 0.01", "weight-decay = 0.02", &[1]),
        ("accumulate = 2", "accumulate = 1", &[1]),
    ];
    let before = keys(&good());
    for (from, to, changed) in cases {
        assert!(good().contains(from), "{from}");
        let after = keys(&good().replacen(from, to, 1));
        for cell in both {
            let differs = before[cell] != after[cell];
            assert_eq!(differs, changed.contains(&cell), "{from} -> {to}, cell {cell}");
        }
    }
}

#[test]
fn another_device_class_changes_the_key() {
    let registry = icdbench::data::registry().unwrap();
    assert_ne!(keys(&good()), keys_of(&good(), None, &registry, "cuda"));
}

/// The fixture release in a directory of its own, with one file changed by `edit`.
fn release(edit: impl Fn(&mut BTreeMap<String, Vec<u8>>)) -> tempfile::TempDir {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp");
    let mut contents = BTreeMap::new();
    for name in common::files(&source) {
        let bytes = std::fs::read(source.join(&name)).unwrap();
        contents.insert(name, bytes);
    }
    edit(&mut contents);
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in contents {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    directory
}

#[test]
fn one_byte_of_data_changes_the_key() {
    let registry_text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp/datasets.toml"))
            .unwrap();
    let registry = Registry::parse(&registry_text, "fixture").unwrap();
    let text = codiesp_suite("dev");
    let of = |directory: &tempfile::TempDir| keys_of(&text, Some(directory.path()), &registry, "flex");
    let original = of(&release(|_| {}));
    assert_eq!(original, of(&release(|_| {})));
    let changed = of(&release(|files| {
        let text = files
            .iter_mut()
            .find(|(name, _)| name.contains("dev/text_files_en"))
            .expect("a note of dev")
            .1;
        let letter = text.iter().position(u8::is_ascii_lowercase).unwrap();
        text[letter] = if text[letter] == b'x' { b'y' } else { b'x' };
    }));
    assert_ne!(original, changed);
}

/// Every leaf of a value, changed one at a time.
fn changed_leaves(value: &serde_json::Value) -> Vec<serde_json::Value> {
    use serde_json::Value;
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(name, inner)| {
                changed_leaves(inner).into_iter().map(move |changed| {
                    let mut map = map.clone();
                    map.insert(name.clone(), changed);
                    Value::Object(map)
                })
            })
            .collect(),
        Value::Array(values) => (0..values.len())
            .flat_map(|at| {
                changed_leaves(&values[at]).into_iter().map(move |changed| {
                    let mut values = values.clone();
                    values[at] = changed;
                    Value::Array(values)
                })
            })
            .collect(),
        Value::String(text) => vec![Value::String(format!("{text}x"))],
        Value::Bool(value) => vec![Value::Bool(!value)],
        Value::Number(number) => vec![serde_json::json!(number.as_f64().unwrap() + 1.0)],
        Value::Null => vec![Value::Bool(true)],
    }
}

#[test]
fn a_key_depends_on_every_leaf_of_every_input() {
    let registry = icdbench::data::registry().unwrap();
    for cell in cells_of(&good(), None, &registry, "flex") {
        assert_eq!(key_of(&cell.inputs), cell.key);
        for settings in [
            "data",
            "division",
            "labels",
            "text",
            "model",
            "training",
            "evaluation",
            "seed",
            "length",
        ] {
            assert!(cell.inputs.contains_key(settings), "{settings}");
        }
        for hash in [
            "data-sha256",
            "labels-sha256",
            "tokenizer-sha256",
            "code-sha256",
            "model-code-sha256",
            "packages",
        ] {
            assert!(
                cell.inputs[hash].as_str().is_some_and(|value| value.len() > 20),
                "{hash}"
            );
        }
        let mut leaves = 0;
        for (name, value) in &cell.inputs {
            for changed in changed_leaves(value) {
                let mut inputs = cell.inputs.clone();
                inputs.insert(name.clone(), changed);
                assert_ne!(key_of(&inputs), cell.key, "a change in {name}");
                leaves += 1;
            }
        }
        assert!(leaves > 40, "{leaves}");
    }
}
