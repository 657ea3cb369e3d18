//! The program as its users call it: what it says, its exit codes, and that no note text leaves it.

mod common;

use std::path::Path;

use common::{
    Bench, assert_fails, assert_good, caml, codiesp_suite, files, logistic_regression, stderr, stdout, suite_text,
};
use icdbench::device::DeviceClass;
use icdbench::record::SCHEMA_VERSION;

fn suite() -> String {
    suite_text(60, &(logistic_regression(3) + &caml(2, 8)))
}

fn fixture() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp")
}

/// A copy of the fixture release, to damage.
fn damaged(bench: &Bench, edit: impl Fn(&Path)) -> String {
    let copy = bench.path("data");
    for name in files(&fixture()) {
        let to = copy.join(&name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(fixture().join(&name), to).unwrap();
    }
    edit(&copy);
    copy.display().to_string()
}

#[test]
fn help_names_every_command_and_where_to_start() {
    let bench = Bench::new(&suite());
    let output = bench.run(&["--help"]);
    assert_good(&output);
    let text = stdout(&output);
    for word in [
        "list",
        "plan",
        "run",
        "report",
        "data",
        "doctor",
        "icdbench run quick",
        "--data <DIR>",
        "Exit codes",
    ] {
        assert!(text.contains(word), "{word}");
    }
}

#[test]
fn list_names_models_suites_and_metrics() {
    let bench = Bench::new(&suite());
    let text = stdout(&bench.run(&["list"]));
    for word in ["logistic_regression", "caml", "quick", "codiesp-dev", "macro-f1-caml"] {
        assert!(text.contains(word), "{word}");
    }
    let json: serde_json::Value = serde_json::from_str(&stdout(&bench.run(&["--json", "list"]))).unwrap();
    assert_eq!(json["models"][0]["name"], "logistic_regression");
}

#[test]
fn plan_shows_every_cell_what_it_takes_and_what_is_done() {
    let bench = Bench::new(&suite());
    let before: serde_json::Value =
        serde_json::from_str(&stdout(&bench.run(&["--json", "plan", "tiny.toml"]))).unwrap();
    assert_eq!(before.as_array().unwrap().len(), 2);
    for cell in before.as_array().unwrap() {
        assert_eq!(cell["state"], "to do");
        assert!(cell["estimate"]["seconds"].as_f64().unwrap() > 0.0);
    }
    assert!(bench.records("results").is_empty(), "a plan runs nothing");
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    let output = bench.run(&["plan", "tiny.toml"]);
    assert!(
        stdout(&output).contains("2 of 2 cells have a record in results."),
        "{}",
        stdout(&output)
    );
}

#[test]
fn plan_names_the_runs_that_may_not_finish_learning_each_reason_once() {
    let named = |name: &str, run: String| run.replacen("text =", &format!("name = \"{name}\"\ntext ="), 1);
    let budget = |run: String| run.replacen("batch-size", "budget = { steps = 9 }\nbatch-size", 1);
    let patient = |run: String| run.replacen("patience = 50", "patience = 5", 1);
    let runs = named("a", caml(12, 4))
        + &named("b", caml(12, 4)).replace("filters = 12", "filters = 8")
        + &named("c", budget(patient(caml(12, 4))))
        + &named("d", patient(caml(12, 4)));
    let bench = Bench::new(&suite_text(40, &runs));
    let planned = stdout(&bench.run(&["plan", "tiny.toml", "--no-estimate"]));
    let told: Vec<&str> = planned.lines().filter(|line| line.contains("May not finish")).collect();
    assert_eq!(
        told,
        [
            "May not finish learning: a, b: early stopping never ends it: its patience is 50 epochs of 12. The report marks cells that had not.",
            "May not finish learning: c: its budget of 9 steps may end it before anything else does. The report marks cells that had not.",
        ]
    );
}

#[test]
fn an_estimate_knows_the_budget() {
    let seconds = |run: &str| {
        let bench = Bench::new(&suite_text(40, run));
        let planned = stdout(&bench.run(&["--json", "plan", "tiny.toml"]));
        let planned: serde_json::Value = serde_json::from_str(&planned).unwrap();
        planned[0]["estimate"]["seconds"].as_f64().unwrap()
    };
    // Ten steps of ten thousand: a tenth at most, however noisy the two timings are.
    let whole = caml(10_000, 4);
    let part = whole.replacen("batch-size", "budget = { steps = 10 }\nbatch-size", 1);
    assert!(seconds(&part) < seconds(&whole) / 10.0);
}

#[test]
fn run_prints_plain_lines_and_writes_a_report() {
    let bench = Bench::new(&suite());
    let output = bench.run(&["run", "tiny.toml"]);
    assert_good(&output);
    let text = stderr(&output);
    for word in [
        "[1/2] logistic_regression · 48 tokens · seed 1: epoch 1/3",
        "notes/s",
        "[2/2] caml",
        "micro-F1",
        "report: reports/tiny/index.html",
    ] {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    assert!(
        !text.contains('\r') && !text.contains('\x1b'),
        "no terminal control where there is no terminal"
    );
    assert!(bench.path("reports/tiny/index.html").exists());
    let quiet = bench.run(&["--quiet", "--results", "other", "run", "tiny.toml", "--no-report"]);
    assert_good(&quiet);
    assert_eq!((stdout(&quiet), stderr(&quiet)), (String::new(), String::new()));
}

#[test]
fn a_finished_suite_is_planned_run_and_reported_with_its_data_removed() {
    let bench = Bench::new(&codiesp_suite("dev"));
    let data = bench.path("data");
    for name in files(&fixture()) {
        std::fs::create_dir_all(data.join(&name).parent().unwrap()).unwrap();
        std::fs::copy(fixture().join(&name), data.join(&name)).unwrap();
    }
    let with_data = ["--data", "data", "--datasets", "data/datasets.toml"];
    let call = |more: &[&str]| bench.run(&[&with_data[..], more].concat());
    assert_good(&call(&["--quiet", "run", "tiny.toml"]));
    let first = std::fs::read(bench.path("reports/tiny/report.md")).unwrap();
    // Nothing of them is left, nor what was made of them.
    for gone in [
        "data/codiesp",
        "results/private/notes",
        "results/private/tokens",
        "results/private/weights",
    ] {
        std::fs::remove_dir_all(bench.path(gone)).unwrap();
    }
    let planned = call(&["--json", "plan", "tiny.toml"]);
    assert_good(&planned);
    let planned: serde_json::Value = serde_json::from_str(&stdout(&planned)).unwrap();
    assert_eq!(planned[0]["state"], "done", "{planned}");
    let again = call(&["--json", "run", "tiny.toml", "--no-report"]);
    assert_good(&again);
    assert!(stdout(&again).contains("\"found\":true"), "{}", stdout(&again));
    assert_good(&call(&["--quiet", "report", "tiny.toml", "--reports", "there"]));
    assert_eq!(first, std::fs::read(bench.path("there/tiny/report.md")).unwrap());
    assert_good(&bench.run(&["--quiet", "report", "tiny.toml", "--reports", "again"])); // no --data
    assert_eq!(first, std::fs::read(bench.path("again/tiny/report.md")).unwrap());
}

#[test]
fn where_there_is_no_record_no_report_is_written() {
    let bench = Bench::new(&suite());
    let none = bench.run(&["--results", "empty", "report", "tiny.toml", "--reports", "none"]);
    assert_fails(
        &none,
        3,
        &[
            "empty is no directory, so that there is no record of tiny; run `icdbench run tiny.toml` first. No report was written",
        ],
    );
    assert!(!bench.path("none").exists() && !bench.path("empty").exists());
}

#[test]
fn a_renamed_run_finds_its_record_under_the_new_name() {
    let bench = Bench::new(&suite());
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    let renamed = suite().replacen("[[run]]", "[[run]]\nname = \"baseline\"", 1);
    std::fs::write(bench.path("tiny.toml"), renamed).unwrap();
    let output = bench.run(&["run", "tiny.toml"]);
    assert_good(&output);
    assert!(stderr(&output).contains("[1/2] baseline"), "{}", stderr(&output));
    let report = std::fs::read_to_string(bench.path("reports/tiny/report.md")).unwrap();
    assert!(
        report.contains("2 of 2 cells ok") && report.contains("| baseline |"),
        "{report}"
    );
}

#[test]
fn an_evaluation_part_without_codes_skips_its_cells_with_the_reason() {
    let bench = Bench::new(&codiesp_suite("test"));
    let data = damaged(&bench, |copy| {
        for table in ["testD.tsv", "testP.tsv", "testX.tsv"] {
            let _ = std::fs::remove_file(copy.join("codiesp/test").join(table));
        }
    });
    let datasets = fixture().join("datasets.toml").display().to_string();
    let output = bench.run(&["--data", &data, "--datasets", &datasets, "run", "tiny.toml"]);
    assert_fails(
        &output,
        3,
        &["skipped: the part \"test\" has no codes to score against", "report:"],
    );
    let records = bench.records("results");
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].status, icdbench::record::Status::Skipped);
    let report = std::fs::read_to_string(bench.path("reports/tiny/report.md")).unwrap();
    assert!(
        report.contains("skipped") && report.contains("no codes to score against"),
        "{report}"
    );
}

#[test]
fn missing_and_damaged_data_stop_the_run_before_any_compute_with_place_and_next_step() {
    let datasets = fixture().join("datasets.toml").display().to_string();
    let bench = Bench::new(&codiesp_suite("dev"));
    let run = |data: &[&str]| bench.run(&[data, &["--datasets", &datasets, "run", "tiny.toml"]].concat());

    assert_fails(&run(&[]), 2, &["--data DIR", "ICDBENCH_DATA"]);
    assert_fails(&run(&["--data", "no/such/folder"]), 2, &["no/such/folder"]);
    let data = damaged(&bench, |copy| {
        let table = copy.join("codiesp/train/trainD.tsv");
        let text = std::fs::read_to_string(&table).unwrap();
        std::fs::write(&table, format!("only-one-field\n{text}")).unwrap();
    });
    let output = run(&["--data", &data]);
    assert_fails(&output, 2, &["trainD.tsv"]);
    assert!(files(&bench.work("results")).is_empty(), "nothing was run");
}

#[test]
fn zero_notes_after_filtering_is_an_error_that_says_which_filter_took_them() {
    let datasets = fixture().join("datasets.toml").display().to_string();
    let data = fixture().display().to_string();
    let bench = Bench::new(&codiesp_suite("dev").replace("rule = \"all\"", "rule = { min-count = 1000 }"));
    let output = bench.run(&["--data", &data, "--datasets", &datasets, "run", "tiny.toml"]);
    assert_fails(&output, 2, &["1000"]);
}

#[test]
fn a_model_setting_that_cannot_be_is_refused_before_any_compute() {
    let bench = Bench::new(&suite().replace("filters = 12", "filters = 0"));
    let output = bench.run(&["run", "tiny.toml"]);
    assert_fails(
        &output,
        2,
        &["run \"caml\", length 48: filters = 0: expected at least 1"],
    );
    assert!(files(&bench.work("results")).is_empty(), "nothing was run");
}

#[test]
fn a_diverging_cell_fails_with_the_reason_and_the_others_go_on() {
    let bench = Bench::new(&suite().replacen("learning-rate = 0.02", "learning-rate = 1e30", 1));
    let output = bench.run(&["run", "tiny.toml"]);
    assert_fails(&output, 2, &["failed: ", "[2/2] caml", "micro-F1"]);
    let again = bench.run(&["run", "tiny.toml", "--no-report"]);
    assert_fails(&again, 2, &["failed (had a record)"]);
    let retried = bench.run(&["--json", "--quiet", "run", "tiny.toml", "--no-report", "--retry"]);
    assert!(
        stdout(&retried).contains("\"found\":false"),
        "--retry runs failed cells again"
    );
}

#[test]
fn a_record_of_a_newer_schema_stops_and_one_that_was_changed_is_named_and_made_anew() {
    let bench = Bench::new(&suite_text(60, &logistic_regression(2)));
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml"]));
    let expected = bench.results("results");
    let key = bench.records("results")[0].key.clone();
    let record = bench.path("results/records").join(format!("{key}.json"));
    let text = std::fs::read_to_string(&record).unwrap();

    std::fs::write(
        &record,
        text.replacen(&format!("\"schema\": {SCHEMA_VERSION}"), "\"schema\": 99", 1),
    )
    .unwrap();
    let newer = [
        &format!(".json: record has schema 99, this program reads {SCHEMA_VERSION}"),
        "Use the newer icdbench",
    ];
    assert_fails(&bench.run(&["run", "tiny.toml"]), 2, &newer);

    let score = text.lines().find(|line| line.contains("\"micro-f1\": ")).unwrap();
    let other = "c".repeat(64);
    let edits = [
        (
            text.replacen(score, "\"micro-f1\": 0.999,", 1),
            "does not match its checksum",
        ),
        (text[..text.len() / 2].to_owned(), "it is not a record of this program"),
        (String::new(), "it is not a record of this program"),
        (
            text.replacen(&format!("\"schema\": {SCHEMA_VERSION}"), "\"schema\": 1", 1),
            "schema 1, of an older icdbench",
        ),
        (text.replacen(&key, &other, 1), "does not match its checksum"),
    ];
    for (edited, problem) in edits {
        assert_ne!(edited, text);
        std::fs::write(&record, edited).unwrap();
        let before = std::fs::read(bench.path("reports/tiny/report.md")).unwrap();
        assert_fails(
            &bench.run(&["report", "tiny.toml"]),
            3,
            &[".json: not used: ", problem, "No report was written"],
        );
        assert_eq!(before, std::fs::read(bench.path("reports/tiny/report.md")).unwrap());
        let again = bench.run(&["run", "tiny.toml", "--no-report"]);
        assert_good(&again);
        assert!(stderr(&again).contains(problem), "{}", stderr(&again));
        assert!(bench.results("results") == expected);
    }
    // Another cell's record under this cell's name.
    let renamed = bench.path("results/records").join(format!("{other}.json"));
    std::fs::copy(&record, &renamed).unwrap();
    let check = bench.run(&["check"]);
    assert_eq!(check.status.code(), Some(1));
    assert!(stdout(&check).contains("under another name"), "{}", stdout(&check));
    // What other programs leave there is passed over.
    std::fs::remove_file(renamed).unwrap();
    for foreign in ["._x.json", ".DS_Store", "notes.txt"] {
        std::fs::write(bench.path("results/records").join(foreign), "").unwrap();
    }
    assert_good(&bench.run(&["check"]));
    assert_good(&bench.run(&["--quiet", "report", "tiny.toml"]));
}

#[test]
fn every_record_follows_the_committed_schema() {
    let bench = Bench::new(&suite());
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    let schema: serde_json::Value = serde_json::from_str(include_str!("../src/record/schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for record in bench.records("results") {
        let json = serde_json::to_value(&record).unwrap();
        if let Err(error) = validator.validate(&json) {
            panic!("{error} at {}", error.instance_path());
        }
        assert!(
            validator.validate(&serde_json::json!({"schema": 1})).is_err(),
            "the schema asks for something"
        );
    }
}

#[test]
fn unwritable_results_are_named() {
    let bench = Bench::new(&suite());
    std::fs::write(bench.path("file"), "not a directory").unwrap();
    let output = bench.run(&["--results", "file", "run", "tiny.toml"]);
    assert_fails(
        &output,
        2,
        &["file", "cannot make the directory", "run the same command again"],
    );
}

#[test]
fn no_note_text_and_no_identifier_enters_records_reports_or_logs() {
    // A word that no vocabulary, code or message has, in every note, and the notes' own names.
    let bench = Bench::new(&codiesp_suite("dev"));
    let canary = "xylocanary";
    let data = damaged(&bench, |copy| {
        for name in files(copy).iter().filter(|name| name.ends_with(".txt")) {
            let path = copy.join(name);
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(&path, format!("{text} {canary} {canary}")).unwrap();
        }
    });
    // The texts are no longer those of the registry: take its hashes of them out.
    let registry = std::fs::read_to_string(fixture().join("datasets.toml")).unwrap();
    let lines: Vec<&str> = registry.lines().filter(|line| !line.starts_with("sha256")).collect();
    std::fs::write(bench.path("datasets.toml"), lines.join("\n")).unwrap();
    let output = bench.run(&[
        "--data",
        &data,
        "--datasets",
        "datasets.toml",
        "--json",
        "run",
        "tiny.toml",
    ]);
    assert_good(&output);
    let ids: Vec<String> = files(Path::new(&data))
        .iter()
        .filter_map(|name| {
            Path::new(name)
                .file_name()?
                .to_str()?
                .strip_suffix(".txt")
                .map(str::to_owned)
        })
        .collect();
    assert!(ids.len() > 10);
    let mut searched = vec![("output".to_owned(), format!("{}{}", stdout(&output), stderr(&output)))];
    for folder in ["results/records", "reports"] {
        for name in files(&bench.path(folder)) {
            let bytes = std::fs::read(bench.path(folder).join(&name)).unwrap();
            searched.push((name, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    assert!(searched.len() > 10);
    for (name, text) in &searched {
        assert!(!text.contains(canary), "note text in {name}");
        for id in &ids {
            assert!(!text.contains(id), "the note identifier {id} in {name}");
        }
    }
}

#[test]
fn data_commands_list_verify_count_generate_and_export() {
    let bench = Bench::new(&suite());
    let listed = stdout(&bench.run(&["data", "list"]));
    assert!(listed.contains("CC BY 4.0"));
    assert!(listed.contains("https://huggingface.co/emilyalsentzer/Bio_ClinicalBERT"));
    let listed = stdout(&bench.run(&["--json", "data", "list"]));
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["datasets"][1]["name"], "codiesp");
    assert_eq!(listed["encoders"]["small-bert"]["vocabulary"], 30522);
    assert!(stdout(&bench.run(&["data", "stats", "tiny.toml"])).contains("train"));
    let data = fixture().display().to_string();
    let datasets = fixture().join("datasets.toml").display().to_string();
    let verify = bench.run(&["--data", &data, "--datasets", &datasets, "data", "verify", "codiesp"]);
    assert_good(&verify);
    assert!(stdout(&verify).contains("as expected"));
    let broken = damaged(&bench, |copy| {
        let table = copy.join("codiesp/train/trainD.tsv");
        let text = std::fs::read_to_string(&table).unwrap();
        std::fs::write(&table, text.replacen('1', "2", 1)).unwrap();
    });
    let verify = bench.run(&["--data", &broken, "--datasets", &datasets, "data", "verify", "codiesp"]);
    assert_fails(&verify, 2, &["not what datasets.toml expects"]);
    assert!(stdout(&verify).contains("DIFFERS"));
    assert_fails(&bench.run(&["data", "verify", "mimic"]), 2, &["mimic", "codiesp"]);

    assert_good(&bench.run(&[
        "data",
        "synth",
        "--out",
        "notes",
        "--notes",
        "40",
        "--median-words",
        "60",
    ]));
    assert_eq!(files(&bench.path("notes")).len(), 41);
    assert_fails(&bench.run(&["data", "synth", "--out", "notes"]), 2, &["exists already"]);

    assert_good(&bench.run(&["data", "export", "tiny.toml", "--out", "svm"]));
    let train = std::fs::read_to_string(bench.path("svm/train.svmlight")).unwrap();
    assert!(train.lines().count() > 20 && train.lines().all(|line| line.contains(':')));
}

#[test]
fn doctor_says_what_the_machine_and_the_program_can_do() {
    let bench = Bench::new(&suite());
    let text = stdout(&bench.run(&["doctor"]));
    for word in ["icdbench", "Machine", "CPUs", "Devices", "flex", "Noise"] {
        assert!(text.contains(word), "{word}");
    }
    let json: serde_json::Value = serde_json::from_str(&stdout(&bench.run(&["--json", "doctor"]))).unwrap();
    let flex = &json["devices"][0];
    assert_eq!((&flex["name"], &flex["usable"]), (&"flex".into(), &true.into()));
    assert_eq!(flex["precisions"], serde_json::json!(["f32"]));
    for (device, class) in json["devices"].as_array().unwrap().iter().zip(DeviceClass::ALL) {
        assert_eq!(device["name"], class.name());
        assert_eq!(device["built-in"], class.is_built_in());
        // What cannot be used comes with what to do, in both forms.
        assert_eq!(device["next"].is_string(), device["usable"] == false, "{device}");
        assert!(
            text.contains(device["remark"].as_str().unwrap()),
            "{device} is not in: {text}"
        );
    }
}

#[test]
fn a_device_that_cannot_be_used_is_an_error_before_any_note_is_read() {
    let bench = Bench::new(&suite());
    for class in DeviceClass::ALL.into_iter().filter(|class| !class.is_built_in()) {
        for command in ["run", "plan"] {
            let output = bench.run(&["--device", class.name(), command, "tiny.toml"]);
            let device = format!("error: --device {}: this program was built without it", class.name());
            let feature = format!("cargo build --release --features {}", class.feature().unwrap());
            assert_fails(&output, 2, &[&device, &feature]);
            assert!(!stderr(&output).contains("reading notes"), "{}", stderr(&output));
        }
    }
    assert_fails(
        &bench.run(&["--device", "gpu", "doctor"]),
        2,
        &["--device", "'gpu'", "flex, cuda"],
    );
    assert!(!bench.path("results").exists());
}

#[test]
fn a_precision_that_the_device_lacks_is_an_error_before_any_note_is_read() {
    let bench = Bench::new(&suite().replace("precision = \"f32\"", "precision = \"bf16\""));
    let output = bench.run(&["run", "tiny.toml"]);
    assert_fails(
        &output,
        2,
        &["--device flex", "bf16", "such as cuda", "Choose precision f32"],
    );
    assert!(!stderr(&output).contains("reading notes"), "{}", stderr(&output));
    assert!(!bench.path("results").exists());
}

#[test]
fn a_small_suite_gives_the_same_bytes_on_one_two_and_three_threads() {
    let bench = Bench::new(&suite());
    for threads in ["1", "2", "3"] {
        let mut command = bench.command(&[
            "--quiet",
            "--results",
            threads,
            "--threads",
            threads,
            "run",
            "tiny.toml",
            "--no-report",
        ]);
        assert_good(&command.env_remove("RAYON_NUM_THREADS").output().unwrap());
    }
    assert!(bench.results("1") == bench.results("2"));
    assert!(bench.results("1") == bench.results("3"));
}

/// BERT-trun of 12 positions: with [CLS] and [SEP] it reads 10 tokens.
const BERT_TRUN: &str = r#"
[[run]]
text = "pieces"
[run.model.bert_trun]
encoder = { layers = 1, hidden = 8, heads = 2, intermediate = 12, positions = 12, dropout = 0.1, attention-dropout = 0.1, initializer-range = 0.02 }
pooler = false
classifier-dropout = 0.0
head = { label-attention = { label-block = 3 } }
[run.training]
epochs = 3
batch-size = 4
accumulate = 1
bucket = 4
optimiser = { adamw = { betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.01, decay = "matrices" } }
learning-rate = 0.02
schedule = "constant"
clip-norm = 1.0
select = { best = { metric = "map", patience = 50 } }
"#;

#[test]
fn tokens_past_its_positions_give_bert_trun_neither_other_batches_nor_other_scores() {
    let pieces = "[text.pieces]\nnormalise = \"none\"\n\
                  tokenizer = { train-word-piece = { vocabulary = 300, min-frequency = 2, lowercase = true } }\n\n[evaluation]";
    let suite = suite_text(60, BERT_TRUN)
        .replace("lengths = [48]", "lengths = [8, 16, 48]")
        .replacen("[evaluation]", pieces, 1);
    let bench = Bench::new(&suite);
    assert_good(&bench.run(&["run", "tiny.toml"]));
    let mut records = bench.records("results");
    records.sort_by_key(|record| record.cell.length);
    let trained: Vec<_> = records
        .into_iter()
        .map(|record| record.outcome.expect("an outcome"))
        .map(|outcome| (outcome.epochs, outcome.threshold, outcome.scores))
        .collect();
    assert_eq!(trained.len(), 3);
    assert_eq!(trained[1], trained[2]);
    assert_ne!(trained[0].0, trained[1].0, "8 tokens are fewer than it reads");
}

#[test]
fn how_many_words_have_a_vector_is_told_and_recorded() {
    let bench = Bench::new("");
    let suite = |file: &str, content: &str| {
        std::fs::write(bench.path(file), content).unwrap();
        let vectors = format!(
            "word-vectors = {{ file = \"{file}\", sha256 = \"{}\", dimension = 4, scale = \"as-read\" }}\n\n[evaluation]",
            sha256(content.as_bytes())
        );
        suite_text(60, &logistic_regression(3)).replacen("[evaluation]", &vectors, 1)
    };
    // Every note has the first two.
    let good = suite(
        "good.vec",
        "the 0.1 0.2 0.3 0.4\npatient 0.1 0.2 0.3 0.4\n. . . 0.1 0.2 0.3 0.4\nat name@domain.com 1 2 3 4\n",
    );
    std::fs::write(bench.path("tiny.toml"), good).unwrap();
    let output = bench.run(&["run", "tiny.toml", "--no-report"]);
    assert_good(&output);
    let told = stderr(&output);
    assert!(told.contains("[text.words] 2 of the "), "{told}");
    assert!(told.contains(" %) have a vector in the file"), "{told}");
    let outcome = bench.records("results").remove(0).outcome.unwrap();
    assert_eq!(outcome.task.words_with_vector, Some(2));

    let none = suite("none.vec", "Patient 0.1 0.2 0.3 0.4\nTHE 0.1 0.2 0.3 0.4\n");
    std::fs::write(bench.path("tiny.toml"), none).unwrap();
    assert_fails(
        &bench.run(&["run", "tiny.toml", "--no-report"]),
        2,
        &["[text.words]: none.vec: none of the ", "is among its 2 vectors"],
    );
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    icdbench::record::hex(&sha2::Sha256::digest(bytes))
}
