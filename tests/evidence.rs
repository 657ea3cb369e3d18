//! Annotators' evidence, through the program, on the made-up CodiEsp release: the dictionary, the supervision by evidence, the
//! spans that models give, ensembles, and run files whose scores by the track's rules are the record's own.

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use common::{Bench, assert_fails, assert_good, stderr, stdout, suite_text};
use icdbench::record::Record;
use serde_json::Value;

const DICTIONARY: &str = r#"
[[run]]
text = "stems"
[run.model.evidence_dictionary]
longest = 12
bag = 8
window = 8
part = 2
smoothing = [0.2, 1.5, 1.0]
part-weight = 0.3
prior = 1e-4
[run.training]
epochs = 1
batch-size = 8
accumulate = 1
bucket = 1
optimiser = "none"
learning-rate = 1.0
schedule = "constant"
clip-norm = 0.0
select = "last"
"#;

const EVIDENCE: &str = r#"
[evidence]
candidates = 10
shares = [0.3, 0.9]
gap = 1
most-characters = [20, 80]
thresholds = [0.1, 0.3, 0.5]
"#;

const ENSEMBLE: &str = r#"
[[ensemble]]
name = "both"
rule = "noisy-or"
runs = ["evidence_dictionary", "caml"]
weights = [0.0, 0.5, 1.0]
metric = "map"
"#;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp")
}

/// CAML that learns from the evidence, and the dictionary, on the Spanish texts.
fn suite() -> String {
    let caml = common::caml(4, 8).replace(
        "description-weight = 0.1",
        "description-weight = 0.0\nevidence-weight = 0.1",
    );
    suite_text(60, &(DICTIONARY.to_owned() + &caml + ENSEMBLE))
        .replace(
            "[data.synthetic]\nseed = 1\nnotes = 60\nmedian-words = 40",
            "[data.codiesp]\nlanguage = \"es\"\ncodes = \"both\"",
        )
        .replace("rule = { top = 8 }", "rule = \"all\"")
        .replace("unseen-codes = \"ignore\"", "unseen-codes = \"count-as-missed\"")
        .replace("min-documents = 2", "min-documents = 1")
        .replace(
            "validation = { part = \"dev\" }",
            "validation = { fraction-of-train = 0.3, seed = 1 }",
        )
        .replace("evaluation = \"test\"", "evaluation = \"dev\"")
        .replace(
            "[evaluation]",
            &format!("[text.stems]\nnormalise = \"spanish-stems\"\ntokenizer = {{ words = {{ min-documents = 1 }} }}\n{EVIDENCE}\n[evaluation]"),
        )
        + "\n[limits]\nunknown-codes = 1.0\n\n[keep]\nscores = true\n"
}

fn run(bench: &Bench, arguments: &[&str]) -> std::process::Output {
    let data = data();
    let mut command = bench.command(arguments);
    command
        .env("ICDBENCH_DATASETS", data.join("datasets.toml"))
        .env("ICDBENCH_DATA", &data);
    command.output().unwrap()
}

fn record(bench: &Bench, run: &str) -> Record {
    let found = bench
        .records("results")
        .into_iter()
        .find(|record| record.cell.run == run);
    found.unwrap_or_else(|| panic!("no record of {run}"))
}

fn scores(record: &Record) -> &std::collections::BTreeMap<String, f64> {
    &record
        .outcome
        .as_ref()
        .unwrap_or_else(|| panic!("{:?}", record.reason))
        .scores
}

#[test]
fn run_files_have_the_scores_of_their_records_by_the_tracks_rules() {
    let bench = Bench::new(&suite());
    let output = run(&bench, &["run", "tiny.toml"]);
    assert!(
        [Some(0), Some(5)].contains(&output.status.code()),
        "{}",
        stderr(&output)
    );
    assert!(stderr(&output).contains("ensemble \"both\": weights evidence_dictionary"));
    let dictionary = record(&bench, "evidence_dictionary");
    let outcome = dictionary.outcome.as_ref().unwrap();
    assert_eq!(outcome.stopped, "fitted in one pass, without steps");
    assert_eq!(
        (outcome.epochs.len(), outcome.epochs[0].steps, outcome.unfinished),
        (1, 0, None)
    );

    // Codes and spans, beside the gold that the release has.
    let file = |run_of: &str, track: &str| {
        assert_good(&run(
            &bench,
            &[
                "export",
                "tiny.toml",
                "--codiesp",
                track,
                "--run",
                run_of,
                "--out",
                "run.tsv",
            ],
        ));
        bench.path("run.tsv")
    };
    let scored = |track: &str, gold: &Path, predictions: &Path| -> Value {
        let paths = [gold, predictions].map(|path| path.to_str().unwrap().to_owned());
        let arguments = [
            "--json",
            "score",
            "--codiesp",
            track,
            "--gold",
            &paths[0],
            "--predictions",
            &paths[1],
        ];
        let output = run(&bench, &arguments);
        assert_good(&output);
        serde_json::from_str(&stdout(&output)).unwrap()
    };
    let dev = data().join("codiesp/dev");
    let both: String = ["devD.tsv", "devP.tsv"]
        .map(|name| std::fs::read_to_string(dev.join(name)).unwrap())
        .concat();
    let gold = bench.path("both.tsv");
    std::fs::write(&gold, both).unwrap();
    for name in ["evidence_dictionary", "both"] {
        // A file has the codes that the model knows. The record ranks those that no training note has behind them, the last
        // of them first.
        let path = file(name, "D");
        let ranking = std::fs::read_to_string(&path).unwrap();
        let pairs = |text: &str| -> Vec<(String, String)> {
            let pair = |line: &str| {
                line.split_once('\t')
                    .map(|(case, code)| (case.to_owned(), code.trim().to_lowercase()))
            };
            text.lines().filter_map(pair).collect()
        };
        let known: BTreeSet<String> = pairs(&ranking).into_iter().map(|(_, code)| code).collect();
        let wanted = pairs(&std::fs::read_to_string(&gold).unwrap());
        let unseen: BTreeSet<&String> = wanted
            .iter()
            .map(|(_, code)| code)
            .filter(|code| !known.contains(*code))
            .collect();
        assert!(!unseen.is_empty(), "the fixture has codes that training lacks");
        let cases: BTreeSet<&String> = wanted.iter().map(|(case, _)| case).collect();
        let behind = cases
            .iter()
            .flat_map(|case| unseen.iter().rev().map(move |code| format!("{case}\t{code}\n")));
        std::fs::write(&path, ranking.clone() + &behind.collect::<String>()).unwrap();
        let theirs = scored("D", &gold, &path)["map-over-all-cases"].as_f64().unwrap();
        let own = scores(&record(&bench, name))["map"];
        assert!((own - theirs).abs() < 1e-12 && own > 0.3, "{name}: {own} and {theirs}");
    }
    let spans = scored("X", &dev.join("devX.tsv"), &file("evidence_dictionary", "X"));
    for (metric, place) in [
        ("evidence-f1", "/agreement/f1"),
        ("evidence-overlap-f1", "/overlapping/f1"),
    ] {
        let theirs = spans.pointer(place).unwrap().as_f64().unwrap();
        assert!(
            (scores(&dictionary)[metric] - theirs).abs() < 1e-12,
            "{metric}: {theirs}"
        );
        assert!(theirs > 0.2, "{metric}: {theirs}");
    }
    // An ensemble gives codes, and no spans.
    let refused = run(
        &bench,
        &[
            "export",
            "tiny.toml",
            "--codiesp",
            "X",
            "--run",
            "both",
            "--out",
            "x.tsv",
        ],
    );
    assert_fails(&refused, 2, &["gives no evidence"]);
    assert!(!bench.path("x.tsv").exists());
    let refused = run(
        &bench,
        &[
            "export",
            "tiny.toml",
            "--codiesp",
            "D",
            "--run",
            "nobody",
            "--out",
            "x.tsv",
        ],
    );
    assert_fails(&refused, 2, &["nobody", "evidence_dictionary, caml, both"]);

    // What is not kept any more is not trained again to be written.
    let private = bench.path("results/private");
    for folder in ["weights", "scores"] {
        std::fs::rename(private.join(folder), private.join(format!("{folder}-away"))).unwrap();
    }
    let refused = run(&bench, &["export", "tiny.toml", "--codiesp", "D", "--out", "x.tsv"]);
    assert_fails(&refused, 2, &["evidence_dictionary", "run its suite again"]);
    for folder in ["weights", "scores"] {
        let _ = std::fs::remove_dir_all(private.join(folder));
        std::fs::rename(private.join(format!("{folder}-away")), private.join(folder)).unwrap();
    }

    // Everything that was kept is what was written, and the same command again runs nothing.
    assert_good(&run(&bench, &["check"]));
    let again = run(&bench, &["run", "tiny.toml", "--no-report"]);
    assert!(!stderr(&again).contains("epoch 1/"), "{}", stderr(&again));
}

#[test]
fn an_ensemble_is_its_members_put_together() {
    let bench = Bench::new(&suite());
    run(&bench, &["--quiet", "run", "tiny.toml", "--no-report"]);
    let [one, other, both] = ["evidence_dictionary", "caml", "both"].map(|name| record(&bench, name));
    assert_eq!(both.cell.model, "ensemble");
    let parameters = |record: &Record| record.outcome.as_ref().map_or(0, |outcome| outcome.parameters);
    assert!(
        parameters(&one) > 0 && parameters(&other) > 0,
        "{:?} {:?}",
        one.reason,
        other.reason
    );
    assert_eq!(parameters(&both), parameters(&one) + parameters(&other));
    // The weights are those with the greatest MAP on validation: no worse than the best member alone.
    let map = |record: &Record| {
        record
            .outcome
            .as_ref()
            .map_or(0.0, |outcome| outcome.validation_scores["map"])
    };
    for member in [&one, &other] {
        assert!(map(&both) >= map(member) - 1e-9, "{} {}", map(&both), map(member));
    }
}

#[test]
fn a_skipped_member_skips_its_ensemble() {
    let encoder = "[encoder.absent]\ndirectory = \"nowhere\"\nsha256 = \"{}\"\nget = \"ask somebody\"\n\n[evaluation]"
        .replace("{}", &"0".repeat(64));
    let long_bert = r#"
[[run]]
name = "long"
text = "words"
encoder = "absent"
[run.model.long_bert]
encoder = { layers = 1, hidden = 8, heads = 1, intermediate = 8, positions = 64, dropout = 0.0, attention-dropout = 0.0, initializer-range = 0.1 }
segment = 32
overlap = 0
label-block = 8
[run.training]
epochs = 1
batch-size = 8
accumulate = 1
bucket = 1
optimiser = { adam = { betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.0, decay = "all" } }
learning-rate = 0.01
schedule = "constant"
clip-norm = 0.0
select = "last"
"#;
    let text = suite().replace("[evaluation]", &encoder);
    let text = text.replace(
        ENSEMBLE,
        &(long_bert.to_owned() + &ENSEMBLE.replace("\"caml\"", "\"long\"")),
    );
    let bench = Bench::new(&text);
    let output = run(&bench, &["plan", "tiny.toml", "--no-estimate"]);
    assert_good(&output);
    let shown = stdout(&output);
    assert!(
        shown.contains("skipped: both: its run \"long\" is skipped: it needs [encoder.absent]"),
        "{shown}"
    );
}

#[test]
fn what_is_wrong_with_ensembles_and_evidence_is_said_with_its_place() {
    let refused = |from: &str, to: &str, words: &[&str]| {
        let text = suite();
        assert!(text.contains(from), "{from}");
        let bench = Bench::new(&text.replace(from, to));
        assert_fails(&run(&bench, &["plan", "tiny.toml", "--no-estimate"]), 2, words);
    };
    refused(
        "runs = [\"evidence_dictionary\", \"caml\"]",
        "runs = [\"caml\"]",
        &["ensemble[0].runs", "at least two"],
    );
    refused(
        "\"caml\"]",
        "\"camel\"]",
        &["ensemble[0].runs", "camel", "evidence_dictionary, caml"],
    );
    refused(
        "name = \"both\"",
        "name = \"caml\"",
        &["ensemble[0].name", "another name"],
    );
    refused(
        "weights = [0.0, 0.5, 1.0]",
        "weights = [-1.0]",
        &["ensemble[0].weights", "at least 0"],
    );
    refused("candidates = 10", "candidates = 0", &["evidence.candidates"]);
    refused("shares = [0.3, 0.9]", "shares = [1.5]", &["evidence.shares"]);
    refused(
        "epochs = 1\nbatch-size = 8",
        "epochs = 2\nbatch-size = 8",
        &["optimiser", "\"none\" takes no step"],
    );
}

#[test]
fn what_would_not_learn_is_refused() {
    let refused = |from: &str, to: &str, words: &[&str]| {
        let text = suite();
        assert!(text.contains(from), "{from}");
        let bench = Bench::new(&text.replace(from, to));
        assert_fails(&run(&bench, &["plan", "tiny.toml", "--no-estimate"]), 2, words);
    };
    refused(
        "metric = \"map\"",
        "metric = \"micro-f1\"",
        &["ensemble[0].metric", "goes by a threshold"],
    );
    let adamw =
        "optimiser = { adamw = { betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.01, decay = \"matrices\" } }";
    let drawn = |optimiser: &str| suite().replace(adamw, optimiser);
    let none = drawn("optimiser = \"none\"")
        .replace("epochs = 4", "epochs = 1")
        .replace(
            "select = { best = { metric = \"micro-f1\", patience = 50 } }",
            "select = \"last\"",
        );
    let bench = Bench::new(&none);
    let output = run(&bench, &["plan", "tiny.toml", "--no-estimate"]);
    assert_fails(&output, 2, &["run[1].training.optimiser", "leaves caml as it is drawn"]);
}

#[test]
fn notes_without_marks_have_no_dictionary_and_no_evidence() {
    let english = suite().replace("language = \"es\"", "language = \"en\"");
    let bench = Bench::new(&english);
    assert_fails(
        &run(&bench, &["run", "tiny.toml", "--no-report"]),
        2,
        &["[evidence]", "no marks"],
    );
    let without = english.replace(EVIDENCE, "");
    let bench = Bench::new(&without);
    assert_fails(
        &run(&bench, &["run", "tiny.toml", "--no-report"]),
        2,
        &["evidence_dictionary", "no evidence spans"],
    );
}
