//! Crash safety: killed, out of disk, run twice at once, and still the bytes of an undisturbed run.

mod common;

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

#[cfg(target_os = "linux")]
use common::signals::signalled_in_training;
use common::{Bench, assert_fails, assert_good, caml, files, logistic_regression, multi_res_cnn};
use common::{stderr, stdout, suite_text};
use icdbench::train::checkpoint;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;

fn quietly<'a>(results: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["--results", results, "--quiet", "run", "tiny.toml", "--no-report"];
    arguments.extend(more);
    arguments
}

#[test]
fn a_run_killed_at_twenty_random_moments_ends_in_the_bytes_of_an_undisturbed_one() {
    let bench = Bench::new(&suite_text(60, &caml(40, 16)));
    let started = std::time::Instant::now();
    assert_good(&bench.run(&quietly("undisturbed", &[])));
    let whole = started.elapsed();
    let expected = bench.results("undisturbed");
    assert_eq!(expected.len(), 3);

    // From the clock: other moments in every run of the test. The seed is in the message should it fail.
    let seed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut kills = 0;
    let mut round = 0;
    let mut resumed = 0;
    while kills < 20 {
        round += 1;
        let results = format!("disturbed-{round}");
        loop {
            // A checkpoint after every step, so that each sitting gets somewhere.
            let mut child = bench
                .command(&quietly(&results, &["--checkpoint-every", "0"]))
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let share = random.next_u32() as f64 / f64::from(u32::MAX);
            std::thread::sleep(whole.mul_f64(share * 0.7));
            if kills < 20 && child.try_wait().unwrap().is_none() {
                child.kill().unwrap(); // SIGKILL
                child.wait().unwrap();
                kills += 1;
                continue;
            }
            assert_eq!(child.wait().unwrap().code(), Some(0), "seed {seed}");
            break;
        }
        assert!(
            bench.results(&results) == expected,
            "seed {seed}, round {round}: other bytes than undisturbed"
        );
        resumed += bench.records(&results)[0].timings.as_ref().unwrap().sittings - 1;
        let left = files(&bench.work(&results));
        assert!(left.is_empty(), "left behind: {left:?}");
    }
    // Some of the kills hit before the first checkpoint; most must not, or the test shows little.
    assert!(
        resumed >= 5,
        "seed {seed}: only {resumed} of 20 kills were followed by a resume from a checkpoint"
    );
}

#[test]
fn a_killed_training_with_running_moments_goes_on_from_them() {
    goes_on_after_a_kill(&multi_res_cnn(10), "2");
}

#[test]
fn a_killed_training_on_two_replicas_goes_on_on_both() {
    let on_two = |run: String| run.replace("batch-size = 4", "batch-size = 4\nreplicas = 2");
    // With one thread, which waits for the second replica and computes for it.
    goes_on_after_a_kill(&on_two(caml(40, 16)), "1");
    goes_on_after_a_kill(&on_two(multi_res_cnn(10)), "2");
}

fn goes_on_after_a_kill(run: &str, threads: &str) {
    let quietly = |results| [quietly(results, &[]), vec!["--threads", threads]].concat();
    let bench = Bench::new(&suite_text(60, run));
    assert_good(&bench.run(&quietly("undisturbed")));
    killed(&bench, "disturbed");
    assert_good(&bench.run(&quietly("disturbed")));
    assert!(bench.results("disturbed") == bench.results("undisturbed"));
    assert_eq!(bench.records("disturbed")[0].timings.as_ref().unwrap().sittings, 2);
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_finishes_the_step_checkpoints_and_the_same_command_goes_on() {
    let bench = Bench::new(&suite_text(60, &caml(60, 16)));
    assert_good(&bench.run(&quietly("undisturbed", &[])));
    let start = || {
        let mut command = bench.command(&["--results", "stopped", "run", "tiny.toml", "--no-report"]);
        command.stderr(Stdio::piped()).spawn().unwrap()
    };
    let child = signalled_in_training(&bench, "stopped", "-INT", start);
    let output = child.wait_with_output().unwrap();
    assert_fails(&output, 130, &["the same command goes on from here"]);
    assert!(bench.records("stopped").is_empty());
    assert!(
        files(&bench.work("stopped"))
            .iter()
            .any(|file| file.ends_with("last.safetensors"))
    );

    assert_good(&bench.run(&quietly("stopped", &[])));
    assert!(bench.results("stopped") == bench.results("undisturbed"));
    assert_eq!(bench.records("stopped")[0].timings.as_ref().unwrap().sittings, 2);
}

#[test]
fn a_full_disk_loses_nothing_finished_and_says_what_happened() {
    let bench = Bench::new(&suite_text(60, &(logistic_regression(3) + &caml(3, 600))));
    // Files above 400 kB fail to be written, as on a disk that is full: enough for the first cell, not for the second.
    let arguments = quietly("results", &[]).join(" ");
    let program = env!("CARGO_BIN_EXE_icdbench");
    let limited = std::process::Command::new("bash")
        .current_dir(bench.directory.path())
        .env("RAYON_NUM_THREADS", "1")
        .args([
            "-c",
            &format!("trap '' XFSZ; ulimit -f 400; exec {program} {arguments}"),
        ])
        .output()
        .unwrap();
    assert_fails(
        &limited,
        2,
        &[
            "cannot write",
            "File too large",
            "Finished cells are untouched",
            "run the same command again",
        ],
    );
    let finished = bench.records("results");
    assert_eq!(finished.len(), 1, "the first cell is finished");
    let half_written: Vec<String> = files(&bench.path("results"))
        .into_iter()
        .filter(|file| file.contains(".new-"))
        .collect();
    assert!(half_written.is_empty(), "{half_written:?}");

    assert_good(&bench.run(&quietly("results", &[])));
    let records = bench.records("results");
    assert_eq!(records.len(), 2);
    assert!(records.contains(&finished[0]), "the finished cell was not touched");
}

#[test]
fn two_processes_on_one_results_directory_share_the_work_and_corrupt_nothing() {
    let runs = logistic_regression(5) + &caml(5, 16);
    let bench = Bench::new(&suite_text(60, &runs).replace("seeds = [1]", "seeds = [1, 2, 3]"));
    assert_good(&bench.run(&quietly("alone", &[])));
    let start = || {
        let mut arguments = vec!["--json"];
        arguments.extend(quietly("together", &[]));
        bench.command(&arguments).stdout(Stdio::piped()).spawn().unwrap()
    };
    let (left, right) = (start(), start());
    let outputs = [left.wait_with_output().unwrap(), right.wait_with_output().unwrap()];
    let mut written = 0;
    for output in &outputs {
        assert_good(output);
        for line in stdout(output).lines() {
            let cell: serde_json::Value = serde_json::from_str(line).unwrap();
            written += usize::from(cell["found"] == false);
        }
    }
    assert_eq!(written, 6, "each cell was run once");
    assert!(bench.results("together") == bench.results("alone"));
}

#[test]
fn a_second_run_does_no_work() {
    let bench = Bench::new(&suite_text(60, &logistic_regression(3)));
    assert_good(&bench.run(&quietly("results", &[])));
    let record = bench
        .path("results/records")
        .join(format!("{}.json", bench.records("results")[0].key));
    let before = std::fs::metadata(&record).unwrap().modified().unwrap();
    let again = bench.run(&["--json", "--results", "results", "run", "tiny.toml", "--no-report"]);
    assert_good(&again);
    assert!(stdout(&again).contains("\"found\":true"));
    assert_eq!(std::fs::metadata(&record).unwrap().modified().unwrap(), before);
}

/// A run that was killed after its first checkpoint, and where that lies.
fn killed(bench: &Bench, results: &str) -> std::path::PathBuf {
    let mut child = bench
        .command(&quietly(results, &["--checkpoint-every", "0"]))
        .spawn()
        .unwrap();
    let last = loop {
        let work = bench.work(results);
        if let Some(file) = files(&work).into_iter().find(|file| file.ends_with("last.safetensors")) {
            break work.join(file);
        }
        assert!(
            child.try_wait().unwrap().is_none(),
            "finished before it could be stopped"
        );
        std::thread::sleep(Duration::from_millis(2));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    last
}

/// Does something to a checkpoint.
type Damage = fn(&Path);

fn cut(last: &Path) {
    let bytes = std::fs::read(last).unwrap();
    std::fs::write(last, &bytes[..bytes.len() / 2]).unwrap();
}

/// Gives a checkpoint an epoch that no training has, with a checksum that fits.
fn impossible(last: &Path) {
    let mut found = checkpoint::read::<Value>(last).unwrap().unwrap().unwrap();
    found.progress["epoch"] = u32::MAX.into();
    checkpoint::write(last, &found.parameters, &found.progress).unwrap();
}

#[test]
fn a_checkpoint_that_is_cut_short_or_of_impossible_numbers_is_named_and_never_used() {
    let bench = Bench::new(&suite_text(60, &caml(40, 16)));
    assert_good(&bench.run(&quietly("undisturbed", &[])));
    let cases: [(&str, Damage, &str); 2] = [
        ("cut", cut, "cut short or changed"),
        ("impossible", impossible, "its numbers are not those of this training"),
    ];
    for (results, damage, problem) in cases {
        damage(&killed(&bench, results));
        let again = bench.run(&["--results", results, "run", "tiny.toml", "--no-report"]);
        assert_good(&again);
        for words in [
            "last.safetensors: not used: ",
            problem,
            "The cell is trained from its start",
        ] {
            assert!(stderr(&again).contains(words), "{words} is not in {}", stderr(&again));
        }
        assert!(bench.results(results) == bench.results("undisturbed"));
    }
}
