//! Anyone's notes: tables in CSV, JSON lines and Parquet run in every suite, and `data init` describes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use icdbench::data::{
    Corpus, DatasetSettings, Error, Shares, TableCodes, TableFormat, TableSettings, TableSplit, TitleFile, load, look,
    registry,
};
use icdbench::data::{SyntheticSettings, synthetic};
use parquet::arrow::ArrowWriter;

/// Identifier, patient, part, text, codes.
type Written = (String, String, String, String, Vec<String>);

/// A few notes with their codes.
struct Notes(Vec<Written>);

fn notes() -> Notes {
    let settings = SyntheticSettings {
        seed: 3,
        notes: 60,
        median_words: 50,
    };
    let all = synthetic::generate(&settings).unwrap();
    let parts = [("train", &all.train), ("val", &all.dev), ("test", &all.test)];
    let rows = parts.into_iter().flat_map(|(part, notes)| {
        notes.iter().map(move |note| {
            let text = format!("{} \"quoted\", and\r\nmore", note.text);
            (
                note.id.clone(),
                note.patient.clone(),
                part.to_owned(),
                text,
                note.codes.clone(),
            )
        })
    });
    Notes(rows.collect())
}

impl Notes {
    fn csv(&self, path: &Path, separator: u8) {
        let mut writer = csv::WriterBuilder::new().delimiter(separator).from_path(path).unwrap();
        writer
            .write_record(["note_id", "patient_id", "split", "text", "codes"])
            .unwrap();
        for (id, patient, part, text, codes) in &self.0 {
            writer
                .write_record([id, patient, part, text, &codes.join(";")])
                .unwrap();
        }
        writer.flush().unwrap();
    }

    fn jsonl(&self, path: &Path) {
        let line = |(id, patient, part, text, codes): &Written| {
            serde_json::json!({ "note_id": id, "patient_id": patient, "split": part, "text": text, "codes": codes })
                .to_string()
        };
        let lines: Vec<String> = self.0.iter().map(line).collect();
        fs::write(path, lines.join("\n")).unwrap();
    }

    fn parquet(&self, path: &Path) {
        let column =
            |of: fn(&Written) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(self.0.iter().map(of))) };
        let mut codes = ListBuilder::new(StringBuilder::new());
        for row in &self.0 {
            for code in &row.4 {
                codes.values().append_value(code);
            }
            codes.append(true);
        }
        let batch = RecordBatch::try_from_iter([
            ("note_id", column(|row| &row.0)),
            ("patient_id", column(|row| &row.1)),
            ("split", column(|row| &row.2)),
            ("text", column(|row| &row.3)),
            ("codes", Arc::new(codes.finish()) as ArrayRef),
        ])
        .unwrap();
        let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
}

fn settings(file: &Path, codes: TableCodes) -> TableSettings {
    TableSettings {
        name: "mine".into(),
        credentialed: false,
        file: file.to_owned(),
        id: "note_id".into(),
        text: "text".into(),
        patient: Some("patient_id".into()),
        split: TableSplit::Column("split".into()),
        codes,
        titles: None,
    }
}

fn separated() -> TableCodes {
    TableCodes::Separated {
        column: "codes".into(),
        separator: ";".into(),
    }
}

fn list() -> TableCodes {
    TableCodes::List("codes".into())
}

fn read(settings: DatasetSettings) -> Result<Corpus, Error> {
    load(&settings, None, &registry().unwrap())
}

#[test]
fn every_form_gives_the_same_notes() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    let notes = notes();
    notes.csv(&path("n.csv"), b',');
    notes.csv(&path("n.tsv"), b'\t');
    notes.jsonl(&path("n.jsonl"));
    notes.parquet(&path("n.parquet"));
    // Codes in a file of their own, in another order.
    let mut rows: Vec<String> = notes
        .0
        .iter()
        .flat_map(|row| row.4.iter().map(|code| format!("{},{code}", row.0)))
        .collect();
    rows.reverse();
    fs::write(path("c.csv"), format!("note,code\n{}\n", rows.join("\n"))).unwrap();
    let table = TableCodes::Table {
        file: path("c.csv"),
        id: "note".into(),
        code: "code".into(),
    };
    let wanted = read(DatasetSettings::Csv(settings(&path("n.csv"), separated()))).unwrap();
    assert_eq!(
        wanted.parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(),
        ["train", "dev", "test"]
    );
    assert_eq!(wanted.parts.iter().map(|part| part.notes.len()).sum::<usize>(), 60);
    for found in [
        DatasetSettings::Csv(settings(&path("n.tsv"), separated())),
        DatasetSettings::Csv(settings(&path("n.csv"), table)),
        DatasetSettings::Jsonl(settings(&path("n.jsonl"), list())),
        DatasetSettings::Parquet(settings(&path("n.parquet"), list())),
    ] {
        assert_eq!(
            read(found.clone()).unwrap().fingerprint,
            wanted.fingerprint,
            "{found:?}"
        );
    }
    for (id, patient, part, text, codes) in &notes.0 {
        let part = if part == "val" { "dev" } else { part };
        let note = wanted
            .part(part)
            .unwrap()
            .notes
            .iter()
            .find(|note| note.id == *id)
            .unwrap();
        assert_eq!((&note.patient, &note.text, &note.codes), (patient, text, codes));
    }
}

#[test]
fn patients_are_drawn_where_no_column_says_the_part() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("n.jsonl");
    notes().jsonl(&path);
    let drawn = |seed| {
        let mut settings = settings(&path, list());
        settings.split = TableSplit::ByPatient(Shares {
            dev: 0.2,
            test: 0.2,
            seed,
        });
        read(DatasetSettings::Jsonl(settings)).unwrap()
    };
    let corpus = drawn(1);
    assert_eq!(corpus.fingerprint, drawn(1).fingerprint);
    assert_ne!(corpus.fingerprint, drawn(2).fingerprint);
    let of = |name: &str| -> std::collections::BTreeSet<String> {
        corpus
            .part(name)
            .unwrap()
            .notes
            .iter()
            .map(|note| note.patient.clone())
            .collect()
    };
    assert!(
        of("train").is_disjoint(&of("test"))
            && of("train").is_disjoint(&of("dev"))
            && of("dev").is_disjoint(&of("test"))
    );
}

#[test]
fn what_a_row_has_wrong_is_named_with_its_line_and_never_quoted() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    // A temporary directory has any letters in its name.
    let without_place = |message: &str| message.replace(&scratch.path().display().to_string(), "");
    let csv = "note_id,patient_id,split,text,codes\nn1,p1,train,zebra one,I10;E11.9\nn2,p2,test,zebra two,I10\n";
    let jsonl = "{\"note_id\":\"n1\",\"patient_id\":\"p1\",\"split\":\"train\",\"text\":\"zebra one\",\"codes\":[\"I10\"]}\n\
                 {\"note_id\":7,\"patient_id\":\"p2\",\"split\":\"test\",\"text\":\"zebra two\",\"codes\":[\"I10\"]}\n";
    fs::write(path("good.csv"), csv).unwrap();
    fs::write(path("good.jsonl"), jsonl).unwrap();
    read(DatasetSettings::Csv(settings(&path("good.csv"), separated()))).unwrap();
    read(DatasetSettings::Jsonl(settings(&path("good.jsonl"), list()))).unwrap();
    for (before, after, expected) in [
        ("text", "body", "no column `text`"),
        ("n2,", "n1,", "the identifier of note 1 again"),
        ("n2,", ",", "row 3: found nothing in column `note_id`"),
        (",p2", ",", "row 3: found nothing in column `patient_id`"),
        ("test", "", "row 3: found nothing in column `split`"),
        ("zebra two", " ", "row 3: found a note without text"),
        ("I10;E11.9", "I10 E11.9", "row 2: found something other than a code"),
        (
            "I10;E11.9",
            "\"I10, E11.9\"",
            "row 2: found something other than a code",
        ),
        ("zebra two", "zebra \"two", "a quote inside a field"),
        (",I10\n", "\n", "row 3: found 4 fields, expected 5"),
    ] {
        fs::write(path("bad.csv"), csv.replacen(before, after, 1)).unwrap();
        let message = read(DatasetSettings::Csv(settings(&path("bad.csv"), separated())))
            .unwrap_err()
            .to_string();
        assert!(message.contains(expected), "{before} {after}: {message}");
        let said = without_place(&message);
        assert!(!said.contains("zebra") && !said.contains("n2"), "{message}");
    }
    for (before, after, expected) in [
        (
            "\"text\":\"zebra two\"",
            "\"txt\":\"zebra two\"",
            "row 2: found no `text`",
        ),
        ("[\"I10\"]}\n{", "[401.9]}\n{", "row 1: found a number for a code"),
        ("[\"I10\"]}\n{", "\"I10\"}\n{", "row 1: found no list in `codes`"),
        ("[\"I10\"]}\n{", "[[\"I10\"]]}\n{", "something other than a code"),
        ("{\"note_id\":7", "{note_id:7", "row 2: found no JSON"),
        ("{\"note_id\":7", "[\"note_id\",7", "row 2: found no JSON"),
        (
            "\"note_id\":7",
            "\"note_id\":7.5",
            "row 2: found something other than a string in `note_id`",
        ),
        ("\"note_id\":7", "\"note_id\":null", "row 2: found nothing in `note_id`"),
    ] {
        assert!(jsonl.contains(before), "{before}");
        fs::write(path("bad.jsonl"), jsonl.replacen(before, after, 1)).unwrap();
        let message = read(DatasetSettings::Jsonl(settings(&path("bad.jsonl"), list())))
            .unwrap_err()
            .to_string();
        assert!(message.contains(expected), "{before} {after}: {message}");
        assert!(!message.contains("zebra"), "{message}");
    }
    // A file without a header has a note for one: none of it is shown.
    fs::write(path("bad.csv"), csv.split_once('\n').unwrap().1).unwrap();
    for message in [
        read(DatasetSettings::Csv(settings(&path("bad.csv"), separated())))
            .unwrap_err()
            .to_string(),
        look(&path("bad.csv")).unwrap_err().to_string(),
    ] {
        let said = without_place(&message);
        assert!(
            said.contains("5 columns") && !said.contains("zebra") && !said.contains("n1"),
            "{message}"
        );
    }
    // A code twice, and a row of the second file without one: counted and said.
    fs::write(path("twice.csv"), csv.replace("I10;E11.9", "I10;E11.9;I10;;")).unwrap();
    let corpus = read(DatasetSettings::Csv(settings(&path("twice.csv"), separated()))).unwrap();
    assert_eq!(corpus.origin.remarks, ["1 codes that a note has again count once"]);
    fs::write(path("c.csv"), "note,code\nn1,I10\nn2,\n").unwrap();
    let table = |file: PathBuf| TableCodes::Table {
        file,
        id: "note".into(),
        code: "code".into(),
    };
    let corpus = read(DatasetSettings::Csv(settings(&path("good.csv"), table(path("c.csv"))))).unwrap();
    assert!(corpus.origin.remarks[0].starts_with("1 rows of the table of codes have no code"));
    fs::write(path("c.csv"), "note,code\nn1,I10\nn9,I10\n").unwrap();
    let error = read(DatasetSettings::Csv(settings(&path("good.csv"), table(path("c.csv")))))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("row 3: found a note that the table of notes lacks"),
        "{error}"
    );
}

/// What reading and looking say of a file.
fn said_of(format: TableFormat, path: &Path) -> [String; 2] {
    let read = read(match format {
        TableFormat::Csv => DatasetSettings::Csv(settings(path, separated())),
        TableFormat::Jsonl => DatasetSettings::Jsonl(settings(path, list())),
        TableFormat::Parquet => DatasetSettings::Parquet(settings(path, list())),
    });
    let chain = |error: &dyn std::error::Error| {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let causes: Vec<String> = causes.map(ToString::to_string).collect();
        format!("{error}: {}", causes.join(": "))
    };
    [chain(&read.unwrap_err()), chain(&look(path).unwrap_err())]
}

#[test]
fn files_without_notes_are_refused_in_every_form() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    let header = "note_id,patient_id,split,text,codes\n";
    fs::write(path("header.csv"), header).unwrap();
    fs::write(path("empty.jsonl"), "").unwrap();
    fs::write(path("lines.jsonl"), "\n\n").unwrap();
    Notes(Vec::new()).parquet(&path("rows.parquet"));
    for (name, format) in [
        ("header.csv", TableFormat::Csv),
        ("empty.jsonl", TableFormat::Jsonl),
        ("lines.jsonl", TableFormat::Jsonl),
        ("rows.parquet", TableFormat::Parquet),
    ] {
        for message in said_of(format, &path(name)) {
            assert!(message.contains(name) && message.contains("found no rows"), "{message}");
        }
    }
    // Another thing under the name of a table, and no file at all.
    fs::write(path("text.parquet"), header).unwrap();
    fs::create_dir(path("directory.parquet")).unwrap();
    for (name, expected) in [
        ("text.parquet", "not Parquet, or damaged"),
        ("directory.parquet", "no regular file"),
        ("none.parquet", "cannot read this file"),
    ] {
        for message in said_of(TableFormat::Parquet, &path(name)) {
            assert!(message.contains(name) && message.contains(expected), "{message}");
            assert!(!message.contains("row 0"), "{message}");
        }
    }
}

#[test]
fn titles_come_from_a_table_or_from_the_official_order_file() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    notes().csv(&path("n.csv"), b',');
    let order = "00001 A00     0 Cholera                                                      Cholera\n\
                 00002 A000    1 Cholera due to Vibrio cholerae 01, biovar cholerae           Cholera due to Vibrio cholerae 01, biovar cholerae\n";
    fs::write(path("icd10cm_order.txt"), order).unwrap();
    let with = |titles: TitleFile| {
        let mut settings = settings(&path("n.csv"), separated());
        settings.titles = Some(titles);
        read(DatasetSettings::Csv(settings))
    };
    let file = |name: &str| TitleFile {
        file: path(name),
        code: None,
        title: None,
    };
    let corpus = with(file("icd10cm_order.txt")).unwrap();
    assert_eq!(corpus.title("A00"), Some("Cholera"));
    assert_eq!(
        corpus.title("A00.0"),
        Some("Cholera due to Vibrio cholerae 01, biovar cholerae")
    );
    fs::write(path("t.csv"), "code,long\nI10,\"Hypertension, essential\"\n").unwrap();
    let corpus = with(TitleFile {
        code: Some("code".into()),
        title: Some("long".into()),
        ..file("t.csv")
    });
    assert_eq!(corpus.unwrap().title("I10"), Some("Hypertension, essential"));
    assert!(
        with(file("t.csv"))
            .unwrap_err()
            .to_string()
            .contains("`code` and `title`")
    );
    fs::write(path("icd10cm_order.txt"), order.replacen("00002", "two  ", 1)).unwrap();
    assert!(
        with(file("icd10cm_order.txt"))
            .unwrap_err()
            .to_string()
            .contains("row 2: found other columns")
    );
}

#[test]
fn a_look_at_a_file_tells_its_columns() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    let notes = notes();
    notes.csv(&path("My notes.csv"), b',');
    notes.jsonl(&path("n.jsonl"));
    notes.parquet(&path("n.parquet"));
    for (file, format, codes) in [
        ("My notes.csv", TableFormat::Csv, separated()),
        ("n.jsonl", TableFormat::Jsonl, list()),
        ("n.parquet", TableFormat::Parquet, list()),
    ] {
        let found = look(&path(file)).unwrap();
        let mut wanted = settings(&path(file), codes);
        wanted.name = if format == TableFormat::Csv {
            "my-notes".into()
        } else {
            "n".into()
        };
        wanted.credentialed = true;
        assert_eq!(
            (found.format, &found.settings),
            (format, &wanted),
            "{:?}",
            found.because
        );
    }
    fs::write(
        path("o.csv"),
        "hadm_id,labels,body\n1,\"I10,E11.9\",short\n2,I10,text\n",
    )
    .unwrap();
    let found = look(&path("o.csv")).unwrap().settings;
    assert_eq!(
        (found.id.as_str(), found.text.as_str(), found.patient),
        ("hadm_id", "body", None)
    );
    assert!(matches!(found.codes, TableCodes::Separated { separator, .. } if separator == ","));
    assert!(matches!(found.split, TableSplit::ByPatient(_)));
    fs::write(path("p.csv"), "a,b\n1,2\n").unwrap();
    assert!(look(&path("p.csv")).unwrap_err().to_string().contains("text: one of"));
    assert!(look(&path("p.xlsx")).unwrap_err().to_string().contains(".parquet"));
}

#[test]
fn a_written_suite_runs_as_it_is_and_an_entry_of_the_registry_too() {
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name);
    notes().csv(&path("notes.csv"), b',');
    let icdbench = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_icdbench"))
            .args(arguments)
            .current_dir(scratch.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        (String::from_utf8_lossy(&output.stdout).into_owned(), said)
    };
    let (_, said) = icdbench(&["data", "init", "notes.csv", "--suite", "mine.toml"]);
    assert!(said.contains("`codes` has the codes"), "{said}");
    // Less of it: a look is enough here.
    let suite = fs::read_to_string(path("mine.toml")).unwrap();
    let suite = suite
        .replace("epochs = 24", "epochs = 1")
        .replace("min-count = 5", "min-count = 2");
    fs::write(path("mine.toml"), &suite).unwrap();
    let (records, _) = icdbench(&["--json", "run", "mine.toml", "--no-report"]);
    let statuses: Vec<serde_json::Value> = records
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(statuses.len(), 2);
    for record in &statuses {
        let shown = record.to_string();
        assert!(
            !shown.contains(&scratch.path().display().to_string()),
            "a machine's path in a record"
        );
    }
    // The same notes by an entry of the registry.
    let entry = "[[dataset]]\nname = \"mine\"\ntitle = \"mine\"\nlicence = \"mine\"\ncredentialed = false\nsource = \"here\"\n\
                 citation = \"none\"\n[dataset.table]\ncredentialed = false\nfile = \"notes.csv\"\nid = \"note_id\"\ntext = \"text\"\n\
                 patient = \"patient_id\"\nsplit = { column = \"split\" }\ncodes = { separated = { column = \"codes\", separator = \";\" } }\n";
    fs::write(path("mine-datasets.toml"), entry).unwrap();
    let start = suite.find("[data.csv]").unwrap();
    let end = suite.find("[division]").unwrap();
    let by_name = format!("{}[data.own]\nname = \"mine\"\n\n{}", &suite[..start], &suite[end..]);
    fs::write(path("by-name.toml"), by_name).unwrap();
    let (stats, _) = icdbench(&[
        "--json",
        "--datasets",
        "mine-datasets.toml",
        "data",
        "stats",
        "by-name.toml",
    ]);
    let of_name: serde_json::Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(of_name["parts"][0]["notes"], 42);
    // Cut, counted and drawn.
    let (stats, _) = icdbench(&["--json", "data", "stats", "mine.toml", "--tokens", "--plot", "cdf.svg"]);
    let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(stats["tokens"][0]["notes"], 60);
    assert!(fs::read_to_string(path("cdf.svg")).unwrap().contains("<svg"));
}
