//! What is under a data use agreement: no word of a note and no identifier leaves the private places, and weights are not
//! scored on notes that they have seen.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use icdbench::data::prepared::read_rows;

use common::credentialed::{CANARY, export, suite};
use common::{done, program, stderr};

/// Every file below a directory, the private places left out.
fn shown_files(at: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.ends_with("private") => {
                assert_eq!(
                    fs::metadata(&path).unwrap().permissions().mode() & 0o077,
                    0,
                    "{}",
                    path.display()
                );
            }
            true => shown_files(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
fn no_word_of_a_note_and_no_identifier_is_in_anything_that_is_shown() {
    let scratch = tempfile::tempdir().unwrap();
    let at = scratch.path();
    let ids = export(at);
    let mut said: Vec<(String, String)> = Vec::new();
    let mut tried = |arguments: &[&str], succeeds: bool| {
        let output = program(at, arguments).output().unwrap();
        let all = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(output.status.success(), succeeds, "{arguments:?}: {all}");
        said.push((arguments.join(" "), all));
    };
    let prepare = [
        "--data",
        "data",
        "data",
        "prepare",
        "mimic3-full",
        "--from",
        "mimic3",
        "--to",
        "data/mimic3-full",
    ];
    tried(&prepare, true);
    tried(&prepare, true);
    tried(
        &[
            "--json",
            "data",
            "prepare",
            "mimic3-full",
            "--from",
            "mimic3",
            "--to",
            "other",
            "--rule",
            "addenda=laat",
        ],
        true,
    );
    tried(&["data", "diff", "data/mimic3-full", "other"], true);
    tried(&["--json", "data", "diff", "data/mimic3-full", "other"], true);
    fs::write(at.join("s.toml"), suite("mimic3-full", "")).unwrap();
    tried(&["--data", "data", "plan", "s.toml"], true);
    tried(&["--data", "data", "--json", "plan", "s.toml", "--no-estimate"], true);
    tried(&["--data", "data", "run", "s.toml", "--reports", "report"], true);
    tried(
        &["--data", "data", "--json", "data", "stats", "s.toml", "--tokens"],
        true,
    );
    tried(&["--data", "data", "report", "s.toml", "--reports", "report"], true);
    tried(&["check"], true);
    tried(&["--data", "data", "data", "verify", "mimic3-full"], true);
    // And where something is wrong: the export, the table, the suite.
    let notes = at.join("mimic3/NOTEEVENTS.csv");
    let good = fs::read_to_string(&notes).unwrap();
    let damaged = [
        good.replacen(CANARY, &format!("{CANARY}\" {CANARY}"), 1),
        good[..good.rfind(CANARY).unwrap() + 4].to_owned(),
        good.replacen(",\"Discharge summary\"", ",x,\"Discharge summary\"", 1),
        good.replacen("100007", "100007.0", 1),
    ];
    for text in damaged {
        fs::write(&notes, text).unwrap();
        tried(
            &["data", "prepare", "mimic3-full", "--from", "mimic3", "--to", "third"],
            false,
        );
    }
    let table = at.join("data/mimic3-full/notes.parquet");
    let mut bytes = fs::read(&table).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&table, bytes).unwrap();
    tried(&["--data", "data", "--results", "fresh", "run", "s.toml"], false);
    tried(&["--data", "data", "data", "verify", "mimic3-full"], false);

    for (command, all) in &said {
        assert!(!all.to_lowercase().contains(CANARY), "{command} says a word of a note");
        // Digits of an identifier may come in a hash or a time: between other signs they are the identifier.
        let words: Vec<&str> = all.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        let told = ids.iter().find(|id| words.contains(&id.as_str()));
        assert!(told.is_none(), "{command} names an admission");
    }
    let mut files = Vec::new();
    for folder in ["results", "report"] {
        shown_files(&at.join(folder), &mut files);
    }
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).to_lowercase();
        assert!(!text.contains(CANARY), "{} has a word of a note", file.display());
        let words: std::collections::BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        assert!(
            !ids.iter().any(|id| words.contains(id.as_str())),
            "{} names an admission",
            file.display()
        );
    }
    // What may not be shown is its owner's.
    for private in ["data/mimic3-full", "other"] {
        assert_eq!(
            fs::metadata(at.join(private)).unwrap().permissions().mode() & 0o077,
            0,
            "{private}"
        );
    }
}

#[test]
fn weights_are_refused_on_notes_that_they_have_seen() {
    let scratch = tempfile::tempdir().unwrap();
    let at = scratch.path();
    export(at);
    // Another division of the same admissions, as the published full and clean sets are.
    let split = "split={ by-patient = { dev = 0.1, test = 0.3, seed = 9 } }";
    done(
        at,
        &[
            "-q",
            "data",
            "prepare",
            "mimic3-full",
            "--from",
            "mimic3",
            "--to",
            "data/mimic3-full",
        ],
    );
    done(
        at,
        &[
            "-q",
            "data",
            "prepare",
            "mimic3-clean",
            "--from",
            "mimic3",
            "--to",
            "data/mimic3-clean",
            "--rule",
            split,
        ],
    );
    fs::write(at.join("full.toml"), suite("mimic3-full", "")).unwrap();
    fs::write(at.join("clean.toml"), suite("mimic3-clean", &format!("'{split}'"))).unwrap();
    done(at, &["--data", "data", "run", "full.toml", "--no-report"]);
    let planned = done(at, &["--data", "data", "--json", "plan", "full.toml", "--no-estimate"]);
    let planned: serde_json::Value = serde_json::from_slice(&planned.stdout).unwrap();
    let key = planned[0]["key"].as_str().unwrap();
    let own = done(
        at,
        &["--data", "data", "predict", "--weights", key, "--suite", "full.toml"],
    );
    assert!(!own.stdout.is_empty());
    let arguments = ["--data", "data", "predict", "--weights", key, "--suite", "clean.toml"];
    let other = program(at, &arguments).output().unwrap();
    let said = stderr(&other);
    assert_eq!(other.status.code(), Some(2), "{said}");
    assert!(
        other.stdout.is_empty() && said.contains("the weights were trained or tuned on"),
        "{said}"
    );
    // A file of notes may have any identifiers: their texts tell, and it is the user's to decide.
    let mut of_train = None;
    read_rows(&at.join("data/mimic3-full/notes.parquet"), |note| {
        of_train = of_train.take().or_else(|| (note.split == "train").then_some(note.text));
        Ok(())
    })
    .unwrap();
    fs::write(at.join("note.txt"), of_train.unwrap()).unwrap();
    let seen = done(
        at,
        &["--data", "data", "predict", "--weights", key, "--notes", "note.txt"],
    );
    let said = stderr(&seen);
    assert!(
        said.contains("have the text of one that the weights were trained"),
        "{said}"
    );
    // A text that they have not seen is not told of.
    fs::write(at.join("note.txt"), "A text of nobody.").unwrap();
    let unseen = done(
        at,
        &["--data", "data", "predict", "--weights", key, "--notes", "note.txt"],
    );
    assert!(!stderr(&unseen).contains("the text of one"), "{}", stderr(&unseen));
}
