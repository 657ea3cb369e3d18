//! Held-out notes never reach a pretraining, and nothing of it is shown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use icdbench::data::{self, Registry};
use icdbench::plan::Plan;
use icdbench::record::StageName;
use icdbench::results::Store;
use icdbench::results::runner::Runner;
use icdbench::stages::Workshop;
use icdbench::suite::Suite;
use icdbench::train::Observer;

use crate::common::pretraining::{TABLES, pretrained, pretraining_suite};
use crate::common::{Bench, assert_good, codiesp_suite, files, stderr};

/// A word and a letter that stand in held-out notes only.
const CANARY: &str = "xylophone";
const LETTER: char = 'ǂ';

struct Silent;

impl Observer for Silent {}

/// The made-up CodiEsp in a directory of its own, its texts changed by `edit`.
fn release(edit: impl Fn(&str, String) -> String) -> tempfile::TempDir {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp");
    let directory = tempfile::tempdir().unwrap();
    for name in files(&source) {
        let path = directory.path().join(&name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match name.ends_with(".txt") {
            true => std::fs::write(path, edit(&name, std::fs::read_to_string(source.join(&name)).unwrap())).unwrap(),
            false => drop(std::fs::copy(source.join(&name), path).unwrap()),
        }
    }
    directory
}

/// The fixture's registry without the hashes of what is changed.
fn registry() -> Registry {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp/datasets.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("sha256")).collect();
    Registry::parse(&lines.join("\n"), "fixture").unwrap()
}

fn suite() -> Suite {
    let runs = codiesp_suite("dev");
    let runs = runs[..runs.find("[[run]]").unwrap()].to_owned() + &pretrained();
    let tables = TABLES
        .replace("unlabelled = []", "unlabelled = [\"background\"]")
        .replace("share = 0.125", "share = 0.2");
    Suite::parse(
        &runs.replacen("\n[evaluation]", &format!("{tables}\n[evaluation]"), 1),
        "test.toml",
    )
    .unwrap()
}

/// The files of the pretraining on a release, by name.
fn pretrained_on(release: &Path) -> BTreeMap<String, Vec<u8>> {
    let registry = registry();
    let plan = Plan::make(suite(), &registry, Some(release), "flex").unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let store = Store::new(scratch.path(), None);
    let device = Device::flex();
    let workshop = Workshop::new(
        &plan,
        (&registry, Some(release)),
        Runner::new(store.clone()).unwrap(),
        (&device, std::time::Duration::MAX),
        &Silent,
    );
    workshop.pretrain(&plan.cells[0]).unwrap();
    let place = store.place(StageName::Pretraining, plan.cells[0].key_of(StageName::Pretraining));
    let names = files(&place).into_iter().filter(|name| name != "stage.json");
    names
        .map(|name| (name.clone(), std::fs::read(place.join(&name)).unwrap()))
        .collect()
}

/// The texts of the parts whose notes are scored, with the canaries.
fn with_canaries(name: &str, text: String) -> String {
    match name.contains("codiesp/dev/") {
        true => format!("{text} {}", format!("{CANARY} {LETTER}. ").repeat(50)),
        false => text,
    }
}

#[test]
fn held_out_notes_move_no_byte_and_none_of_their_words_is_read() {
    let [plain, changed] = [release(|_, text| text), release(with_canaries)];
    let (expected, found) = (pretrained_on(plain.path()), pretrained_on(changed.path()));
    assert!(found == expected, "a held-out note has moved something");
    assert_eq!(found.len(), 4);
    for (name, bytes) in &found {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(LETTER) && !text.contains(CANARY), "{name}");
    }
    // The test sees what is read: the same in a note of the training part or of the background does move it.
    for part in ["train", "background"] {
        let read = release(|name, text| match name.contains(&format!("codiesp/{part}/")) {
            true => with_canaries("codiesp/dev/", text),
            false => text,
        });
        assert!(pretrained_on(read.path()) != expected, "{part}");
    }
}

#[test]
fn what_is_read_is_the_training_notes_and_the_named_parts_without_held_out_texts() {
    let copied = release(
        |name, text| match name.contains("codiesp/background/") && name.ends_with("-2.txt") {
            // A background text that is a held-out note's.
            true => held_out_text(),
            false => with_canaries(name, text),
        },
    );
    let (suite, registry) = (suite(), registry());
    let corpus = data::load(&suite.data, Some(copied.path()), &registry).unwrap();
    let division = corpus.divide(&suite.division).unwrap();
    let notes = corpus.unlabelled(&division, &["background".into()]).unwrap();
    assert_eq!((notes.trained_on(), notes.left_out()), (division.fit.len(), 1));
    assert_eq!(notes.texts().len(), division.fit.len() + 2);
    let texts: Vec<&str> = notes.texts().iter().collect();
    assert!(
        texts
            .iter()
            .all(|text| !text.contains(CANARY) && !text.contains(LETTER))
    );
    let held_out: Vec<&str> = division
        .validation
        .iter()
        .chain(&division.evaluation)
        .map(|note| note.text.as_str())
        .collect();
    assert!(texts.iter().all(|text| !held_out.contains(text)));
    for part in ["dev", "train", "nowhere"] {
        let refused = corpus.unlabelled(&division, &[part.to_owned()]);
        assert!(
            refused.is_err(),
            "{part} is held out, or holds the validation notes, or is no part"
        );
    }
}

/// The text of a note of the scored part, with the canaries.
fn held_out_text() -> String {
    let name = "codiesp/dev/text_files_en/made-up-dev-1.txt";
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/codiesp")
        .join(name);
    with_canaries(name, std::fs::read_to_string(path).unwrap())
}

#[test]
#[cfg(unix)]
fn an_encoder_of_credentialed_notes_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new(&pretraining_suite(240, &pretrained()));
    let registry = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp/datasets.toml");
    let registry = std::fs::read_to_string(registry).unwrap();
    let registry = registry.replace("credentialed = false", "credentialed = true");
    std::fs::write(bench.path("datasets.toml"), registry).unwrap();
    let with = |arguments: &[&'static str]| {
        let all: Vec<&str> = ["--datasets", "datasets.toml"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        let output = bench.run(&all);
        assert_good(&output);
        output
    };
    with(&["run", "tiny.toml", "--checkpoint-every", "0"]);
    let told = with(&["export", "tiny.toml", "--pretrained", "tiny", "--out", "out"]);
    assert!(
        stderr(&told).contains("keep them where the notes may be kept"),
        "{}",
        stderr(&told)
    );
    let mode = |path: &PathBuf| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in ["results/private/pretraining", "out"] {
        let folder = bench.path(folder);
        assert!(files(&folder).iter().any(|name| name.ends_with("vocab.txt")));
        for name in files(&folder) {
            assert_eq!(mode(&folder.join(&name)), 0o600, "{name}");
        }
    }
    let outside = files(&bench.path("results"));
    let outside = outside.iter().filter(|name| !name.starts_with("private/"));
    assert!(outside.into_iter().all(|name| name.starts_with("records/")));
}
