//! Suites are read strictly: every mistake is answered with file, line, column, what was found and
//! what was expected. The suites that come with the program are right.

mod common;

use common::{caml, logistic_regression, suite_text};
use icdbench::suite::Suite;
use icdbench::throughput::ThroughputSuite;

fn good() -> String {
    suite_text(60, &(logistic_regression(3) + &caml(3, 16)))
}

/// The message for the good suite with one thing changed.
fn message(from: &str, to: &str) -> String {
    let text = good();
    assert!(text.contains(from), "the suite has no {from:?}");
    Suite::parse(&text.replacen(from, to, 1), "my.toml")
        .unwrap_err()
        .to_string()
}

/// The line of the good suite that starts with `start`, from 1.
fn line(start: &str) -> usize {
    1 + good().lines().position(|line| line.starts_with(start)).unwrap()
}

fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
}

#[test]
fn the_good_suite_is_good_and_survives_a_round_trip() {
    let suite = Suite::parse(&good(), "my.toml").unwrap();
    let text = toml::to_string(&suite).unwrap();
    assert_eq!(Suite::parse(&text, "again.toml").unwrap(), suite);
}

#[test]
fn the_suites_that_come_with_the_program_are_right() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/suites");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if ThroughputSuite::is_one(&std::fs::read_to_string(&path).unwrap()) {
            continue; // read by its own tests
        }
        let suite = Suite::read(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(path.file_stem().unwrap().to_str().unwrap(), suite.name);
        names.push(suite.name);
    }
    for name in [
        "smoke",
        "quick",
        "codiesp",
        "codiesp-dev",
        "codiesp-official",
        "codiesp-official-train-dev",
        "codiesp-official-dev",
        "codiesp-official-dev-p",
        "codiesp-official-dev-x",
        "codiesp-pretraining",
        "bert-xml-smoke",
        "bert-xml-small",
        "bert-xml",
        "longbert",
        "longbert-50",
        "longbert-mimic4",
        "magic-of-bert",
        "magic-of-bert-full",
        "multirescnn",
        "multirescnn-50",
        "caml",
        "laat",
        "plm-icd",
        "plm-icd-50",
        "plm-ca",
        "edin-2023-clean",
        "edin-2023-mimic4-icd9",
        "edin-2023-mimic4-icd10",
    ] {
        assert!(names.iter().any(|found| found == name), "{name}");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_place_and_the_known_keys() {
    let message = message("filters = 12", "fliters = 12");
    let at = format!("line {}, column 1", line("filters"));
    assert_says(&message, &["my.toml", &at, "unknown field `fliters`", "`filters`"]);
}

#[test]
fn an_unknown_model_is_named_with_the_models_there_are() {
    let message = message("[run.model.caml]", "[run.model.camel]");
    assert_says(
        &message,
        &[
            "my.toml",
            "line",
            "unknown variant `camel`",
            "`logistic_regression`",
            "`caml`",
        ],
    );
}

#[test]
fn a_wrong_type_is_named_with_what_was_expected() {
    let message = message("filters = 12", "filters = \"twelve\"");
    let at = format!("line {}, column 11", line("filters"));
    assert_says(
        &message,
        &["my.toml", &at, "invalid type: string \"twelve\", expected usize"],
    );
}

#[test]
fn a_missing_key_is_named() {
    let message = message("clip-norm = 0.0\n", "");
    assert_says(&message, &["my.toml", "line", "missing field `clip-norm`"]);
}

#[test]
fn what_is_not_toml_is_answered_with_its_place() {
    assert_says(&message("seeds = [1]", "seeds = [1"), &["my.toml", "line"]);
}

#[test]
fn values_that_cannot_be_are_named_with_key_line_and_column() {
    let cases: &[(&str, &str, &str, &[&str])] = &[
        (
            "lengths = [48]",
            "lengths = [0]",
            "lengths",
            &["lengths: expected at least one length, each 1 or more"],
        ),
        (
            "lengths = [48]",
            "lengths = [48, 48]",
            "lengths",
            &["lengths: names a value twice"],
        ),
        (
            "seeds = [1]",
            "seeds = []",
            "seeds",
            &["seeds: expected at least one seed"],
        ),
        ("name = \"tiny\"", "name = \"a/b\"", "name", &["name: expected letters"]),
        (
            "epochs = 3",
            "epochs = 0",
            "epochs",
            &["run[0].training.epochs: 0: expected at least 1"],
        ),
        (
            "learning-rate = 0.02",
            "learning-rate = -1.0",
            "learning-rate",
            &["run[0].training.learning-rate: -1", "above 0"],
        ),
        (
            "learning-rate = 0.02",
            "encoder = { learning-rate = 0.01, layer-decay = 0.9 }\nlearning-rate = 0.02",
            "learning-rate",
            &["run[0].training.encoder", "has no encoder", "remove"],
        ),
        (
            "metric = \"map\"",
            "metric = \"mop\"",
            "select",
            &["run[0].training.select", "\"mop\"", "icdbench list"],
        ),
        (
            "metric = \"map\"",
            "metric = \"precision-at-7\"",
            "select",
            &["\"precision-at-7\" is not one this suite computes"],
        ),
        (
            "text = \"words\"",
            "text = \"pieces\"",
            "text",
            &["run[0].text: \"pieces\" is not defined", "words"],
        ),
        ("at-k = [2]", "at-k = [0]", "at-k", &["evaluation.at-k: holds 0"]),
        ("points = 100", "points = 0", "threshold", &["evaluation.threshold"]),
    ];
    for (from, to, key, words) in cases {
        let message = message(from, to);
        let place = format!("my.toml:{}:", line(key));
        assert!(message.starts_with(&place), "{message} does not start with {place}");
        assert_says(&message, words);
    }
}

#[test]
fn what_no_suite_can_mean_is_refused_with_its_place_before_anything_is_made_of_it() {
    let long = format!("name = \"{}\"", "a".repeat(300));
    let seeds = format!("seeds = {:?}", (0..10_000).collect::<Vec<u32>>());
    let run_name = |name: &str| format!("name = {name}\ntext = \"words\"");
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "name = \"tiny\"",
            &long,
            &["name: has 300 letters: expected at most 100"],
        ),
        (
            "seeds = [1]",
            &seeds,
            &[
                "seeds: 2 runs at 2 lengths in all with 10000 seeds are 20000 cells",
                "at most 10000",
            ],
        ),
        (
            "lengths = [48]",
            "lengths = [48, 1000000000]",
            &["lengths[1]: 1000000000: expected at most 1048576"],
        ),
        (
            "points = 100",
            "points = 4_000_000_000",
            &["grid.points: 4000000000: expected at most 10000"],
        ),
        ("points = 100", "points = 10001", &["grid.points: 10001"]),
        (
            "epochs = 3",
            "epochs = 4294967295",
            &["run[0].training.epochs: 4294967295: expected at most 100000"],
        ),
        (
            "batch-size = 16",
            "batch-size = 4000000000",
            &["run[0].training.batch-size: 4000000000"],
        ),
        (
            "filters = 12",
            "filters = 1000000000",
            &["run[1].model.caml.filters: 1000000000: expected at most 16777216"],
        ),
        ("filters = 12", "filters = -1", &["my.toml", "line", "-1"]),
        (
            "betas = [0.9, 0.999]",
            "betas = [0.9, 0.999, 0.9]",
            &["my.toml", "line", "expected two numbers"],
        ),
        (
            "betas = [0.9, 0.999]",
            "betas = [0.9]",
            &["my.toml", "line", "expected two numbers"],
        ),
        (
            "epsilon = 1e-8",
            "epsilon = inf",
            &["optimiser.adam.epsilon: inf: expected a finite number"],
        ),
        (
            "epsilon = 1e-8",
            "epsilon = 1e39",
            &["run[0].training.optimiser: epsilon inf"],
        ),
        (
            "weight-decay = 0.0",
            "weight-decay = 1e39",
            &["run[0].training.optimiser: epsilon", "weight-decay inf"],
        ),
        (
            "learning-rate = 0.02",
            "learning-rate = nan",
            &["run[0].training.learning-rate: NaN: expected a finite"],
        ),
        (
            "dropout = 0.2",
            "dropout = -inf",
            &["run[1].model.caml.dropout: -inf: expected a finite number"],
        ),
        ("notes = 60", "notes = 7", &["data.synthetic.notes", "expected 30 to"]),
        (
            "median-words = 40",
            "median-words = 4000000",
            &["data.synthetic.median-words"],
        ),
        (
            "top = 8",
            "top = 0",
            &["labels.rule: 0: expected a number of at least 1"],
        ),
        (
            "validation = { part = \"dev\" }",
            "validation = { fraction-of-train = 1.5, seed = 1 }",
            &["division.validation.fraction-of-train: 1.5: expected a number between 0 and 1"],
        ),
        ("text = \"words\"", &run_name("\"\""), &["run[0].name: is empty"]),
        (
            "text = \"words\"",
            &run_name("\" a\""),
            &["run[0].name: \" a\": expected a name without spaces"],
        ),
        (
            "text = \"words\"",
            &run_name("\"a\\u0008b\""),
            &["run[0].name", "holds U+0008: expected letters"],
        ),
        (
            "text = \"words\"",
            &run_name("\"a\\nb\""),
            &["run[0].name", "holds U+000A"],
        ),
        (
            "text = \"words\"",
            &run_name("\"a\\u202Eb\""),
            &["run[0].name", "holds U+202E"],
        ),
        (
            "text = \"words\"",
            &run_name(&format!("\"{}\"", "é".repeat(101))),
            &["run[0].name: has 101 letters"],
        ),
        (
            "description = \"for tests\"",
            "description = \"\\u0000\"",
            &["description", "holds U+0000"],
        ),
        (
            "[text.words]",
            "[text.\"\\u0007\"]\nnormalise = \"caml\"\ntokenizer = { words = { min-documents = 2 } }\n[text.words]",
            &["text: the key", "holds U+0007"],
        ),
        (
            "[evaluation]",
            "[limits]\nunknown-codes = 1.5\n[evaluation]",
            &["limits.unknown-codes: 1.5: expected a share"],
        ),
    ];
    for (from, to, words) in cases {
        let message = message(from, to);
        assert!(message.starts_with("my.toml:"), "{message}");
        assert_says(&message, words);
    }
}

#[test]
fn names_of_any_script_and_descriptions_of_several_lines_are_good() {
    let text = good()
        .replacen("text = \"words\"", "name = \"β-模型 [1]*\"\ntext = \"words\"", 1)
        .replacen("\"for tests\"", "\"\"\"\nFor tests.\n\n\tTwo paragraphs.\n\"\"\"", 1);
    let suite = Suite::parse(&format!("\u{feff}{text}"), "my.toml").unwrap();
    assert_eq!(suite.runs[0].title(), "β-模型 [1]*");
}

#[test]
fn a_file_without_an_end_is_no_suite() {
    if !std::path::Path::new("/dev/zero").exists() {
        return;
    }
    let message = Suite::read(std::path::Path::new("/dev/zero")).unwrap_err().to_string();
    assert_says(&message, &["/dev/zero: cannot read the suite: it is larger than"]);
}

#[test]
fn two_runs_of_one_model_need_names() {
    let text = suite_text(60, &(caml(3, 16) + &caml(4, 16)));
    let message = Suite::parse(&text, "my.toml").unwrap_err().to_string();
    assert_says(
        &message,
        &["run[1]: a second run called \"caml\": give one of them a `name`"],
    );
    let named = text.replacen("text = \"words\"", "name = \"first\"\ntext = \"words\"", 1);
    assert!(Suite::parse(&named, "my.toml").is_ok());
}

#[test]
fn a_missing_suite_file_says_where_to_find_one() {
    let message = Suite::read(std::path::Path::new("no/such.toml"))
        .unwrap_err()
        .to_string();
    assert_says(&message, &["no/such.toml: cannot read the suite", "icdbench list"]);
}
