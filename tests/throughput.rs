//! Suites of timings: what they leave, what becomes of engines that cannot, and the comparison of two builds.

mod common;
#[path = "throughput/counted.rs"]
mod counted;
#[path = "throughput/gate.rs"]
mod gate;
#[path = "throughput/memory.rs"]
mod memory;

use std::collections::BTreeMap;
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
        // Long, so that a busy machine changes nothing: so many runs are enough.
        ("seconds", "600.0"),
        ("least-runs", "6"),
        ("peer-runs", "6"),
        ("timeout", "60.0"),
        ("minutes", "60.0"),
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

/// An engine in a language of scripts, in a file of its own.
#[cfg(unix)]
fn script(bench: &Bench, name: &str, text: &str) -> String {
    let path = bench.path(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
#[cfg(unix)]
fn a_first_run_counts_in_no_engine_however_long_it_took() {
    if !has_python() {
        return;
    }
    let bench = Bench::new("");
    // What compiles in its first run: a day.
    let compiles = script(
        &bench,
        "compiles",
        "#!/usr/bin/env python3\nimport json, sys\nran = 0\nfor line in sys.stdin:\n    ask = json.loads(line)['ask']\n    ran += ask == \
         'run'\n    answers = {'load': {'parameters': 1, 'machine': 'x'}, 'run': {'seconds': 86400 if ran == 1 else 0.5}}\n    \
         print(json.dumps(answers.get(ask, {'engine': 'compiles', 'version': '1', 'models': [], 'modes': []} if ask == 'about' \
         else {})), flush=True)\n",
    );
    let text = suite(&format!(
        "engines = [\"burn\", \"{compiles}\"]\nlengths = [8]\nmodels = [\"logistic_regression\"]\nkinds = [\"step\"]\nseconds = 2.0"
    ));
    std::fs::write(bench.path("timings.toml"), text).unwrap();
    assert_good(&bench.run(&["--threads", "1", "run", "timings.toml"]));
    let groups = groups(&bench);
    let timings = &groups[&("logistic_regression".to_owned(), 8)].timings;
    assert!(
        timings.iter().all(|timing| !timing.warm_up_seconds.is_empty()),
        "{timings:?}"
    );
    let theirs = &timings[1];
    assert_eq!((&theirs.warm_up_seconds[..], &theirs.failure), (&[86_400.0][..], &None));
    assert_eq!(theirs.seconds, [0.5; 6]);
}

#[test]
fn a_run_of_timings_answers_programs_and_refuses_what_means_nothing_there() {
    let bench = Bench::new("");
    let text =
        suite("lengths = [8]\nengines = [\"burn\"]\nmodels = [\"logistic_regression\"]\nkinds = [\"inference\"]");
    std::fs::write(bench.path("timings.toml"), text).unwrap();
    let run = |more: &[&str]| bench.run(&[&["--threads", "1", "run", "timings.toml"][..], more].concat());
    for (option, more) in [
        ("--cell", &["--cell", "0123"][..]),
        ("--checkpoint-every", &["--checkpoint-every", "1"]),
        ("--no-intervals", &["--no-intervals"]),
    ] {
        assert_fails(&run(more), 2, &[option, "suite of timings", "leave it out"]);
    }
    assert_fails(
        &run(&["--device", "libtorch"]),
        2,
        &["--device libtorch", "burn@libtorch"],
    );
    let found = run(&["--json"]);
    assert_good(&found);
    let lines: Vec<Group> = stdout(&found)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, groups(&bench).into_values().collect::<Vec<_>>());
    assert_eq!((lines.len(), lines[0].length), (1, 8));
    let report = std::fs::read_to_string(bench.path("reports/tiny-timings/report.md")).unwrap();
    assert!(
        report.contains("## Growth with the length\n\nNot fitted: no engine ran a model at three lengths or more."),
        "{report}"
    );
    for elsewhere in ["scored", "Parts of a training step"] {
        assert!(!report.contains(elsewhere), "{elsewhere}: {report}");
    }
}

#[test]
#[cfg(unix)]
fn an_engine_that_was_not_available_is_named_and_asked_again_with_the_others() {
    if !has_python() {
        return;
    }
    let bench = Bench::new("");
    let text = suite(
        "lengths = [8]\nengines = [\"burn\", \"./later\"]\nmodels = [\"logistic_regression\"]\nkinds = [\"inference\"]",
    );
    std::fs::write(bench.path("timings.toml"), text).unwrap();
    let run = |more: &[&str]| bench.run(&[&["--threads", "1", "run", "timings.toml"][..], more].concat());
    let seconds = || {
        groups(&bench)[&("logistic_regression".to_owned(), 8)]
            .timing("burn", Kind::Inference)
            .unwrap()
            .seconds
            .clone()
    };
    let first = run(&[]);
    assert_good(&first);
    let said = stderr(&first);
    assert!(
        said.contains("./later was not available for 1 of 1 models") && said.contains("--retry"),
        "{said}"
    );
    let before = seconds();
    script(&bench, "later", &std::fs::read_to_string(EXAMPLE).unwrap());
    // Not asked to, it times nothing again.
    assert_good(&run(&[]));
    assert_eq!(seconds(), before);
    let again = run(&["--retry"]);
    assert_good(&again);
    let said = stderr(&again);
    assert!(
        said.contains("again: logistic_regression · 8 tokens, in all engines, as ./later could not"),
        "{said}"
    );
    assert!(!said.contains("was not available"), "{said}");
    assert_ne!(seconds(), before);
    let groups = groups(&bench);
    let later = groups[&("logistic_regression".to_owned(), 8)]
        .timing("./later", Kind::Inference)
        .unwrap();
    assert!(later.failure.is_none() && !later.seconds.is_empty(), "{later:?}");
}
