//! Suites of timings: what they leave, what becomes of engines that cannot, and the comparison of two builds.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use common::{Bench, assert_fails, assert_good, stderr, stdout};
use icdbench::bench::protocol::{FailureKind, Kind};
use icdbench::report::throughput::Timings;
use icdbench::throughput::{Group, ThroughputSuite};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/engines/example.py");

/// A suite that takes seconds. `settings` stand before the usual ones.
fn suite(settings: &str) -> String {
    let mut text = format!("name = \"tiny-timings\"\ndescription = \"for tests\"\n\n[throughput]\n{settings}\n");
    for (key, value) in [
        ("engines", "[\"burn\", \"candle\"]"),
        ("models", "[\"caml\"]"),
        ("lengths", "[8, 12, 16]"),
        ("codes", "4"),
        ("batch-tokens", "24"),
        ("kinds", "[\"inference\", \"step\"]"),
        ("precision", "\"f32\""),
        ("half-width", "0.9"),
        ("seconds", "5.0"),
        ("least-runs", "6"),
        ("peer-runs", "6"),
        ("timeout", "60.0"),
        ("minutes", "5.0"),
    ] {
        if !settings.lines().any(|line| line.starts_with(&format!("{key} ="))) {
            text += &format!("{key} = {value}\n");
        }
    }
    text
}

fn groups(bench: &Bench) -> BTreeMap<(String, usize), Group> {
    let groups = all_groups(bench).into_iter();
    groups
        .map(|group| ((group.model.clone(), group.length), group))
        .collect()
}

fn all_groups(bench: &Bench) -> Vec<Group> {
    let files = std::fs::read_dir(bench.path("results/throughput")).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let files = files.filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with("peak-"));
    let group = |path: std::path::PathBuf| -> Group { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    files.map(group).collect()
}

fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: there is no python3 here");
    }
    found
}

#[test]
fn a_suite_of_timings_leaves_a_file_a_group_and_a_report_and_times_nothing_twice() {
    let bench = Bench::new("");
    std::fs::write(bench.path("timings.toml"), suite("")).unwrap();
    assert_good(&bench.run(&["--threads", "1", "run", "timings.toml"]));
    let first = groups(&bench);
    assert_eq!(first.len(), 3);
    for ((_, length), group) in &first {
        assert_eq!((group.batch, group.tokens), (24 / length, 24 / length * length));
        assert!(group.work.is_some_and(|work| work.step > work.inference));
        for engine in ["burn", "candle"] {
            for kind in [Kind::Inference, Kind::Step] {
                let timing = group.timing(engine, kind).unwrap();
                assert!(timing.failure.is_none(), "{timing:?}");
                assert!(
                    timing.seconds.len() >= 3 && !timing.warm_up_seconds.is_empty(),
                    "{timing:?}"
                );
                let part = match kind {
                    Kind::Inference => "forward",
                    Kind::Step => "data",
                };
                assert!(timing.parts.contains_key(part), "{timing:?}");
                assert_eq!(timing.loss.is_some(), kind == Kind::Step);
            }
        }
    }
    let report = std::fs::read_to_string(bench.path("reports/tiny-timings/report.md")).unwrap();
    for said in [
        "## Inference",
        "## Training step",
        "## Growth with the length",
        "burn over, candle",
        "| caml | 12 | 2 |",
    ] {
        assert!(report.contains(said), "{said}: {report}");
    }
    let sheet = std::fs::read_to_string(bench.path("reports/tiny-timings/timings.csv")).unwrap();
    assert_eq!(sheet.lines().count(), 1 + 3 * 2 * 2);
    for plot in [
        "tokens-per-second-inference",
        "share-of-peak-training-step",
        "roofline-training-step",
    ] {
        assert!(
            bench.path(&format!("reports/tiny-timings/plots/{plot}.svg")).is_file(),
            "{plot}"
        );
    }
    assert_good(&bench.run(&["--threads", "1", "run", "timings.toml"]));
    assert_eq!(groups(&bench), first);
}

#[test]
fn one_note_and_notes_of_several_lengths_are_told_apart() {
    let bench = Bench::new("");
    let text = suite("engines = [\"burn\"]\nlengths = [8, 12, 16]\none-note = true\nshortest = 0.5");
    std::fs::write(bench.path("timings.toml"), text).unwrap();
    assert_good(&bench.run(&["--threads", "1", "run", "timings.toml"]));
    let mut found: Vec<[usize; 5]> = all_groups(&bench)
        .iter()
        .map(|group| {
            let tokens = [group.tokens, group.padded_tokens, group.given_tokens];
            [group.length, group.batch, tokens[0], tokens[1], tokens[2]]
        })
        .collect();
    found.sort();
    let expected = [
        [8, 1, 8, 8, 8],
        [8, 3, 8 + 6 + 4, 24, 18],
        [12, 1, 12, 12, 12],
        [12, 2, 12 + 6, 24, 18],
        [16, 1, 16, 16, 16],
    ];
    assert_eq!(found, expected);
    let report = std::fs::read_to_string(bench.path("reports/tiny-timings/report.md")).unwrap();
    for said in [
        "padded tokens/s",
        "Of batches of one note.",
        "between 50 % and all of their tokens",
    ] {
        assert!(report.contains(said), "{said}: {report}");
    }
}

#[test]
fn what_papers_say_of_time_is_held_against_the_timings() {
    let bench = Bench::new("");
    let text = suite("engines = [\"burn\"]\nmodels = [\"bert_xml\", \"caml\"]\nlengths = [8]\nkinds = [\"step\"]");
    std::fs::write(bench.path("timings.toml"), &text).unwrap();
    assert_good(&bench.run(&["--threads", "1", "run", "timings.toml"]));
    let timed = groups(&bench)[&("bert_xml".to_owned(), 8)].clone();
    // The same as if 512 tokens had taken a second, and 1,024 so many.
    let report = |factor: f64| {
        let group = |length: usize, seconds: f64| {
            let mut group = timed.clone();
            (group.length, group.batch) = (length, 1);
            group.timings[0].seconds = vec![seconds; 6];
            group
        };
        let groups = [group(512, 1.0), group(1024, factor)];
        let suite = ThroughputSuite::parse(&text, "timings.toml").unwrap();
        let timings = Timings {
            suite: &suite,
            groups: &groups,
            peak: None,
            left: &[],
        };
        let folder = bench.path(&format!("report-{factor}"));
        icdbench::report::throughput::write(&timings, &folder).unwrap();
        std::fs::read_to_string(folder.join("report.md")).unwrap()
    };
    let sentence = "roughly 3.5 times that of the shorter ones";
    let line = |report: &str| {
        let found = report.lines().find(|line| line.contains(sentence)).map(str::to_owned);
        found.unwrap_or_else(|| panic!("{report}"))
    };
    let held = line(&report(3.6));
    assert!(held.contains("**holds**") && held.contains("take 3.6 times"), "{held}");
    let refuted = line(&report(2.5));
    assert!(refuted.contains("**does not hold**"), "{refuted}");
    // Nothing is said of lengths that were not timed.
    assert!(!report(3.6).contains("quadratic (in sequence length) to linear"));
}

#[test]
fn what_an_engine_cannot_stands_in_its_timing_and_the_others_go_on() {
    if !has_python() {
        return;
    }
    let bench = Bench::new("");
    let engines = format!("engines = [\"burn\", \"{EXAMPLE}\", \"./no-such-engine\"]\nlengths = [8]");
    let text = suite(&format!("{engines}\nmodels = [\"logistic_regression\", \"caml\"]"));
    std::fs::write(bench.path("timings.toml"), text).unwrap();
    assert_good(&bench.run(&["--threads", "1", "run", "timings.toml"]));
    let groups = groups(&bench);
    let failure = |model: &str, engine: &str, kind| {
        let timing = groups[&(model.to_owned(), 8)].timing(engine, kind).unwrap();
        assert!(timing.failure.is_none() || timing.seconds.is_empty());
        timing.failure.as_ref().map(|failure| failure.kind)
    };
    assert_eq!(failure("logistic_regression", EXAMPLE, Kind::Inference), None);
    assert_eq!(
        failure("logistic_regression", EXAMPLE, Kind::Step),
        Some(FailureKind::Unsupported)
    );
    assert_eq!(
        failure("caml", EXAMPLE, Kind::Inference),
        Some(FailureKind::Unsupported)
    );
    assert_eq!(
        failure("caml", "./no-such-engine", Kind::Step),
        Some(FailureKind::Unavailable)
    );
    assert_eq!(failure("caml", "burn", Kind::Step), None);
    let report = std::fs::read_to_string(bench.path("reports/tiny-timings/report.md")).unwrap();
    assert!(
        report.contains("## Not timed") && report.contains("does not train"),
        "{report}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_cell_that_does_not_fit_is_out_of_memory_and_the_suite_goes_on() {
    let bench = Bench::new("");
    // Room for CAML's 50,000 word vectors of 100 numbers and their moments, not for the bi-GRU's of 300 and its output layer.
    let text = suite(
        "engines = [\"burn\"]\nmodels = [\"bigru_attention\", \"caml\"]\nlengths = [8]\ncodes = 500\nmax-bytes = 260000000",
    );
    std::fs::write(bench.path("timings.toml"), text).unwrap();
    assert_good(&bench.run(&["--threads", "1", "run", "timings.toml"]));
    let groups = groups(&bench);
    let kind = |model: &str| {
        let timing = groups[&(model.to_owned(), 8)].timing("burn", Kind::Step).unwrap();
        timing.failure.as_ref().map(|failure| failure.kind)
    };
    assert_eq!(kind("bigru_attention"), Some(FailureKind::OutOfMemory));
    assert_eq!(kind("caml"), None);
    let report = std::fs::read_to_string(bench.path("reports/tiny-timings/report.md")).unwrap();
    assert!(
        report.contains("out of memory") && report.contains("Not one note fits"),
        "{report}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn the_largest_batch_that_fits_is_found() {
    let bench = Bench::new("");
    let text = suite(
        "engines = [\"burn\"]\nmodels = [\"caml\"]\nlengths = [1024]\nbatch-tokens = 524288\nkinds = [\"step\"]\nmax-bytes = 400000000",
    );
    std::fs::write(bench.path("timings.toml"), &text).unwrap();
    assert_good(&bench.run(&["--threads", "1", "run", "timings.toml"]));
    let below = groups(&bench)[&("caml".to_owned(), 1024)].timings[0].clone();
    assert_eq!(below.failure.unwrap().kind, FailureKind::OutOfMemory);
    let largest = below.largest.unwrap();
    let too_many = largest.too_many.unwrap();
    assert!(
        0 < largest.notes && largest.notes < too_many && too_many < 512,
        "{largest:?}"
    );
    let report = std::fs::read_to_string(bench.path("reports/tiny-timings/report.md")).unwrap();
    let said = format!("The largest batch that fits: {}.", largest.notes);
    assert!(report.contains(&said), "{said}: {report}");

    // Upwards, where a suite asks for it.
    let text = text.replace("batch-tokens = 524288", "batch-tokens = 1024\nlargest-batch = 4");
    std::fs::write(bench.path("timings.toml"), &text).unwrap();
    assert_good(&bench.run(&["--threads", "1", "run", "timings.toml"]));
    let report = std::fs::read_to_string(bench.path("reports/tiny-timings/report.md")).unwrap();
    assert!(
        report.contains("## Largest batch that fits") && report.contains("4 or more"),
        "{report}"
    );
}

/// Another build, which says that each of its runs took so many seconds.
fn build(bench: &Bench, name: &str, seconds: &str) -> String {
    let script = format!(
        "#!/usr/bin/env python3\nimport json, sys\nfor line in sys.stdin:\n    ask = json.loads(line)['ask']\n    print(json.dumps(\
         {{'parameters': 1, 'machine': 'x'}} if ask == 'load' else {{'seconds': {seconds}}}), flush=True)\n"
    );
    let path = bench.path(name);
    std::fs::write(&path, script).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn history(folder: &Path) -> String {
    let file = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    std::fs::read_to_string(file.path()).unwrap()
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
