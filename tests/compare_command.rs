//! `icdbench compare`: what its sides may be, what it says, and that intervals are in records and reports.

mod common;

use std::fs;

use common::{Bench, assert_fails, assert_good, caml, logistic_regression, stderr, stdout, suite_text};
use serde_json::Value as Json;

/// Two runs on one set of notes.
fn bench() -> Bench {
    let bench = Bench::new(&suite_text(80, &format!("{}{}", logistic_regression(3), caml(1, 8))));
    assert_good(&bench.run(&["run", "tiny.toml"]));
    bench
}

fn compared(bench: &Bench, arguments: &[&str]) -> Json {
    let found = bench.run(&[&["--json", "compare"], arguments].concat());
    assert_good(&found);
    serde_json::from_slice(&found.stdout).unwrap()
}

#[test]
fn sides_are_suites_directories_records_and_runs_of_them() {
    let bench = bench();
    let sides = ["tiny.toml:logistic_regression", "tiny.toml:caml"];
    let found = compared(&bench, &sides);
    let family = found["comparisons"].as_array().unwrap();
    let of = |metric: &str| {
        family
            .iter()
            .find(|row| row["metric"] == metric && row.get("bin").is_none())
            .unwrap()
    };
    let records = bench.records("results");
    let score = |run: &str, metric: &str| {
        let record = records.iter().find(|record| record.cell.run == run).unwrap();
        record.outcome.as_ref().unwrap().scores[metric]
    };
    for metric in ["micro-f1", "macro-f1-all", "map"] {
        let row = of(metric);
        let change = score("caml", metric) - score("logistic_regression", metric);
        assert!((row["change"].as_f64().unwrap() - change).abs() < 1e-12, "{row}");
        let [low, high] = ["low", "high"].map(|end| row[end].as_f64().unwrap());
        assert!(low <= change && change <= high, "{row}");
        assert_eq!(row["test"], "randomisation");
        let [p, corrected] = ["p", "p-holm"].map(|p| row[p].as_f64().unwrap());
        assert!(0.0 < p && p <= corrected && corrected <= 1.0, "{row}");
        assert_eq!(row["run"], "logistic_regression → caml");
    }
    assert!(
        family
            .iter()
            .any(|row| row.get("bin").is_some() && row["test"] == "bootstrap"),
        "{found}"
    );
    // The other ways to name the same sides say the same, but for the names.
    let named = |run: &str| {
        let record = records.iter().find(|record| record.cell.run == run).unwrap();
        format!("results/records/{}.json", record.key)
    };
    let [one, other] = [named("logistic_regression"), named("caml")];
    for sides in [
        [one.as_str(), other.as_str()],
        ["results:logistic_regression", "results:caml"],
    ] {
        assert_eq!(compared(&bench, &sides)["comparisons"], found["comparisons"]);
    }
    // A side and itself.
    let same = compared(&bench, &["results", "tiny.toml"]);
    let all = same["comparisons"].as_array().unwrap();
    assert!(
        all.iter().all(|row| row["change"] == 0.0 && row["p-holm"] == 1.0),
        "{same}"
    );
    let said = same["conclusions"][0].as_str().unwrap();
    assert!(said.contains("is the same at 48"), "{said}");
}

#[test]
fn what_is_said_is_a_table_sentences_and_a_plot() {
    let bench = bench();
    let sides = ["tiny.toml:logistic_regression", "tiny.toml:caml"];
    let shown = bench.run(&[&["compare"], &sides[..], &["--plot", "forest.svg", "--metric", "map"]].concat());
    assert_good(&shown);
    let text = stdout(&shown);
    for part in [
        "95 % interval",
        "p (Holm)",
        "MAP",
        "notes, redrawn by patient; seed 1",
        "could have seen",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("Macro-F1"), "{text}");
    assert!(
        text.contains("tiny.toml:caml is") || text.contains("no difference in map was found"),
        "{text}"
    );
    assert!(fs::read_to_string(bench.path("forest.svg")).unwrap().contains("MAP"));
    for (arguments, words) in [
        (
            &["tiny.toml:x", "tiny.toml:caml"][..],
            &["no record of a run \"x\"", "caml, logistic_regression"][..],
        ),
        (
            &["nowhere.toml", "tiny.toml"],
            &["nowhere.toml", "expected a suite file"],
        ),
        (
            &["tiny.toml", "tiny.toml", "--metric", "accuracy"],
            &["--metric accuracy"],
        ),
        (
            &["tiny.toml", "tiny.toml:caml", "--plot", "x.jpg"],
            &["ends in .svg or .png"],
        ),
        (&["smoke", "tiny.toml"], &["smoke: found no scored cell"]),
    ] {
        assert_fails(&bench.run(&[&["compare"], arguments].concat()), 2, words);
    }
}

#[test]
fn cells_of_other_notes_do_not_compare() {
    let bench = bench();
    let other = suite_text(90, &logistic_regression(3));
    fs::write(bench.path("tiny.toml"), other).unwrap();
    assert_good(&bench.run(&["--results", "others", "run", "tiny.toml", "--no-report"]));
    let found = bench.run(&["compare", "results:logistic_regression", "others"]);
    assert_eq!(found.status.code(), Some(4), "{}{}", stdout(&found), stderr(&found));
    assert!(stderr(&found).contains("different notes"), "{}", stderr(&found));
}

#[test]
fn records_and_reports_have_intervals_that_can_be_left_out() {
    let bench = bench();
    for record in bench.records("results") {
        let outcome = record.outcome.unwrap();
        let drawn = outcome.redrawn.unwrap();
        assert!(drawn.redraws == 1000 && drawn.patients > 5 && !drawn.draws.is_empty());
        for (metric, score) in &outcome.scores {
            let found = outcome
                .intervals
                .get(metric)
                .unwrap_or_else(|| panic!("no interval of {metric}"));
            assert!(
                found.low <= *score && *score <= found.high,
                "{metric}: {score} {found:?}"
            );
            assert!(
                found.low >= 0.0 && found.high <= 1.0 && found.standard_error >= 0.0,
                "{metric}"
            );
        }
        assert!(outcome.frequency_bins.iter().any(|bin| bin.micro_f1_interval.is_some()));
    }
    let page = || fs::read_to_string(bench.path("reports/tiny/index.html")).unwrap();
    assert!(page().contains("class=\"interval\""));
    assert_good(&bench.run(&["report", "tiny.toml", "--no-intervals"]));
    assert!(!page().contains("class=\"interval\""));
}
