//! Each stage by itself: killed at twenty random calls that change the disk, or held by another process, it ends in the
//! same bytes. (`store.rs`: damaged on disk; `resume.rs`: killed at random times, resumed; `faults.rs`: calls that fail.)
#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::inject::{At, Inject, KILLED, KILLED_WITH_PARENT, Kind, build};
use common::{Bench, assert_good, caml, files, stderr, suite_text};
use icdbench::record::StageName;
use icdbench::results::Store;
use icdbench::results::check::check;
use icdbench::results::runner::Runner;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const KILLS: u64 = 20;

const RUN: [&str; 8] = [
    "--results",
    "THERE",
    "run",
    "tiny.toml",
    "--no-report",
    "--checkpoint-every",
    "0",
    "--json",
];

/// A suite of one cell that keeps what every stage makes, run to the end in the directory `whole`.
fn finished() -> Bench {
    let bench = Bench::new(&(suite_text(60, &caml(3, 8)) + "\n[keep]\nscores = true\n"));
    assert_good(&bench.run(&["--quiet", "--results", "whole", "run", "tiny.toml", "--no-report"]));
    bench
}

/// Makes `THERE` what `whole` is, without what a stage made and without what would make it unnecessary.
fn without(bench: &Bench, stage: StageName) {
    let there = bench.path("THERE");
    let _ = fs::remove_dir_all(&there);
    copy(&bench.path("whole"), &there);
    fs::remove_dir_all(there.join("records")).unwrap();
    let mut gone = vec![match stage {
        StageName::Record => "rows",
        stage => stage.word(),
    }];
    if stage == StageName::Weights {
        gone.push("scores");
    }
    for folder in gone {
        fs::remove_dir_all(there.join("private").join(folder)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    for name in files(from) {
        fs::create_dir_all(to.join(&name).parent().unwrap()).unwrap();
        fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

/// Where a stage writes, as a part of paths.
fn place(stage: StageName) -> &'static str {
    match stage {
        StageName::Notes => "THERE/private/notes",
        StageName::Tokenizer => "THERE/private/tokenizer",
        StageName::Tokens => "THERE/private/tokens",
        // Checkpoints too: the folders `weights` and `work`.
        StageName::Weights => "THERE/private/w",
        StageName::Scores => "THERE/private/scores",
        StageName::Evidence => "THERE/private/evidence",
        // The rows are the worker's; the record itself is killed in a test of its own.
        StageName::Record => "THERE/private/rows",
        StageName::Vectors | StageName::Encoder => unreachable!("they are kept where the user has them"),
        StageName::Pretraining => unreachable!("tests/pretraining_stage.rs kills it"),
    }
}

/// Asserts that twenty runs, each killed at another call below `path` in place of which `how` happens, each end in the
/// same bytes when the command is repeated.
fn killed_twenty_times(stage: StageName, path: &str, process: &str, how: i32) {
    if build().is_none() {
        return; // build() said why
    }
    let bench = finished();
    let expected = bench.results("whole");
    let fault = |at| Inject {
        kind: Kind::Change,
        at,
        errno: how,
        path: Some(path),
        process: Some(process),
    };
    without(&bench, stage);
    let mut counting = bench.command(&RUN);
    let count = fault(At::Never).command(&mut counting);
    assert_good(&counting.output().unwrap());
    let calls = count.calls();
    assert!(calls > 3, "{stage} makes {calls} calls");
    // From the clock: other moments in every run of the test.
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..KILLS {
        let at = 1 + random.next_u64() % calls;
        let what = format!("{stage}, seed {seed}: killed at {at} of {calls}");
        without(&bench, stage);
        let mut command = bench.command(&RUN);
        let count = fault(At::Call(at)).command(&mut command);
        let killed = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert_eq!(count.failures(), [at], "{what}");
        assert_eq!(killed.code(), None, "{what}: the run was killed too");
        let repaired = bench.run(&RUN);
        assert_eq!(repaired.status.code(), Some(0), "{what}\n{}", stderr(&repaired));
        assert!(bench.results("THERE") == expected, "{what}: other bytes");
        let problems = check(&Store::new(&bench.path("THERE"), None)).unwrap().problems;
        assert!(problems.is_empty(), "{what}: {problems:?}");
    }
}

fn worker_killed_twenty_times(stage: StageName) {
    killed_twenty_times(stage, place(stage), " worker", KILLED_WITH_PARENT);
}

#[test]
fn notes_killed_at_twenty_random_calls_end_in_the_same_bytes() {
    worker_killed_twenty_times(StageName::Notes);
}

#[test]
fn a_tokenizer_killed_at_twenty_random_calls_ends_in_the_same_bytes() {
    worker_killed_twenty_times(StageName::Tokenizer);
}

#[test]
fn tokens_killed_at_twenty_random_calls_end_in_the_same_bytes() {
    worker_killed_twenty_times(StageName::Tokens);
}

#[test]
fn weights_killed_at_twenty_random_calls_end_in_the_same_bytes() {
    worker_killed_twenty_times(StageName::Weights);
}

#[test]
fn scores_killed_at_twenty_random_calls_end_in_the_same_bytes() {
    worker_killed_twenty_times(StageName::Scores);
}

#[test]
fn rows_killed_at_twenty_random_calls_end_in_the_same_bytes() {
    worker_killed_twenty_times(StageName::Record);
}

#[test]
fn a_record_killed_at_twenty_random_calls_ends_in_the_same_bytes() {
    killed_twenty_times(StageName::Record, "THERE/records", "run tiny.toml", KILLED);
}

#[test]
fn a_stage_that_another_process_makes_is_waited_for() {
    let bench = finished();
    let expected = bench.results("whole");
    let record = bench.records("whole").remove(0);
    for stage in [
        StageName::Notes,
        StageName::Tokenizer,
        StageName::Tokens,
        StageName::Weights,
        StageName::Scores,
        StageName::Record,
    ] {
        without(&bench, stage);
        let (word, key) = match stage {
            StageName::Record => ("cell", record.key.as_str().to_owned()),
            stage => (stage.word(), record.stages[&stage].key()),
        };
        let runner = Runner::new(Store::new(&bench.path("THERE"), None)).unwrap();
        let held = runner.try_lock(word, &key).unwrap().expect("nobody has it");
        let said = fs::File::create(bench.path("said")).unwrap();
        let mut command = bench.command(&RUN);
        let mut child = command.stdout(Stdio::null()).stderr(said).spawn().unwrap();
        let begun = Instant::now();
        let waits = || {
            let said = fs::read_to_string(bench.path("said")).unwrap();
            said.contains(&format!("another process makes {word}"))
        };
        while !waits() && begun.elapsed() < Duration::from_secs(60) {
            assert!(child.try_wait().unwrap().is_none(), "{stage} was not waited for");
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(waits(), "{stage}");
        assert!(child.try_wait().unwrap().is_none(), "{stage} was not waited for");
        drop(held);
        assert!(child.wait().unwrap().success(), "{stage}");
        assert!(bench.results("THERE") == expected, "{stage}");
    }
}
