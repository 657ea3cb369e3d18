//! A cell's key hashes everything that can move its result: change one input and it changes, change
//! nothing and it does not.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::pretraining::{pretrained, pretraining_suite};
use common::{caml, codiesp_suite, logistic_regression, suite_text};
use icdbench::data::Registry;
use icdbench::plan::{Cell, Plan};
use icdbench::record::{StageName, StagePool};
use icdbench::suite::Suite;
use serde_json::Value;

fn keys_of(text: &str, data: Option<&Path>, registry: &Registry, device: &str) -> Vec<String> {
    let cells = cells_of(text, data, registry, device);
    cells.into_iter().map(|cell| cell.key).collect()
}

fn cells_of(text: &str, data: Option<&Path>, registry: &Registry, device: &str) -> Vec<Cell> {
    let suite = Suite::parse(text, "test.toml").unwrap();
    Plan::make(suite, registry, data, device).unwrap().cells
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
        ("accumulate = 2", "accumulate = 2\nreplicas = 1"),
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
        ("accumulate = 2", "accumulate = 2\nreplicas = 2", &[1]),
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
    // Without the hashes of the texts: what is not listed is hashed.
    let lines: Vec<&str> = registry_text
        .lines()
        .filter(|line| !line.starts_with("sha256"))
        .collect();
    let unlisted = Registry::parse(&lines.join("\n"), "fixture").unwrap();
    let of = |directory: &tempfile::TempDir| keys_of(&text, Some(directory.path()), &unlisted, "flex");
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
    // With them, the data is what the registry says, or it is not read: no file is opened to know the key.
    let listed = keys_of(&text, Some(Path::new("nowhere")), &registry, "flex");
    assert_eq!(listed, keys_of(&text, Some(release(|_| {}).path()), &registry, "flex"));
}

/// Words that a suite may write somewhere: what stands in the place of another word until one fits there.
const WORDS: [&str; 19] = [
    "keep",
    "drop",
    "count-as-missed",
    "ignore",
    "lower-index-first",
    "higher-index-first",
    "binary",
    "counts",
    "none",
    "all",
    "matrices",
    "edin",
    "caml",
    "dev",
    "train",
    "map",
    "macro-f1-all",
    "bf16",
    "line-ends",
];

/// What may stand in the place of a leaf: other values of its kind.
fn others(leaf: &Value) -> Vec<Value> {
    match leaf {
        Value::String(text) => {
            let words = WORDS.into_iter().filter(|word| word != text);
            words
                .map(Value::from)
                .chain([Value::from(format!("{text}x"))])
                .collect()
        }
        Value::Bool(value) => vec![Value::from(!value)],
        Value::Number(number) => match number.as_u64() {
            Some(whole) => vec![Value::from(whole + 1), Value::from(whole as f64 + 0.5)],
            None => vec![Value::from(number.as_f64().unwrap() * 0.5 + 0.125)],
        },
        Value::Null => vec![Value::from(1), Value::from("x")],
        Value::Array(_) | Value::Object(_) => Vec::new(),
    }
}

/// The JSON pointers of every leaf.
fn leaves(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(name, inner)| leaves(inner, &format!("{place}/{name}"), found)),
        Value::Array(values) => {
            for (index, inner) in values.iter().enumerate() {
                leaves(inner, &format!("{place}/{index}"), found);
            }
        }
        _ => found.push(place.to_owned()),
    }
}

/// From the suite and not from a cell's inputs: a setting that no stage names would show here.
#[test]
fn every_leaf_of_a_suite_moves_a_key_unless_it_cannot_move_a_result() {
    let registry = icdbench::data::registry().unwrap();
    let text = good()
        + "\n[limits]\ncell-seconds = 9.0\nleft-out-notes = 0.6\nunknown-codes = 0.6\nrespelt-codes = 0.6\nrepeated-texts = 0.6\n[keep]\nscores = true\n";
    let suite = Suite::parse(&text, "test.toml").unwrap();
    let keys = |suite: Suite| -> Vec<String> {
        let plan = Plan::make(suite, &registry, None, "flex").unwrap();
        plan.cells.into_iter().map(|cell| cell.key).collect()
    };
    let before = keys(suite.clone());
    let written = serde_json::to_value(&suite).unwrap();
    let mut places = Vec::new();
    leaves(&written, "", &mut places);
    let moves_nothing = |place: &str| {
        let names = ["/name", "/description", "/keep/scores"];
        names.contains(&place) || place.starts_with("/limits/")
    };
    let mut moved = 0;
    for place in &places {
        // Which text a run reads is told by the text's own settings.
        if place.ends_with("/text") {
            continue;
        }
        let changed = others(written.pointer(place).unwrap()).into_iter().find_map(|other| {
            let mut changed = written.clone();
            *changed.pointer_mut(place).unwrap() = other;
            serde_json::from_value::<Suite>(changed).ok()
        });
        let changed = changed.unwrap_or_else(|| panic!("{place}: nothing else can stand there; add a word to WORDS"));
        assert_ne!(changed, suite, "{place}");
        let differs = keys(changed) != before;
        assert_eq!(differs, !moves_nothing(place), "{place}");
        moved += usize::from(differs);
    }
    assert!(moved > 50, "{moved} leaves");
}

#[test]
fn a_cells_key_is_that_of_its_chain_and_every_stage_reads_those_before_it() {
    let registry = icdbench::data::registry().unwrap();
    for cell in cells_of(&good(), None, &registry, "flex") {
        assert_eq!(
            StagePool::default().key_of_chain(&mut cell.chain.clone()),
            Ok(cell.key.clone())
        );
        let reads = |stage: StageName| cell.chain[&stage].reads.keys().copied().collect::<Vec<_>>();
        assert!(reads(StageName::Notes).is_empty());
        assert_eq!(reads(StageName::Tokenizer), [StageName::Notes]);
        assert_eq!(reads(StageName::Tokens), [StageName::Notes, StageName::Tokenizer]);
        assert_eq!(
            reads(StageName::Weights),
            [StageName::Notes, StageName::Tokenizer, StageName::Tokens]
        );
        assert_eq!(reads(StageName::Scores), [StageName::Tokens, StageName::Weights]);
        assert_eq!(
            reads(StageName::Record),
            [StageName::Notes, StageName::Tokens, StageName::Scores]
        );
        for (name, stage) in &cell.chain {
            let code = stage.made_by.get("code");
            assert!(
                code.is_some_and(|hash| hash.len() == 64),
                "{name} says nothing of its sources"
            );
        }
    }
}

#[test]
fn every_setting_of_a_pretraining_moves_its_key_and_those_after_it_only() {
    let registry = icdbench::data::registry().unwrap();
    let suite = Suite::parse(&pretraining_suite(60, &pretrained()), "test.toml").unwrap();
    let keys = |suite: Suite| Plan::make(suite, &registry, None, "flex").unwrap().cells.remove(0).keys;
    let before = keys(suite.clone());
    let written = serde_json::to_value(&suite).unwrap();
    let mut places = Vec::new();
    leaves(&written["pretrain"], "/pretrain", &mut places);
    let mut moved = 0;
    for place in &places {
        // Of which text and which encoder it is, their own stages say; what it starts from is tried below.
        if ["/text", "/start"].iter().any(|end| place.ends_with(end)) {
            continue;
        }
        let changed = others(written.pointer(place).unwrap()).into_iter().find_map(|other| {
            let mut changed = written.clone();
            *changed.pointer_mut(place).unwrap() = other;
            serde_json::from_value::<Suite>(changed).ok()
        });
        let changed = changed.unwrap_or_else(|| panic!("{place}: nothing else can stand there; add a word to WORDS"));
        assert_ne!(changed, suite, "{place}");
        let after = keys(changed);
        for (stage, key) in &before {
            assert_eq!(
                *stage >= StageName::Pretraining,
                after[stage] != *key,
                "{place}: {stage}"
            );
        }
        moved += 1;
    }
    assert!(moved > 25, "{moved} leaves");
    // Its name is no setting, the parts that it reads are one.
    let renamed = pretraining_suite(60, &pretrained())
        .replace("pretrain.tiny", "pretrain.other")
        .replace("\"tiny\"\n[run", "\"other\"\n[run");
    let suite_of = |text: &str| Suite::parse(text, "test.toml").unwrap();
    assert!(suite_of(&renamed).pretrainings.contains_key("other"));
    assert_eq!(
        keys(suite_of(&renamed))[&StageName::Pretraining],
        before[&StageName::Pretraining]
    );
    let more = pretraining_suite(60, &pretrained()).replace("unlabelled = []", "unlabelled = [\"background\"]");
    assert_ne!(
        keys(suite_of(&more))[&StageName::Pretraining],
        before[&StageName::Pretraining]
    );
    let cell = cells_of(&pretraining_suite(60, &pretrained()), None, &registry, "flex").remove(0);
    let reads = |stage: StageName| cell.chain[&stage].reads.keys().copied().collect::<Vec<_>>();
    assert_eq!(reads(StageName::Pretraining), [StageName::Notes, StageName::Tokenizer]);
    assert_eq!(
        reads(StageName::Weights),
        [
            StageName::Notes,
            StageName::Tokenizer,
            StageName::Tokens,
            StageName::Pretraining
        ]
    );
}

/// What each setting must leave alone: a change of a late stage's setting moves no stage before it.
#[test]
fn a_setting_moves_its_stage_and_those_after_it_only() {
    let registry = icdbench::data::registry().unwrap();
    let of = |text: &str| cells_of(text, None, &registry, "flex").remove(0).keys;
    let before = of(&good());
    for (from, to, first) in [
        ("seed = 1\n", "seed = 2\n", StageName::Notes),
        ("min-documents = 2", "min-documents = 3", StageName::Tokenizer),
        ("learning-rate = 0.02", "learning-rate = 0.03", StageName::Weights),
        (
            "ties = \"higher-index-first\"",
            "ties = \"lower-index-first\"",
            StageName::Weights,
        ),
        ("at-k = [2]", "at-k = [3]", StageName::Record),
    ] {
        let after = of(&good().replacen(from, to, 1));
        for (stage, key) in &before {
            assert_eq!(*stage >= first, after[stage] != *key, "{to}: {stage}");
        }
    }
}
