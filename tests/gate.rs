//! The gate: what it finds, what it lets pass, and how it ends where nothing can be said.

mod common;
#[path = "fixtures/report/records.rs"]
mod records;
#[path = "common/simulated.rs"]
mod simulated;
#[path = "common/stream.rs"]
mod stream;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use common::{Bench, logistic_regression, stderr, stdout, suite_text};
use icdbench::gate::{
    Accepted, AcceptedCell, Answer, FORMAT, MARGINS, Verdict, judge, judge_by_reference, junit, markdown, worst,
};
use icdbench::record::{RecordStore, Reported, StageName, StagePool, Status};
use simulated::{Population, Sample, Stream, reported};

const POPULATION: Population = Population {
    notes: 1_600,
    codes: 50,
    skill: 2.2,
    of_patient: 0.3,
};

fn accepted(cells: &[Reported]) -> Accepted {
    let metrics = || MARGINS.iter().map(|(metric, _)| *metric);
    Accepted {
        format: FORMAT,
        suite: "lengths".into(),
        reason: "first".into(),
        accepted: "2026-01-01T00:00:00Z".into(),
        margins: MARGINS.map(|(metric, fall)| (metric.to_owned(), fall)).into(),
        cells: cells
            .iter()
            .map(|cell| AcceptedCell::of(cell, metrics()).unwrap())
            .collect(),
    }
}

fn of(verdicts: &[Verdict], metric: &str) -> Verdict {
    let found = verdicts
        .iter()
        .find(|verdict| verdict.metric.as_deref() == Some(metric));
    found.unwrap().clone()
}

/// A system's scores with some of its right decisions undone, until micro-F1 has fallen by about so much.
fn fallen(sample: &Sample, scores: &[f32], fall: f64, stream: &mut Stream) -> Vec<f32> {
    let mut fallen = scores.to_vec();
    let codes = POPULATION.codes;
    let before = simulated::evaluation(sample, scores).scores["micro-f1"];
    let right: Vec<usize> = (0..scores.len())
        .filter(|cell| scores[*cell] > 0.5 && sample.gold[cell / codes].contains(&((cell % codes) as u32)))
        .collect();
    while before - simulated::evaluation(sample, &fallen).scores["micro-f1"] < fall {
        for _ in 0..10 {
            fallen[right[(stream.next() % right.len() as u64) as usize]] = 0.49;
        }
    }
    fallen
}

#[test]
fn a_fall_of_a_point_on_1600_notes_is_found_and_a_rise_is_called_one() {
    let mut stream = Stream::new(5);
    let sample = POPULATION.sample(&mut stream);
    let scores = POPULATION.scores(&sample, &mut stream);
    let good = [reported(&sample, &scores, ("caml", 1), false)];
    let fall = fallen(&sample, &scores, 0.01, &mut stream);
    let bad = [reported(&sample, &fall, ("caml", 1), false)];
    let verdicts = judge(&accepted(&good), &bad);
    let found = of(&verdicts, "micro-f1");
    assert_eq!(found.answer, Answer::Worse, "{found:?}");
    let [before, now] = found.scores.unwrap();
    assert!((before - now - 0.01).abs() < 0.001, "{found:?}");
    assert_eq!(worst(&verdicts), Some(Answer::Worse));
    let verdicts = judge(&accepted(&bad), &good);
    assert_eq!(of(&verdicts, "micro-f1").answer, Answer::Better);
    // A tenth of it is no fall beyond the margin, and is seen to be none.
    let little = fallen(&sample, &scores, 0.001, &mut stream);
    let verdicts = judge(&accepted(&good), &[reported(&sample, &little, ("caml", 1), false)]);
    assert_eq!(of(&verdicts, "micro-f1").answer, Answer::Same);
}

#[test]
fn two_trainings_of_one_quality_are_never_called_worse() {
    // Harder than an unchanged program, whose scores are equal to the bit: every score is drawn again.
    let population = Population {
        notes: 300,
        codes: 20,
        ..POPULATION
    };
    for run in 0..200 {
        let mut stream = Stream::new(10_000 + run);
        let sample = population.sample(&mut stream);
        let mut side = || {
            let scores = population.scores(&sample, &mut stream);
            [reported(&sample, &scores, ("caml", 1), false)]
        };
        let (first, second) = (side(), side());
        let verdicts = judge(&accepted(&first), &second);
        assert!(
            verdicts.iter().all(|verdict| verdict.answer != Answer::Worse),
            "{run}: {verdicts:?}"
        );
        let unchanged = judge(&accepted(&first), &first);
        assert!(
            unchanged.iter().all(|verdict| verdict.answer == Answer::Same),
            "{run}: {unchanged:?}"
        );
        assert!(
            unchanged
                .iter()
                .all(|verdict| verdict.reason.as_deref() == Some("equal to the last bit"))
        );
    }
}

#[test]
fn few_notes_are_not_enough_to_rule_a_fall_out() {
    let population = Population {
        notes: 30,
        codes: 20,
        ..POPULATION
    };
    let mut stream = Stream::new(7);
    let sample = population.sample(&mut stream);
    let mut side = || {
        [reported(
            &sample,
            &population.scores(&sample, &mut stream),
            ("caml", 1),
            false,
        )]
    };
    let (first, second) = (side(), side());
    let verdicts = judge(&accepted(&first), &second);
    assert_eq!(worst(&verdicts), Some(Answer::NotEnoughData), "{verdicts:?}");
}

#[test]
fn the_seeds_own_differences_widen_the_interval() {
    let population = Population {
        notes: 400,
        codes: 20,
        ..POPULATION
    };
    let mut stream = Stream::new(11);
    let sample = population.sample(&mut stream);
    let mut side = |shift: f32| -> Vec<Reported> {
        let seeds = 1..=3u64;
        let of_seed = seeds.map(|seed| {
            let scores = population.scores(&sample, &mut stream);
            let moved: Vec<f32> = scores
                .iter()
                .map(|score| (score - shift * seed as f32).max(0.0))
                .collect();
            reported(&sample, &moved, ("caml", seed), false)
        });
        of_seed.collect()
    };
    let (first, second) = (side(0.0), side(0.05));
    let width = |cells: [&[Reported]; 2]| {
        let found = of(&judge(&accepted(cells[0]), cells[1]), "micro-f1");
        let [low, high] = found.interval.unwrap();
        (found.seeds, high - low)
    };
    let (of_three, wide) = width([&first, &second]);
    let (of_two, narrow) = width([&first[..2], &second[..2]]);
    assert_eq!((of_three, of_two), (3, 2));
    assert!(wide > narrow, "{wide} {narrow}");
}

#[test]
fn new_seeds_lie_within_a_reference_of_seeds_or_below_it() {
    let population = Population {
        notes: 150,
        codes: 20,
        ..POPULATION
    };
    let mut stream = Stream::new(21);
    let sample = population.sample(&mut stream);
    let mut seeds = |skill: f64, seeds: std::ops::Range<u64>| -> Vec<Reported> {
        let system = Population { skill, ..population };
        let of_seed = seeds.map(|seed| {
            let scores = system.scores(&sample, &mut stream);
            reported(&sample, &scores, ("caml", seed), false)
        });
        of_seed.collect()
    };
    let reference = accepted(&seeds(2.2, 1..11));
    let (alike, worse, better) = (seeds(2.2, 101..106), seeds(1.7, 101..106), seeds(2.7, 101..106));
    let of_new = |cells: &[Reported]| of(&judge_by_reference(&reference, cells), "micro-f1");
    let found = of_new(&alike);
    assert!(found.answer == Answer::Same && found.seeds == 5, "{found:?}");
    assert_eq!(of_new(&worse).answer, Answer::Worse);
    assert_eq!(of_new(&better).answer, Answer::Better);
    // More new seeds than half the reference, diverged ones, none.
    let many = [alike.clone(), worse.clone()].concat();
    assert_eq!(of_new(&many).answer, Answer::NotEnoughData);
    let diverged = |seed: u64| {
        records::ended(
            records::cell("caml", 512, seed),
            Status::Failed,
            Some("degenerate result: all scores are equal"),
        )
    };
    let some = [&alike[..4], &[diverged(1)]].concat();
    let found = of_new(&some);
    assert!(
        found.answer == Answer::Same && found.reason.clone().unwrap().contains("1 of 5 seeds diverged"),
        "{found:?}"
    );
    let most = [&alike[..1], &[diverged(1), diverged(2)]].concat();
    assert_eq!(worst(&judge_by_reference(&reference, &most)), Some(Answer::Degenerate));
    assert_eq!(worst(&judge_by_reference(&reference, &[])), Some(Answer::Missing));
}

#[test]
fn what_does_not_compare_is_not_compared() {
    let mut stream = Stream::new(3);
    let population = Population {
        notes: 60,
        codes: 20,
        ..POPULATION
    };
    let sample = population.sample(&mut stream);
    let scores = population.scores(&sample, &mut stream);
    let cells = [reported(&sample, &scores, ("caml", 1), false)];
    let good = accepted(&cells);
    let judged = |accepted: &Accepted, cells: &[Reported]| {
        let verdicts = judge(accepted, cells);
        (worst(&verdicts).unwrap(), verdicts[0].reason.clone().unwrap())
    };
    let mut other = good.clone();
    other.cells[0].metrics_version = "0".into();
    let (answer, reason) = judged(&other, &cells);
    assert!(
        answer == Answer::NotComparable && reason.contains("version 0"),
        "{reason}"
    );
    let mut other = good.clone();
    other.cells[0].notes = "0".into();
    let (answer, reason) = judged(&other, &cells);
    assert!(
        answer == Answer::NotComparable && reason.contains("another copy or division"),
        "{reason}"
    );
    let mut other = good.clone();
    other.cells[0].codes = 7;
    let (answer, reason) = judged(&other, &cells);
    assert!(
        answer == Answer::NotComparable && reason.contains("20 codes"),
        "{reason}"
    );
    let elsewhere = population.sample(&mut stream);
    let drawn = population.scores(&elsewhere, &mut stream);
    let mut moved = elsewhere.clone();
    moved.names[0][0] = "another note".into();
    let (answer, reason) = judged(&good, &[reported(&moved, &drawn, ("caml", 1), false)]);
    assert!(
        answer == Answer::NotComparable && reason.contains("other notes"),
        "{reason}"
    );
    let (answer, reason) = judged(&good, &[]);
    assert!(answer == Answer::Missing && reason.contains("no record"), "{reason}");
    let ended = |reason: &str| {
        [records::ended(
            records::cell("caml", 512, 1),
            Status::Failed,
            Some(reason),
        )]
    };
    let (answer, _) = judged(&good, &ended("out of luck"));
    assert_eq!(answer, Answer::Missing);
    let (answer, reason) = judged(&good, &ended("degenerate result: every score is equal"));
    assert!(
        answer == Answer::Degenerate && reason.contains("every score is equal"),
        "{reason}"
    );
}

#[test]
fn what_is_written_is_read_and_what_people_are_shown_says_it_all() {
    let mut stream = Stream::new(9);
    let population = Population {
        notes: 60,
        codes: 20,
        ..POPULATION
    };
    let sample = population.sample(&mut stream);
    let cells = [reported(
        &sample,
        &population.scores(&sample, &mut stream),
        ("a<b|c", 1),
        false,
    )];
    let good = accepted(&cells);
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("accepted.json");
    fs::write(&path, serde_json::to_string_pretty(&good).unwrap()).unwrap();
    assert_eq!(Accepted::read(&path).unwrap(), good);
    // The values of redraws are kept in millionths.
    let kept = good.cells[0].redraws("map").unwrap();
    let drawn = &cells[0].resamples.as_ref().unwrap().values["map"];
    assert!(
        kept.iter()
            .zip(drawn)
            .all(|(kept, drawn)| (kept - drawn).abs() <= 5.1e-7)
    );
    let verdicts = judge(&good, &cells);
    let xml = junit("lengths", &verdicts);
    assert!(
        xml.contains("tests=\"3\" failures=\"0\" errors=\"0\"") && xml.contains("a&lt;b|c"),
        "{xml}"
    );
    let missing = judge(&good, &[]);
    let xml = junit("lengths", &missing);
    assert!(
        xml.contains("errors=\"1\"") && xml.contains("<error message=\"missing\">"),
        "{xml}"
    );
    let text = markdown("lengths", "why | not", &missing);
    assert!(
        text.contains("| a<b\\|c | 512 | all | **missing** |") && text.contains("why \\| not"),
        "{text}"
    );
    for (before, after, problem) in [
        ("\"format\": 1", "\"format\": 9", "format 9"),
        ("\"suite\"", "\"suit\"", "unknown field"),
        ("\"map\": \"", "\"map\": \"two ", "no 1000 redraws of map"),
        ("\"map\": \"", "\"map\": \"1 ", "no 1000 redraws of map"),
        ("\"micro-f1\": 0.01", "\"micro-f1\": 50.0", "a margin of 50"),
        ("\"micro-f1\": 0.01", "\"micro-f1\": -0.5", "a margin of -0.5"),
        (
            "\"micro-f1\": 0.01",
            "\"precision-at-7\": 0.01",
            "no precision-at-7 from 0 to 1",
        ),
    ] {
        let text = fs::read_to_string(&path).unwrap();
        let damaged = scratch.path().join("damaged.json");
        fs::write(&damaged, text.replacen(before, after, 1)).unwrap();
        let error = Accepted::read(&damaged).unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains("damaged.json"), "{error}");
    }
}

#[test]
fn the_command_ends_as_its_verdicts_say() {
    let bench = Bench::new(&suite_text(80, &logistic_regression(3)));
    let baseline = "accepted.json";
    let accept = ["accept", "tiny.toml", "--reason", "first", "--to", baseline];
    let none = bench.run(&accept);
    assert_eq!(none.status.code(), Some(2), "nothing was run yet");
    assert!(stderr(&none).contains("run the suite first"), "{}", stderr(&none));
    common::assert_good(&bench.run(&["run", "tiny.toml", "--no-report"]));
    common::assert_good(&bench.run(&accept));
    let gate = [
        "gate",
        "tiny.toml",
        "--baseline",
        baseline,
        "--junit",
        "j.xml",
        "--markdown",
        "m.md",
    ];
    let same = bench.run(&gate);
    common::assert_good(&same);
    assert!(stdout(&same).contains("equal to the last bit"), "{}", stdout(&same));
    assert!(fs::read_to_string(bench.path("j.xml")).unwrap().contains("<testsuite"));
    assert!(
        fs::read_to_string(bench.path("m.md"))
            .unwrap()
            .contains("| micro-f1 | same |")
    );
    let good: Accepted = Accepted::read(&bench.path(baseline)).unwrap();
    let judged = |change: &dyn Fn(&mut Accepted)| {
        let mut other = good.clone();
        change(&mut other);
        fs::write(bench.path("other.json"), serde_json::to_vec(&other).unwrap()).unwrap();
        let found = bench.run(&["--json", "gate", "tiny.toml", "--baseline", "other.json"]);
        let shown: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap_or_default();
        (
            found.status.code().unwrap(),
            shown["answer"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let shifted = |other: &mut Accepted, by: f64| {
        for cell in &mut other.cells {
            cell.key = "another".into();
            let metrics: Vec<String> = cell.scores.keys().cloned().collect();
            for metric in metrics {
                *cell.scores.get_mut(&metric).unwrap() += by;
                let moved = cell
                    .redraws(&metric)
                    .unwrap()
                    .into_iter()
                    .map(|value| format!("{:.0}", 1e6 * (value + by)));
                let moved: Vec<String> = moved.collect();
                cell.redraws.insert(metric, moved.join(" "));
            }
        }
    };
    assert_eq!(judged(&|other| shifted(other, 0.05)), (1, "worse".into()));
    assert_eq!(judged(&|other| shifted(other, -0.05)), (0, "better".into()));
    assert_eq!(judged(&|other| shifted(other, 0.001)), (0, "same".into()));
    assert_eq!(
        judged(&|other| other.cells[0].notes = "0".into()),
        (4, "not-comparable".into())
    );
    assert_eq!(judged(&|other| other.cells[0].cell.length = 9), (2, "missing".into()));
    assert_eq!(judged(&|other| other.cells.clear()), (3, String::new()));
    assert_eq!(judged(&|other| other.suite = "quick".into()), (2, String::new()));
    // Noise as wide as the margin: nothing can be said.
    let noisy = |other: &mut Accepted| {
        shifted(other, 0.0);
        let cell = &mut other.cells[0];
        *cell.scores.get_mut("map").unwrap() += 1e-9;
        let wide = cell.redraws("map").unwrap();
        let wide = wide
            .iter()
            .enumerate()
            .map(|(at, value)| format!("{:.0}", 1e6 * value + 3e4 * f64::from(at as u32 % 7)));
        let wide: Vec<String> = wide.collect();
        cell.redraws.insert("map".into(), wide.join(" "));
    };
    assert_eq!(judged(&noisy), (3, "not-enough-data".into()));
    // Accepted under other labels: run, and not comparable.
    assert_eq!(
        judged(&|other| other.cells[0].cell.labels = "top 9".into()),
        (4, "not-comparable".into())
    );
    // One cell of two was accepted: nothing is said of the other, and that is told.
    let both = suite_text(80, &(logistic_regression(3) + &common::caml(1, 8)));
    fs::write(bench.path("tiny.toml"), &both).unwrap();
    common::assert_good(&bench.run(&["run", "tiny.toml", "--no-report"]));
    let more = bench.run(&gate);
    common::assert_good(&more);
    assert!(
        stderr(&more).contains("1 scored cells are not among what was accepted"),
        "{}",
        stderr(&more)
    );
    let unreadable = bench.run(&["gate", "tiny.toml", "--baseline", "none.json"]);
    assert_eq!(unreadable.status.code(), Some(2));
    assert!(
        stderr(&unreadable).contains("icdbench accept"),
        "{}",
        stderr(&unreadable)
    );
    let wrong = bench.run(&["accept", "tiny.toml", "--reason", "x", "--margin", "micro-f1=2"]);
    assert!(stderr(&wrong).contains("micro-f1=0.01"), "{}", stderr(&wrong));
}

#[test]
fn a_record_of_another_program_says_nothing_of_this_one() {
    let bench = Bench::new(&suite_text(80, &logistic_regression(3)));
    common::assert_good(&bench.run(&["run", "tiny.toml", "--no-report"]));
    common::assert_good(&bench.run(&["accept", "tiny.toml", "--reason", "first", "--to", "a.json"]));
    // As another program's code would have it, with all keys behind it.
    let results = bench.path("results");
    let mut record = bench.records("results").remove(0);
    fs::remove_file(RecordStore::new(&results).path(&record.key)).unwrap();
    let last = Arc::make_mut(record.stages.get_mut(&StageName::Record).unwrap());
    last.made_by.insert("code".into(), "of another program".into());
    record.key = StagePool::default().key_of_chain(&mut record.stages).unwrap();
    RecordStore::new(&results).write(&record).unwrap();
    let found = bench.run(&["gate", "tiny.toml", "--baseline", "a.json"]);
    assert_eq!(found.status.code(), Some(2), "{}", stdout(&found));
    assert!(
        stderr(&found).contains("1 records were made by another program"),
        "{}",
        stderr(&found)
    );
}

#[test]
fn a_degenerate_cell_has_an_exit_code_of_its_own() {
    let bench = Bench::new(&suite_text(80, &logistic_regression(3)));
    common::assert_good(&bench.run(&["run", "tiny.toml", "--no-report"]));
    common::assert_good(&bench.run(&["accept", "tiny.toml", "--reason", "first", "--to", "a.json"]));
    // A threshold that nothing reaches.
    let fixed = "threshold = { fixed = 1.0 }";
    let text = fs::read_to_string(bench.path("tiny.toml")).unwrap();
    let start = text.find("threshold = ").unwrap();
    let end = start + text[start..].find('\n').unwrap();
    fs::write(
        bench.path("tiny.toml"),
        format!("{}{fixed}{}", &text[..start], &text[end..]),
    )
    .unwrap();
    let run = bench.run(&["run", "tiny.toml", "--no-report"]);
    assert_eq!(run.status.code(), Some(5), "{}", stderr(&run));
    let found = bench.run(&["gate", "tiny.toml", "--baseline", "a.json"]);
    assert_eq!(found.status.code(), Some(5), "{}{}", stdout(&found), stderr(&found));
}

/// Every metric has a margin of its own in the file.
#[test]
fn margins_are_what_was_accepted() {
    let bench = Bench::new(&suite_text(80, &logistic_regression(3)));
    common::assert_good(&bench.run(&["run", "tiny.toml", "--no-report"]));
    let accept = [
        "accept",
        "tiny.toml",
        "--reason",
        "x",
        "--to",
        "a.json",
        "--margin",
        "map=0.02",
        "--margin",
        "micro-f1=0.005",
    ];
    common::assert_good(&bench.run(&accept));
    let margins = Accepted::read(&bench.path("a.json")).unwrap().margins;
    assert_eq!(
        margins,
        BTreeMap::from([("map".to_owned(), 0.02), ("micro-f1".to_owned(), 0.005)])
    );
}
