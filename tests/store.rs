//! The store: nothing in it is believed, one cell can be run alone, it works across file systems, and what is kept can
//! be used.

mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::{Bench, assert_fails, assert_good, caml, files, logistic_regression, stderr, stdout, suite_text};
use icdbench::data;
use icdbench::record::StageName;
use icdbench::results::Store;
use icdbench::results::check::check;
use icdbench::suite::Suite;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const KEEP: &str = "\n[keep]\nscores = true\n";

fn suite() -> String {
    suite_text(60, &(logistic_regression(3) + &caml(2, 8))) + KEEP
}

fn finished(text: &str) -> Bench {
    let bench = Bench::new(text);
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml"]));
    bench
}

/// Every file of the results but locks, with its content.
fn contents(results: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let all = files(results).into_iter().filter(|name| !name.contains("locks/"));
    all.map(|name| (results.join(&name), std::fs::read(results.join(&name)).unwrap()))
        .collect()
}

#[test]
fn five_hundred_flipped_bits_are_all_found() {
    let bench = finished(&suite());
    let store = Store::new(&bench.path("results"), None);
    assert!(check(&store).unwrap().problems.is_empty());
    let all = contents(&bench.path("results"));
    let kinds = [
        "records/",
        "weights/",
        "scores/",
        "rows/",
        "tokens/",
        "notes/",
        "tokenizer/",
    ];
    for kind in kinds {
        assert!(
            all.iter().any(|(path, _)| path.to_string_lossy().contains(kind)),
            "no {kind}"
        );
    }
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for round in 0..500 {
        // Each file in turn, so that small ones are hit as often as large ones.
        let (path, good) = &all[round % all.len()];
        let bit = random.next_u64() as usize % (good.len() * 8);
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(path, &flipped).unwrap();
        let found = check(&store).unwrap().problems;
        assert!(!found.is_empty(), "bit {bit} of {} went unseen", path.display());
        std::fs::write(path, good).unwrap();
    }
    assert!(check(&store).unwrap().problems.is_empty());
}

#[test]
fn what_is_damaged_is_named_and_made_anew_and_the_rest_stays() {
    let bench = finished(&suite());
    let expected = contents(&bench.path("results"));
    let record = bench.records("results").remove(0);
    for stage in [
        StageName::Notes,
        StageName::Tokenizer,
        StageName::Tokens,
        StageName::Weights,
        StageName::Scores,
    ] {
        let place = bench
            .path("results/private")
            .join(stage.word())
            .join(record.stages[&stage].key());
        // Weights lie with what predicting with them needs; of the others the largest, which the next stage reads.
        let size = |file: &String| std::fs::metadata(place.join(file)).unwrap().len();
        let all = files(&place).into_iter();
        let damaged: Vec<String> = match stage {
            StageName::Weights => all.collect(),
            _ => all.max_by_key(size).into_iter().collect(),
        };
        assert_eq!(damaged.len(), if stage == StageName::Weights { 5 } else { 1 });
        for file in damaged {
            let mut bytes = std::fs::read(place.join(&file)).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(place.join(&file), bytes).unwrap();
            // With its record and scores gone, the cell needs the stage again.
            std::fs::remove_file(bench.path("results/records").join(format!("{}.json", record.key))).unwrap();
            if stage != StageName::Scores {
                let scores = record.stages[&StageName::Scores].key();
                std::fs::remove_dir_all(bench.path("results/private/scores").join(scores)).unwrap();
            }
            let again = bench.run(&["run", "tiny.toml", "--no-report"]);
            assert_good(&again);
            assert!(
                stderr(&again).contains(&format!("The stage {stage} is run again")),
                "{stage}: {}",
                stderr(&again)
            );
            assert_same(&bench.path("results"), &expected);
        }
    }
}

/// Asserts that a results directory holds the same, but for times.
fn assert_same(results: &Path, expected: &[(PathBuf, Vec<u8>)]) {
    let found = contents(results);
    let names = |all: &[(PathBuf, Vec<u8>)]| all.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found), names(expected));
    for ((path, found), (_, expected)) in found.iter().zip(expected) {
        // Lists and records also say how long it took.
        let timed = path.ends_with("stage.json") || path.to_string_lossy().contains("records/");
        assert!(timed || found == expected, "{} is another", path.display());
    }
}

#[test]
fn cells_run_alone_by_four_processes_give_the_bytes_of_one_run() {
    let text = suite().replace("seeds = [1]", "seeds = [1, 2, 3]");
    let bench = Bench::new(&text);
    assert_good(&bench.run(&["--quiet", "--results", "one", "run", "tiny.toml", "--no-report"]));
    let planned = stdout(&bench.run(&["--json", "plan", "tiny.toml", "--no-estimate"]));
    let planned: serde_json::Value = serde_json::from_str(&planned).unwrap();
    let keys: Vec<&str> = planned
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| cell["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys.len(), 6);
    assert_eq!(planned[0]["stages"][0]["stage"], "notes");
    assert_eq!(planned[0]["stages"][0]["done"], false);
    for four in keys.chunks(4) {
        let started = four.iter().map(|key| {
            let arguments = ["--quiet", "--results", "four", "run", "tiny.toml", "--cell", &key[..16]];
            bench.command(&arguments).stderr(Stdio::piped()).spawn().unwrap()
        });
        for child in started.collect::<Vec<_>>() {
            assert_good(&child.wait_with_output().unwrap());
        }
    }
    assert!(bench.results("one") == bench.results("four"));
    assert_fails(
        &bench.run(&["run", "tiny.toml", "--cell", "ffff"]),
        2,
        &["--cell ffff: no cell of tiny has this key", "icdbench plan"],
    );
}

#[test]
fn a_new_metric_setting_trains_nothing_and_needs_no_weights() {
    let bench = finished(&suite());
    let weights = bench.path("results/private/weights");
    let before = files(&weights);
    std::fs::write(bench.path("tiny.toml"), suite().replace("at-k = [2]", "at-k = [2, 5]")).unwrap();
    // Scores are kept: not even the model is read.
    std::fs::rename(&weights, bench.path("elsewhere")).unwrap();
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    assert!(files(&weights).is_empty(), "nothing was trained");
    assert_eq!(bench.records("results").len(), 4);
    // Where they are not kept, they are computed again from the weights.
    std::fs::remove_dir_all(&weights).ok();
    std::fs::rename(bench.path("elsewhere"), &weights).unwrap();
    std::fs::remove_dir_all(bench.path("results/private/scores")).unwrap();
    let text = suite()
        .replace("at-k = [2]", "at-k = [3]")
        .replace("scores = true", "scores = false");
    std::fs::write(bench.path("tiny.toml"), text).unwrap();
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    assert_eq!(files(&weights), before);
    assert_eq!(bench.records("results").len(), 6);
}

#[test]
#[cfg(unix)]
fn weights_and_work_may_lie_on_another_file_system() {
    use std::os::unix::fs::MetadataExt;
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("skipped: no other file system at hand");
        return;
    };
    let bench = Bench::new(&suite());
    assert_good(&bench.run(&["--quiet", "--results", "here", "run", "tiny.toml", "--no-report"]));
    let device = |path: &Path| std::fs::metadata(path).unwrap().dev();
    if device(other.path()) == device(bench.directory.path()) {
        eprintln!("skipped: no other file system at hand");
        return;
    }
    for folder in ["weights", "work"] {
        let results = format!("{folder}-there");
        let place = other.path().join(folder);
        std::fs::create_dir(&place).unwrap();
        std::fs::create_dir_all(bench.path(&results).join("private")).unwrap();
        std::os::unix::fs::symlink(&place, bench.path(&results).join("private").join(folder)).unwrap();
        assert_good(&bench.run(&["--quiet", "--results", &results, "run", "tiny.toml", "--no-report"]));
        assert!(bench.results(&results) == bench.results("here"), "{folder}");
    }
    assert!(!files(&other.path().join("weights")).is_empty());
}

#[test]
fn clean_removes_what_is_left_and_nothing_that_is_used() {
    let bench = finished(&suite());
    let expected = contents(&bench.path("results"));
    let private = bench.path("results/private");
    std::fs::write(bench.path("results/records/.new-0123456789ab"), "half").unwrap();
    std::fs::create_dir_all(private.join("weights/.new-0123456789ab")).unwrap();
    std::fs::create_dir_all(private.join("tokens").join("a".repeat(64))).unwrap();
    std::fs::create_dir_all(private.join("work").join("b".repeat(64))).unwrap();
    // What older builds left: unfinished files, reports and folders.
    std::fs::create_dir_all(bench.path("results/cache/tokens")).unwrap();
    std::fs::create_dir_all(bench.path("results/work").join("d".repeat(64))).unwrap();
    std::fs::write(bench.path("results/work").join("d".repeat(64) + ".lock"), "").unwrap();
    std::fs::write(bench.path("results/.tmpAb12Cd"), "half").unwrap();
    std::fs::write(bench.path("results/records/.tmp012345"), "half").unwrap();
    std::fs::create_dir_all(bench.path("reports/tiny/.report-x1y2z3/plots")).unwrap();
    let report = files(&bench.path("reports"));
    let planned = stdout(&bench.run(&["clean", "--dry-run"]));
    assert!(planned.contains("8 files and folders would be removed"), "{planned}");
    assert!(private.join("tokens").join("a".repeat(64)).exists());
    assert_good(&bench.run(&["clean"]));
    assert!(
        private.join("work").join("b".repeat(64)).exists(),
        "a training that has not ended stays"
    );
    assert_good(&bench.run(&["clean", "--unfinished"]));
    assert_same(&bench.path("results"), &expected);
    assert!(stdout(&bench.run(&["clean"])).contains("0 files and folders removed"));
    assert_eq!(files(&bench.path("reports")), report);
    assert!(!bench.path("reports/tiny/.report-x1y2z3").exists());
}

#[test]
fn unfinished_files_stay_while_another_process_is_at_work() {
    let bench = finished(&suite());
    let unfinished = bench.path("results/records/.new-0123456789ab");
    std::fs::write(&unfinished, "half").unwrap();
    let store = Store::new(&bench.path("results"), None);
    let held = store.locks().unwrap().try_lock("cell-x").unwrap();
    assert!(held.is_some());
    let cleaned = bench.run(&["clean"]);
    assert_good(&cleaned);
    assert!(
        stderr(&cleaned).contains("another process is at work here"),
        "{}",
        stderr(&cleaned)
    );
    assert!(unfinished.exists());
    drop(held);
    assert_good(&bench.run(&["clean"]));
    assert!(!unfinished.exists());
}

/// The evaluation notes of the suite, in the order of the data set, as `predict` reads them.
fn evaluation_notes(text: &str) -> String {
    let suite = Suite::parse(text, "tiny.toml").unwrap();
    let corpus = data::load(&suite.data, None, &data::registry().unwrap()).unwrap();
    let division = corpus.divide(&suite.division).unwrap();
    let (_, division) = division.label(&suite.labels.rule, suite.labels.unseen_codes).unwrap();
    let line = |(number, note): (usize, &std::sync::Arc<data::Note>)| {
        serde_json::json!({"id": format!("n{number}"), "text": note.text}).to_string()
    };
    division
        .evaluation
        .iter()
        .enumerate()
        .map(line)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn predicting_with_kept_weights_gives_the_cells_scores_to_the_bit() {
    let bench = finished(&suite());
    std::fs::write(bench.path("notes.jsonl"), evaluation_notes(&suite())).unwrap();
    for record in bench.records("results") {
        let scores = record.stages[&StageName::Scores].key();
        let scores = bench.path("results/private/scores").join(scores).join("evaluation.f32");
        let expected: Vec<f32> = std::fs::read(scores)
            .unwrap()
            .chunks(4)
            .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
            .collect();
        let arguments = [
            "predict",
            "--weights",
            &record.key,
            "--notes",
            "notes.jsonl",
            "--format",
            "jsonl",
            "--all",
        ];
        let output = bench.run(&arguments);
        assert_good(&output);
        let codes: Vec<String> = record.outcome.unwrap().codes.into_iter().map(|row| row.code).collect();
        let mut found = Vec::new();
        for line in stdout(&output).lines() {
            let note: serde_json::Value = serde_json::from_str(line).unwrap();
            let listed = note["codes"].as_array().unwrap();
            assert_eq!(listed.len(), codes.len());
            for code in &codes {
                let row = listed.iter().find(|row| row["code"] == code.as_str()).unwrap();
                found.push(row["probability"].as_f64().unwrap() as f32);
            }
        }
        assert_eq!(found, expected, "{}", record.cell.run);
        // As text, those above the threshold only.
        let weights = record.stages[&StageName::Weights].key();
        let plain = bench.run(&["predict", "--weights", &weights[..20], "--notes", "notes.jsonl"]);
        assert_good(&plain);
        assert!(stdout(&plain).lines().all(|line| line.ends_with("\tyes")));
    }
    assert_fails(
        &bench.run(&["predict", "--weights", "abc", "--notes", "notes.jsonl"]),
        2,
        &["--weights abc: no weights and no cell in results"],
    );
}
