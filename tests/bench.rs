//! `icdbench bench`: timings without a suite's file, the CPU against itself, refusals; and that `scripts/gpu-check` trains what
//! it says.

mod common;

use std::process::Output;

use common::{Bench, assert_fails, assert_good, stdout};
use icdbench::models::ModelConfig;
use icdbench::suite::Suite;
use serde_json::{Value, json};

const QUICK: &str = include_str!("../suites/quick.toml");
const GPU_CHECK: &str = include_str!("../scripts/gpu-check");

/// What keeps timings to milliseconds.
const SMALL: [&str; 8] = [
    "--lengths",
    "16",
    "--codes",
    "4",
    "--batch-tokens",
    "32",
    "--seconds",
    "0.05",
];

/// The records that a run printed, one a line.
fn records(output: &Output) -> Vec<Value> {
    let text = stdout(output);
    let record = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(record).collect()
}

fn timed(bench: &Bench, before: &[&str], after: &[&str]) -> Output {
    bench.run(&[before, &["--threads", "1", "bench"], &SMALL, after].concat())
}

#[test]
fn every_model_has_a_row_and_nothing_is_left_behind() {
    let bench = Bench::new("");
    let output = timed(&bench, &[], &[]);
    assert_good(&output);
    let text = stdout(&output);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let models: Vec<&str> = rows[2..].iter().map(|row| row[0]).collect();
    assert_eq!(models, ModelConfig::NAMES, "{text}");
    for row in &rows[2..] {
        assert_eq!(row[1..4], ["16", "2", "burn"], "{text}");
        assert!(
            row[4]
                .replace(',', "")
                .parse::<f64>()
                .is_ok_and(|milliseconds| milliseconds > 0.0),
            "{text}"
        );
    }
    let left: Vec<_> = std::fs::read_dir(bench.path(""))
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(left, ["tiny.toml"]);
}

#[test]
fn as_json_there_is_a_line_for_each_model_and_length_with_all_runs_and_where_they_were() {
    let bench = Bench::new("");
    let output = timed(&bench, &["--json"], &["--models", "caml", "--engines", "burn,candle"]);
    assert_good(&output);
    let found = records(&output);
    assert_eq!(found.len(), 1);
    let group = &found[0];
    assert_eq!(
        (&group["model"], &group["length"], &group["batch"]),
        (&json!("caml"), &json!(16), &json!(2))
    );
    assert_eq!(group["provenance"]["threads"], 1);
    assert!(group["provenance"]["git-revision"].is_string(), "{group}");
    let timings = group["timings"].as_array().unwrap();
    let sides: Vec<[&str; 2]> = timings
        .iter()
        .map(|timing| [timing["engine"].as_str().unwrap(), timing["kind"].as_str().unwrap()])
        .collect();
    assert_eq!(
        sides,
        [
            ["burn", "inference"],
            ["candle", "inference"],
            ["burn", "step"],
            ["candle", "step"]
        ]
    );
    for timing in timings {
        let seconds = timing["seconds"].as_array().unwrap();
        assert!(
            !seconds.is_empty() && seconds.iter().all(|second| second.as_f64() > Some(0.0)),
            "{timing}"
        );
        assert_eq!(timing["loss"].is_number(), timing["kind"] == "step", "{timing}");
    }
}

#[test]
fn the_cpu_agrees_with_itself() {
    let bench = Bench::new("");
    let output = bench.run(&["bench", "--check", "--device", "flex"]);
    assert_good(&output);
    let text = stdout(&output);
    for model in ModelConfig::NAMES {
        let line = text
            .lines()
            .find(|line| line.starts_with(model))
            .unwrap_or_else(|| panic!("{model}: {text}"));
        assert!(line.ends_with("passes"), "{line}");
    }
    let output = bench.run(&["--json", "bench", "--check", "--models", "caml"]);
    assert_good(&output);
    let found = &records(&output)[0];
    assert_eq!((&found["relative"], &found["passes"]), (&json!(0.0), &json!(true)));
    assert_eq!(found["gradient_relative"], json!(0.0));
    assert!(!found["gradient_of"].as_str().unwrap().is_empty(), "{found}");
    assert!(found["largest_logit"].as_f64() > Some(0.01), "{found}");
}

#[test]
fn what_cannot_be_timed_is_refused_before_anything_is() {
    let bench = Bench::new("");
    for (arguments, words) in [
        (vec!["--models", "carl"], vec!["\"carl\" is not known", "caml"]),
        (vec!["--lengths", "16,0"], vec!["throughput.lengths", "found 0"]),
        (vec!["--codes", "0"], vec!["throughput.codes", "found 0"]),
        (
            vec!["--codes", "4000000000"],
            vec!["codes = 4000000000: expected at most"],
        ),
        (vec!["--batch-tokens", "0"], vec!["throughput.batch-tokens", "found 0"]),
        (vec!["--seconds", "0"], vec!["throughput.seconds", "above 0"]),
        (vec!["--timeout", "nan"], vec!["throughput.timeout", "above 0"]),
        (
            vec!["--engines", "brun"],
            vec!["\"brun\" is not known", "burn, candle, pytorch"],
        ),
        (vec!["--engines", "burn,burn"], vec!["burn is there twice"]),
        (vec!["--precision", "f64"], vec!["expected f32 or bf16"]),
        (vec!["--check", "--engines", "burn"], vec!["--engines", "--check"]),
        (vec!["--check", "--models", "carl"], vec!["carl", "expected one of"]),
        (vec!["--check", "--precision", "bf16"], vec!["flex", "bf16"]),
    ] {
        let output = bench.run(&[vec!["bench"], arguments].concat());
        assert_fails(&output, 2, &words);
        assert_eq!(stdout(&output), "", "nothing was timed");
    }
}

#[test]
fn an_engine_that_cannot_says_why_in_its_row_and_the_exit_code_tells() {
    let bench = Bench::new("");
    let output = timed(&bench, &[], &["--models", "caml", "--precision", "bf16"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stdout(&output);
    assert!(text.contains("fails: ") && text.contains("bf16"), "{text}");
}

#[test]
fn gpu_check_trains_what_quick_trains() {
    let epoch = GPU_CHECK
        .split_once("EPOCH = \"\"\"\\\n")
        .unwrap()
        .1
        .split_once("\"\"\"")
        .unwrap()
        .0;
    let epoch = Suite::parse(epoch, "scripts/gpu-check").unwrap();
    let quick = Suite::parse(QUICK, "suites/quick.toml").unwrap();
    let run = |suite: &Suite| serde_json::to_value(&suite.runs).unwrap();
    let of_quick = run(&quick);
    let mut expected = of_quick.as_array().unwrap().last().unwrap().clone();
    assert!(expected["model"].get("long_bert").is_some(), "{expected}");
    expected["training"]["epochs"] = json!(1);
    expected["training"]["select"] = json!("last");
    let mut found = run(&epoch)[0].take();
    for run in [&mut expected, &mut found] {
        run.as_object_mut().unwrap().remove("chosen");
    }
    assert_eq!(found, expected);
    let rest = |suite: &Suite| {
        let suite = serde_json::to_value(suite).unwrap();
        let pieces = suite["text"]["pieces"].clone();
        let parts = ["data", "division", "labels", "evaluation", "seeds", "precision"].map(|key| suite[key].clone());
        assert!(pieces.is_object() && !parts.contains(&Value::Null), "{suite}");
        (pieces, parts)
    };
    assert_eq!(rest(&epoch), rest(&quick));
}
