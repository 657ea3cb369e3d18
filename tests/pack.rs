//! `icdbench pack`: what an archive holds and what never, that foreign eyes find every file described, and that it is what
//! it says wherever it is unpacked.

mod common;
#[path = "pack/credentialed.rs"]
mod credentialed;
#[path = "pack/described.rs"]
mod described;
#[path = "pack/refused.rs"]
mod refused;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;
use std::process::{Command, Output};

use common::{Bench, assert_good, files, logistic_regression, stderr, stdout, suite_text};
use serde_json::Value;

/// The files of an archive.
type Archive = BTreeMap<String, Vec<u8>>;

fn unzipped(path: &Path) -> Archive {
    let bytes = fs::read(path).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let count = archive.len();
    let read = |at| {
        let mut file = archive.by_index(at).unwrap();
        let name = file.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (name, bytes)
    };
    (0..count).map(read).collect()
}

/// Writes the files of an archive into a directory.
fn unpacked(archive: &Archive, into: &Path) {
    for (name, bytes) in archive {
        let path = into.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn text<'a>(archive: &'a Archive, name: &str) -> &'a str {
    std::str::from_utf8(&archive[name]).unwrap()
}

fn json(archive: &Archive, name: &str) -> Value {
    serde_json::from_slice(&archive[name]).unwrap()
}

/// Two seeds, with their scores kept.
fn finished() -> Bench {
    let suite = suite_text(120, &logistic_regression(4)).replace("seeds = [1]", "seeds = [1, 2]");
    let bench = Bench::new(&format!("{suite}\n[keep]\nscores = true\n"));
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    bench
}

/// The program in a directory of its own, with nothing in its environment.
fn elsewhere(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_icdbench"));
    command.current_dir(directory).env_clear().args(arguments);
    command.output().unwrap()
}

#[test]
fn an_archive_holds_what_is_named_and_of_the_private_part_only_rows_by_note() {
    let bench = finished();
    assert_good(&bench.run(&["pack", "tiny.toml"]));
    let archive = unzipped(&bench.path("tiny.crate.zip"));
    for name in [
        "Cargo.lock",
        "README.md",
        "REPRODUCE.md",
        "SHA256SUMS",
        "baselines/claims/SHA256SUMS",
        "baselines/published/bert-xml.toml",
        "croissant/synthetic.json",
        "datasets.toml",
        "environment.json",
        "report/index.html",
        "report/plots/training.svg",
        "report/report.md",
        "report/scores.csv",
        "ro-crate-metadata.json",
        "suite.toml",
    ] {
        assert!(archive.contains_key(name), "{name} is not among {:?}", archive.keys());
    }
    let root = env!("CARGO_MANIFEST_DIR");
    for (name, of) in [
        ("Cargo.lock", "Cargo.lock"),
        ("REPRODUCE.md", "REPRODUCE.md"),
        ("datasets.toml", "datasets.toml"),
        ("baselines/claims/caml.toml", "baselines/claims/caml.toml"),
    ] {
        assert!(archive[name] == fs::read(Path::new(root).join(of)).unwrap(), "{name}");
    }
    assert!(archive["suite.toml"] == fs::read(bench.path("tiny.toml")).unwrap());
    // Every baseline of the repository that the program has.
    for folder in ["published", "claims"] {
        let there = files(&Path::new(root).join("baselines").join(folder));
        for name in there.iter().filter(|name| !name.ends_with("README.md")) {
            assert!(archive.contains_key(&format!("baselines/{folder}/{name}")), "{name}");
        }
    }
    let mut expected = BTreeSet::new();
    for record in bench.records("results") {
        expected.insert(format!("results/records/{}.json", record.key));
        for file in ["resamples.bin", "rows.json", "stage.json"] {
            expected.insert(format!("results/private/rows/{}/{file}", record.key));
        }
    }
    let results: BTreeSet<String> = archive
        .keys()
        .filter(|name| name.starts_with("results"))
        .cloned()
        .collect();
    assert_eq!(results, expected);
    for name in expected {
        assert!(archive[&name] == fs::read(bench.path(&name)).unwrap(), "{name}");
    }
}

#[test]
fn the_same_records_give_the_same_bytes_from_any_place() {
    let bench = finished();
    let said = bench.run(&["--json", "pack", "tiny.toml", "--out", "first.zip"]);
    assert_good(&said);
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!((&said["cells"], &said["access"]), (&2.into(), &"public".into()));
    let first = fs::read(bench.path("first.zip")).unwrap();
    // Other names, another directory, other times of the files, and no weights any more.
    fs::rename(bench.path("results"), bench.path("moved")).unwrap();
    fs::remove_dir_all(bench.path("moved/private/weights")).unwrap();
    fs::rename(bench.path("tiny.toml"), bench.path("other.toml")).unwrap();
    let out = ["--results", "moved", "pack", "other.toml", "--out", "second.zip"];
    assert_good(&bench.run(&out));
    assert!(fs::read(bench.path("second.zip")).unwrap() == first);
    // A file that is there already stays, and is no error where it is the same.
    assert_good(&bench.run(&out));
    fs::write(bench.path("second.zip"), "mine").unwrap();
    common::assert_fails(&bench.run(&out), 2, &["second.zip", "is there already", "--out"]);
    assert_eq!(fs::read_to_string(bench.path("second.zip")).unwrap(), "mine");
}

#[test]
fn check_and_report_say_the_same_of_the_unpacked_archive_on_a_machine_with_nothing_else() {
    let bench = finished();
    assert_good(&bench.run(&["pack", "tiny.toml"]));
    let archive = unzipped(&bench.path("tiny.crate.zip"));
    let there = tempfile::tempdir().unwrap();
    unpacked(&archive, there.path());
    let found = elsewhere(
        there.path(),
        &[
            "--json",
            "--datasets",
            "datasets.toml",
            "check",
            "results",
            "--suite",
            "suite.toml",
        ],
    );
    assert_good(&found);
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    let cells = found["cells"].as_array().unwrap();
    assert!(
        cells.len() == 2 && cells.iter().all(|cell| cell["verdict"] == "by-rows"),
        "{found}"
    );
    // What the README says.
    let report = [
        "--datasets",
        "datasets.toml",
        "report",
        "suite.toml",
        "--reports",
        "again",
    ];
    assert_good(&elsewhere(there.path(), &report));
    let [packed, again] = ["report", "again/tiny"].map(|folder| there.path().join(folder));
    assert_eq!(files(&packed), files(&again));
    for name in files(&packed) {
        assert!(
            fs::read(packed.join(&name)).unwrap() == fs::read(again.join(&name)).unwrap(),
            "{name} differs"
        );
    }
    // And the check can find something: a digit of a score.
    let record = bench.records("results").remove(0);
    let path = there.path().join(format!("results/records/{}.json", record.key));
    let bytes = fs::read_to_string(&path).unwrap();
    let at = bytes.find("\"micro-f1\"").unwrap();
    let digit = at + bytes[at..].find(|c: char| ('1'..='8').contains(&c)).unwrap();
    let other = bytes.as_bytes()[digit] + 1;
    let mut bytes = bytes.into_bytes();
    bytes[digit] = other;
    fs::write(path, bytes).unwrap();
    let found = elsewhere(there.path(), &["--datasets", "datasets.toml", "check", "results"]);
    assert_eq!(found.status.code(), Some(1), "{}", stdout(&found));
}

#[test]
fn the_script_accepts_an_archive_and_finds_a_changed_one() {
    let bench = finished();
    assert_good(&bench.run(&["pack", "tiny.toml"]));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/check-crate");
    let look = |archive: &str| {
        let mut command = Command::new("python3");
        command.arg(&script).arg(bench.path(archive));
        command.args(["--icdbench", env!("CARGO_BIN_EXE_icdbench")]);
        command.output()
    };
    let Ok(good) = look("tiny.crate.zip") else {
        eprintln!("skipped: no python3 here");
        return;
    };
    assert!(good.status.success(), "{}{}", stdout(&good), stderr(&good));
    assert!(
        stdout(&good).contains("2 records and 2 rows by note"),
        "{}",
        stdout(&good)
    );
    let mut archive = unzipped(&bench.path("tiny.crate.zip"));
    archive.get_mut("suite.toml").unwrap().push(b'#');
    rezipped(&archive, &bench.path("changed.zip"));
    let bad = look("changed.zip").unwrap();
    assert_eq!(bad.status.code(), Some(1));
    assert!(stdout(&bad).contains("suite.toml: FAILED"), "{}", stdout(&bad));
}

fn rezipped(archive: &Archive, path: &Path) {
    let mut writer = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in archive {
        writer
            .start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        std::io::Write::write_all(&mut writer, bytes).unwrap();
    }
    writer.finish().unwrap();
}
