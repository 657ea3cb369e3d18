//! The CodiEsp track's scores beside the figures of its own example and a restatement of its rules in Python
//! (`tests/reference/codiesp_scores.py`).

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use icdbench::codiesp::{Agreement, codes, entries, gold_spans, ranking, span_entries, spans};
use serde::Deserialize;
use serde_json::Value;

/// The track's toy example, its cases renamed: codes that are not valid stand among the predicted ones, and the run leaves
/// one of three cases out.
const GOLD: &str = "one\tq64.4\none\tn39.0\none\tz87.440\ntwo\ta53.9\ntwo\tn48.30\nthree\tm89.9\nthree\tm89.9\n\
                    three\tr52\nthree\td49.2\nthree\tk02.9\nthree\tk13.79\n";
const RUN: &str = "one\tq64.4\none\tn48.30\none\tCODE6\none\tn39.0\none\tz87.4\none\ta53.9\none\tCODE7\nthree\tm89.9\n\
                   three\ta53.9\nthree\tr52\nthree\tn39.0\nthree\tCODE3\nthree\tCODE4\nthree\tm89.9\nthree\tCODE11\n";
const VALID: &str = "Q64.4\nN39.0\nZ87.440\nZ87.4\nA53.9\nN48.30\nM89.9\nR52\nD49.2\nK02.9\nK13.79\n";

#[test]
fn the_tracks_example_has_the_tracks_figures() {
    let valid = codes(VALID).unwrap();
    let scores = ranking(&entries(GOLD).unwrap(), &entries(RUN).unwrap(), Some(&valid));
    // (1 + 2/3) / 3 and (1 + 2/3) / 5.
    assert_eq!(
        format!("{:.3} {:.3}", scores.map, scores.map_over_all_cases),
        "0.444 0.296"
    );
    assert_eq!((scores.cases, scores.cases_in_run, scores.cases_unknown), (3, 2, 0));
    assert_eq!((scores.repeated, scores.not_valid), (1, 5));
    assert_eq!(
        (
            scores.agreement.found,
            scores.agreement.predicted,
            scores.agreement.gold
        ),
        (4, 9, 10)
    );
    // Without the list they take ranks.
    let all = ranking(&entries(GOLD).unwrap(), &entries(RUN).unwrap(), None);
    assert_eq!(
        format!("{:.4}", all.map),
        format!("{:.4}", ((1.0 + 0.5) / 3.0 + 1.0 / 3.0) / 2.0)
    );
}

#[test]
fn nothing_predicted_is_nothing_found() {
    let gold = entries(GOLD).unwrap();
    let scores = ranking(&gold, &[], None);
    assert_eq!(
        (scores.map, scores.map_over_all_cases, scores.agreement.f1),
        (0.0, 0.0, 0.0)
    );
    let elsewhere = ranking(&gold, &entries("nowhere\tr52\n").unwrap(), None);
    assert_eq!((elsewhere.map, elsewhere.cases_unknown), (0.0, 1));
    // A thousand codes of a case count.
    let codes: String = (0..1000).map(|i| format!("two\tx{i}\n")).collect();
    let late = |text: String| ranking(&gold, &entries(&text).unwrap(), None);
    assert_eq!(late(format!("{codes}two\ta53.9\n")).map, 0.0);
    assert!(late(format!("{}two\ta53.9\n", codes.replacen("two\tx0\n", "", 1))).map > 0.0);
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Case {
    valid: String,
    gold: String,
    run: String,
    gold_spans: String,
    run_spans: String,
    ranking: Ranking,
    spans: Spans,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Ranking {
    map: f64,
    map_over_all_cases: f64,
    agreement: [f64; 3],
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Spans {
    agreement: [f64; 3],
    overlapping: [f64; 3],
}

fn three(agreement: &Agreement) -> [f64; 3] {
    [agreement.precision, agreement.recall, agreement.f1]
}

#[test]
fn fifty_drawn_runs_have_the_scores_of_the_restatement() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp-scores.json");
    let cases: Vec<Case> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(cases.len(), 50);
    let close = |found: f64, expected: f64| (found - expected).abs() <= 1e-12;
    let mut some = [0; 3];
    for case in cases {
        let valid = codes(&case.valid).unwrap();
        let found = ranking(
            &entries(&case.gold).unwrap(),
            &entries(&case.run).unwrap(),
            Some(&valid),
        );
        assert!(close(found.map, case.ranking.map));
        assert!(close(found.map_over_all_cases, case.ranking.map_over_all_cases));
        let pairs = three(&found.agreement).into_iter().zip(case.ranking.agreement);
        assert!(pairs.into_iter().all(|(found, expected)| close(found, expected)));
        let gold = gold_spans(&case.gold_spans).unwrap();
        let of_spans = spans(&gold, &span_entries(&case.run_spans).unwrap(), Some(&valid));
        for (found, expected) in [
            (of_spans.agreement, case.spans.agreement),
            (of_spans.overlapping, case.spans.overlapping),
        ] {
            assert!(
                three(&found)
                    .into_iter()
                    .zip(expected)
                    .all(|(found, expected)| close(found, expected))
            );
        }
        some[0] += usize::from(found.map > 0.0);
        some[1] += usize::from(of_spans.agreement.f1 > 0.0);
        some[2] += usize::from(of_spans.agreement.f1 < of_spans.overlapping.f1);
    }
    assert!(
        some.iter().all(|&count| count > 10),
        "{some:?} of the runs are right somewhere"
    );
}

fn score(subtrack: &str, gold: &Path, run: &Path, more: &[&str]) -> Output {
    let mut command = Command::cargo_bin("icdbench").unwrap();
    command.args(["score", "--codiesp", subtrack, "--gold"]).arg(gold);
    command.arg("--predictions").arg(run).args(more).output().unwrap()
}

#[test]
fn the_command_prints_the_scores_and_names_a_damaged_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let (gold, run, valid) = (
        file("gold.tsv", GOLD.as_bytes()),
        file("run.tsv", RUN.as_bytes()),
        file("valid.tsv", VALID.as_bytes()),
    );
    let valid = ["--valid-codes", valid.to_str().unwrap()];
    let output = score("D", &gold, &run, &valid);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(
        text.contains("MAP over the run's 2 cases (official)") && text.contains("0.4444"),
        "{text}"
    );
    assert!(
        text.contains("MAP over the gold's 3 cases") && text.contains("0.2963"),
        "{text}"
    );
    let output = score("p", &gold, &run, &[&valid[..], &["--json"]].concat());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["not-valid"], 5);

    let damaged = file("damaged.tsv", b"one\tq64.4\nsecret words\n");
    let words = |output: Output| {
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let error = words(score("D", &gold, &damaged, &[]));
    assert!(
        error.contains("damaged.tsv: line 2: 1 columns; expected two columns"),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
    let latin = file("latin.tsv", b"one\tq64.4\none\t\xe9\n");
    let error = words(score("D", &latin, &run, &[]));
    assert!(error.contains("latin.tsv: line 2: not UTF-8"), "{error}");
    let spans = file("spans.tsv", b"one\t115\tDIAGNOSTICO\tq64.4\n");
    let error = words(score(
        "X",
        &file("x.tsv", b"one\tDIAGNOSTICO\tq64.4\twords\t1 2\n"),
        &spans,
        &[],
    ));
    assert!(
        error.contains("spans.tsv: line 1: no pairs of numbers where the evidence lies"),
        "{error}"
    );
}
