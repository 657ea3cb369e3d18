//! What may be shown does not tell who has which code: a rebuilding attack on everything in `records` and `reports` of a
//! credentialed suite finds no more than the codes' frequencies alone do.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::{Bench, assert_good, caml, codiesp_suite, files, logistic_regression, stderr, suite_text};
use icdbench::record::{NoteRow, NoteRows};
use serde_json::Value;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codiesp")
}

/// A suite of several cells on generated notes, which its registry calls credentialed, after it ran.
fn credentialed() -> Bench {
    let runs = logistic_regression(3) + &caml(3, 8);
    let text = suite_text(240, &runs)
        .replace("seeds = [1]", "seeds = [1, 2, 3]")
        .replace("top = 8", "top = 40");
    let bench = Bench::new(&text);
    let registry = std::fs::read_to_string(fixture().join("datasets.toml")).unwrap();
    std::fs::write(
        bench.path("datasets.toml"),
        registry.replace("credentialed = false", "credentialed = true"),
    )
    .unwrap();
    assert_good(&bench.run(&["--datasets", "datasets.toml", "--quiet", "run", "tiny.toml"]));
    bench
}

/// Everything that may be shown.
fn shown(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    let folders = ["results/records", "reports"];
    let named = |folder: &str| {
        let folder = bench.path(folder);
        files(&folder)
            .into_iter()
            .map(move |name| (name.clone(), std::fs::read(folder.join(name)).unwrap()))
    };
    let shown: Vec<_> = folders.into_iter().flat_map(named).collect();
    assert!(shown.len() > 10);
    shown
}

#[test]
#[cfg(unix)]
fn only_the_owner_can_enter_the_private_part_and_read_its_files() {
    use std::os::unix::fs::PermissionsExt;
    let bench = credentialed();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let private = bench.path("results/private");
    assert_eq!(mode(&private), 0o700);
    let all = files(&private);
    for kind in ["salt", "rows/", "weights/", "tokens/", "tokenizer/", "notes/"] {
        assert!(
            all.iter().any(|name| name.starts_with(kind)),
            "{kind} is not in the private part"
        );
    }
    for name in all {
        assert_eq!(mode(&private.join(&name)) & 0o077, 0, "{name} can be read by others");
    }
    let beside: Vec<String> = files(&bench.path("results"))
        .into_iter()
        .filter(|name| !name.starts_with("private/"))
        .collect();
    assert!(beside.iter().all(|name| name.starts_with("records/")), "{beside:?}");
    assert_good(&bench.run(&[
        "--datasets",
        "datasets.toml",
        "data",
        "export",
        "tiny.toml",
        "--out",
        "svm",
    ]));
    for name in files(&bench.path("svm")) {
        assert_eq!(mode(&bench.path("svm").join(&name)), 0o600, "{name}");
    }
}

#[test]
fn small_counts_of_credentialed_data_are_withheld_by_a_named_rule() {
    let bench = credentialed();
    for record in bench.records("results") {
        let outcome = record.outcome.unwrap();
        let rule = serde_json::to_value(outcome.small_counts).unwrap();
        assert_eq!(rule, "below-eleven-withheld");
        let counts = outcome.codes.iter().flat_map(|row| [row.training, row.tp + row.fn_]);
        assert!(counts.min().unwrap() >= 11);
        assert!(outcome.codes.len() < 40, "some codes of this suite are rarer");
        let all_gold: u64 = outcome.frequency_bins.iter().map(|bin| bin.gold).sum();
        let curves = outcome.curves.unwrap();
        let few = |count: f64| count > 0.4 && count < 10.6;
        assert!(curves.thresholds.len() > 3 && curves.precision_recall.len() > 3);
        let points = curves
            .thresholds
            .iter()
            .map(|row| (row.micro_precision, row.micro_recall));
        for (precision, recall) in points.chain(curves.precision_recall.iter().map(|row| (row.precision, row.recall))) {
            let right = recall * all_gold as f64;
            // Where nothing is predicted nothing is wrong.
            let wrong = if precision > 0.0 {
                right / precision - right
            } else {
                0.0
            };
            assert!(!few(right) && !few(wrong), "{right} right, {wrong} wrong");
        }
        let bins = curves.calibration.unwrap().bins;
        assert!(bins.len() > 1);
        let counts = bins
            .iter()
            .map(|bin| (bin.pairs as f64, bin.gold_share * bin.pairs as f64));
        assert!(
            counts
                .into_iter()
                .all(|(pairs, gold)| gold > 10.6 && pairs - gold > 10.6)
        );
        let areas = curves.areas.iter().map(|bin| bin.codes);
        assert!(areas.min().is_some_and(|codes| codes >= 11));
    }
}

/// What an attacker knows of a gold matrix, notes by codes: sums of its rows and columns.
#[derive(Clone, Debug, Default)]
struct Known {
    rows: Option<Vec<u32>>,
    columns: Vec<Option<u32>>,
    /// For one of several models: predicted cells of each note, how many of them are right, by note and by code.
    models: Vec<Model>,
}

#[derive(Clone, Debug)]
struct Model {
    predicted: Vec<Vec<usize>>,
    right_in_note: Vec<u32>,
    right_of_code: Vec<u32>,
}

/// Cells of the gold matrix that follow from what is known: constraint propagation over sums of rows, columns, and of the
/// cells that a model predicted.
fn rebuilt(known: &Known, notes: usize) -> Vec<(usize, usize, bool)> {
    let codes = known.columns.len();
    let mut sets: Vec<(Vec<(usize, usize)>, u32)> = Vec::new();
    for (code, sum) in known.columns.iter().enumerate() {
        sets.extend(sum.map(|sum| ((0..notes).map(|note| (note, code)).collect(), sum)));
    }
    if let Some(rows) = &known.rows {
        sets.extend(
            rows.iter()
                .enumerate()
                .map(|(note, &sum)| ((0..codes).map(|code| (note, code)).collect(), sum)),
        );
    }
    for model in &known.models {
        for (note, predicted) in model.predicted.iter().enumerate() {
            sets.push((
                predicted.iter().map(|&code| (note, code)).collect(),
                model.right_in_note[note],
            ));
        }
        for (code, &right) in model.right_of_code.iter().enumerate() {
            let cells = (0..notes)
                .filter(|&note| model.predicted[note].contains(&code))
                .map(|note| (note, code));
            sets.push((cells.collect(), right));
        }
    }
    let mut found: BTreeMap<(usize, usize), bool> = BTreeMap::new();
    loop {
        let before = found.len();
        for (cells, sum) in &sets {
            let open: Vec<_> = cells.iter().filter(|cell| !found.contains_key(cell)).copied().collect();
            let gold = cells.iter().filter(|cell| found.get(cell) == Some(&true)).count() as u32;
            if *sum == gold {
                found.extend(open.into_iter().map(|cell| (cell, false)));
            } else if *sum == gold + open.len() as u32 {
                found.extend(open.into_iter().map(|cell| (cell, true)));
            }
        }
        if found.len() == before {
            return found
                .into_iter()
                .map(|((note, code), gold)| (note, code, gold))
                .collect();
        }
    }
}

fn pairs(found: &[(usize, usize, bool)]) -> usize {
    found.iter().filter(|(_, _, gold)| *gold).count()
}

/// The rows by note of all cells, from the private part.
fn private_rows(bench: &Bench) -> Vec<Vec<NoteRow>> {
    let folder = bench.path("results/private/rows");
    let rows = files(&folder).into_iter().filter(|name| name.ends_with("rows.json"));
    rows.map(|name| {
        serde_json::from_slice::<NoteRows>(&std::fs::read(folder.join(name)).unwrap())
            .unwrap()
            .notes
    })
    .collect()
}

/// The codes by column, from the private part.
fn column_names(bench: &Bench) -> Vec<String> {
    let folder = bench.path("results/private/notes");
    let file = files(&folder)
        .into_iter()
        .find(|name| name.ends_with("notes.json"))
        .unwrap();
    let notes: Value = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
    let codes = notes["codes"].as_array().unwrap().iter();
    codes.map(|code| code.as_str().unwrap().to_owned()).collect()
}

/// Every list of whole numbers in a JSON value that is as long as there are notes: what could be sums of rows.
fn lists(value: &Value, length: usize, found: &mut Vec<Vec<u32>>) {
    match value {
        Value::Object(map) => map.values().for_each(|inner| lists(inner, length, found)),
        Value::Array(values) => {
            // Also a list of rows, each with numbers by name.
            let names = values
                .first()
                .and_then(Value::as_object)
                .map(|row| row.keys().cloned().collect::<Vec<_>>());
            for name in names.unwrap_or_default() {
                let column: Vec<Value> = values.iter().filter_map(|row| row.get(&name).cloned()).collect();
                lists(&Value::Array(column), length, found);
            }
            let whole: Option<Vec<u32>> = values.iter().map(|value| Some(value.as_u64()? as u32)).collect();
            found.extend(whole.filter(|whole| whole.len() == length));
            values.iter().for_each(|inner| lists(inner, length, found));
        }
        _ => {}
    }
}

#[test]
fn what_is_shown_rebuilds_no_more_codes_than_their_frequencies_do() {
    let bench = credentialed();
    let cells = private_rows(&bench);
    assert_eq!(cells.len(), 6);
    let notes = cells[0].len();
    let codes = column_names(&bench).len();
    let mut truth = vec![vec![false; codes]; notes];
    for (note, row) in cells[0].iter().enumerate() {
        row.gold.iter().for_each(|&code| truth[note][code as usize] = true);
    }
    let columns: Vec<u32> = (0..codes)
        .map(|code| truth.iter().filter(|row| row[code]).count() as u32)
        .collect();
    let frequencies = Known {
        columns: columns.iter().copied().map(Some).collect(),
        ..Known::default()
    };
    let from_frequencies = pairs(&rebuilt(&frequencies, notes));

    // The attack works: with the rows by note, as records once had them, it finds more, and all of it is right.
    let model = |rows: &Vec<NoteRow>| {
        let predicted: Vec<Vec<usize>> = rows
            .iter()
            .map(|row| row.predicted.iter().map(|&code| code as usize).collect())
            .collect();
        let right_of_code = (0..codes).map(|code| {
            let right = |&note: &usize| predicted[note].contains(&code) && truth[note][code];
            (0..notes).filter(right).count() as u32
        });
        Model {
            right_of_code: right_of_code.collect(),
            right_in_note: rows.iter().map(|row| row.tp).collect(),
            predicted,
        }
    };
    let with_rows = Known {
        rows: Some(cells[0].iter().map(|row| row.tp + row.fn_).collect()),
        models: cells.iter().map(model).collect(),
        ..frequencies.clone()
    };
    let found = rebuilt(&with_rows, notes);
    assert!(found.iter().all(|&(note, code, gold)| truth[note][code] == gold));
    assert!(
        pairs(&found) > from_frequencies,
        "the attack finds nothing even with the rows"
    );

    // Everything that is shown: sums of columns where records have them, and any list that could be sums of rows.
    let mut known = Known {
        columns: vec![None; codes],
        ..Known::default()
    };
    let mut candidates = Vec::new();
    let names = column_names(&bench);
    for (name, bytes) in shown(&bench) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(value) = serde_json::from_slice::<Value>(&bytes) {
            lists(&value, notes, &mut candidates);
            for row in value["outcome"]["codes"].as_array().into_iter().flatten() {
                let column = names.iter().position(|code| row["code"] == code.as_str()).unwrap();
                known.columns[column] = Some((row["tp"].as_u64().unwrap() + row["fn"].as_u64().unwrap()) as u32);
            }
        }
        for row in &cells[0] {
            assert!(
                !text.contains(&row.note) && !text.contains(&row.patient),
                "{name} names a note"
            );
        }
    }
    assert!(
        known.columns.iter().any(Option::is_some),
        "some sums are shown, or this shows little"
    );
    assert!(pairs(&rebuilt(&known, notes)) <= from_frequencies);
    let sums: Vec<u32> = cells[0].iter().map(|row| row.tp + row.fn_).collect();
    let right: Vec<Vec<u32>> = cells
        .iter()
        .map(|rows| rows.iter().map(|row| row.tp).collect())
        .collect();
    for candidate in candidates {
        assert_ne!(candidate, sums, "sums of the gold codes by note are shown");
        assert!(
            candidate.iter().all(|&sum| sum == 0) || !right.contains(&candidate),
            "hits by note are shown"
        );
    }
}

#[test]
fn no_file_name_of_a_credentialed_note_is_in_a_message() {
    let bench = Bench::new(&codiesp_suite("dev"));
    let data = bench.path("data");
    for name in files(&fixture()) {
        std::fs::create_dir_all(data.join(&name).parent().unwrap()).unwrap();
        std::fs::copy(fixture().join(&name), data.join(&name)).unwrap();
    }
    let folder = data.join("codiesp/train/text_files_en");
    let victim = files(&folder).remove(3);
    let damages: [(&str, &dyn Fn()); 3] = [
        ("empty", &|| std::fs::write(folder.join(&victim), " ").unwrap()),
        ("no UTF-8", &|| {
            std::fs::write(folder.join(&victim), [0xff, 0xfe]).unwrap()
        }),
        ("no note", &|| {
            std::fs::write(folder.join(&victim), "text").unwrap();
            std::fs::rename(folder.join(&victim), folder.join(victim.replace(".txt", ".doc"))).unwrap();
        }),
    ];
    for credentialed in [false, true] {
        let registry = std::fs::read_to_string(fixture().join("datasets.toml")).unwrap();
        let registry = registry.replace("credentialed = false", &format!("credentialed = {credentialed}"));
        std::fs::write(bench.path("datasets.toml"), registry).unwrap();
        for (what, damage) in damages {
            let _ = std::fs::remove_file(folder.join(victim.replace(".txt", ".doc")));
            damage();
            let output = bench.run(&["--data", "data", "--datasets", "datasets.toml", "run", "tiny.toml"]);
            let said = stderr(&output);
            assert_eq!(output.status.code(), Some(2), "{what}: {said}");
            let name = victim.trim_end_matches(".txt");
            assert_eq!(said.contains(name), !credentialed, "{what}: {said}");
            assert!(said.contains("text_files_en"), "{what}: {said}");
        }
    }
}
