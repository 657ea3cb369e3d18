//! `icdbench merge`: results directories of machines that share no file system become one.

mod common;

use common::{Bench, assert_fails, assert_good, caml, files, logistic_regression, stdout, suite_text};
use icdbench::record::RecordStore;

fn suite() -> String {
    suite_text(60, &(logistic_regression(2) + &caml(2, 8)))
}

/// Two directories, each with one of the two cells.
fn halves() -> Bench {
    let bench = Bench::new(&suite());
    for (results, number) in [("a", "1"), ("b", "2")] {
        assert_good(&bench.run(&["--results", results, "run", "tiny.toml", "--cell-number", number]));
    }
    bench
}

#[test]
fn two_halves_are_the_bytes_of_a_single_run_and_a_second_merge_changes_nothing() {
    let bench = halves();
    assert_good(&bench.run(&["--results", "single", "run", "tiny.toml", "--no-report"]));
    let merged = bench.run(&["merge", "a", "b", "--into", "c"]);
    assert_good(&merged);
    assert!(stdout(&merged).contains("2 records and"), "{}", stdout(&merged));
    assert_eq!(bench.results("c"), bench.results("single"));
    assert_good(&bench.run(&["--results", "c", "check"]));
    let before = files(&bench.path("c"));
    let again = bench.run(&["merge", "a", "b", "--into", "c"]);
    assert!(stdout(&again).contains("0 records and 0 outputs"), "{}", stdout(&again));
    assert_eq!(files(&bench.path("c")), before);
    // Nothing is to be done any more, and the report is there from records alone.
    let run = bench.run(&["--results", "c", "--json", "plan", "tiny.toml", "--no-estimate"]);
    assert!(!stdout(&run).contains("to do"), "{}", stdout(&run));
    assert_good(&bench.run(&["--results", "c", "report", "tiny.toml"]));
}

#[test]
fn records_alone_come_over_without_anything_about_notes() {
    let bench = halves();
    assert_good(&bench.run(&["merge", "a", "b", "--into", "c", "--records-only"]));
    assert_eq!(bench.records("c").len(), 2);
    let others: Vec<String> = files(&bench.path("c"))
        .into_iter()
        .filter(|file| !file.starts_with("records/"))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn what_contradicts_is_named_and_nothing_is_copied() {
    let bench = halves();
    assert_good(&bench.run(&["--results", "d", "run", "tiny.toml", "--cell-number", "1"]));
    let records = RecordStore::new(&bench.path("d"));
    let mut record = bench.records("d").remove(0);
    let outcome = record.outcome.as_mut().unwrap();
    *outcome.scores.values_mut().next().unwrap() += 0.125;
    records.write(&record).unwrap();
    let merge = ["merge", "a", "d", "--into", "c"];
    assert_fails(
        &bench.run(&merge),
        2,
        &["different outcomes", "Nothing was copied", &record.key],
    );
    assert!(!bench.path("c").exists());
    // Damaged.
    let weights = files(&bench.path("b"))
        .into_iter()
        .find(|file| file.ends_with("weights.safetensors"))
        .unwrap();
    let path = bench.path("b").join(weights);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_fails(
        &bench.run(&["merge", "a", "b", "--into", "c"]),
        2,
        &["was changed after it was written", "Nothing was copied"],
    );
    assert!(!bench.path("c").exists());
    // Neither directories that are none, nor one twice.
    assert_fails(
        &bench.run(&["merge", "a", "tiny", "--into", "c"]),
        2,
        &["tiny", "holds no results"],
    );
    assert_fails(&bench.run(&["merge", "a", "./a", "--into", "c"]), 2, &["named twice"]);
}

#[test]
fn a_cell_that_failed_on_one_machine_and_was_scored_on_another_is_scored() {
    let bench = halves();
    assert_good(&bench.run(&["--results", "d", "run", "tiny.toml", "--cell-number", "1"]));
    let mut record = bench.records("d").remove(0);
    (record.status, record.outcome, record.timings) = (icdbench::record::Status::Failed, None, None);
    record.reason = Some("the machine was too small".into());
    RecordStore::new(&bench.path("d")).write(&record).unwrap();
    for (into, order) in [("c", ["d", "a"]), ("e", ["a", "d"])] {
        assert_good(&bench.run(&["merge", order[0], order[1], "--into", into]));
        assert_eq!(bench.results(into), bench.results("a"), "{order:?}");
    }
}

#[test]
fn a_private_part_that_lies_elsewhere_is_named_or_missed() {
    let bench = Bench::new(&suite());
    let run = [
        "--results",
        "a",
        "--private",
        "apart",
        "run",
        "tiny.toml",
        "--cell-number",
        "1",
    ];
    assert_good(&bench.run(&run));
    assert_fails(
        &bench.run(&["merge", "a", "--into", "c"]),
        2,
        &["no private part", "a:PRIVATE"],
    );
    assert_good(&bench.run(&["merge", "a:apart", "--into", "c"]));
    assert_eq!(bench.results("c").len(), 3);
}

#[test]
fn a_list_that_names_a_file_elsewhere_is_refused() {
    let bench = halves();
    let list = files(&bench.path("b"))
        .into_iter()
        .find(|file| file.contains("/weights/") && file.ends_with("stage.json"))
        .unwrap();
    let path = bench.path("b").join(list);
    let text = std::fs::read_to_string(&path).unwrap();
    let checksum = text.split("\"checksum\": \"").nth(1).unwrap()[..64].to_owned();
    let text = text
        .replace("weights.safetensors", "../../../escaped")
        .replace(&checksum, icdbench::results::seal::BLANK);
    let mut bytes = text.into_bytes();
    icdbench::results::seal::seal(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    assert_fails(
        &bench.run(&["merge", "a", "b", "--into", "c"]),
        2,
        &["not the name of a file beside it", "Nothing was copied"],
    );
    assert!(!bench.path("escaped").exists() && !bench.path("c").exists());
}

#[test]
fn notes_that_are_named_by_two_salts_are_not_joined() {
    let bench = halves();
    for (results, digit) in [("a", "0"), ("b", "1")] {
        let salt = bench.path(results).join("private/salt");
        std::fs::write(salt, format!("{}\n", digit.repeat(64))).unwrap();
    }
    let merge = ["merge", "a", "b", "--into", "c"];
    assert_fails(
        &bench.run(&merge),
        2,
        &["different salts", "--records-only", "Nothing was copied"],
    );
    assert!(!bench.path("c").exists());
    assert_good(&bench.run(&["merge", "a", "b", "--into", "c", "--records-only"]));
    // One salt comes along.
    std::fs::remove_file(bench.path("b/private/salt")).unwrap();
    assert_good(&bench.run(&["merge", "a", "b", "--into", "f"]));
    let salt = |results: &str| std::fs::read(bench.path(results).join("private/salt")).unwrap();
    assert_eq!(salt("a"), salt("f"));
}
