//! `icdbench check` on results that somebody else made: whoever edits one thing is found, also where the checksums were made
//! again, and what nobody touched passes without training.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{Bench, assert_good, logistic_regression, stderr, stdout, suite_text};
use icdbench::audit::Copies;
use icdbench::record::{Curves, NoteRows, Outcome, Record, RecordStore, StageName, StagePool, Status};
use icdbench::results::seal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Two seeds, with their scores.
fn finished(keep: bool) -> Bench {
    let suite = suite_text(120, &logistic_regression(4)).replace("seeds = [1]", "seeds = [1, 2]");
    let bench = Bench::new(&format!("{suite}\n[keep]\nscores = {keep}\n"));
    assert_good(&bench.run(&["--quiet", "run", "tiny.toml", "--no-report"]));
    bench
}

fn check(bench: &Bench) -> (i32, Value) {
    let found = bench.run(&["--json", "check", "--suite", "tiny.toml"]);
    let shown = serde_json::from_slice(&found.stdout).unwrap_or_else(|_| panic!("{}", stderr(&found)));
    (found.status.code().unwrap(), shown)
}

/// The files of a directory, to be put back.
struct Kept(Vec<(PathBuf, Vec<u8>)>);

impl Kept {
    fn of(directory: &Path) -> Self {
        let names = common::files(directory)
            .into_iter()
            .filter(|name| !name.contains("locks/"));
        Self(
            names
                .map(|name| (directory.join(&name), fs::read(directory.join(&name)).unwrap()))
                .collect(),
        )
    }

    fn put_back(&self, directory: &Path) {
        for name in common::files(directory) {
            let path = directory.join(name);
            if !self.0.iter().any(|(kept, _)| *kept == path) {
                fs::remove_file(path).unwrap();
            }
        }
        for (path, bytes) in &self.0 {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}

/// What is done to a results directory, in words.
type Edit<'a> = (&'static str, Box<dyn Fn() + 'a>);
type OfRecord = (&'static str, fn(&mut Record));
type OfRows = (&'static str, fn(&mut NoteRows));

fn outcome(record: &mut Record) -> &mut Outcome {
    record.outcome.as_mut().unwrap()
}

fn curves(record: &mut Record) -> &mut Curves {
    outcome(record).curves.as_mut().unwrap()
}

fn nudge(record: &mut Record, metric: &str) {
    *outcome(record).scores.get_mut(metric).unwrap() += 1e-6;
}

/// Edits of a record that is sealed again afterwards.
const OF_RECORD: &[OfRecord] = &[
    ("micro-F1", |record| nudge(record, "micro-f1")),
    ("micro-precision", |record| nudge(record, "micro-precision")),
    ("macro-F1", |record| nudge(record, "macro-f1-all")),
    ("macro-F1 of present codes", |record| nudge(record, "macro-f1-present")),
    ("MAP", |record| nudge(record, "map")),
    ("P@2", |record| nudge(record, "precision-at-2")),
    ("exact match", |record| nudge(record, "exact-match")),
    ("micro-AUC", |record| nudge(record, "micro-roc-auc")),
    ("macro-AP", |record| nudge(record, "macro-pr-auc")),
    ("a score that there is not", |record| {
        outcome(record).scores.remove("map");
    }),
    ("a score beyond 1", |record| {
        outcome(record).validation_scores.insert("map".into(), 1.5);
    }),
    ("validation Jaccard", |record| {
        *outcome(record).validation_scores.get_mut("jaccard-micro").unwrap() += 1e-6;
    }),
    ("micro-F1 of the prior", |record| {
        *outcome(record).prior_scores.get_mut("micro-f1").unwrap() += 1e-6;
    }),
    ("an interval's low end", |record| {
        outcome(record).intervals.get_mut("micro-f1").unwrap().low += 1e-6
    }),
    ("an interval's high end", |record| {
        outcome(record).intervals.get_mut("map").unwrap().high -= 1e-6
    }),
    ("a standard error", |record| {
        outcome(record)
            .intervals
            .get_mut("macro-f1-all")
            .unwrap()
            .standard_error *= 0.5;
    }),
    ("an area's interval", |record| {
        outcome(record).intervals.get_mut("micro-roc-auc").unwrap().low += 1e-6
    }),
    ("an interval that there is not", |record| {
        outcome(record).intervals.remove("micro-f1");
    }),
    ("patients that are drawn", |record| {
        outcome(record).redrawn.as_mut().unwrap().patients += 1
    }),
    ("the draws", |record| {
        outcome(record).redrawn.as_mut().unwrap().draws = "0".into()
    }),
    ("that anything was redrawn", |record| outcome(record).redrawn = None),
    ("redraws", |record| {
        outcome(record).redrawn.as_mut().unwrap().redraws = 10_000
    }),
    ("the interval of a bin", |record| {
        let bins = &mut outcome(record).frequency_bins;
        let found = bins.iter_mut().find_map(|bin| bin.micro_f1_interval.as_mut()).unwrap();
        found.low = (found.low - 0.01).max(0.0);
        found.high += 0.01;
    }),
    ("the area of a code", |record| {
        let row = outcome(record)
            .codes
            .iter_mut()
            .find(|row| row.roc_auc.is_some())
            .unwrap();
        row.roc_auc = Some(0.999);
    }),
    ("that there are curves", |record| outcome(record).curves = None),
    ("micro-F1 at a threshold", |record| {
        curves(record).thresholds[40].micro_f1 += 1e-4;
    }),
    ("macro-F1 at a threshold", |record| {
        *curves(record).thresholds[9].macro_f1_present.as_mut().unwrap() += 1e-4;
    }),
    ("a threshold", |record| {
        curves(record).thresholds.pop();
    }),
    ("precision at a recall", |record| {
        curves(record).precision_recall[30].precision += 1e-4;
    }),
    ("the calibration error", |record| {
        curves(record).calibration.as_mut().unwrap().expected_error *= 0.5;
    }),
    ("the gold share of a bin", |record| {
        let bins = &mut curves(record).calibration.as_mut().unwrap().bins;
        bins[0].gold_share += 1e-3;
    }),
    ("that there is a calibration", |record| {
        curves(record).calibration = None
    }),
    ("codes of an area", |record| {
        let bins = &mut curves(record).areas;
        bins[0].codes += 1;
        bins[1].codes -= 1;
    }),
    ("a score that nobody gives", |record| {
        outcome(record).scores.insert("accuracy".into(), 0.9);
    }),
    ("the status", |record| record.status = Status::Failed),
    ("F1 of a bin", |record| {
        outcome(record).frequency_bins[0].micro_f1 += 1e-6
    }),
    ("gold pairs of a bin", |record| {
        outcome(record).frequency_bins[0].gold += 1
    }),
    ("codes of a bin", |record| outcome(record).frequency_bins[0].codes += 1),
    ("true positives of a code", |record| outcome(record).codes[0].tp += 1),
    ("false positives of a code", |record| outcome(record).codes[1].fp += 1),
    ("false negatives of a code", |record| outcome(record).codes[2].fn_ += 1),
    ("two codes' rows", |record| {
        let rows = &mut outcome(record).codes;
        let other = rows
            .iter()
            .position(|row| (row.tp, row.fp, row.fn_) != (rows[0].tp, rows[0].fp, rows[0].fn_))
            .unwrap();
        rows.swap(0, other);
    }),
    ("a code", |record| {
        outcome(record).codes.pop();
    }),
    ("evaluation notes", |record| outcome(record).task.evaluation_notes += 1),
    ("codes of the task", |record| outcome(record).task.codes += 1),
    ("the threshold", |record| outcome(record).threshold += 0.11),
    ("the weights", |record| outcome(record).weights_sha256 = "0".repeat(64)),
    ("the best epoch", |record| outcome(record).best_epoch += 90),
    ("seconds of training", |record| {
        record.timings.as_mut().unwrap().training_seconds *= 1.01
    }),
    ("notes a second", |record| {
        record.timings.as_mut().unwrap().evaluation_notes_per_second *= 1.01
    }),
    ("tokens a second", |record| {
        record.timings.as_mut().unwrap().training_tokens_per_second *= 1.01
    }),
    ("the program", |record| record.provenance.code_sha256.clear()),
    ("the processor", |record| record.provenance.cpu = " ".into()),
    ("when it ended", |record| {
        record.provenance.ended = "2001-01-01T00:00:00Z".into()
    }),
    ("the length", |record| record.cell.length = 47),
    ("the model", |record| record.cell.model = "caml".into()),
    ("the seed", |record| record.cell.seed = 7),
    ("a setting of the training", |record| {
        let weights = Arc::make_mut(record.stages.get_mut(&StageName::Weights).unwrap());
        weights.settings.insert("reads".into(), json!(47));
    }),
    ("the code that trained", |record| {
        let weights = Arc::make_mut(record.stages.get_mut(&StageName::Weights).unwrap());
        weights.made_by.insert("code".into(), "0".into());
    }),
];

/// Edits of the rows by note, whose list is sealed again afterwards.
const OF_ROWS: &[OfRows] = &[
    ("a rank", |rows| {
        let row = rows
            .notes
            .iter_mut()
            .find(|row| row.gold_ranks.last().is_some_and(|rank| *rank < 8))
            .unwrap();
        *row.gold_ranks.last_mut().unwrap() += 1;
    }),
    ("a count", |rows| rows.notes[0].fp += 1),
    ("a gold code", |rows| {
        let row = rows.notes.iter_mut().find(|row| row.gold.len() > 1).unwrap();
        row.gold.pop();
    }),
    ("a predicted code", |rows| {
        let row = rows.notes.iter_mut().find(|row| !row.predicted.is_empty()).unwrap();
        row.predicted.pop();
    }),
    ("a note that is not there", |rows| {
        rows.notes.pop();
    }),
    ("a note twice", |rows| rows.notes[0] = rows.notes[1].clone()),
    ("two notes swapped", |rows| {
        let first = rows.notes[0].clone();
        let other = rows
            .notes
            .iter()
            .position(|row| row.patient != first.patient && row.tp != first.tp)
            .unwrap();
        let (note, patient) = (rows.notes[other].note.clone(), rows.notes[other].patient.clone());
        rows.notes[other].note = first.note;
        rows.notes[other].patient = first.patient;
        (rows.notes[0].note, rows.notes[0].patient) = (note, patient);
    }),
    ("a patient", |rows| rows.notes[0].patient = "0".into()),
];

/// Writes the rows of a record and seals their list again.
fn write_rows(bench: &Bench, key: &str, rows: &NoteRows) {
    let folder = bench.path("results/private/rows").join(key);
    let bytes = serde_json::to_vec(rows).unwrap();
    fs::write(folder.join("rows.json"), &bytes).unwrap();
    let mut list: Value = serde_json::from_slice(&fs::read(folder.join("stage.json")).unwrap()).unwrap();
    list["files"]["rows.json"]["sha256"] = format!("{:x}", Sha256::digest(&bytes)).into();
    list["files"]["rows.json"]["bytes"] = bytes.len().into();
    list["checksum"] = seal::BLANK.into();
    let mut sealed = serde_json::to_vec(&list).unwrap();
    seal::seal(&mut sealed);
    fs::write(folder.join("stage.json"), sealed).unwrap();
}

#[test]
fn every_edit_is_found_though_all_checksums_were_made_again() {
    let bench = finished(true);
    let results = bench.path("results");
    let kept = Kept::of(&results);
    let (code, shown) = check(&bench);
    assert_eq!(code, 0, "{shown}");
    let cells = shown["cells"].as_array().unwrap();
    assert!(
        cells.len() == 2 && cells.iter().all(|cell| cell["verdict"] == "whole"),
        "{shown}"
    );
    let store = RecordStore::new(&results);
    let good = bench.records("results").remove(0);
    for (what, edit) in OF_RECORD {
        let mut record = good.clone();
        edit(&mut record);
        store.write(&record).unwrap();
        let (code, shown) = check(&bench);
        assert_eq!(code, 1, "{what} went unseen: {shown}");
        kept.put_back(&results);
    }
    let path = results.join("private/rows").join(&good.key).join("rows.json");
    let rows: NoteRows = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    for (what, edit) in OF_ROWS {
        let mut edited = rows.clone();
        edit(&mut edited);
        write_rows(&bench, &good.key, &edited);
        let (code, shown) = check(&bench);
        assert_eq!(code, 1, "{what} went unseen: {shown}");
        kept.put_back(&results);
    }
    assert_eq!(check(&bench).0, 0);
    let names: BTreeSet<&str> = OF_RECORD
        .iter()
        .map(|(what, _)| *what)
        .chain(OF_ROWS.iter().map(|(what, _)| *what))
        .collect();
    assert!(names.len() >= 50, "{}", names.len());
}

#[test]
fn files_that_are_changed_moved_copied_or_gone_are_found() {
    let bench = finished(true);
    let results = bench.path("results");
    let kept = Kept::of(&results);
    let [first, second] = [0, 1].map(|at| bench.records("results").remove(at));
    let place = |record: &Record| RecordStore::new(&results).path(&record.key);
    let weights = |record: &Record| {
        let key = record.stages[&StageName::Weights].key();
        results.join("private/weights").join(key).join("weights.safetensors")
    };
    let digit = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let at = bytes.iter().rposition(u8::is_ascii_digit).unwrap();
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
        fs::write(path, bytes).unwrap();
    };
    let rows = results.join("private/rows").join(&first.key).join("rows.json");
    let edits: [Edit<'_>; 7] = [
        ("a digit of a record", Box::new(|| digit(&place(&first)))),
        ("a digit of the rows", Box::new(|| digit(&rows))),
        ("a byte of the weights", Box::new(|| digit(&weights(&first)))),
        (
            "the weights of the other seed",
            Box::new(|| {
                fs::copy(weights(&second), weights(&first)).unwrap();
            }),
        ),
        (
            "a record under another key",
            Box::new(|| fs::rename(place(&first), place(&second)).unwrap()),
        ),
        (
            "a record that is gone",
            Box::new(|| fs::remove_file(place(&second)).unwrap()),
        ),
        (
            "a copy under the key of another seed",
            Box::new(|| {
                let mut copy = first.clone();
                copy.cell.seed = 3;
                let weights = Arc::make_mut(copy.stages.get_mut(&StageName::Weights).unwrap());
                weights.settings.insert("seed".into(), json!(3));
                // Every key behind it is made again, as somebody who knows how would.
                for (of, reads) in [
                    (StageName::Scores, StageName::Weights),
                    (StageName::Record, StageName::Scores),
                ] {
                    let key = copy.stages[&reads].key();
                    Arc::make_mut(copy.stages.get_mut(&of).unwrap())
                        .reads
                        .insert(reads, key);
                }
                copy.key = StagePool::default().key_of_chain(&mut copy.stages).unwrap();
                RecordStore::new(&results).write(&copy).unwrap();
            }),
        ),
    ];
    for (what, edit) in edits {
        edit();
        let (code, shown) = check(&bench);
        assert_eq!(code, 1, "{what} went unseen: {shown}");
        kept.put_back(&results);
        assert_eq!(check(&bench).0, 0, "after {what}");
    }
}

#[test]
fn cells_that_share_their_weights_are_no_copies() {
    let bench = finished(false);
    let record = bench.records("results").remove(0);
    let mut longer = record.clone();
    let stage = Arc::make_mut(longer.stages.get_mut(&StageName::Record).unwrap());
    stage.settings.insert("length".into(), json!(96));
    longer.cell.length = 96;
    let is_copy = |longer: &Record| {
        let mut copies = Copies::default();
        assert_eq!(copies.find(&record), None);
        copies.find(longer).is_some()
    };
    assert!(!is_copy(&longer));
    let weights = Arc::make_mut(longer.stages.get_mut(&StageName::Weights).unwrap());
    weights.settings.insert("reads".into(), json!(96));
    assert!(is_copy(&longer));
}

#[test]
fn records_alone_are_looked_into_as_far_as_they_go() {
    let bench = finished(false);
    let (code, shown) = check(&bench);
    assert_eq!(
        (code, shown["cells"][0]["verdict"].as_str().unwrap()),
        (0, "by-rows"),
        "{shown}"
    );
    fs::remove_dir_all(bench.path("results/private")).unwrap();
    let (code, shown) = check(&bench);
    assert_eq!(
        (code, shown["cells"][0]["verdict"].as_str().unwrap()),
        (0, "by-sums"),
        "{shown}"
    );
    let found = bench.run(&["check"]);
    assert!(
        stdout(&found).contains("adds up; its rows by note are not here"),
        "{}",
        stdout(&found)
    );
    let mut record = bench.records("results").remove(0);
    *outcome(&mut record).scores.get_mut("micro-f1").unwrap() += 1e-6;
    RecordStore::new(&bench.path("results")).write(&record).unwrap();
    let found = bench.run(&["check"]);
    assert_eq!(found.status.code(), Some(1));
    assert!(stdout(&found).contains("scores.micro-f1 is"), "{}", stdout(&found));
}
