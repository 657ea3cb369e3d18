//! Engines: whether they compute the same from the same weights and notes, and what becomes of one that cannot.

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::{Bench, assert_fails, assert_good, stderr, stdout};
use icdbench::models::ModelConfig;
use serde_json::{Value, json};

/// The models that every engine that comes with the program must have.
const SEVEN: [&str; 7] = [
    "logistic_regression",
    "caml",
    "bigru_attention",
    "bert_trun",
    "bert_hier",
    "bert_xml",
    "long_bert",
];

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/engines/example.py");

fn agreements(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn burn_and_candle_give_the_same_logits_for_all_seven_models() {
    let bench = Bench::new("");
    let arguments = [
        "--json",
        "verify",
        "--lengths",
        "24,530",
        "--codes",
        "5",
        "--models",
        &SEVEN.join(","),
    ];
    let output = bench.run(&arguments);
    assert_good(&output);
    let found = agreements(&stdout(&output));
    assert_eq!(found.len(), 2 * SEVEN.len());
    for one in &found {
        assert_eq!((&one["reference"], &one["engine"]), (&json!("burn"), &json!("candle")));
        assert!(one["largest-logit"].as_f64() > Some(1e-3), "{one}");
        assert_eq!((&one["passes"], &one["error"]), (&json!(true), &Value::Null), "{one}");
        assert!(
            one["relative"].as_f64().is_some_and(|relative| relative < 1e-4),
            "{one}"
        );
    }
}

#[test]
fn an_engine_without_a_model_says_so_and_is_no_failure() {
    let bench = Bench::new("");
    let of = |models: &str| {
        let arguments = ["verify", "--lengths", "12", "--codes", "3", "--models", models];
        bench.run(&[&["--json"][..], &arguments].concat())
    };
    let output = of("cnn,caml,multi_res_cnn");
    assert_good(&output);
    let found = agreements(&stdout(&output));
    assert_eq!(found.len(), 3);
    for one in &found {
        let has_it = one["model"] == "caml";
        assert_eq!(one["passes"], json!(has_it), "{one}");
        assert_eq!(one["error"].is_null(), has_it, "{one}");
        if !has_it {
            assert_eq!(one["error"]["kind"], "unsupported", "{one}");
            let words = one["error"]["words"].as_str().unwrap();
            let model = one["model"].as_str().unwrap();
            assert!(
                words.contains(&format!("model {model}: the engine candle has ")),
                "{words}"
            );
        }
    }
    // Nothing was compared.
    assert_eq!(of("cnn").status.code(), Some(2));
    let text = stdout(&bench.run(&["verify", "--lengths", "12", "--codes", "3", "--models", "multi_res_cnn"]));
    assert!(text.contains("skipped: "), "{text}");
    let timed = bench.run(&[
        "--json",
        "bench",
        "--engines",
        "burn,candle",
        "--models",
        "cnn",
        "--lengths",
        "12",
        "--codes",
        "3",
        "--seconds",
        "0.01",
    ]);
    assert!(stdout(&timed).contains("\"unsupported\""), "{}", stdout(&timed));
}

#[test]
fn what_differs_by_more_than_it_may_is_found() {
    let bench = Bench::new("");
    let arguments = [
        "verify",
        "--lengths",
        "12",
        "--codes",
        "3",
        "--models",
        "long_bert",
        "--tolerance",
        "0",
    ];
    let output = bench.run(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stdout(&output).contains("FAILS"), "{}", stdout(&output));
}

#[test]
fn an_engine_of_ones_own_is_one_file() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3 here");
        return;
    }
    let bench = Bench::new("");
    let engines = format!("burn,{EXAMPLE}");
    let output = bench.run(&[
        "--json",
        "verify",
        "--engines",
        &engines,
        "--lengths",
        "30",
        "--codes",
        "4",
        "--models",
        "logistic_regression,caml",
    ]);
    assert_good(&output);
    let found = agreements(&stdout(&output));
    assert_eq!(
        (&found[0]["model"], &found[0]["passes"]),
        (&json!("logistic_regression"), &json!(true))
    );
    assert_eq!(
        (&found[1]["model"], &found[1]["passes"]),
        (&json!("caml"), &json!(false))
    );
    assert_eq!(found[1]["error"]["kind"], "unsupported");
}

#[test]
#[cfg(unix)]
fn an_engine_that_dies_talks_or_is_not_there_is_said_so() {
    let bench = Bench::new("");
    let script = |name: &str, text: &str| {
        let path = bench.path(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let of = |engine: &str| {
        let engines = format!("burn,{engine}");
        bench.run(&[
            "--json",
            "verify",
            "--engines",
            &engines,
            "--lengths",
            "12",
            "--codes",
            "3",
            "--models",
            "logistic_regression",
        ])
    };
    let dies = of(&script("dies", "#!/bin/sh\necho 'no such luck' >&2\nexit 3\n"));
    assert_eq!(dies.status.code(), Some(1), "{}", stderr(&dies));
    assert!(stdout(&dies).contains("no such luck"), "{}", stdout(&dies));
    let talks = of(&script(
        "talks",
        "#!/bin/sh\nread line\necho '{\"weather\": \"fine\"}'\n",
    ));
    assert_eq!(talks.status.code(), Some(1), "{}", stderr(&talks));
    assert!(stdout(&talks).contains("not what was asked for"), "{}", stdout(&talks));
    let path = script(
        "endless",
        "#!/bin/sh\nread line\necho '{\"engine\": \"x\", \"version\": \"\", \"models\": [], \"modes\": []}'\nread line\n\
         echo '{\"parameters\": 1, \"machine\": \"NaN\"}'\nread line\necho '{\"logits\": [[NaN, 1.0, -Infinity]]}'\n",
    );
    let endless = of(&path);
    assert_eq!(endless.status.code(), Some(1), "{}", stderr(&endless));
    for said in [
        format!("{path} answered with NaN"),
        "allow_nan=False".into(),
        "kind `failed`".into(),
    ] {
        assert!(stdout(&endless).contains(&said), "{said}: {}", stdout(&endless));
    }
    // It has said its last word, and so has the one that it started, which keeps standard error open.
    let begun = std::time::Instant::now();
    let stays = of(&script(
        "stays",
        "#!/bin/sh\nread line\nsleep 1000 >&- &\nexec >&-\nsleep 1000\n",
    ));
    assert_eq!(stays.status.code(), Some(1), "{}", stderr(&stays));
    assert!(
        stdout(&stays).contains("closed its output and lived on"),
        "{}",
        stdout(&stays)
    );
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(120),
        "{:?}",
        begun.elapsed()
    );
    std::fs::create_dir(bench.path("dir@2")).unwrap();
    let there = of(&script("dir@2/dies@x", "#!/bin/sh\necho 'here I am' >&2\nexit 3\n"));
    assert!(stdout(&there).contains("here I am"), "{}", stdout(&there));
    let none = of("./none-of-that-name");
    assert_eq!(none.status.code(), Some(2), "{}", stderr(&none));
    assert!(stdout(&none).contains("does not start"), "{}", stdout(&none));
    assert_fails(
        &bench.run(&["verify", "--engines", "burn"]),
        2,
        &["--engines", "two or more"],
    );
    let unknown = bench.run(&["verify", "--engines", "burn,tensorflow"]);
    assert_fails(&unknown, 2, &["tensorflow", "burn, candle, pytorch"]);
}

/// Threads of an engine that has made a training step with so many computing threads.
#[cfg(target_os = "linux")]
fn threads_of(threads: &str, questions: &[Value]) -> usize {
    use std::io::{BufRead, BufReader};

    let mut engine = Command::new(env!("CARGO_BIN_EXE_icdbench"))
        .args(["--threads", threads, "engine", "burn"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = engine.stdin.take().unwrap();
    let mut lines = BufReader::new(engine.stdout.take().unwrap()).lines();
    for question in questions {
        writeln!(input, "{question}").unwrap();
        let answer = lines.next().unwrap().unwrap();
        assert!(!answer.contains("error"), "{answer}");
    }
    let tasks = std::fs::read_dir(format!("/proc/{}/task", engine.id()))
        .unwrap()
        .count();
    drop(input);
    assert!(engine.wait().unwrap().success());
    tasks
}

#[test]
#[cfg(target_os = "linux")]
fn an_engine_computes_on_the_thread_that_reads_the_questions() {
    let bench = Bench::new("");
    let inputs = bench.path("inputs.safetensors");
    icdbench::bench::sets::Sets::random(&[vec![9, 4]], 60, 5, 1)
        .write(&inputs)
        .unwrap();
    let settings = json!(ModelConfig::published("caml", 9).unwrap())["caml"].take();
    let questions = [
        json!({"ask": "load", "model": "caml", "settings": settings, "task": {"vocabulary": 60}, "codes": 5, "length": 9,
            "device": "cpu", "precision": "f32", "threads": 1, "inputs": inputs}),
        json!({"ask": "run", "kind": "step", "set": 0}),
    ];
    // Handed over to a single other thread, work takes instructions that differ from run to run; to several, a small operator
    // takes longer than on one.
    assert_eq!(threads_of("1", &questions), 1);
    if std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1) {
        assert_eq!(threads_of("2", &questions), 2);
    }
}

/// Answers of an engine of the program to lines of questions.
fn answers(name: &str, questions: &[Value]) -> Vec<Value> {
    let mut engine = Command::new(env!("CARGO_BIN_EXE_icdbench"))
        .args(["engine", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = engine.stdin.take().unwrap();
    for question in questions {
        writeln!(input, "{question}").unwrap();
    }
    drop(input);
    let output = engine.wait_with_output().unwrap();
    assert!(output.status.success());
    agreements(&String::from_utf8(output.stdout).unwrap())
}

#[test]
fn engines_answer_every_question_and_go_on_after_one_that_they_cannot() {
    let bench = Bench::new("");
    let inputs = bench.path("inputs.safetensors");
    icdbench::bench::sets::Sets::random(&[vec![9, 4], vec![2, 7]], 60, 5, 1)
        .write(&inputs)
        .unwrap();
    let load = |settings: &Value, codes: usize| {
        json!({"ask": "load", "model": "caml", "settings": settings, "task": {"vocabulary": 60}, "codes": codes, "length": 9,
            "device": "cpu", "precision": "f32", "threads": 1, "inputs": inputs})
    };
    let settings = json!(ModelConfig::published("caml", 9).unwrap())["caml"].take();
    let questions = [
        json!({"ask": "about"}),
        json!({"ask": "logits", "set": 0}),
        load(&json!({"width": "wide"}), 5),
        load(&settings, 5),
        json!({"ask": "memory", "reset": true}),
        json!({"ask": "run", "kind": "inference", "set": 1}),
        json!({"ask": "run", "kind": "step", "set": 0}),
        json!({"ask": "run", "kind": "step", "set": 2}),
        json!({"ask": "logits", "set": 1}),
    ];
    for name in ["burn", "candle"] {
        let found = answers(name, &questions);
        assert_eq!(found.len(), questions.len(), "{name}");
        assert_eq!(found[0]["engine"], name);
        let models = found[0]["models"].as_array().unwrap();
        assert!(SEVEN.iter().all(|model| models.contains(&json!(model))), "{name}");
        for refused in [1, 2, 7] {
            assert!(
                found[refused]["error"]["words"].is_string(),
                "{name}: {}",
                found[refused]
            );
        }
        assert_eq!(found[2]["error"]["kind"], "unsupported", "{name}: {}", found[2]);
        assert!(found[3]["parameters"].as_u64() > Some(0), "{name}: {}", found[3]);
        if cfg!(target_os = "linux") {
            assert!(found[4]["peak_rss_bytes"].as_u64() > Some(0), "{name}: {}", found[4]);
        }
        for ran in [&found[5], &found[6]] {
            let parts = ran["parts"].as_object().unwrap();
            let sum: f64 = parts.values().filter_map(Value::as_f64).sum();
            let seconds = ran["seconds"].as_f64().unwrap();
            assert!(
                seconds > 0.0 && (sum - seconds).abs() <= 0.05 * seconds + 1e-4,
                "{name}: {ran}"
            );
        }
        assert!(found[6]["loss"].as_f64() > Some(0.0), "{name}: {}", found[6]);
        let logits = found[8]["logits"].as_array().unwrap();
        assert!(
            logits.len() == 2 && logits[0].as_array().unwrap().len() == 5,
            "{name}: {}",
            found[8]
        );
    }
    let loss = || answers("burn", &questions)[6]["loss"].clone();
    assert_eq!(loss(), loss(), "the same weights, notes and noise have the same loss");
}
