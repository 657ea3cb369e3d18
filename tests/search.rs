//! Searches: which trials there are, that the scored part is not looked at, what is chosen and where it is told.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::{Bench, assert_fails, assert_good, caml, codiesp_suite, files, logistic_regression, stdout, suite_text};
use icdbench::data::Validation;
use icdbench::search::Trials;
use icdbench::suite::Suite;

/// A suite that searches settings of CAML beside a logistic regression that is taken as it is.
fn suite(search: &str) -> String {
    suite_text(60, &(caml(3, 8) + &logistic_regression(3))) + search
}

const GRID: &str = r#"
[search]
metric = "map"
draw = "grid"
[search.settings.caml]
"training.learning-rate" = [1e-9, 0.02]
"model.caml.width" = [3, 4]
"#;

fn trials(search: &str) -> Result<Trials, String> {
    let suite = Suite::parse(&suite(search), "tiny.toml").map_err(|error| error.to_string())?;
    Trials::of(&suite).map_err(|error| error.to_string())
}

#[test]
fn a_grid_is_every_combination_named_by_its_values_and_scored_on_validation_notes() {
    let found = trials(GRID).unwrap();
    let titles: Vec<&str> = found.suite.runs.iter().map(|run| run.title()).collect();
    let expected = [
        "caml, width 3, learning-rate 1e-9",
        "caml, width 3, learning-rate 0.02",
        "caml, width 4, learning-rate 1e-9",
        "caml, width 4, learning-rate 0.02",
        "logistic_regression",
    ];
    assert_eq!(titles, expected);
    assert_eq!(found.suite.division.evaluation, "validation notes");
    let rates: Vec<f64> = found.suite.runs.iter().map(|run| run.training.learning_rate).collect();
    assert_eq!(rates, [1e-9, 0.02, 1e-9, 0.02, 0.02]);
}

#[test]
fn a_draw_is_distinct_repeats_and_gives_each_run_its_own() {
    let draw = r#"
[search]
metric = "map"
draw = { random = { trials = 12, seed = 7 } }
budget = { steps = 9 }
[search.settings.caml]
"training.learning-rate" = { from = 1e-4, to = 1e-1, logarithmic = true }
"model.caml.width" = [3, 4, 5]
[search.settings.logistic_regression]
"training.learning-rate" = { from = 1e-4, to = 1e-1, logarithmic = true }
"#;
    let found = trials(draw).unwrap();
    let settings: BTreeSet<String> = found.trials.iter().map(|trial| format!("{trial:?}")).collect();
    assert_eq!((found.trials.len(), settings.len()), (24, 24));
    assert!(found.suite == trials(draw).unwrap().suite);
    let rates = |run: usize| {
        let runs = found.trials.iter().zip(&found.suite.runs);
        let of_run = runs.filter(move |(trial, _)| trial.run == run);
        of_run.map(|(_, run)| run.training.learning_rate).collect::<Vec<_>>()
    };
    assert!(rates(0) != rates(1));
    assert!(rates(0).iter().all(|rate| (1e-4..=1e-1).contains(rate)));
    let small = rates(0).iter().filter(|&&rate| rate < 1e-2).count();
    assert!((3..12).contains(&small), "two of three decades: {small}");
    let budget = serde_json::to_value(found.suite.runs[0].training.budget).unwrap();
    assert_eq!(budget, serde_json::json!({"steps": 9}));
    // As many as there are, or more, are the grid.
    let all = trials(&GRID.replace("\"grid\"", "{ random = { trials = 99, seed = 1 } }")).unwrap();
    assert!(all.trials == trials(GRID).unwrap().trials);
}

#[test]
fn what_cannot_be_tried_is_answered_with_its_place() {
    let cases = [
        ("\"map\"", "\"maps\"", "search.metric"),
        ("\"grid\"", "{ random = { trials = 0, seed = 1 } }", "search.draw"),
        (
            "settings.caml",
            "settings.camel",
            "no run is called \"camel\"; expected one of caml, logistic_regression",
        ),
        ("[3, 4]", "[]", "expected at least one value"),
        ("[3, 4]", "{ from = 1.0, to = 2.0 }", "a range is for draw"),
        ("caml.width", "caml.widht", "widht"),
        (
            "caml.width",
            "camel.width",
            "\"camel\" is not in the run; expected one of caml",
        ),
        (
            "[3, 4]",
            "[3, \"four\"]",
            "search.settings.caml.model.caml.width: \"four\"",
        ),
        ("[3, 4]", "[3, -4]", "search.settings.caml.model.caml.width: -4"),
        ("[1e-9, 0.02]", "[0.02, 0.0]", "expected a number above 0"),
    ];
    for (from, to, words) in cases {
        let message = trials(&GRID.replace(from, to)).expect_err(words);
        assert!(message.contains(words), "{words:?} is not in: {message}");
    }
    let many = format!("[{}]", (3..400).map(|n| n.to_string()).collect::<Vec<_>>().join(", "));
    let message = trials(&GRID.replace("[3, 4]", &many).replace("[1e-9, 0.02]", &many)).unwrap_err();
    assert!(
        message.contains("157609 combinations; expected at most 10000"),
        "{message}"
    );
}

#[test]
fn the_best_trial_becomes_a_suite_to_be_run_whose_report_says_among_how_many() {
    let bench = Bench::new(&suite(GRID));
    let output = bench.run(&["search", "tiny.toml"]);
    assert_good(&output);
    let chosen = stdout(&output)
        .lines()
        .find(|line| line.contains("chosen among 4"))
        .unwrap()
        .to_owned();
    assert!(chosen.contains("learning-rate 0.02"), "{chosen}");
    assert!(
        stdout(&output)
            .lines()
            .any(|line| line.starts_with("logistic_regression") && line.contains("chosen among 1"))
    );
    assert!(
        bench
            .records("results")
            .iter()
            .all(|record| record.cell.evaluation_part == "validation notes")
    );
    let report = std::fs::read_to_string(bench.path("reports/tiny/report.md")).unwrap();
    assert!(report.contains("5 of 5 cells ok"), "{report}");

    // Nothing is trained again, and the suite that has other settings is told so.
    let again = bench.run(&["search", "tiny.toml", "--against", "tiny.toml"]);
    assert_fails(
        &again,
        1,
        &[
            "caml: other settings in tiny than the chosen ones",
            "\"learning-rate\":0.01",
        ],
    );
    assert_eq!(bench.records("results").len(), 5);
    let written = "reports/tiny/chosen.toml";
    assert_good(&bench.run(&["search", "tiny.toml", "--against", written]));
    let run = bench.run(&["run", written]);
    assert_good(&run);
    let report = std::fs::read_to_string(bench.path("reports/tiny-chosen/report.md")).unwrap();
    assert!(
        report.contains("chosen among 4 trials of tiny by validation map"),
        "{report}"
    );
}

#[test]
fn a_search_reads_no_code_of_the_scored_part() {
    let search = GRID
        .replace("[1e-9, 0.02]", "[0.02]")
        .replace("[3, 4]", "[3]")
        .replace("caml", "logistic_regression");
    let search = search.replace("\"model.logistic_regression.width\" = [3]\n", "");
    let bench = Bench::new(&(codiesp_suite("test") + &search));
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp");
    let data = bench.path("data");
    for name in files(&fixture) {
        std::fs::create_dir_all(data.join(&name).parent().unwrap()).unwrap();
        std::fs::copy(fixture.join(&name), data.join(&name)).unwrap();
    }
    for table in ["testD.tsv", "testP.tsv", "testX.tsv"] {
        std::fs::remove_file(data.join("codiesp/test").join(table)).unwrap();
    }
    let output = bench.run(&[
        "--data",
        "data",
        "--datasets",
        "data/datasets.toml",
        "search",
        "tiny.toml",
    ]);
    assert_good(&output);
    let report = std::fs::read_to_string(bench.path("reports/tiny/report.md")).unwrap();
    assert!(report.contains("1 of 1 cell ok"), "{report}");
}

#[test]
fn trials_that_are_one_or_have_no_end_are_answered() {
    let equal = trials(&GRID.replace("[3, 4]", "[3, 4, 3.0]")).unwrap_err();
    assert!(equal.contains("names a value twice"), "{equal}");
    let both = GRID.replace("draw =", "budget = { steps = 3 }\ndraw =");
    let both = both.replace(
        "\"model.caml.width\" = [3, 4]",
        "\"training.budget\" = [{ steps = 4 }, { steps = 5 }]",
    );
    assert!(
        trials(&both)
            .unwrap_err()
            .contains("search.budget is that of every trial")
    );
    let narrow = GRID
        .replace("\"grid\"", "{ random = { trials = 9, seed = 1 } }")
        .replace("[1e-9, 0.02]", "{ from = 0.1, to = 0.101 }")
        .replace("[3, 4]", "[3]");
    let narrow = trials(&narrow).unwrap_err();
    assert!(
        narrow.contains("different combinations were found in its values, 9 trials are asked for"),
        "{narrow}"
    );
    let huge = trials(&GRID.replace("\"model.caml.width\" = [3, 4]", "\"training.epochs\" = [2000000]")).unwrap_err();
    assert!(huge.contains("expected at most 100000"), "{huge}");
    let named = suite(GRID).replacen(
        "[[run]]\ntext",
        "[[run]]\nname = \"caml, width 3, learning-rate 0.02\"\ntext",
        2,
    );
    let named = named.replacen("name = \"caml, width 3, learning-rate 0.02\"\n", "", 1);
    let taken = Trials::of(&Suite::parse(&named, "tiny.toml").unwrap())
        .unwrap_err()
        .to_string();
    assert!(taken.contains("a second run called"), "{taken}");
}

#[test]
fn a_trial_whose_settings_are_too_many_to_name_is_called_by_its_number() {
    let many = r#"
[search]
metric = "map"
draw = "grid"
[search.settings.caml]
"training.learning-rate" = [0.01, 0.02]
"training.optimiser" = [{ adam = { betas = [0.9, 0.999], epsilon = 1e-8, weight-decay = 0.0, decay = "all" } }]
"#;
    let found = trials(many).unwrap();
    let titles: Vec<&str> = found.suite.runs.iter().map(|run| run.title()).collect();
    assert_eq!(titles, ["caml, trial 1", "caml, trial 2", "logistic_regression"]);
}

#[test]
fn runs_of_equal_settings_share_a_cell() {
    let twice = suite_text(60, &(logistic_regression(2) + &logistic_regression(2)));
    let bench = Bench::new(&twice.replacen("[[run]]", "[[run]]\nname = \"first\"", 1));
    assert_good(&bench.run(&["run", "tiny.toml", "--no-report"]));
    assert_eq!(bench.records("results").len(), 1);
}

#[test]
fn a_searched_budget_stays_in_the_chosen_suite() {
    let budgets = GRID.replace(
        "\"model.caml.width\" = [3, 4]",
        "\"training.budget\" = [{ steps = 3 }, { steps = 5 }]",
    );
    let bench = Bench::new(&suite(&budgets));
    assert_good(&bench.run(&["--quiet", "search", "tiny.toml"]));
    let chosen = Suite::read(&bench.path("reports/tiny/chosen.toml")).unwrap();
    assert!(chosen.runs[0].training.budget.is_some());
}

#[test]
fn a_run_with_a_skipped_trial_is_not_chosen_and_the_exit_code_says_so() {
    let vectors = "\n[text.vectors]\nnormalise = \"caml\"\ntokenizer = { words = { min-documents = 2 } }\nword-vectors = { \
                   file = \"absent.txt\", sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\", \
                   dimension = 8, scale = \"as-read\", get = \"ask\" }\n\n[evaluation]";
    let both =
        "[search]\nmetric = \"map\"\ndraw = \"grid\"\n[search.settings.caml]\n\"text\" = [\"words\", \"vectors\"]\n";
    let bench = Bench::new(&suite(both).replacen("\n[evaluation]", vectors, 1));
    let output = bench.run(&["search", "tiny.toml"]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    let chosen = Suite::read(&bench.path("reports/tiny/chosen.toml")).unwrap();
    let titles: Vec<&str> = chosen.runs.iter().map(|run| run.title()).collect();
    assert_eq!(
        titles,
        ["logistic_regression"],
        "the best of one trial is not the best of two"
    );
}

#[test]
fn a_suite_without_a_search_is_refused() {
    let bench = Bench::new(&suite(""));
    assert_fails(
        &bench.run(&["search", "tiny.toml"]),
        2,
        &["tiny searches nothing", "[search]"],
    );
}

/// `reports/SEARCH/chosen.toml` is what `icdbench search suites/SEARCH.toml` wrote: the runs that `suite` has too.
fn assert_chosen(search: &str, suite: &str) -> [Suite; 3] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: String| Suite::read(&root.join(path)).unwrap();
    let chosen = read(format!("reports/{search}/chosen.toml"));
    let [suite, searched] = [suite, search].map(|name| read(format!("suites/{name}.toml")));
    let titles = |suite: &Suite| suite.runs.iter().map(|run| run.title().to_owned()).collect::<Vec<_>>();
    assert_eq!(titles(&chosen), titles(&searched));
    for chosen in &chosen.runs {
        let found = suite.runs.iter().find(|run| run.title() == chosen.title());
        let found = found.unwrap_or_else(|| panic!("{} is not in {}", chosen.title(), suite.name));
        assert_eq!(found.model, chosen.model);
        assert_eq!((&found.text, &found.encoder), (&chosen.text, &chosen.encoder));
        assert_eq!(suite.text[&found.text], searched.text[&chosen.text]);
        assert_eq!(found.training, chosen.training, "{}", found.title());
        assert_eq!(found.chosen, chosen.chosen);
        assert_eq!(chosen.chosen.as_ref().unwrap().trials, 4, "as many for every model");
    }
    assert_eq!(suite.labels, searched.labels);
    [chosen, suite, searched]
}

#[test]
fn quick_has_the_settings_that_its_search_chose() {
    let [chosen, quick, searched] = assert_chosen("quick-search", "quick");
    assert_ne!(quick.data, searched.data, "the search looks at other notes");
    assert_eq!(
        chosen.runs.len(),
        quick.runs.len(),
        "every run's settings were searched for"
    );
}

#[test]
fn quick_seeds_is_quick_from_more_seeds() {
    let read = |name: &str| Suite::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let [quick, seeds] = ["suites/quick.toml", "suites/quick-seeds.toml"].map(read);
    assert_eq!((&quick.seeds[..], &seeds.seeds[..]), (&[1][..], &[1, 2, 3][..]));
    let renamed = Suite {
        name: quick.name.clone(),
        description: quick.description.clone(),
        seeds: quick.seeds.clone(),
        ..seeds
    };
    assert_eq!(renamed, quick);
}

#[test]
fn the_codiesp_suites_have_the_settings_that_their_search_chose() {
    for suite in ["codiesp-dev", "codiesp"] {
        let [chosen, suite, searched] = assert_chosen("codiesp-search", suite);
        let models: BTreeSet<&str> = suite.runs.iter().map(|run| run.model.name()).collect();
        let from_nothing: BTreeSet<&str> = chosen.runs.iter().map(|run| run.model.name()).collect();
        assert_eq!(from_nothing, models, "every model's settings were searched for");
        // It is scored on validation notes, which are of train.
        assert!(matches!(
            searched.division.validation,
            Validation::FractionOfTrain { .. }
        ));
    }
}

#[test]
fn suites_on_dev_and_on_test_differ_in_their_notes_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites");
    for names in [
        ["codiesp-dev.toml", "codiesp.toml"],
        ["codiesp-official-dev.toml", "codiesp-official.toml"],
        ["codiesp-official-dev.toml", "codiesp-official-train-dev.toml"],
    ] {
        let [dev, test] = names.map(|name| Suite::read(&root.join(name)).unwrap());
        let on_the_notes_of_dev = Suite {
            name: dev.name.clone(),
            description: dev.description.clone(),
            division: dev.division.clone(),
            ..test
        };
        assert_eq!(on_the_notes_of_dev, dev);
    }
}
