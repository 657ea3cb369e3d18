//! What people mistype, and what other programs leave among the files: told with the place and the next step, and never
//! a wrong score, a lost report or a directory that nobody asked for.

mod common;

use std::path::Path;
use std::process::Output;

use common::{
    Bench, assert_fails, assert_good, caml, codiesp_suite, files, logistic_regression, stderr, stdout, suite_text,
};
use icdbench::results::seal;

fn one_cell() -> Bench {
    Bench::new(&suite_text(60, &logistic_regression(3)))
}

fn fixture() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp")
}

/// How often standard error says something.
fn count(output: &Output, words: &str) -> usize {
    stderr(output).matches(words).count()
}

#[test]
fn a_mistyped_results_directory_is_not_made_by_a_command_that_runs_no_cell() {
    let bench = one_cell();
    std::fs::write(bench.path("note.txt"), "Fever.").unwrap();
    let with = |arguments: &[&str]| bench.run(&[&["--results", "resluts"], arguments].concat());
    assert_fails(
        &with(&["report", "tiny.toml"]),
        3,
        &["resluts is no directory", "No report was written"],
    );
    for command in ["check", "clean"] {
        assert_fails(
            &with(&[command]),
            2,
            &["resluts: expected a results directory", "run a suite first"],
        );
        assert_fails(
            &bench.run(&[command, "resluts"]),
            2,
            &["resluts: expected a results directory"],
        );
    }
    let predict = with(&["predict", "--weights", "abc", "--notes", "note.txt"]);
    assert_fails(
        &predict,
        2,
        &["--weights abc: resluts is no results directory", "--results"],
    );
    for plan in [&["plan", "tiny.toml"][..], &["plan", "tiny.toml", "--no-estimate"]] {
        let plan = with(plan);
        assert_good(&plan);
        let words = "0 of 1 cells have a record in resluts, which is not there yet.";
        assert!(stdout(&plan).contains(words), "{}", stdout(&plan));
    }
    assert_good(&with(&["data", "export", "tiny.toml", "--out", "svm"]));
    assert!(!files(&bench.path("svm")).is_empty());
    assert!(!bench.path("resluts").exists());
}

#[test]
fn a_directory_of_another_kind_is_not_cleaned() {
    let bench = one_cell();
    for name in ["work/thesis.tex", "weights/model.bin", "cache/page.html", "salt"] {
        let path = bench.path("home").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "mine").unwrap();
    }
    let before = files(&bench.path("home"));
    assert_fails(
        &bench.run(&["clean", "home"]),
        2,
        &["home: expected a results directory"],
    );
    // Nor where a folder happens to be called like ours.
    std::fs::create_dir(bench.path("home/records")).unwrap();
    std::fs::remove_file(bench.path("home/salt")).unwrap();
    assert_good(&bench.run(&["clean", "home"]));
    let after: Vec<String> = before.into_iter().filter(|name| name != "salt").collect();
    let left: Vec<String> = files(&bench.path("home"))
        .into_iter()
        .filter(|name| !name.starts_with("private"))
        .collect();
    assert_eq!(left, after);
}

#[test]
fn files_of_other_programs_among_the_records_are_passed_over_with_one_notice() {
    let bench = one_cell();
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml"]));
    let records = bench.path("results/records");
    let record = files(&records).remove(0);
    for (name, content) in [
        (format!("._{record}"), "Mac OS X"),
        (".DS_Store".into(), "\0\0\0\u{1}Bud1"),
        ("Thumbs.db".into(), "x"),
        (format!("{record}~"), "{}"),
        (format!("{record}.bak"), "{}"),
        (format!(".{record}.swp"), "b0VIM"),
        ("empty.json".into(), ""),
        ("package.json".into(), "{\"name\": \"x\"}"),
        ("list.json".into(), "[1, 2]"),
    ] {
        std::fs::write(records.join(name), content).unwrap();
    }
    std::fs::copy(records.join(&record), records.join(format!("Copy of {record}"))).unwrap();
    std::fs::create_dir(records.join("folder.json")).unwrap();
    for command in [&["check"][..], &["report", "tiny.toml"]] {
        let output = bench.run(command);
        assert_good(&output);
        assert_eq!(count(&output, "note:"), 1, "{}", stderr(&output));
        assert!(
            stderr(&output).contains("11 files that are no records of this program are passed over (the first: "),
            "{}",
            stderr(&output)
        );
    }
    let again = bench.run(&["--json", "run", "tiny.toml", "--no-report"]);
    assert_good(&again);
    assert!(stdout(&again).contains("\"found\":true"));
    assert_good(&bench.run(&["clean"]));
    assert_eq!(files(&records).len(), 11, "another program's files are its own");
}

#[test]
fn records_that_cannot_be_entered_are_an_error_and_not_none() {
    let bench = one_cell();
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    let records = bench.path("results/records");
    // A permission would not keep the superuser out; a loop does, and a file in its place.
    std::fs::rename(&records, bench.path("elsewhere")).unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("records", &records).unwrap();
        for command in [
            &["run", "tiny.toml"][..],
            &["report", "tiny.toml"],
            &["plan", "tiny.toml", "--no-estimate"],
        ] {
            assert_fails(&bench.run(command), 2, &["records", "cannot "]);
        }
        std::fs::remove_file(&records).unwrap();
    }
    std::fs::write(&records, "").unwrap();
    assert_fails(&bench.run(&["run", "tiny.toml"]), 2, &["records", "Not a directory"]);
}

#[test]
fn a_record_of_numbers_that_no_run_has_is_refused_and_the_stages_of_a_refused_record_stay() {
    let bench = one_cell();
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    let key = bench.records("results")[0].key.clone();
    let path = bench.path("results/records").join(format!("{key}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    let resealed = |edit: &dyn Fn(&mut serde_json::Value)| {
        let mut record = record.clone();
        edit(&mut record);
        record["checksum"] = seal::BLANK.into();
        let mut bytes = serde_json::to_vec_pretty(&record).unwrap();
        seal::seal(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
    };
    let report = || bench.run(&["report", "tiny.toml", "--reports", "elsewhere"]);
    resealed(&|_| ());
    assert_good(&report());
    resealed(&|record| record["timings"]["training-seconds"] = (-1.0).into());
    assert_fails(&report(), 3, &["it has a time or a rate of -1: expected 0 to"]);
    resealed(&|record| record["outcome"]["task"]["token-length-quantiles"] = serde_json::json!([]));
    assert_fails(&report(), 3, &["it has 0 token-length-quantiles: expected 101"]);
    resealed(&|record| record["cell"]["length"] = 0.into());
    assert_fails(&report(), 3, &["it has the sequence length 0: expected 1 to"]);
    resealed(&|record| record["outcome"]["epochs"][1]["epoch"] = u32::MAX.into());
    let problem = "it has the epoch 4294967295: expected 1 to 100000";
    assert_fails(
        &bench.run(&["report", "tiny.toml"]),
        3,
        &[problem, "No report was written"],
    );
    let kept = files(&bench.path("results/private/weights"));
    let cleaned = bench.run(&["clean"]);
    assert_good(&cleaned);
    assert!(
        stderr(&cleaned).contains("1 records cannot be used"),
        "{}",
        stderr(&cleaned)
    );
    assert_eq!(files(&bench.path("results/private/weights")), kept);
    let again = bench.run(&["run", "tiny.toml", "--no-report"]);
    assert_good(&again);
    assert!(stderr(&again).contains(problem));
    assert!(
        !stderr(&again).contains("epoch 1/2"),
        "its weights were found: {}",
        stderr(&again)
    );
}

#[test]
fn a_report_with_scores_is_not_replaced_by_one_without() {
    let bench = one_cell();
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml"]));
    let page = || std::fs::read(bench.path("reports/tiny/report.md")).unwrap();
    let before = page();
    let suite = std::fs::read_to_string(bench.path("tiny.toml")).unwrap();
    let diverging = suite.replace("learning-rate = 0.02", "learning-rate = 1e30");
    std::fs::write(bench.path("tiny.toml"), diverging).unwrap();
    for command in ["run", "report"] {
        let output = bench.run(&["--results", "other", command, "tiny.toml"]);
        assert_ne!(output.status.code(), Some(0));
        assert!(
            stderr(&output).contains("no cell of tiny was scored, and the report in reports/tiny has the scores of 1"),
            "{}",
            stderr(&output)
        );
        assert!(page() == before);
    }
    assert_fails(
        &bench.run(&["--results", "other", "run", "tiny.toml", "--reports", "new"]),
        2,
        &["report: new/tiny"],
    );
    // Fewer scores than there were are written, and told.
    let more = suite.replace("seeds = [1]", "seeds = [1, 2]");
    std::fs::write(bench.path("tiny.toml"), more).unwrap();
    assert_good(&bench.run(&["--quiet", "--results", "two", "run", "tiny.toml"]));
    let fewer = bench.run(&["report", "tiny.toml"]);
    assert_good(&fewer);
    let words = "had the scores of 2 cells, this one has those of 1";
    assert!(stderr(&fewer).contains(words), "{}", stderr(&fewer));
}

#[test]
fn more_threads_than_cpus_are_not_used_and_that_is_told() {
    let bench = one_cell();
    let cpus = std::thread::available_parallelism().unwrap().get();
    let run = |results: &str, option: &[&str], variable: Option<&str>| {
        let arguments = [&["--results", results], option, &["run", "tiny.toml", "--no-report"]].concat();
        let mut command = bench.command(&arguments);
        match variable {
            Some(threads) => command.env("RAYON_NUM_THREADS", threads),
            None => command.env_remove("RAYON_NUM_THREADS"),
        };
        command.output().unwrap()
    };
    for (results, option, variable, told) in [
        ("a", &["--threads", "1000"][..], None, "--threads 1000: "),
        ("b", &["--threads", "100000"], Some("1"), "--threads 100000: "),
        ("c", &[], Some("100000"), "RAYON_NUM_THREADS 100000: "),
    ] {
        let output = run(results, option, variable);
        assert_good(&output);
        let told = format!("note: {told}{cpus} threads compute, as there are {cpus} CPU");
        assert_eq!(count(&output, &told), 1, "{}", stderr(&output));
        assert_eq!(bench.records(results)[0].provenance.threads as usize, cpus);
    }
    for nothing in ["0", ""] {
        let output = run("d", &[], Some(nothing));
        assert_good(&output);
        assert_eq!(count(&output, "threads compute"), 0);
    }
    for wrong in ["0", "-1", "many", "99999999999999999999"] {
        let output = run("e", &[&format!("--threads={wrong}")[..]], None);
        assert_fails(&output, 2, &["--threads", "expected a number of threads, 1 or more"]);
    }
}

#[test]
fn a_variable_that_is_set_to_nothing_is_as_if_it_were_not_set() {
    let bench = one_cell();
    let output = bench
        .command(&["--quiet", "run", "tiny.toml", "--no-report"])
        .envs(["ICDBENCH_DATA", "ICDBENCH_RESULTS", "ICDBENCH_PRIVATE"].map(|name| (name, "")))
        .output()
        .unwrap();
    assert_good(&output);
    assert_eq!(bench.records("results").len(), 1);
    assert!(bench.path("results/private").is_dir());
}

/// A copy of the fixture release in the bench, without checksums, and how to call the program on it.
fn release(bench: &Bench) -> Vec<String> {
    for name in files(&fixture()) {
        let to = bench.path("data").join(&name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(fixture().join(&name), to).unwrap();
    }
    let registry = std::fs::read_to_string(fixture().join("datasets.toml")).unwrap();
    let lines: Vec<&str> = registry.lines().filter(|line| !line.starts_with("sha256")).collect();
    std::fs::write(bench.path("datasets.toml"), lines.join("\n")).unwrap();
    ["--data", "data", "--datasets", "datasets.toml"]
        .map(String::from)
        .to_vec()
}

#[test]
fn an_evaluation_part_that_spells_its_codes_without_dots_stops_the_run_until_it_is_allowed() {
    let text = codiesp_suite("dev");
    let bench = Bench::new(&text);
    let places = release(&bench);
    let table = bench.path("data/codiesp/dev/devD.tsv");
    let codes = std::fs::read_to_string(&table).unwrap();
    std::fs::write(&table, codes.replace('.', "")).unwrap();
    let run = |results: &str| {
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        bench.run(&[&places[..], &["--results", results, "run", "tiny.toml", "--no-report"]].concat())
    };
    let refused = run("results");
    let words = [
        "(note, code) pairs for evaluation spell a code otherwise than most notes do",
        "spell the codes of all parts one way",
        "write `respelt-codes = ",
        "` under [limits] of the suite",
    ];
    assert_fails(&refused, 2, &words);
    assert!(bench.records("results").is_empty() && files(&bench.work("results")).is_empty());
    let allowed = format!("{text}\n[limits]\nrespelt-codes = 1.0\nleft-out-notes = 1.0\n");
    std::fs::write(bench.path("tiny.toml"), allowed).unwrap();
    let allowed = run("allowed");
    assert_good(&allowed);
    assert!(
        stderr(&allowed).contains("spell a code otherwise"),
        "{}",
        stderr(&allowed)
    );
    // What was made under a wider limit is refused under a narrower one.
    std::fs::write(bench.path("tiny.toml"), text).unwrap();
    std::fs::remove_dir_all(bench.path("allowed/records")).unwrap();
    assert_fails(&run("allowed"), 2, &words);
}

#[test]
fn notes_of_the_evaluation_part_that_are_left_out_are_in_the_record_and_the_report() {
    let bench = Bench::new(&suite_text(60, &logistic_regression(3)).replace("top = 8", "top = 4"));
    let narrow = bench.run(&["run", "tiny.toml"]);
    let limit = "\n[limits]\nleft-out-notes = 1.0\n";
    if narrow.status.code() != Some(0) {
        assert_fails(&narrow, 2, &["are left out", "under [limits]"]);
        let text = std::fs::read_to_string(bench.path("tiny.toml")).unwrap();
        std::fs::write(bench.path("tiny.toml"), text + limit).unwrap();
        assert_good(&bench.run(&["run", "tiny.toml"]));
    }
    let record = bench.records("results").remove(0);
    let task = record.outcome.unwrap().task;
    assert!(task.evaluation_notes_left_out > 0);
    let all = task.evaluation_notes_left_out + task.evaluation_notes;
    let report = std::fs::read_to_string(bench.path("reports/tiny/report.md")).unwrap();
    let words = format!(
        "{} of {all} notes of the evaluation part are not scored",
        task.evaluation_notes_left_out
    );
    assert!(report.contains(&words), "{words}");
}

#[test]
fn every_error_says_its_cause_once() {
    let bench = Bench::new(&codiesp_suite("dev"));
    let places = release(&bench);
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    std::fs::remove_file(bench.path("data/codiesp/train/trainD.tsv")).unwrap();
    let vectors = "word-vectors = { file = \"none.vec\", dimension = 4, scale = \"as-read\", sha256 = \"".to_owned();
    let vectors = format!("[text.words]\n{vectors}{}\" }}", "a".repeat(64));
    let of_words = suite_text(60, &caml(1, 4)).replace("pretrained-embedding = false", "pretrained-embedding = true");
    std::fs::write(bench.path("vectors.toml"), of_words.replace("[text.words]", &vectors)).unwrap();
    std::fs::write(bench.path("registry.toml"), "[[dataset]]\nname = 3\n").unwrap();
    let cases: [(Vec<&str>, &str); 6] = [
        ([&places[..], &["run", "tiny.toml"]].concat(), "No such file"),
        ([&places[..], &["data", "stats", "tiny.toml"]].concat(), "No such file"),
        (vec!["run", "none.toml"], "No such file"),
        (vec!["run", "vectors.toml"], "No such file"),
        (vec!["--datasets", "registry.toml", "data", "list"], "invalid type"),
        (vec!["--datasets", "none.toml", "data", "list"], "No such file"),
    ];
    for (arguments, cause) in cases {
        let output = bench.run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert_eq!(count(&output, cause), 1, "{arguments:?}: {}", stderr(&output));
        assert_eq!(count(&output, "error:"), 1, "{arguments:?}: {}", stderr(&output));
    }
}
