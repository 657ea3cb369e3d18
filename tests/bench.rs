//! `icdbench bench`: a JSON line a job with the keys that comparisons read, jobs from files, checks, refusals.

mod common;

use std::process::{Command, Output, Stdio};

use common::{Bench, assert_fails, assert_good, stdout};
use icdbench::models::ModelConfig;
use serde_json::{Value, json};

/// Tokens of a job's notes: with `[CLS]` and `[SEP]` they fill the positions of the smallest BERT-XML, whose published
/// settings want every token to have one.
const LENGTH: usize = 14;

/// Jobs that take milliseconds: every model with the choices of its published settings and the sizes of its smallest.
fn jobs() -> Value {
    let job = |tiny: ModelConfig| {
        let name = tiny.name();
        let mut settings = json!(ModelConfig::published(name, LENGTH))[name].take();
        shrink(&mut settings, &json!(tiny)[name]);
        json!({"model": name, "length": LENGTH, "codes": 4, "batch": 2, "settings": settings,
            "task": {"vocabulary": 110}, "device": "cpu", "fused": true, "attention": "sdpa"})
    };
    ModelConfig::tiny().into_iter().map(job).collect()
}

/// Sets every whole number to the one that `tiny` has in its place, if it has one.
fn shrink(settings: &mut Value, tiny: &Value) {
    match settings {
        Value::Object(inside) => inside.iter_mut().for_each(|(key, value)| shrink(value, &tiny[key])),
        size if size.is_u64() && tiny.is_u64() => *size = tiny.clone(),
        _ => {}
    }
}

/// The job of a model that is quick to run.
fn caml() -> Value {
    let jobs = jobs();
    let found = jobs.as_array().unwrap().iter().find(|job| job["model"] == "caml");
    found.unwrap().clone()
}

/// The records that a run printed, one a line.
fn records(output: &Output) -> Vec<Value> {
    let text = stdout(output);
    let record = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(record).collect()
}

#[test]
fn every_model_gives_a_line_with_the_keys_that_the_pytorch_script_gives() {
    let bench = Bench::new("");
    std::fs::write(bench.path("jobs.json"), jobs().to_string()).unwrap();
    let output = bench.run(&["--threads", "1", "bench", "--jobs", "jobs.json", "--repeats", "2"]);
    assert_good(&output);
    let records = records(&output);
    let models: Vec<&str> = records.iter().filter_map(|record| record["model"].as_str()).collect();
    assert_eq!(models, ModelConfig::NAMES);
    for record in &records {
        assert_eq!(record["framework"], "icdbench");
        assert_eq!((&record["length"], &record["codes"]), (&json!(LENGTH), &json!(4)));
        assert_eq!((&record["batch"], &record["threads"]), (&json!(2), &json!(1)));
        assert_eq!(
            (&record["device"], &record["precision"]),
            (&json!("flex"), &json!("f32"))
        );
        for key in ["step_seconds", "inference_seconds"] {
            let seconds = record[key].as_array().unwrap();
            assert!(
                seconds.len() == 2 && seconds.iter().all(|second| second.as_f64() > Some(0.0)),
                "{record}"
            );
        }
        for key in ["parameters", "tokens_per_second", "inference_tokens_per_second", "loss"] {
            assert!(record[key].as_f64() > Some(0.0), "{key}: {record}");
        }
        if cfg!(target_os = "linux") {
            let bytes = |key: &str| record[key].as_u64().unwrap_or_else(|| panic!("{key}: {record}"));
            assert!(bytes("inference_peak_rss_bytes") >= bytes("idle_rss_bytes"), "{record}");
            assert!(bytes("peak_rss_bytes") >= bytes("idle_rss_bytes"), "{record}");
        }
        assert_eq!(record["provenance"]["threads"], 1);
        assert!(
            record["provenance"]["git-revision"].is_string() && record["machine"].is_string(),
            "{record}"
        );
        assert!(record["settings"].is_object(), "{record}");
    }
}

#[test]
fn the_same_job_has_the_same_loss() {
    let bench = Bench::new("");
    let caml = caml();
    std::fs::write(bench.path("jobs.json"), json!([caml, caml]).to_string()).unwrap();
    let output = bench.run(&["bench", "--jobs", "jobs.json", "--repeats", "2"]);
    assert_good(&output);
    let losses: Vec<Value> = records(&output).iter().map(|record| record["loss"].clone()).collect();
    assert_eq!(losses[0], losses[1]);
}

#[test]
fn jobs_on_standard_input_are_run_as_they_come_and_one_too_large_leaves_the_others() {
    let bench = Bench::new("");
    let mut arguments = vec!["bench", "--jobs", "-", "--repeats", "1"];
    arguments.extend(["--models", "caml"]);
    assert_fails(&bench.run(&arguments), 2, &["--models", "--jobs"]);

    let caml = caml();
    let mut large = caml.clone();
    large["length"] = json!(2_000_000);
    large["max_bytes"] = json!(150_000_000);
    let mut process = Command::new(env!("CARGO_BIN_EXE_icdbench"))
        .args(["--threads", "1", "bench", "--jobs", "-", "--repeats", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = process.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, format!("{large} [{caml}]").as_bytes()).unwrap();
    drop(input);
    let output = process.wait_with_output().unwrap();
    let records = records(&output);
    assert_eq!(records.len(), 2);
    assert!(
        records[1]["error"].is_null() && records[1]["loss"].is_number(),
        "{}",
        records[1]
    );
    if cfg!(target_os = "linux") {
        assert_eq!(output.status.code(), Some(2));
        let error = records[0]["error"].as_str().unwrap();
        assert!(error.contains("memory allocation of"), "{error}");
        assert!(records[0]["provenance"].is_object(), "{}", records[0]);
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
    let good = json!({"model": "caml", "length": 8, "codes": 3});
    let with = |key: &str, value: Value| {
        let mut job = good.clone();
        job[key] = value;
        json!([good, job]).to_string()
    };
    let cases = [
        (with("model", json!("carl")), vec!["carl", "expected one of", "caml"]),
        (with("length", json!(0)), vec!["length = 0", "at least 1"]),
        (with("codes", json!(0)), vec!["codes = 0"]),
        (with("batch", json!(0)), vec!["batch = 0"]),
        (
            with("codes", json!(4_000_000_000_u64)),
            vec!["codes = 4000000000: expected at most"],
        ),
        (with("precision", json!("bf16")), vec!["--device flex", "bf16", "f32"]),
        (with("device", json!("abacus")), vec!["abacus", "expected one of flex"]),
        (with("settings", json!({"filters": 0})), vec!["filters = 0"]),
        (with("settings", json!({"filtres": 5})), vec!["filtres"]),
        (with("tokens", json!(5)), vec!["unknown field `tokens`", "`length`"]),
        ("[7]".into(), vec!["jobs.json", "found 7", "a job"]),
        ("{".into(), vec!["jobs.json", "EOF"]),
    ];
    for (text, words) in cases {
        std::fs::write(bench.path("jobs.json"), text).unwrap();
        let output = bench.run(&["bench", "--jobs", "jobs.json"]);
        assert_fails(&output, 2, &words);
        assert_eq!(stdout(&output), "", "nothing was timed");
    }
    assert_fails(
        &bench.run(&["bench", "--models", "carl"]),
        2,
        &["carl", "expected one of"],
    );
    assert_fails(&bench.run(&["bench", "--lengths", "0"]), 2, &["length = 0"]);
    assert_fails(&bench.run(&["bench", "--precision", "bf16"]), 2, &["flex", "bf16"]);
    assert_fails(
        &bench.run(&["bench", "--precision", "f64"]),
        2,
        &["expected f32 or bf16"],
    );
    assert_fails(
        &bench.run(&["bench", "--check", "--precision", "bf16"]),
        2,
        &["flex", "bf16"],
    );
}
