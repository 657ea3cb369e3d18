//! Data under a use agreement: what leaves in an archive and what only by assertion.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use icdbench::record::NoteRows;

use super::common::credentialed::{CANARY, export, suite};
use super::common::{assert_good, done, files, program, stderr};
use super::{Archive, elsewhere, json, text, unpacked, unzipped};

/// What this machine is told to be called.
const USER: &str = "quokka";

/// A directory with results of credentialed data, `s.toml` their suite; and its admissions.
fn finished() -> (tempfile::TempDir, Vec<String>) {
    let scratch = tempfile::tempdir().unwrap();
    let at = scratch.path();
    let ids = export(at);
    let prepared = ["--from", "mimic3", "--to", "data/mimic3-full"];
    done(at, &[&["-q", "data", "prepare", "mimic3-full"][..], &prepared].concat());
    fs::write(at.join("s.toml"), suite("mimic3-full", "")).unwrap();
    done(at, &["-q", "--data", "data", "run", "s.toml", "--no-report"]);
    (scratch, ids)
}

fn packs(at: &Path, arguments: &[&str]) -> Output {
    let mut command = program(at, &[&["--data", "data", "pack", "s.toml"], arguments].concat());
    let home = format!("/home/{USER}");
    command.envs([
        ("USER", USER),
        ("LOGNAME", USER),
        ("HOME", &home),
        ("HOSTNAME", "quokka-host"),
    ]);
    command.output().unwrap()
}

/// That no word of a note, no identifier, no name of a note, no salt and no place of this machine is in any file.
fn tells_nothing(archive: &Archive, at: &Path, ids: &[String]) {
    let salt = fs::read_to_string(at.join("results/private/salt")).unwrap();
    let rows = at.join("results/private/rows");
    let read = files(&rows).into_iter().filter(|name| name.ends_with("rows.json"));
    let notes = read.flat_map(|name| {
        serde_json::from_slice::<NoteRows>(&fs::read(rows.join(name)).unwrap())
            .unwrap()
            .notes
    });
    let names: BTreeSet<String> = notes.flat_map(|row| [row.note, row.patient]).collect();
    assert!(names.len() > 20 && ids.len() > 100);
    let place = at.display().to_string();
    for (file, bytes) in archive {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        for canary in [CANARY, salt.trim(), USER, &place.to_lowercase()] {
            assert!(!text.contains(canary), "{file} has {canary:?}");
        }
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let told = ids.iter().chain(&names).find(|id| words.contains(id.as_str()));
        assert!(told.is_none(), "{file} names a note, a patient or an admission");
    }
}

#[test]
fn no_row_by_note_of_credentialed_data_leaves_in_a_pack() {
    let (scratch, ids) = finished();
    let at = scratch.path();
    let said = packs(at, &[]);
    assert_good(&said);
    assert!(stderr(&said).contains("they are left out"), "{}", stderr(&said));
    let archive = unzipped(&at.join("mimic3-full.crate.zip"));
    let private: Vec<&String> = archive.keys().filter(|name| name.contains("private")).collect();
    assert!(private.is_empty(), "{private:?}");
    tells_nothing(&archive, at, &ids);
    // It says so, for people and for programs, and names the terms.
    let metadata = json(&archive, "ro-crate-metadata.json");
    let graph = metadata["@graph"].as_array().unwrap();
    let by_id = |id: &str| graph.iter().find(|entity| entity["@id"] == id);
    let left_out = by_id("#left-out").unwrap()["text"].as_str().unwrap();
    for said in [left_out, text(&archive, "README.md")] {
        assert!(said.contains("they are left out") && said.contains("PhysioNet Credentialed Health Data License"));
    }
    assert!(by_id("#assertion").is_none());
    // Scores and intervals stay, and add up where nothing else is.
    let there = tempfile::tempdir().unwrap();
    unpacked(&archive, there.path());
    let arguments = [
        "--json",
        "--datasets",
        "datasets.toml",
        "check",
        "results",
        "--suite",
        "suite.toml",
    ];
    let found = elsewhere(there.path(), &arguments);
    assert_good(&found);
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found["cells"][0]["verdict"], "by-sums");
    // Nothing of its files is described as if it were here, but where it is had.
    let croissant = json(&archive, "croissant/mimic3-full.json");
    assert_eq!(croissant["url"], "https://physionet.org/content/mimiciii/1.4/");
    let distribution = croissant["distribution"].as_array().unwrap();
    assert!(
        distribution
            .iter()
            .all(|file| file["@type"] == "cr:FileSet" && file.get("contentUrl").is_none())
    );
}

#[test]
fn a_registry_that_calls_the_data_public_lets_no_rows_out() {
    let (scratch, ids) = finished();
    let at = scratch.path();
    let registry = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets.toml")).unwrap();
    fs::write(
        at.join("mine.toml"),
        registry.replace("credentialed = true", "credentialed = false"),
    )
    .unwrap();
    assert_good(&packs(at, &["--datasets", "mine.toml"]));
    let archive = unzipped(&at.join("mimic3-full.crate.zip"));
    assert!(archive.keys().all(|name| !name.contains("private")));
    tells_nothing(&archive, at, &ids);
    // Nor small counts, where the cells were run by it too.
    let global = ["--datasets", "mine.toml", "--data", "data", "--results", "open", "-q"];
    done(at, &[&global[..], &["run", "s.toml", "--no-report"]].concat());
    let arguments = ["--datasets", "mine.toml", "--results", "open", "--out", "open.zip"];
    let words = [
        "mimic3-full is credentialed",
        "logistic_regression at length 64 with seed 1",
    ];
    super::common::assert_fails(&packs(at, &arguments), 2, &words);
    assert!(!at.join("open.zip").exists());
}

#[test]
fn rows_go_in_by_an_assertion_that_is_written_into_the_archive() {
    let (scratch, ids) = finished();
    let at = scratch.path();
    let empty = packs(at, &["--include-rows", " "]);
    super::common::assert_fails(&empty, 2, &["--include-rows: found nothing"]);
    let reason = "The reviewer has signed the same agreement.";
    assert_good(&packs(at, &["--include-rows", reason, "--agent", "Ada Example"]));
    let path = at.join("mimic3-full.crate.zip");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o077,
            0,
            "others can read it"
        );
    }
    let archive = unzipped(&path);
    let rows = archive
        .keys()
        .filter(|name| name.starts_with("results/private/rows/"))
        .count();
    assert_eq!(rows, 3);
    assert!(archive.keys().filter(|name| name.contains("private")).count() == rows);
    let metadata = json(&archive, "ro-crate-metadata.json");
    let graph = metadata["@graph"].as_array().unwrap();
    let assertion = graph.iter().find(|entity| entity["@id"] == "#assertion").unwrap();
    assert_eq!(assertion["text"], reason);
    assert_eq!(assertion["author"]["@id"], "#agent");
    assert!(text(&archive, "README.md").contains(reason));
    // Notes still have no name but their hash.
    let salt = fs::read_to_string(at.join("results/private/salt")).unwrap();
    for (file, bytes) in &archive {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains(CANARY) && !text.contains(salt.trim()), "{file}");
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        assert!(
            !ids.iter().any(|id| words.contains(id.as_str())),
            "{file} names an admission"
        );
    }
    let there = tempfile::tempdir().unwrap();
    unpacked(&archive, there.path());
    let found = elsewhere(
        there.path(),
        &["--json", "--datasets", "datasets.toml", "check", "results"],
    );
    assert_good(&found);
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found["cells"][0]["verdict"], "by-rows");
}
