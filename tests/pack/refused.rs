//! What is not packed, with what is said of it; and that an interrupted pack leaves nothing.

use std::fs;

use icdbench::record::RecordStore;

use super::common::inject::{At, Inject, KILLED, Kind, build};
use super::common::{Bench, assert_fails, assert_good, logistic_regression, stderr, suite_text};
use super::{finished, json, text, unzipped};

/// That no file was left but what was there before.
fn left_nothing(bench: &Bench) {
    let mut names: Vec<String> = fs::read_dir(bench.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["results", "tiny.toml"]);
}

#[test]
fn without_a_record_nothing_is_packed_and_without_one_only_what_is_there_on_request() {
    let empty = Bench::new(&suite_text(60, &logistic_regression(2)));
    let said = empty.run(&["pack", "tiny.toml"]);
    assert_fails(&said, 3, &["results holds no record of tiny", "icdbench run tiny.toml"]);
    assert!(!empty.path("tiny.crate.zip").exists() && !empty.path("results").exists());

    let bench = finished();
    let gone = bench
        .records("results")
        .into_iter()
        .find(|record| record.cell.seed == 2)
        .unwrap();
    fs::remove_file(bench.path(&format!("results/records/{}.json", gone.key))).unwrap();
    let said = bench.run(&["pack", "tiny.toml"]);
    let cell = "logistic_regression at length 48 with seed 2";
    assert_fails(&said, 3, &["1 of 2 cells", cell, "icdbench run tiny.toml", "--partial"]);
    left_nothing(&bench);
    let said = bench.run(&["pack", "tiny.toml", "--partial"]);
    assert_good(&said);
    assert!(stderr(&said).contains(cell));
    let archive = unzipped(&bench.path("tiny.crate.zip"));
    assert!(archive.keys().all(|name| !name.contains(&gone.key)));
    assert!(text(&archive, "README.md").contains(&format!("1 of 2 cells of the suite have no record: {cell}.")));
    let metadata = json(&archive, "ro-crate-metadata.json");
    let missing = metadata["@graph"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entity| entity["@id"] == "#missing");
    assert_eq!(missing.unwrap()["text"], cell);
}

#[test]
fn what_does_not_fit_is_not_packed() {
    let bench = finished();
    let record = bench.records("results").remove(0);
    let path = bench.path(&format!("results/records/{}.json", record.key));
    let good = fs::read(&path).unwrap();

    // A digit of the file.
    let mut bytes = good.clone();
    let at = bytes.iter().rposition(u8::is_ascii_digit).unwrap();
    bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
    fs::write(&path, bytes).unwrap();
    assert_fails(
        &bench.run(&["pack", "tiny.toml", "--partial"]),
        2,
        &["not used", "Run the suite again"],
    );
    left_nothing(&bench);

    // A score, with its checksum made again.
    let mut edited = record.clone();
    *edited.outcome.as_mut().unwrap().scores.get_mut("micro-f1").unwrap() += 1e-6;
    RecordStore::new(&bench.path("results")).write(&edited).unwrap();
    let said = bench.run(&["pack", "tiny.toml"]);
    assert_fails(
        &said,
        1,
        &[
            "scores.micro-f1",
            "do not fit, and nothing was packed",
            "icdbench check",
        ],
    );
    left_nothing(&bench);
    fs::write(&path, &good).unwrap();

    // A byte of its rows.
    let rows = bench.path(&format!("results/private/rows/{}/rows.json", record.key));
    let mut bytes = fs::read(&rows).unwrap();
    let last = bytes.iter().rposition(u8::is_ascii_digit).unwrap();
    bytes[last] ^= 1;
    fs::write(&rows, bytes).unwrap();
    assert_fails(
        &bench.run(&["pack", "tiny.toml"]),
        2,
        &["nothing was packed", "rows.json", "was changed after it was written"],
    );
    left_nothing(&bench);
}

#[test]
fn places_that_are_not_there_and_names_that_nothing_has_are_said() {
    let bench = finished();
    let said = bench.run(&["pack", "tiny.toml", "--out", "no/such.zip"]);
    assert_fails(&said, 2, &["--out: no is no folder"]);
    assert_fails(
        &bench.run(&["pack", "nothing.toml"]),
        2,
        &["nothing.toml", "icdbench list"],
    );
    let orcid = ["pack", "tiny.toml", "--agent", "A", "--orcid", "0000-0002-1825-0098"];
    assert_fails(&bench.run(&orcid), 2, &["0000-0002-1825-0097"]);
    left_nothing(&bench);
    // A path of this machine in the suite is told of.
    let suite = fs::read_to_string(bench.path("tiny.toml")).unwrap();
    let encoder = format!(
        "\n[encoder.x]\ndirectory = \"/srv/x\"\nsha256 = \"{}\"\nget = \"nobody has it\"\n",
        "0".repeat(64)
    );
    fs::write(
        bench.path("tiny.toml"),
        suite.replace("\n[evaluation]", &format!("{encoder}\n[evaluation]")),
    )
    .unwrap();
    let said = bench.run(&["pack", "tiny.toml"]);
    assert_good(&said);
    assert!(stderr(&said).contains("encoder.x.directory"), "{}", stderr(&said));
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupted_pack_leaves_no_half_archive() {
    if build().is_none() {
        return; // build() said why
    }
    let bench = finished();
    let pack = ["pack", "tiny.toml", "--out", "packed.zip"];
    assert_good(&bench.run(&pack));
    let expected = fs::read(bench.path("packed.zip")).unwrap();
    let mut met = 0;
    for (kind, path) in [
        (Kind::Write, ".new-"),
        (Kind::Sync, ".new-"),
        (Kind::Link, "packed.zip"),
        (Kind::Write, ""),
    ] {
        for errno in [libc::ENOSPC, KILLED] {
            fs::remove_file(bench.path("packed.zip")).unwrap();
            let fault = Inject {
                kind,
                at: At::Call(1),
                errno,
                path: Some(path).filter(|path| !path.is_empty()),
                process: None,
            };
            let mut command = bench.command(&pack);
            let count = fault.command(&mut command);
            let output = command.output().unwrap();
            let there = fs::read(bench.path("packed.zip")).ok();
            let left = || {
                let all = fs::read_dir(bench.path("")).unwrap().flatten();
                let left = all.filter(|entry| entry.file_name().to_string_lossy().starts_with(".new-"));
                left.map(|entry| entry.path()).collect::<Vec<_>>()
            };
            assert!(
                there.is_none_or(|there| there == expected),
                "{kind:?} {errno}: a half archive: {}",
                stderr(&output)
            );
            if errno != KILLED {
                met += count.failures().len();
                assert_eq!(left(), Vec::<std::path::PathBuf>::new(), "{kind:?} {errno}");
            }
            // Who is killed cleans up nothing.
            left().iter().for_each(|path| fs::remove_file(path).unwrap());
            assert_good(&bench.run(&pack));
            assert!(fs::read(bench.path("packed.zip")).unwrap() == expected);
        }
    }
    assert!(met >= 3, "only {met} faults happened");
}
