//! Bytes of all kinds to every reader of a file that somebody else may have written: an error or rows, never a panic.
//! `PROPTEST_CASES=20000 cargo test --release --test prepare fuzz` runs for minutes.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use icdbench::data::prepared::{MANIFEST, Manifest, TABLE, read_rows};
use icdbench::data::synthetic::exports::Shape;
use icdbench::data::{CsvFile, DatasetSettings, SplitList, TableCodes, TableSettings, TableSplit, registry};
use proptest::prelude::*;

use super::support::{export, prepare, settings};

/// Every row and field of a table.
fn fields(path: &Path) -> Result<Vec<Vec<String>>, icdbench::data::Error> {
    let mut file = CsvFile::open(path)?;
    let mut rows = vec![file.columns().to_vec()];
    while let Some(row) = file.next_row()? {
        let texts: Result<Vec<String>, _> = (0..row.len())
            .map(|at| row.text(at).map(|text| text.into_owned()))
            .collect();
        rows.push(texts?);
    }
    file.finish()?;
    Ok(rows)
}

fn written(bytes: &[u8], name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join(name);
    fs::write(&path, bytes).unwrap();
    (scratch, path)
}

/// Bytes that tables are made of, and any others.
fn table_bytes() -> impl Strategy<Value = Vec<u8>> {
    let common = prop::sample::select(b"aB7,\"\n\r\t; \xc3\xa9.{}[]:".to_vec());
    prop::collection::vec(prop_oneof![9 => common, 1 => any::<u8>()], 0..200)
}

fn own(path: &Path, format: &str) -> DatasetSettings {
    let settings = TableSettings {
        name: "mine".into(),
        credentialed: false,
        file: path.to_owned(),
        id: "a".into(),
        text: "b".into(),
        patient: None,
        split: TableSplit::Column("c".into()),
        codes: match format {
            "csv" => TableCodes::Separated {
                column: "d".into(),
                separator: ";".into(),
            },
            _ => TableCodes::List("d".into()),
        },
        titles: None,
    };
    match format {
        "csv" => DatasetSettings::Csv(settings),
        "jsonl" => DatasetSettings::Jsonl(settings),
        _ => DatasetSettings::Parquet(settings),
    }
}

/// A whole prepared set, to be damaged.
fn whole() -> &'static (Vec<u8>, Vec<u8>) {
    static WHOLE: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let scratch = tempfile::tempdir().unwrap();
        let (from, to) = (scratch.path().join("mimic3"), scratch.path().join("set"));
        export(&from, &settings(Shape::Mimic3, 40));
        prepare("mimic3-full", &[], &from, &to);
        (fs::read(to.join(TABLE)).unwrap(), fs::read(to.join(MANIFEST)).unwrap())
    })
}

/// Some bytes changed, and perhaps the end cut off.
fn damage(bytes: &[u8], changes: &[(prop::sample::Index, u8)], cut: Option<prop::sample::Index>) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (place, byte) in changes {
        let place = place.index(bytes.len());
        bytes[place] ^= byte;
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len()));
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_rows_or_an_error_of_csv(bytes in table_bytes()) {
        let (_scratch, path) = written(&bytes, "t.csv");
        let _ = fields(&path);
        let _ = SplitList::read_columns(&path, "t.csv");
    }

    #[test]
    fn any_bytes_are_notes_or_an_error_of_a_table(bytes in table_bytes()) {
        let registry = registry().unwrap();
        for (name, format, head) in [
            ("t.csv", "csv", "a,b,c,d\n"),
            ("t.tsv", "csv", "a\tb\tc\td\n"),
            ("t.jsonl", "jsonl", "{\"a\":1,\"b\":\"x\",\"c\":\"train\",\"d\":[]}\n"),
            ("t.parquet", "parquet", "PAR1"),
        ] {
            let (_scratch, path) = written(&[head.as_bytes(), &bytes].concat(), name);
            let _ = icdbench::data::load(&own(&path, format), None, &registry);
            let _ = icdbench::data::look(&path);
        }
    }

    #[test]
    fn what_the_crate_csv_writes_is_read_back(
        rows in prop::collection::vec(prop::collection::vec("[a-b7,\"\n\r é]{0,6}", 3), 0..12),
        always in any::<bool>(),
        windows in any::<bool>(),
    ) {
        let mut writer = csv::WriterBuilder::new()
            .quote_style(if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary })
            .terminator(if windows { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .from_writer(Vec::new());
        writer.write_record(["x", "y", "z"]).unwrap();
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let (_scratch, path) = written(&writer.into_inner().unwrap(), "t.csv");
        let found = fields(&path).unwrap();
        prop_assert_eq!(&found[1..], &rows[..]);
    }

    #[test]
    fn a_damaged_table_is_rows_or_an_error(changes in changes(), cut in any::<Option<prop::sample::Index>>()) {
        let (_scratch, path) = written(&damage(&whole().0, &changes, cut), "t.parquet");
        let _ = read_rows(&path, |_| Ok(()));
        let _ = icdbench::data::load(&own(&path, "parquet"), None, &registry().unwrap());
        let _ = icdbench::data::look(&path);
    }

    #[test]
    fn a_damaged_manifest_is_an_error_or_says_something(changes in changes(), cut in any::<Option<prop::sample::Index>>()) {
        let (scratch, _) = written(&damage(&whole().1, &changes, cut), MANIFEST);
        let _ = Manifest::read(scratch.path());
    }
}

/// What stands across the edge of two blocks is read as if it did not.
#[test]
fn quotes_and_line_ends_across_blocks_are_read_as_elsewhere() {
    const BLOCK: usize = 1 << 20;
    let tails = ["\"\"quoted\"\" text\",2\r\n3,4\n", "é\",2\n\"3\",4\n", "\",2\r\n3,4"];
    for tail in tails {
        for before in BLOCK - 8..BLOCK + 2 {
            let head = "x,y\n\"";
            let filler = "a".repeat(before - head.len());
            let (_scratch, path) = written(format!("{head}{filler}{tail}").as_bytes(), "t.csv");
            let rows = fields(&path).unwrap();
            assert_eq!(rows.len(), 3);
            let text = tail.split("\",2").next().unwrap().replace("\"\"", "\"");
            assert!(rows[1][0] == filler + &text && rows[1][1] == "2", "{before}");
            assert_eq!(rows[2], ["3", "4"]);
        }
    }
}

#[test]
fn a_row_without_an_end_is_refused_before_it_fills_the_memory() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("t.csv");
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(b"x,y\n\"").unwrap();
    let block = vec![b'a'; 1 << 20];
    for _ in 0..70 {
        file.write_all(&block).unwrap();
    }
    drop(file);
    let error = fields(&path).unwrap_err().to_string();
    assert!(error.contains("row 2: found a row of more than 64 MiB"), "{error}");
}
