//! `icdbench gate` of a suite of timings: two builds in pairs, and what is refused.

use std::path::{Path, PathBuf};

#[cfg(unix)]
use icdbench::bench::engine::serve;
#[cfg(unix)]
use icdbench::bench::{Burn, Engines};
#[cfg(unix)]
use icdbench::throughput::{ThroughputSuite, compared_once};

use crate::common::{Bench, assert_fails, assert_good, stderr, stdout};
#[cfg(unix)]
use crate::script;
use crate::{has_python, suite};

/// Another build, which says that each of its runs took so many seconds.
#[cfg(unix)]
fn build(bench: &Bench, name: &str, seconds: &str) -> String {
    let text = format!(
        "#!/usr/bin/env python3\nimport json, sys\nfor line in sys.stdin:\n    ask = json.loads(line)['ask']\n    print(json.dumps(\
         {{'parameters': 1, 'machine': 'x'}} if ask == 'load' else {{'seconds': {seconds}}}), flush=True)\n"
    );
    script(bench, name, &text)
}

/// The file of a history, beside which its plot lies.
fn history_file(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    let file = files.find(|path| path.extension().is_some_and(|kind| kind == "jsonl"));
    let file = file.expect("a history");
    assert!(file.with_extension("svg").is_file());
    file
}

fn history(folder: &Path) -> String {
    std::fs::read_to_string(history_file(folder)).unwrap()
}

#[test]
#[cfg(unix)]
fn a_build_that_is_slower_than_another_is_found() {
    if !has_python() {
        return;
    }
    let bench = Bench::new("");
    std::fs::write(
        bench.path("timings.toml"),
        suite("lengths = [8]\nengines = [\"burn\"]\nmodels = [\"logistic_regression\"]"),
    )
    .unwrap();
    let gate = |base: &str, more: &[&str]| {
        let arguments = [
            "--threads",
            "1",
            "-q",
            "gate",
            "timings.toml",
            "--pairs",
            "16",
            "--base",
            base,
        ];
        bench.run(&[&arguments[..], more].concat())
    };
    // No run takes as little as a nanosecond, and none as long as an hour.
    let fast = build(&bench, "fast", "1e-9");
    let slow = build(&bench, "slow", "3600.0");
    let found = gate(&fast, &["--on-slower", "fail", "--markdown", "comment.md"]);
    assert_eq!(found.status.code(), Some(1), "{}", stderr(&found));
    assert!(
        stdout(&found)
            .contains("Slower in two measurements: logistic_regression 8 inference, logistic_regression 8 step"),
        "{}",
        stdout(&found)
    );
    let comment = std::fs::read_to_string(bench.path("comment.md")).unwrap();
    assert!(
        comment.contains("| logistic_regression 8 step | 16 |") && comment.contains("slower"),
        "{comment}"
    );
    let told = gate(&fast, &["--on-slower", "inform"]);
    assert_good(&told);
    assert!(stdout(&told).contains("fails nothing here"), "{}", stdout(&told));
    let faster = gate(&slow, &["--on-slower", "fail", "--history", "history"]);
    assert_good(&faster);
    assert!(stdout(&faster).contains("No cell is slower"), "{}", stdout(&faster));
    assert_eq!(history(&bench.path("history")).lines().count(), 2);
    assert_good(&gate(&slow, &["--history", "history"]));
    assert_eq!(history(&bench.path("history")).lines().count(), 4);
}

/// A build that writes down when it is asked to make a model ready, and each run, and says that each takes so long.
#[cfg(unix)]
fn writes(bench: &Bench, name: &str, seconds: f64) -> Engines {
    let log = bench.path("log");
    let text = format!(
        "#!/usr/bin/env python3\nimport json, os, sys\nfor line in sys.stdin:\n    asked = json.loads(line)\n    open('{}', \
         'a').write(f\"{{asked['ask']}} {name} {{os.getpid()}} {{asked.get('kind')}} {{asked.get('set')}} \
         {{os.environ['ICDBENCH_HEAP_OFFSET']}}\\n\")\n    \
         print(json.dumps({{'parameters': 1, 'machine': 'x'}} if asked['ask'] == 'load' else {{'seconds': {seconds}}}), flush=True)\n",
        log.display()
    );
    Engines::new(script(bench, name, &text).into(), 1, "python3".into()).unwrap()
}

#[test]
#[cfg(unix)]
fn what_takes_little_is_warmed_up_for_longer_and_repeated() {
    if !has_python() {
        return;
    }
    // Of one pair each: as many rounds before it as take 0.1 s on both sides, two at least and 200 at most; then 0.2 s.
    for (seconds, expected) in [(0.015, 4 + 7), (0.06, 2 + 2), (1e-9, 200 + 200)] {
        let bench = Bench::new("");
        let of = "lengths = [8]\nengines = [\"burn\"]\nmodels = [\"logistic_regression\"]\nkinds = [\"step\"]";
        let suite = ThroughputSuite::parse(&suite(of), "timings.toml").unwrap();
        let sides = ["base", "head"].map(|name| writes(&bench, name, seconds));
        compared_once(&suite, (&sides[0], &sides[1]), (1, 1), 0.05)
            .unwrap()
            .unwrap();
        let log = std::fs::read_to_string(bench.path("log")).unwrap();
        for side in ["run base", "run head"] {
            let runs = log.lines().filter(|line| line.starts_with(side)).count();
            assert_eq!(runs, expected, "{side}, {seconds} s");
        }
    }
}

#[test]
#[ignore = "a process of the other tests"]
#[cfg(unix)]
fn heap() {
    icdbench::machine::keep_freed_memory();
    serve(&mut Burn::default(), std::io::empty(), std::io::sink()).unwrap();
    let array = std::hint::black_box(vec![1.0_f32; 1 << 18]);
    println!("lies at {}.", array.as_ptr().addr() % 64);
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn an_engine_that_leaves_out_bytes_of_its_heap_has_its_arrays_elsewhere_in_a_cache_line() {
    let lies = |left_out: usize| {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "gate::heap", "--ignored", "--nocapture"]);
        let output = command
            .env("ICDBENCH_HEAP_OFFSET", left_out.to_string())
            .output()
            .unwrap();
        let text = stdout(&output);
        let place = text.split_once("lies at ").and_then(|(_, rest)| rest.split_once('.'));
        place.expect(&text).0.parse::<usize>().unwrap()
    };
    let places: Vec<usize> = (0..4).map(|step| lies(65_536 + 16 * step)).collect();
    let moved: Vec<usize> = places.iter().map(|place| (place + 64 - places[0]) % 64).collect();
    assert_eq!(moved, [0, 16, 32, 48], "{places:?}");
}

#[test]
#[cfg(unix)]
fn every_pair_has_processes_of_its_own_and_by_turns_another_build_starts_first() {
    if !has_python() {
        return;
    }
    let bench = Bench::new("");
    let of = "lengths = [8]\nengines = [\"burn\"]\nmodels = [\"logistic_regression\"]";
    std::fs::write(bench.path("timings.toml"), suite(of)).unwrap();
    let suite = ThroughputSuite::parse(&suite(of), "timings.toml").unwrap();
    let sides = ["base", "head"].map(|name| writes(&bench, name, 3.0));
    let compared = compared_once(&suite, (&sides[0], &sides[1]), (8, 1), 0.05).unwrap();
    assert_eq!(compared.unwrap().len(), 2);
    let log = std::fs::read_to_string(bench.path("log")).unwrap();
    let lines: Vec<Vec<&str>> = log.lines().map(|line| line.split(' ').collect()).collect();
    let starts: Vec<(&str, &str)> = lines
        .iter()
        .filter(|line| line[0] == "load")
        .map(|line| (line[1], line[2]))
        .collect();
    let names: Vec<&str> = starts.iter().map(|start| start.0).collect();
    assert_eq!(names, ["base", "head", "head", "base"].repeat(4));
    let processes: std::collections::BTreeSet<&str> = starts.iter().map(|start| start.1).collect();
    assert_eq!(processes.len(), 16, "{starts:?}");
    let places: std::collections::BTreeSet<usize> = lines.iter().map(|line| line[5].parse().unwrap()).collect();
    assert!(places.len() > 12, "a heap lies where any other does: {places:?}");
    assert!(
        places
            .iter()
            .all(|place| place % 16 == 0 && (65_536..69_632).contains(place)),
        "{places:?}"
    );
    // Of both kinds each process runs as much as its peer: two to warm up and one, which took long enough.
    for (_, process) in &starts {
        for kind in ["inference", "step"] {
            let of_kind = |line: &&Vec<&str>| line[0] == "run" && line[2] == *process && line[3] == kind;
            assert_eq!(lines.iter().filter(of_kind).count(), 3, "{kind} in {process}");
        }
    }
    // Who runs first is drawn, as often one as the other.
    let runs = lines.iter().filter(|line| line[0] == "run" && line[3] == "inference");
    let runs: Vec<&str> = runs.map(|line| line[1]).collect();
    let first = runs.chunks(6).filter(|pair| pair[0] == "base").count();
    assert_eq!((runs.len(), first), (48, 4), "{runs:?}");
}

#[test]
#[cfg(unix)]
fn a_history_tells_cells_of_other_sizes_apart_and_reads_what_was_written_before_it_did() {
    if !has_python() {
        return;
    }
    let bench = Bench::new("");
    let slow = build(&bench, "slow", "3600.0");
    let cells = |sizes: &str| {
        let of = "lengths = [8]\nengines = [\"burn\"]\nmodels = [\"logistic_regression\"]\nkinds = [\"step\"]";
        std::fs::write(bench.path("timings.toml"), suite(&format!("{of}\n{sizes}"))).unwrap();
        let arguments = [
            "--threads",
            "1",
            "gate",
            "timings.toml",
            "--pairs",
            "6",
            "--base",
            &slow,
            "--history",
            "history",
        ];
        assert_good(&bench.run(&arguments));
        let lines = history(&bench.path("history"));
        let cell = |line: &str| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            entry["cell"].as_str().unwrap().to_owned()
        };
        lines.lines().map(cell).collect::<Vec<_>>()
    };
    let first = cells("");
    assert_eq!(first, ["logistic_regression 8 step, 3 notes, 4 codes, f32"]);
    // As it was written before the name had its sizes: nobody knows of what batch it is, so that it stays a series of its own.
    let file = history_file(&bench.path("history"));
    let old = std::fs::read_to_string(&file)
        .unwrap()
        .replace(", 3 notes, 4 codes, f32", "");
    std::fs::write(&file, old).unwrap();
    assert_eq!(
        cells("codes = 5"),
        [
            "logistic_regression 8 step",
            "logistic_regression 8 step, 3 notes, 5 codes, f32"
        ]
    );
    assert_eq!(
        cells("batch-tokens = 16")[2],
        "logistic_regression 8 step, 2 notes, 4 codes, f32"
    );
}

#[test]
fn a_gate_without_another_build_and_a_suite_of_timings_where_scores_are_asked_for_are_refused() {
    let bench = Bench::new("");
    std::fs::write(bench.path("timings.toml"), suite("")).unwrap();
    assert_fails(&bench.run(&["gate", "timings.toml"]), 2, &["--base PROGRAM"]);
    assert_fails(
        &bench.run(&["gate", "timings.toml", "--base", "nowhere"]),
        2,
        &["nowhere", "no such file"],
    );
    let program = env!("CARGO_BIN_EXE_icdbench");
    for (option, more) in [
        ("--baseline", &["--baseline", "scores.json"][..]),
        ("--reference", &["--reference"]),
        ("--junit", &["--junit", "out.xml"]),
        ("--device cuda", &["--device", "cuda"]),
        ("--tolerance", &["--tolerance", "0.1"]),
        ("--pairs", &["--counted", "--pairs", "9"]),
        ("--history", &["--counted", "--history", "history"]),
        ("--counts 2", &["--counted", "--counts", "2"]),
    ] {
        let arguments = [&["gate", "timings.toml", "--base", program][..], more].concat();
        assert_fails(&bench.run(&arguments), 2, &[option]);
    }
    std::fs::write(
        bench.path("scores.toml"),
        crate::common::suite_text(60, &crate::common::logistic_regression(1)),
    )
    .unwrap();
    for option in [
        &["--base", program][..],
        &["--pairs", "9"],
        &["--margin", "0.1"],
        &["--counted"],
        &["--history", "history"],
    ] {
        let arguments = [&["gate", "scores.toml"][..], option].concat();
        assert_fails(&bench.run(&arguments), 2, &[option[0], "suites of timings"]);
    }
    assert_fails(
        &bench.run(&["plan", "timings.toml"]),
        2,
        &["tiny-timings", "icdbench run"],
    );
    std::fs::write(bench.path("wrong.toml"), suite("codes = 0")).unwrap();
    assert_fails(
        &bench.run(&["run", "wrong.toml"]),
        2,
        &["wrong.toml", "throughput.codes", "1 or more"],
    );
}
