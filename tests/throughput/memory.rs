//! Models at lengths for which memory does not suffice, and engines that are killed.
#![cfg(target_os = "linux")]

use icdbench::bench::protocol::{Failure, FailureKind, Kind};

use crate::common::cgroup::Cgroup;
use crate::common::{Bench, assert_good};
use crate::{groups, has_python, script, suite};

/// Why there are no training steps of a model in burn, if so.
fn failure(bench: &Bench, model: &str) -> Option<Failure> {
    let groups = groups(bench);
    let timing = groups[&(model.to_owned(), 8)].timing("burn", Kind::Step).unwrap();
    assert!(timing.failure.is_some() || !timing.seconds.is_empty(), "{timing:?}");
    timing.failure.clone()
}

#[test]
fn a_cell_that_does_not_fit_is_out_of_memory_and_the_suite_goes_on() {
    let bench = Bench::new("");
    // Room for CAML's 50,000 word vectors of 100 numbers and their moments, not for the bi-GRU's of 300 and its output layer.
    let text = suite(
        "engines = [\"burn\"]\nmodels = [\"bigru_attention\", \"caml\"]\nlengths = [8]\ncodes = 500\nmax-bytes = 260000000",
    );
    std::fs::write(bench.path("timings.toml"), text).unwrap();
    assert_good(&bench.run(&["--threads", "1", "run", "timings.toml"]));
    assert_eq!(
        failure(&bench, "bigru_attention").map(|failure| failure.kind),
        Some(FailureKind::OutOfMemory)
    );
    assert_eq!(failure(&bench, "caml"), None);
    let report = std::fs::read_to_string(bench.path("reports/tiny-timings/report.md")).unwrap();
    assert!(
        report.contains("out of memory") && report.contains("Not one note fits"),
        "{report}"
    );
}

#[test]
fn the_largest_batch_that_fits_is_found() {
    let bench = Bench::new("");
    let text = suite(
        "engines = [\"burn\"]\nmodels = [\"caml\"]\nlengths = [1024]\nbatch-tokens = 524288\nkinds = [\"step\"]\nmax-bytes = 400000000",
    );
    std::fs::write(bench.path("timings.toml"), &text).unwrap();
    // Nothing was timed.
    let ran = bench.run(&["--threads", "1", "run", "timings.toml"]);
    assert_eq!(ran.status.code(), Some(2));
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

#[test]
fn a_cell_whose_engine_the_kernel_ends_for_want_of_memory_is_out_of_memory_and_the_suite_goes_on() {
    let Some(cgroup) = Cgroup::new(330 << 20) else {
        return;
    };
    let bench = Bench::new("");
    // What the machine can do is measured once, with more memory than the group has.
    let first =
        suite("engines = [\"burn\"]\nmodels = [\"logistic_regression\"]\nlengths = [8]\nkinds = [\"inference\"]");
    std::fs::write(bench.path("first.toml"), first).unwrap();
    assert_good(&bench.run(&["--threads", "1", "run", "first.toml", "--no-report"]));
    // As above, but that the engine itself knows of no limit.
    let text = suite("engines = [\"burn\"]\nmodels = [\"bigru_attention\", \"caml\"]\nlengths = [8]\ncodes = 500");
    std::fs::write(bench.path("timings.toml"), text).unwrap();
    assert_good(&cgroup.run(&bench, &["--threads", "1", "run", "timings.toml"]));
    let found = failure(&bench, "bigru_attention").unwrap();
    assert_eq!(found.kind, FailureKind::OutOfMemory, "{found:?}");
    assert!(
        found.words.contains("signal: 9") && found.words.contains("the kernel ended a process for want of memory"),
        "{found:?}"
    );
    assert_eq!(failure(&bench, "caml"), None);
    let report = std::fs::read_to_string(bench.path("reports/tiny-timings/report.md")).unwrap();
    assert!(report.contains("out of memory"), "{report}");
}

#[test]
fn an_engine_that_is_killed_for_no_want_of_memory_has_failed_and_the_suite_goes_on() {
    if !has_python() {
        return;
    }
    let bench = Bench::new("");
    let engine = script(
        &bench,
        "killed",
        "#!/usr/bin/env python3\nimport json, os, sys\nfor line in sys.stdin:\n    ask = json.loads(line)\n    \
         if ask.get('model') == 'bigru_attention':\n        model = ask['model']\n    if ask['ask'] == 'run' and 'model' in globals():\n        \
         os.kill(os.getpid(), 9)\n    print(json.dumps({'load': {'parameters': 1, 'machine': 'x'}, 'run': {'seconds': 1e-3}, 'memory': {}, \
         'about': {'engine': 'x', 'version': 'x', 'models': [], 'modes': []}}[ask['ask']]), flush=True)\n",
    );
    let engines = format!("engines = [\"{engine}\"]\nmodels = [\"bigru_attention\", \"caml\"]\nlengths = [8]");
    std::fs::write(bench.path("timings.toml"), suite(&engines)).unwrap();
    assert_good(&bench.run(&["--threads", "1", "run", "timings.toml"]));
    let groups = groups(&bench);
    let failure = |model: &str| {
        groups[&(model.to_owned(), 8)]
            .timing(&engine, Kind::Step)
            .unwrap()
            .failure
            .clone()
    };
    let killed = failure("bigru_attention").unwrap();
    // Unless the kernel has ended another process just then.
    assert!(killed.words.contains("signal: 9"), "{killed:?}");
    assert_eq!(failure("caml"), None);
}
