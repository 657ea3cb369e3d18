//! Pretraining as a stage: shared by the cells that start from it, resumed to the byte, blind to held-out notes, private.

mod common;

#[path = "pretraining_stage/failing.rs"]
mod failing;
#[path = "pretraining_stage/held_out.rs"]
mod held_out;
#[path = "pretraining_stage/mistakes.rs"]
mod mistakes;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use common::pretraining::{long_bert, pretrained, pretraining_suite};
use common::{Bench, assert_fails, assert_good, files, stderr, stdout};
use icdbench::pretrained::PretrainedBert;
use icdbench::record::{Record, StageName};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The folder of the only pretraining of a results directory.
fn folder(bench: &Bench, results: &str) -> PathBuf {
    let all = bench.path(results).join("private/pretraining");
    let mut found: Vec<PathBuf> = std::fs::read_dir(all)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.pop().unwrap()
}

/// The files of the pretraining but for the list of them, which has times.
fn encoder(bench: &Bench, results: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder(bench, results);
    let names = files(&folder).into_iter().filter(|name| name != "stage.json");
    names
        .map(|name| (name.clone(), std::fs::read(folder.join(name)).unwrap()))
        .collect()
}

fn run<'a>(results: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["--results", results, "--quiet", "run", "tiny.toml", "--no-report"];
    arguments.extend(more);
    arguments
}

fn key(record: &Record) -> String {
    record.stages[&StageName::Pretraining].key()
}

#[test]
fn cells_share_one_pretraining_and_their_records_say_which() {
    let runs = pretrained() + &long_bert("from nothing", "");
    let bench = Bench::new(&pretraining_suite(60, &runs).replace("seeds = [1]", "seeds = [1, 2]"));
    assert_good(&bench.run(&["run", "tiny.toml"]));
    let records = bench.records("results");
    assert_eq!(records.len(), 4);
    let (from, nothing): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.cell.run == "pretrained");
    assert_eq!(key(from[0]), key(from[1]));
    assert!(folder(&bench, "results").ends_with(key(from[0])));
    let facts = |record: &Record| record.outcome.as_ref().unwrap().pretraining.clone();
    let told = facts(from[0]).unwrap();
    assert_eq!(facts(from[1]).as_ref(), Some(&told));
    assert!(told.looks.len() >= 4 && told.looks[0].step == 0, "{:?}", told.looks);
    assert!(
        told.looks.last().unwrap().mlm_loss < told.looks[0].mlm_loss,
        "it learns"
    );
    assert_eq!(told.looks.last().unwrap().step, told.steps);
    assert_eq!(told.unlabelled_notes, 0);
    assert!(told.notes < told.training_notes, "a share of them shows how far it is");
    let timings = from[0].timings.as_ref().unwrap().pretraining.unwrap();
    assert!(timings.training_seconds > 0.0 && timings.tokens_per_second > 0.0);
    for record in &nothing {
        assert!(!record.stages.contains_key(&StageName::Pretraining) && facts(record).is_none());
    }
    for record in &records {
        let outside = record.outcome.as_ref().unwrap().task.words_outside.unwrap();
        assert!(outside > 0.0, "of 400 entries");
    }

    let report = std::fs::read_to_string(bench.path("reports/tiny/report.md")).unwrap();
    for words in [
        "What pretrained parameters give",
        "Pretraining on the notes",
        "1 layers of 8 from scratch",
        "plots/pretraining.svg",
        "plots/masked.svg",
        "objective.whole-word | true",
        "does not have",
    ] {
        assert!(report.contains(words), "{words:?} is not in {report}");
    }
    let steps = std::fs::read_to_string(bench.path("reports/tiny/pretraining-steps.csv")).unwrap();
    assert_eq!(steps.lines().count(), 1 + told.looks.len());
}

#[test]
fn pretraining_killed_at_twenty_random_moments_ends_in_the_bytes_of_an_undisturbed_one() {
    let text = pretraining_suite(60, &pretrained()).replacen("epochs = 3", "epochs = 8", 1);
    let bench = Bench::new(&text);
    assert_good(&bench.run(&run("undisturbed", &["--checkpoint-every", "0"])));
    let (expected, results) = (encoder(&bench, "undisturbed"), bench.results("undisturbed"));
    assert_eq!(expected.len(), 4);
    let record = bench.records("undisturbed").remove(0);
    let steps = record.outcome.unwrap().pretraining.unwrap().steps;
    assert!(steps > 20, "{steps}");
    // What a worker takes before the first step, and a part of the steps: some kills come before there is a checkpoint.
    let seconds = record.timings.unwrap().pretraining.unwrap().training_seconds;
    let started_in = Duration::from_secs_f64(0.2 + seconds / 3.0);

    // From the clock: other moments in every run of the test. The seed is in the message should it fail.
    let seed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut kills, mut round, mut resumed) = (0, 0, 0);
    while kills < 20 {
        round += 1;
        let disturbed = format!("disturbed-{round}");
        let private = bench.path(&disturbed).join("private");
        for _ in 0..5 {
            // A checkpoint after every step, so that each sitting gets somewhere.
            let mut child = bench
                .command(&run(&disturbed, &["--checkpoint-every", "0"]))
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            while !private.join("work").is_dir() && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let share = f64::from(random.next_u32()) / f64::from(u32::MAX);
            std::thread::sleep(started_in.mul_f64(share));
            if !private.join("pretraining").is_dir() && child.try_wait().unwrap().is_none() {
                child.kill().unwrap(); // SIGKILL
                kills += 1;
            }
            child.wait().unwrap();
        }
        assert_good(&bench.run(&run(&disturbed, &["--checkpoint-every", "0"])));
        assert!(
            encoder(&bench, &disturbed) == expected && bench.results(&disturbed) == results,
            "seed {seed}, round {round}: other bytes than undisturbed"
        );
        let record = bench.records(&disturbed).remove(0);
        resumed += record.timings.unwrap().pretraining.unwrap().sittings - 1;
        let left = files(&bench.work(&disturbed));
        assert!(left.is_empty(), "left behind: {left:?}");
    }
    assert!(
        resumed >= 5,
        "seed {seed}: only {resumed} of 20 kills were followed by a resume from a checkpoint"
    );
}

#[test]
fn a_damaged_encoder_is_named_by_check_and_made_again() {
    let bench = Bench::new(&pretraining_suite(60, &pretrained()));
    assert_good(&bench.run(&run("results", &[])));
    assert_good(&bench.run(&["check"]));
    let expected = encoder(&bench, "results");
    let weights = folder(&bench, "results").join("model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let checked = bench.run(&["check"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(stdout(&checked).contains("model.safetensors: was changed after it was written"));

    for gone in ["records", "private/weights", "private/rows"] {
        std::fs::remove_dir_all(bench.path("results").join(gone)).unwrap();
    }
    let again = bench.run(&["run", "tiny.toml", "--no-report"]);
    assert_good(&again);
    assert!(
        stderr(&again).contains("The stage pretraining is run again"),
        "{}",
        stderr(&again)
    );
    assert!(encoder(&bench, "results") == expected);
    assert_good(&bench.run(&["check"]));
}

#[test]
fn an_encoder_without_a_record_stays_when_others_work_is_cleaned() {
    let bench = Bench::new(&pretraining_suite(60, &pretrained()));
    assert_good(&bench.run(&run("results", &[])));
    std::fs::remove_dir_all(bench.path("results/records")).unwrap();
    let cleaned = bench.run(&["clean"]);
    assert_good(&cleaned);
    assert!(
        stderr(&cleaned).contains("--unfinished removes it"),
        "{}",
        stderr(&cleaned)
    );
    assert!(!bench.path("results/private/weights").join("x").exists());
    folder(&bench, "results");
    assert_good(&bench.run(&["clean", "--unfinished"]));
    assert!(files(&bench.path("results/private/pretraining")).is_empty());
}

#[test]
fn plan_estimates_a_pretraining_until_it_is_done() {
    let bench = Bench::new(&pretraining_suite(60, &pretrained()));
    let planned = || {
        let output = bench.run(&["--json", "plan", "tiny.toml"]);
        assert_good(&output);
        let rows: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        let stages = rows[0]["stages"].as_array().unwrap().clone();
        stages
            .into_iter()
            .find(|stage| stage["stage"] == "pretraining")
            .unwrap()
    };
    let before = planned();
    assert_eq!(before["done"], false);
    assert!(before["estimate"]["seconds"].as_f64().unwrap() > 0.0, "{before}");
    assert!(!bench.path("results").exists(), "planning keeps nothing");
    let shown = stdout(&bench.run(&["plan", "tiny.toml"]));
    let line = shown
        .lines()
        .find(|line| line.contains("[pretrain.tiny]"))
        .expect(&shown);
    assert!(line.contains("to do") && line.contains('≤'), "{line}");
    assert_good(&bench.run(&run("results", &[])));
    let after = planned();
    assert_eq!(
        (&after["done"], &after["estimate"]),
        (&true.into(), &serde_json::Value::Null)
    );
}

#[test]
fn an_encoder_is_exported_as_a_directory_that_an_encoder_table_reads() {
    let bench = Bench::new(&pretraining_suite(60, &pretrained()));
    let export = |name: &'static str| bench.run(&["export", "tiny.toml", "--pretrained", name, "--out", "out"]);
    assert_fails(
        &export("tiny"),
        2,
        &["[pretrain.tiny] is not in results", "icdbench run tiny.toml"],
    );
    assert_good(&bench.run(&run("results", &[])));
    assert_fails(&export("other"), 2, &["no run of tiny starts from such", "tiny"]);
    assert_good(&export("tiny"));
    let read = PretrainedBert::read(&bench.path("out"), None).unwrap();
    assert_eq!((read.config.layers, read.config.hidden), (1, 8));
    for (name, bytes) in encoder(&bench, "results") {
        assert!(std::fs::read(bench.path("out").join(&name)).unwrap() == bytes, "{name}");
    }
    // And a run of another suite starts from it.
    let table = format!(
        "[encoder.tiny]\ndirectory = \"out\"\nsha256 = \"{}\"\n\n[text.pieces]\nnormalise = \"none\"\n\
         tokenizer = {{ word-piece = {{ file = \"out/vocab.txt\", lowercase = true }} }}\n\n[evaluation]",
        read.weights_sha256
    );
    let text = common::suite_text(60, &pretrained()).replacen("[evaluation]", &table, 1);
    std::fs::write(bench.path("tiny.toml"), text).unwrap();
    assert_good(&bench.run(&run("other", &[])));
}

#[test]
fn pretraining_goes_on_from_an_encoder_with_more_positions() {
    let bench = Bench::new(&pretraining_suite(60, &pretrained()));
    assert_good(&bench.run(&run("results", &[])));
    assert_good(&bench.run(&["export", "tiny.toml", "--pretrained", "tiny", "--out", "out"]));
    let read = PretrainedBert::read(&bench.path("out"), None).unwrap();
    let table = format!(
        "[encoder.first]\ndirectory = \"out\"\nsha256 = \"{}\"\nget = \"pretrain it\"\n\n[evaluation]",
        read.weights_sha256
    );
    let text = pretraining_suite(60, &pretrained())
        .replacen("[evaluation]", &table, 1)
        .replace("start = \"scratch\"", "start = { encoder = \"first\" }")
        .replace(
            "train-word-piece = { vocabulary = 400, min-frequency = 2, lowercase = true }",
            "word-piece = { file = \"out/vocab.txt\", lowercase = true }",
        )
        .replace("positions = 50", "positions = 60");
    std::fs::write(bench.path("tiny.toml"), &text).unwrap();
    assert_good(&bench.run(&run("continued", &[])));
    let record = bench.records("continued").remove(0);
    let reads = |stage: StageName| record.stages[&stage].reads.keys().copied().collect::<Vec<_>>();
    assert!(reads(StageName::Pretraining).contains(&StageName::Encoder));
    assert!(!reads(StageName::Weights).contains(&StageName::Encoder));
    assert!(reads(StageName::Weights).contains(&StageName::Pretraining));
    let first = bench.records("results").remove(0);
    let looks = |record: &Record| {
        record
            .outcome
            .as_ref()
            .unwrap()
            .pretraining
            .as_ref()
            .unwrap()
            .looks
            .clone()
    };
    let (before, after) = (looks(&first), looks(&record));
    assert!(
        after[0].mlm_loss < before[0].mlm_loss,
        "it starts where the first ended"
    );

    // Where the encoder is not there, the runs that need it are skipped for that reason.
    std::fs::remove_dir_all(bench.path("out")).unwrap();
    let planned = stdout(&bench.run(&["--results", "elsewhere", "plan", "tiny.toml"]));
    assert!(
        planned.contains("it needs [encoder.first]") && planned.contains("pretrain it"),
        "{planned}"
    );
}
