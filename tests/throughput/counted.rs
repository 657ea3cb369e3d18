//! `icdbench gate --counted`: two builds by their instructions.
#![cfg(target_os = "linux")]

use std::process::{Command, Output};

use serde_json::Value;

use crate::common::{Bench, assert_fails, assert_good, stderr, stdout};
use crate::{has_python, script, suite};

/// Counts by what engines are asked: much at the start, 1,000 instructions an inference, and as many a training step as the
/// build's second line says, 100,000 where it says none.
const PERF: &str = r##"#!/usr/bin/env python3
import json, re, subprocess, sys
arguments = sys.argv[1:]
assert arguments[:4] == ["stat", "-x,", "-e", "instructions:u"], arguments
if arguments[4:] == ["true"]:
    print("1000,,instructions:u,1,100.00,,", file=sys.stderr)
    sys.exit()
assert arguments[4] == "-o" and arguments[6] == "--", arguments
program = arguments[7:]
said = re.search(rb"# step = (\d+)", open(program[0], "rb").read(100))
step = int(said.group(1)) if said else 100_000
engine = subprocess.Popen(program, stdin=subprocess.PIPE)
count = 123_456_789
for line in sys.stdin:
    count += {"inference": 1000, "step": step}.get(json.loads(line).get("kind"), 0)
    engine.stdin.write(line.encode())
    engine.stdin.flush()
engine.stdin.close()
engine.wait()
open(arguments[5], "w").write(f"# started\n\n{count},,instructions:u,1,100.00,,\n")
"##;

/// Another build, whose training steps take so many instructions.
fn build(bench: &Bench, step: u64) -> String {
    let text = format!(
        "#!/usr/bin/env python3\n# step = {step}\nimport json, sys\nfor line in sys.stdin:\n    ask = json.loads(line)['ask']\n    \
         print(json.dumps({{'parameters': 1, 'machine': 'x'}} if ask == 'load' else {{'seconds': 1}}), flush=True)\n"
    );
    script(bench, &format!("build-{step}"), &text)
}

/// A suite of a single cell of each kind, in a directory of its own.
fn bench(kinds: &str) -> Bench {
    let bench = Bench::new("");
    let of = format!("lengths = [8]\nengines = [\"burn\"]\nmodels = [\"logistic_regression\"]\nkinds = [{kinds}]");
    std::fs::write(bench.path("timings.toml"), suite(&of)).unwrap();
    bench
}

/// The gate, with programs of `path` before or in the place of the system's.
fn gate(bench: &Bench, path: &str, base: &str, more: &[&str]) -> Output {
    let arguments = ["--json", "-q", "gate", "timings.toml", "--counted", "--base", base];
    let arguments = [&arguments[..], more].concat();
    bench.command(&arguments).env("PATH", path).output().unwrap()
}

#[test]
fn a_build_with_three_percent_more_instructions_in_one_cell_is_found_and_itself_is_the_same() {
    if !has_python() {
        return;
    }
    let bench = bench("\"inference\", \"step\"");
    std::fs::create_dir(bench.path("bin")).unwrap();
    script(&bench, "bin/perf", PERF);
    let path = format!("{}:{}", bench.path("bin").display(), std::env::var("PATH").unwrap());
    let judged = |step: u64, more: &[&str]| {
        let found = gate(&bench, &path, &build(&bench, step), more);
        let judged: Value = serde_json::from_str(&stdout(&found)).unwrap_or_else(|_| panic!("{}", stderr(&found)));
        (found.status.code(), judged)
    };
    let verdicts = |judged: &Value, of: &str| {
        let cells = judged[of].as_array().unwrap().clone();
        cells
            .iter()
            .map(|cell| cell["verdict"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (code, same) = judged(100_000, &[]);
    assert_eq!(
        (code, &same["answer"], &same["counter"]),
        (Some(0), &"passes".into(), &"perf".into())
    );
    assert_eq!(verdicts(&same, "self-test"), ["same", "same"]);
    assert_eq!(verdicts(&same, "compared"), ["same", "same"]);
    // What is counted is a run, whatever the start takes.
    assert_eq!(
        same["compared"][0]["head-counts"],
        serde_json::json!([1000, 1000, 1000])
    );
    assert_eq!(
        same["compared"][1]["head-counts"],
        serde_json::json!([100_000, 100_000, 100_000])
    );
    let (code, slower) = judged(97_000, &["--markdown", "comment.md"]);
    assert_eq!(
        (code, &slower["answer"], &slower["mode"]),
        (Some(1), &"fails".into(), &"fail".into())
    );
    assert_eq!(verdicts(&slower, "compared"), ["same", "slower"]);
    let comment = std::fs::read_to_string(bench.path("comment.md")).unwrap();
    assert!(
        comment.contains("More instructions: logistic_regression 8 step."),
        "{comment}"
    );
    assert!(
        comment.contains("| logistic_regression 8 step | 0.1 | 1.0309 | 1.0000 | 0.00 % | slower |"),
        "{comment}"
    );
    let (code, told) = judged(97_000, &["--on-slower", "inform"]);
    assert_eq!((code, &told["answer"]), (Some(0), &"informs".into()));
    let (code, wide) = judged(97_000, &["--tolerance", "0.05", "--counts", "4", "--runs", "1"]);
    assert_eq!((code, verdicts(&wide, "compared")[1].as_str()), (Some(0), "same"));
    let (code, faster) = judged(103_000, &[]);
    assert_eq!((code, verdicts(&faster, "compared")[1].as_str()), (Some(0), "faster"));
    // A build that cannot.
    let broken = script(&bench, "broken", "#!/bin/sh\nexit 3\n");
    let found = gate(&bench, &path, &broken, &[]);
    assert_eq!(found.status.code(), Some(2), "{}", stdout(&found));
}

#[test]
fn where_nothing_counts_it_is_said_what_to_install() {
    let bench = bench("\"inference\"");
    let found = gate(&bench, "/nonexistent", env!("CARGO_BIN_EXE_icdbench"), &[]);
    assert_fails(&found, 2, &["--counted", "apt install valgrind"]);
}

#[test]
fn valgrind_counts_the_same_of_the_same_build() {
    if !Command::new("valgrind")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        eprintln!("skipped: there is no valgrind here");
        return;
    }
    let bench = bench("\"inference\"");
    // A perf that counts nothing, so that valgrind is what counts wherever this runs.
    std::fs::create_dir(bench.path("bin")).unwrap();
    script(&bench, "bin/perf", "#!/bin/false\n");
    let path = format!("{}:{}", bench.path("bin").display(), std::env::var("PATH").unwrap());
    let found = gate(&bench, &path, env!("CARGO_BIN_EXE_icdbench"), &[]);
    assert_good(&found);
    let judged: Value = serde_json::from_str(&stdout(&found)).unwrap();
    assert_eq!(
        (&judged["counter"], &judged["answer"]),
        (&"callgrind".into(), &"passes".into()),
        "{judged}"
    );
    for of in ["self-test", "compared"] {
        assert_eq!(judged[of][0]["verdict"], "same", "{judged}");
        assert!(judged[of][0]["head"].as_f64() > Some(1e4), "{judged}");
    }
}
