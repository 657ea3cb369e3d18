//! `icdbench score SUITE --predictions FILE`: what another system predicted has a record like a model's, and a file that
//! cannot be what it says is refused by its place.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use common::{Bench, assert_fails, assert_good, logistic_regression, stderr, stdout, suite_text};
use icdbench::record::{External, Outcome, Record, RecordStore, Status};
use parquet::arrow::ArrowWriter;

/// A note, a code, a score.
type Pair = (String, String, String);

/// A suite that was run, and what it exports.
fn scored() -> (Bench, Vec<Pair>) {
    let bench = Bench::new(&suite_text(160, &logistic_regression(3)).replace("\"ignore\"", "\"count-as-missed\""));
    assert_good(&bench.run(&["run", "tiny.toml"]));
    assert_good(&bench.run(&["export", "tiny.toml", "--predictions", "--out", "ours.csv"]));
    let mut reader = csv::Reader::from_path(bench.path("ours.csv")).unwrap();
    let pairs = reader.records().map(|row| {
        let row = row.unwrap();
        (row[0].to_owned(), row[1].to_owned(), row[2].to_owned())
    });
    let pairs = pairs.collect();
    (bench, pairs)
}

fn record(bench: &Bench, run: &str) -> Record {
    let mut found = bench.records("results");
    found.retain(|record| record.cell.run == run);
    assert_eq!(found.len(), 1, "{run}");
    found.remove(0)
}

fn csv_of(pairs: &[Pair], separator: char) -> String {
    let row = |(note, code, score): &Pair| format!("{note}{separator}{code}{separator}{score}\n");
    format!("note{separator}code{separator}score\n") + &pairs.iter().map(row).collect::<String>()
}

fn by_note(pairs: &[Pair]) -> BTreeMap<&str, BTreeMap<&str, &str>> {
    let mut notes: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
    for (note, code, score) in pairs {
        notes.entry(note).or_default().insert(code, score);
    }
    notes
}

fn wide(pairs: &[Pair]) -> String {
    let notes = by_note(pairs);
    let codes: Vec<&str> = notes.values().next().unwrap().keys().copied().collect();
    let mut text = format!("hadm_id,{}\n", codes.join(","));
    for (note, scores) in notes {
        let scores: Vec<&str> = scores.into_values().collect();
        text += &format!("{note},{}\n", scores.join(","));
    }
    text
}

fn a_note_a_line(pairs: &[Pair]) -> String {
    let line = |(note, scores): (&str, BTreeMap<&str, &str>)| {
        let scores: BTreeMap<&str, f64> = scores
            .into_iter()
            .map(|(code, score)| (code, score.parse().unwrap()))
            .collect();
        serde_json::json!({ "note": note, "codes": scores }).to_string() + "\n"
    };
    by_note(pairs).into_iter().map(line).collect()
}

fn a_pair_a_line(pairs: &[Pair]) -> String {
    let line = |(note, code, score): &Pair| {
        let score: f64 = score.parse().unwrap();
        serde_json::json!({ "note_id": note, "code": code.to_lowercase(), "probability": score }).to_string() + "\n"
    };
    pairs.iter().map(line).collect()
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn strings<'a>(values: impl Iterator<Item = &'a String>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn numbers(pairs: &[Pair]) -> ArrayRef {
    Arc::new(
        pairs
            .iter()
            .map(|pair| pair.2.parse::<f64>().unwrap())
            .collect::<Float64Array>(),
    )
}

fn same(ours: &Outcome, theirs: &Outcome) {
    for (what, one, other) in [
        ("scores", &ours.scores, &theirs.scores),
        ("prior", &ours.prior_scores, &theirs.prior_scores),
    ] {
        assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
        for (name, value) in one {
            assert!(
                (value - other[name]).abs() <= 1e-12,
                "{what}.{name}: {value}, {}",
                other[name]
            );
        }
    }
    assert_eq!(ours.intervals, theirs.intervals);
    assert_eq!(ours.frequency_bins, theirs.frequency_bins);
    assert_eq!(ours.codes, theirs.codes);
    assert_eq!(ours.redrawn, theirs.redrawn);
    assert_eq!(ours.task.evaluation_notes, theirs.task.evaluation_notes);
}

#[test]
fn an_exported_prediction_gives_the_numbers_of_its_record_in_every_shape() {
    let (bench, pairs) = scored();
    let ours = record(&bench, "logistic_regression").outcome.unwrap();
    assert!(
        ours.task.unseen_codes > 0,
        "codes that the model cannot predict are part of this"
    );
    let long = vec![
        ("note", strings(pairs.iter().map(|pair| &pair.0))),
        ("code", strings(pairs.iter().map(|pair| &pair.1))),
        ("score", numbers(&pairs)),
    ];
    let bom = format!("\u{feff}{}", csv_of(&pairs, ',')).replace('\n', "\r\n");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(csv_of(&pairs, ',').as_bytes()).unwrap();
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("long.csv", csv_of(&pairs, ',').into()),
        ("bom-and-crlf.csv", bom.into()),
        ("long.tsv", csv_of(&pairs, '\t').into()),
        ("long.csv.gz", gz.finish().unwrap()),
        ("wide.csv", wide(&pairs).into()),
        ("pairs.jsonl", a_pair_a_line(&pairs).into()),
        ("notes.jsonl", a_note_a_line(&pairs).into()),
        ("long.parquet", parquet(long)),
    ];
    for (name, bytes) in files {
        fs::write(bench.path(name), bytes).unwrap();
        let threshold = ours.threshold.to_string();
        let arguments = [
            "score",
            "tiny.toml",
            "--predictions",
            name,
            "--system",
            name,
            "--threshold",
            &threshold,
        ];
        assert_good(&bench.run(&arguments));
        let theirs = record(&bench, &format!("{name} (external)"));
        assert_eq!(theirs.status, Status::Ok);
        let outcome = theirs.outcome.unwrap();
        same(&ours, &outcome);
        let external = outcome.external.unwrap();
        assert_eq!(external.predictions.pairs, pairs.len() as u64, "{name}");
        assert_eq!(external.system, name);
    }
    // What is checked without training holds for them too.
    let checked = bench.run(&["check", "results", "--suite", "tiny.toml"]);
    assert_good(&checked);
    assert!(
        stdout(&checked).contains("made again from its scores"),
        "{}",
        stdout(&checked)
    );
}

#[test]
fn a_system_that_only_decides_has_no_metrics_by_rank() {
    let (bench, pairs) = scored();
    let ours = record(&bench, "logistic_regression").outcome.unwrap();
    let above = |pair: &&Pair| pair.2.parse::<f32>().unwrap() > ours.threshold;
    let mut text = String::new();
    for (note, codes) in by_note(&pairs) {
        let listed: Vec<&str> = codes
            .into_iter()
            .filter(|(_, score)| score.parse::<f32>().unwrap() > ours.threshold)
            .map(|(code, _)| code)
            .collect();
        text += &(serde_json::json!({ "note": note, "codes": listed }).to_string() + "\n");
    }
    assert!(pairs.iter().any(|pair| above(&pair)));
    fs::write(bench.path("decided.jsonl"), text).unwrap();
    let arguments = [
        "score",
        "tiny.toml",
        "--predictions",
        "decided.jsonl",
        "--system",
        "LLM",
    ];
    let words = ["--trained-on", "what is public until 2025"];
    assert_good(&bench.run(&[&arguments[..], &words].concat()));
    let theirs = record(&bench, "LLM (external)").outcome.unwrap();
    for (name, value) in &ours.scores {
        match theirs.scores.get(name) {
            Some(found) => assert!((found - value).abs() <= 1e-12, "{name}"),
            None => assert!(icdbench::metrics::is_by_rank(name), "{name} is missing"),
        }
    }
    assert!(theirs.scores.contains_key("micro-f1") && !theirs.scores.contains_key("map"));
    assert!(theirs.intervals.keys().all(|name| theirs.scores.contains_key(name)));
    assert!(
        theirs
            .codes
            .iter()
            .all(|code| code.roc_auc.is_none() && code.pr_auc.is_none())
    );
    assert_good(&bench.run(&["check", "results"]));
    let more = bench.run(&[&arguments[..], &words, &["--threshold", "0.5"]].concat());
    assert_good(&more);
    assert!(stderr(&more).contains("decisions without scores"), "{}", stderr(&more));
    // Decisions as numbers are decisions.
    let decided = pairs.iter().map(|(note, code, score)| {
        let above = score.parse::<f32>().unwrap() > ours.threshold;
        (note.clone(), code.clone(), u8::from(above).to_string())
    });
    fs::write(bench.path("decided.csv"), wide(&decided.collect::<Vec<_>>())).unwrap();
    let numbers = [
        "score",
        "tiny.toml",
        "--predictions",
        "decided.csv",
        "--system",
        "numbers",
    ];
    assert_good(&bench.run(&numbers));
    let numbers = record(&bench, "numbers (external)").outcome.unwrap();
    assert_eq!(
        (&numbers.scores, &numbers.intervals),
        (&theirs.scores, &theirs.intervals)
    );
    // It stands in the report, with what is said of it, and can be compared with each length and seed.
    assert_good(&bench.run(&["report", "tiny.toml"]));
    let report = fs::read_to_string(bench.path("reports/tiny/report.md")).unwrap();
    assert!(report.contains("LLM (external)"), "{report}");
    assert!(report.contains("what is public until 2025"), "{report}");
    let sides = ["tiny.toml:LLM (external)", "tiny.toml:logistic_regression"];
    let compared = bench.run(&[&["compare"], &sides[..]].concat());
    assert_good(&compared);
    assert!(
        stdout(&compared).contains("LLM (external) → logistic_regression"),
        "{}",
        stdout(&compared)
    );
}

#[test]
fn a_threshold_is_given_or_tuned_on_validation_predictions_or_asked_for() {
    let (bench, pairs) = scored();
    let arguments = ["score", "tiny.toml", "--predictions", "ours.csv", "--system", "it"];
    assert_fails(&bench.run(&arguments), 2, &["--validation FILE", "--threshold T"]);
    // The notes that the suite scores are not those that it tunes on.
    let wrong = bench.run(&[&arguments[..], &["--validation", "ours.csv"]].concat());
    assert_fails(&wrong, 2, &["ours.csv", "pairs are of other notes"]);
    let swapped = fs::read_to_string(bench.path("tiny.toml"))
        .unwrap()
        .replace("{ part = \"dev\" }", "{ part = \"test\" }")
        .replace("evaluation = \"test\"", "evaluation = \"dev\"");
    fs::write(bench.path("swapped.toml"), swapped).unwrap();
    let other = bench.run(&["--results", "other", "run", "swapped.toml"]);
    assert_good(&other);
    let export = [
        "--results",
        "other",
        "export",
        "swapped.toml",
        "--predictions",
        "--out",
        "dev.csv",
    ];
    assert_good(&bench.run(&export));
    assert_good(&bench.run(&[&arguments[..], &["--validation", "dev.csv"]].concat()));
    let outcome = record(&bench, "it (external)").outcome.unwrap();
    assert_eq!(outcome.threshold_source, "tuned on the validation notes");
    assert!(outcome.validation_scores.contains_key("micro-f1"));
    assert_good(&bench.run(&["check", "results"]));
    // A later file of the same system takes its place in what is shown.
    let fewer = csv_of(&pairs[..pairs.len() - 1], ',');
    fs::write(bench.path("later.csv"), fewer).unwrap();
    let later = [
        "score",
        "tiny.toml",
        "--predictions",
        "later.csv",
        "--system",
        "it",
        "--threshold",
        "0.8",
    ];
    std::thread::sleep(std::time::Duration::from_millis(1100)); // times of records are whole seconds
    assert_good(&bench.run(&later));
    assert_good(&bench.run(&["report", "tiny.toml"]));
    let table = fs::read_to_string(bench.path("reports/tiny/scores.csv")).unwrap();
    let of_it = |line: &&str| line.contains("it (external)") && line.contains(",evaluation,micro-f1,");
    assert_eq!(table.lines().filter(of_it).count(), 1, "{table}");
    // What belongs to a record is not cleaned away.
    assert_good(&bench.run(&["clean"]));
    assert_good(&bench.run(&["check", "results"]));
}

#[test]
fn what_is_left_out_is_counted_and_told_and_too_much_is_refused() {
    let (bench, pairs) = scored();
    let mut missing: Vec<&str> = by_note(&pairs).into_keys().collect();
    missing.truncate(3);
    let kept = pairs.iter().filter(|pair| !missing.contains(&&*pair.0));
    let mut some: Vec<Pair> = kept.cloned().collect();
    some.push((pairs.last().unwrap().0.clone(), "Z99.9".into(), "0.9".into()));
    fs::write(bench.path("some.csv"), csv_of(&some, ',')).unwrap();
    let arguments = [
        "score",
        "tiny.toml",
        "--predictions",
        "some.csv",
        "--system",
        "it",
        "--threshold",
        "0.5",
    ];
    let refused = bench.run(&arguments);
    assert_fails(&refused, 2, &["some.csv", "no row for 3 of", "--most-left-out"]);
    let said = stderr(&refused);
    let share = said.split("--most-left-out ").nth(1).unwrap().trim();
    let let_through = bench.run(&[&arguments[..], &["--most-left-out", share]].concat());
    assert_good(&let_through);
    let told = stderr(&let_through);
    assert!(told.contains("3 scored notes are not in the file"), "{told}");
    assert!(
        told.contains("1 pairs are of codes that no note of the data set has"),
        "{told}"
    );
    let found = record(&bench, "it (external)")
        .outcome
        .unwrap()
        .external
        .unwrap()
        .predictions;
    assert_eq!((found.notes_without_prediction, found.pairs_of_unknown_codes), (3, 1));
}

#[test]
fn a_damaged_file_is_refused_by_its_place_and_leaves_nothing() {
    let (bench, pairs) = scored();
    let good = csv_of(&pairs, ',');
    let (note, code) = (&pairs[0].0, &pairs[0].1);
    let line = |text: &str| format!("{good}{text}\n");
    let last = pairs.len() + 2;
    let replaced = |column: usize, text: &str| {
        let mut pairs = pairs.clone();
        let pair = &mut pairs[4];
        *[&mut pair.0, &mut pair.1, &mut pair.2][column] = text.to_owned();
        csv_of(&pairs, ',')
    };
    let json = |line: String| a_pair_a_line(&pairs[1..]) + &line + "\n";
    let json_last = format!("row {}", pairs.len());
    let codes_as = |change: &dyn Fn(&str) -> String| {
        let pairs: Vec<Pair> = pairs
            .iter()
            .map(|(n, c, s)| (n.clone(), change(c), s.clone()))
            .collect();
        csv_of(&pairs, ',')
    };
    let many = |count: usize| vec![note.clone(); count];
    let of_columns = |code: ArrayRef, score: ArrayRef| {
        let notes = many(code.len());
        parquet(vec![("note", strings(notes.iter())), ("code", code), ("score", score)])
    };
    let text_column = |values: &[&str]| -> ArrayRef { Arc::new(StringArray::from_iter_values(values)) };
    let float_column =
        |values: &[Option<f64>]| -> ArrayRef { Arc::new(values.iter().copied().collect::<Float64Array>()) };
    let whole = of_columns(text_column(&[code]), float_column(&[Some(0.5)]));
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(good.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(good.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let mut not_utf8 = good.clone().into_bytes();
    not_utf8.extend(note.as_bytes());
    not_utf8.extend(b",\xff,0.5\n");
    let other_part = codes_as(&str::to_owned).replace(note.as_str(), "no-such-note");
    let (six, end) = ("row 6:", format!("row {last}:"));
    let end = end.as_str();
    let dense = wide(&pairs);
    let codes_twice = good.replacen("note,code,score", "note,code,code", 1);
    let json_pair = |rest: &str| json(format!("{{\"note\": \"{note}\", \"code\": {rest}}}"));
    let texts: Vec<(&str, String, [&str; 2])> = vec![
        (
            "unknown.csv",
            replaced(0, "no-such"),
            [six, "a note that the data set does not have"],
        ),
        (
            "other-data.csv",
            other_part,
            ["row 2:", "a note that the data set does not have"],
        ),
        (
            "fraction.csv",
            replaced(0, &format!("{note}.0")),
            [six, "with .0 behind it"],
        ),
        ("no-note.csv", replaced(0, " "), [six, "no note"]),
        ("no-code.csv", replaced(1, ""), [six, "no code"]),
        (
            "other-codes.csv",
            codes_as(&|code| format!("Q{code}Q")),
            ["no code of the label set", "rows"],
        ),
        (
            "twice.csv",
            line(&format!("{note},{code},0.5")),
            [end, "that an earlier row has"],
        ),
        (
            "case.csv",
            line(&format!("{note},{},0.5", code.to_lowercase())),
            [end, "that an earlier row has"],
        ),
        ("nan.csv", replaced(2, "NaN"), [six, "a score that is no number"]),
        ("infinite.csv", replaced(2, "inf"), [six, "a score that is no number"]),
        ("overflow.csv", replaced(2, "1e99"), [six, "a score that is no number"]),
        ("negative.csv", replaced(2, "-0.25"), [six, "a score of -0.25"]),
        ("logit.csv", replaced(2, "3.5"), [six, "a logistic function"]),
        ("words.csv", replaced(2, "high"), [six, "a score that is no number"]),
        ("per-cent.csv", replaced(2, "93%"), [six, "a score that is no number"]),
        ("no-score.csv", replaced(2, ""), [six, "no score"]),
        ("comma.csv", replaced(2, "\"0,5\""), [six, "with a point"]),
        (
            "semicolons.csv",
            csv_of(&pairs, ';'),
            ["row 1:", "1 columns, none of which is called note"],
        ),
        ("tabs.csv", csv_of(&pairs, '\t'), ["row 1:", "must be called .tsv"]),
        ("commas.tsv", good.clone(), ["row 1:", "none of which is called note"]),
        (
            "no-header.csv",
            good.split_once('\n').unwrap().1.into(),
            ["row 1:", "none of which is called note"],
        ),
        ("empty.csv", String::new(), ["row 1", "an empty file"]),
        (
            "header.csv",
            "note,code,score\n".into(),
            ["no row", "predictions for the notes"],
        ),
        ("columns-twice.csv", codes_twice, ["row 1", "again at column 3"]),
        ("fewer-fields.csv", line(note), [&end[..end.len() - 1], "found"]),
        (
            "more-fields.csv",
            line(&format!("{note},{code},0.5,0.5")),
            [&end[..end.len() - 1], "found"],
        ),
        (
            "open-quote.csv",
            line(&format!("\"{note},{code},0.5")),
            [&end[..end.len() - 1], "found"],
        ),
        (
            "hole.csv",
            format!("{},\n", &dense[..dense.trim_end().rfind(',').unwrap()]),
            ["row", "no score"],
        ),
        (
            "half.csv",
            csv_of(&pairs[..pairs.len() / 2], ','),
            ["no row for", "scored notes"],
        ),
        ("sheet.xlsx", good.clone(), [".parquet", "sheet.xlsx"]),
        ("no-json.jsonl", json("{\"note\": ".into()), [&json_last, "no JSON"]),
        ("array.jsonl", json("[1]".into()), [&json_last, "no object"]),
        (
            "no-code.jsonl",
            json(format!("{{\"note\": \"{note}\"}}")),
            [&json_last, "no code"],
        ),
        (
            "no-note.jsonl",
            json(format!("{{\"code\": \"{code}\"}}")),
            [&json_last, "no note"],
        ),
        ("number.jsonl", json_pair("401"), [&json_last, "numbers lose zeros"]),
        (
            "some-scores.jsonl",
            json_pair(&format!("\"{code}\"")),
            [&json_last, "all pairs have one or none has"],
        ),
        (
            "text.jsonl",
            json_pair(&format!("\"{code}\", \"score\": \"1\"")),
            [&json_last, "a score that is no number"],
        ),
    ];
    let numbers_as_codes = of_columns(Arc::new(Int64Array::from(vec![401])), float_column(&[Some(0.5)]));
    let bytes: Vec<(&str, Vec<u8>, [&str; 2])> = vec![
        ("not-utf8.csv", not_utf8, [&end[..end.len() - 1], "UTF-8"]),
        ("utf16.csv", utf16, ["utf16.csv", "found"]),
        ("cut.csv.gz", gz[..gz.len() / 2].to_vec(), ["cut.csv.gz", "cannot read"]),
        (
            "cut.parquet",
            whole[..whole.len() - 9].to_vec(),
            ["cut.parquet", "damaged"],
        ),
        ("numbers.parquet", numbers_as_codes, ["column 2", "numbers lose zeros"]),
        (
            "null.parquet",
            of_columns(text_column(&[code]), float_column(&[None])),
            ["row 1:", "no score"],
        ),
        (
            "text.parquet",
            of_columns(text_column(&[code]), text_column(&["1"])),
            ["column 3", "floating-point"],
        ),
    ];
    let texts = texts
        .into_iter()
        .map(|(name, text, words)| (name, text.into_bytes(), words));
    let cases: Vec<(&str, Vec<u8>, [&str; 2])> = texts.chain(bytes).collect();
    let before = bench.records("results").len();
    for (name, bytes, words) in &cases {
        fs::write(bench.path(name), bytes).unwrap();
        let arguments = [
            "score",
            "tiny.toml",
            "--predictions",
            name,
            "--system",
            "it",
            "--threshold",
            "0.5",
        ];
        let found = bench.run(&arguments);
        let said = stderr(&found);
        assert_eq!(found.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(name), "{name}: {said}");
        for word in words {
            assert!(said.contains(*word), "{name}: {word:?} is not in: {said}");
        }
        assert!(
            pairs.iter().all(|pair| !said.contains(&pair.0)),
            "{name}: a note is named: {said}"
        );
    }
    // Places that are no files.
    fs::create_dir(bench.path("folder.csv")).unwrap();
    for name in ["folder.csv", "absent.csv"] {
        let arguments = [
            "score",
            "tiny.toml",
            "--predictions",
            name,
            "--system",
            "it",
            "--threshold",
            "0.5",
        ];
        assert_fails(&bench.run(&arguments), 2, &[name]);
    }
    assert_eq!(bench.records("results").len(), before);
    assert!(cases.len() >= 30);
}

#[test]
fn codes_without_their_dots_are_told_as_such() {
    let (bench, pairs) = scored();
    let dotted = pairs.iter().filter(|pair| pair.1.contains('.')).count();
    assert!(dotted > 0);
    let pairs: Vec<Pair> = pairs
        .iter()
        .map(|(n, c, s)| (n.clone(), c.replace('.', ""), s.clone()))
        .collect();
    fs::write(bench.path("dots.csv"), csv_of(&pairs, ',')).unwrap();
    let arguments = [
        "score",
        "tiny.toml",
        "--predictions",
        "dots.csv",
        "--system",
        "it",
        "--threshold",
        "0.5",
    ];
    assert_fails(&bench.run(&arguments), 2, &["with a dot in them"]);
}

#[test]
fn what_a_record_says_of_the_system_is_checked() {
    let (bench, _) = scored();
    let arguments = ["score", "tiny.toml", "--predictions", "ours.csv", "--system", "it"];
    let more = ["--threshold", "0.3", "--trained-on", "nothing"];
    assert_good(&bench.run(&[&arguments[..], &more].concat()));
    assert_good(&bench.run(&["check", "results"]));
    let good = record(&bench, "it (external)");
    let external = |record: &mut Record, edit: fn(&mut External)| {
        edit(record.outcome.as_mut().unwrap().external.as_mut().unwrap());
    };
    type Edit<'a> = (&'static str, &'a dyn Fn(&mut Record));
    let edits: [Edit<'_>; 9] = [
        ("the system", &|record| external(record, |of| of.system.push('!'))),
        ("the training data", &|record| {
            external(record, |of| of.trained_on = None)
        }),
        ("that it decides", &|record| external(record, |of| of.scored = false)),
        ("the pairs", &|record| external(record, |of| of.predictions.pairs = 0)),
        ("the notes", &|record| {
            external(record, |of| of.predictions.notes_without_prediction = 1000)
        }),
        ("the run", &|record| record.cell.run = "ours (external)".into()),
        ("the seed", &|record| record.cell.seed = 2),
        ("the file", &|record| {
            record.outcome.as_mut().unwrap().weights_sha256 = "0".repeat(64)
        }),
        ("the threshold", &|record| {
            record.outcome.as_mut().unwrap().threshold = 0.30001
        }),
    ];
    let store = RecordStore::new(&bench.path("results"));
    for (what, edit) in edits {
        let mut edited = good.clone();
        edit(&mut edited);
        store.write(&edited).unwrap();
        assert_eq!(
            bench.run(&["check", "results"]).status.code(),
            Some(1),
            "{what} went unseen"
        );
    }
    store.write(&good).unwrap();
    assert_good(&bench.run(&["check", "results"]));
}

#[test]
fn predictions_that_say_nothing_are_degenerate() {
    let (bench, pairs) = scored();
    let pairs: Vec<Pair> = pairs
        .iter()
        .map(|(n, c, _)| (n.clone(), c.clone(), "0.5".into()))
        .collect();
    fs::write(bench.path("flat.csv"), csv_of(&pairs, ',')).unwrap();
    let arguments = [
        "score",
        "tiny.toml",
        "--predictions",
        "flat.csv",
        "--system",
        "flat",
        "--threshold",
        "0.4",
    ];
    assert_fails(&bench.run(&arguments), 5, &["degenerate"]);
    assert_eq!(record(&bench, "flat (external)").status, Status::Failed);
}
