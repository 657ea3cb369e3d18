//! The registry of published numbers, `baselines/published/`: that it says what its tables need, that no digit of it
//! changed unseen, and, where the papers' texts are at hand, that every value stands in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use icdbench::published::{Kind, Published, Source};
use icdbench::record::hex;
use sha2::{Digest, Sha256};

/// The text of each paper, as extracted from PDF, in the folder that `ICDBENCH_PAPERS` names.
const TEXTS: [(&str, &[&str]); 3] = [
    ("bert-xml", &["000_6f9e6c0db6bef8cd.txt", "001_058c103af87800e2.txt"]),
    ("longbert", &["002_35977b4ae364e8ec.txt"]),
    ("magic-of-bert", &["004_5a9ba73d9ebeebca.txt"]),
];

fn baselines() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("baselines")
}

fn folder() -> PathBuf {
    baselines().join("published")
}

/// The sources by the names of their files, from the files themselves.
fn sources() -> BTreeMap<String, Source> {
    let published = Published::read(&baselines()).unwrap();
    let named = published
        .sources
        .into_iter()
        .map(|source| (source.paper.name.clone(), source));
    named.collect()
}

#[test]
fn every_cell_has_a_column_and_every_row_is_told_from_the_others() {
    let sources = sources();
    assert!(TEXTS.iter().all(|(name, _)| sources.contains_key(*name)));
    for (name, source) in &sources {
        assert_eq!(*name, source.paper.name);
        let mut numbers = BTreeSet::new();
        for table in &source.tables {
            let place = format!("{name}, table {}", table.number);
            assert!(numbers.insert(&table.number), "{place} is there twice");
            let columns: BTreeSet<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(columns.len(), table.columns.len(), "{place}: two columns of one name");
            let units = table.unit.is_some() || table.columns.iter().all(|column| column.unit.is_some());
            assert!(units, "{place}: a column without a unit");
            let scored = table.kind != Kind::Scores || (table.scored_on.is_some() && table.threshold.is_some());
            assert!(scored, "{place}: scores of what, decided how?");
            let mut rows = BTreeSet::new();
            for row in &table.rows {
                let of = (&row.label, row.length, &row.encoder, &row.settings, &row.reported_from);
                assert!(rows.insert(of), "{place}: {:?} is there twice", row.label);
                assert!(!row.cells.is_empty(), "{place}: {:?} has no cell", row.label);
                for (column, value) in &row.cells {
                    assert!(columns.contains(column.as_str()), "{place}: no column {column}");
                    let remarked = table.remarks.iter().any(|remark| {
                        remark
                            .row
                            .as_ref()
                            .is_none_or(|of| row.label.contains(of) || of.contains(&row.label))
                            && remark.column.as_ref().is_none_or(|of| of == column)
                    });
                    let place = format!("{place}: {:?}, {column}: {value:?}", row.label);
                    assert!(!value.trim().is_empty() && (value != "?" || remarked), "{place}");
                }
            }
            for remark in &table.remarks {
                let column = remark.column.as_deref();
                assert!(
                    column.is_none_or(|column| columns.contains(column)),
                    "{place}: {}",
                    remark.text
                );
            }
        }
        for statement in &source.statements {
            assert!(
                !statement.values.is_empty() && !statement.section.is_empty(),
                "{name}: {}",
                statement.text
            );
        }
    }
}

#[test]
fn no_digit_of_a_published_number_changed_unseen() {
    let sums = std::fs::read_to_string(folder().join("SHA256SUMS")).unwrap();
    let index = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let kept: BTreeMap<&str, &str> = sums
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(sum, name)| (name, sum))
        .collect();
    for name in sources().keys() {
        let file = format!("{name}.toml");
        assert!(
            index.contains(&format!("| `{file}` |")),
            "README.md does not list {file}"
        );
        let found = Sha256::digest(std::fs::read(folder().join(&file)).unwrap());
        let found = hex(&found);
        let next = "compare it with the paper again, then `cd baselines/published && sha256sum *.toml > SHA256SUMS`";
        assert_eq!(
            kept.get(file.as_str()),
            Some(&found.as_str()),
            "{file} was changed: {next}"
        );
    }
}

#[test]
fn every_published_value_stands_in_its_paper() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/papers");
    let papers = std::env::var_os("ICDBENCH_PAPERS").map_or(beside, PathBuf::from);
    let sources = sources();
    for (name, files) in TEXTS {
        let texts: Vec<_> = files
            .iter()
            .map(|file| std::fs::read_to_string(papers.join(file)))
            .collect();
        if texts.iter().any(Result::is_err) {
            println!("skipped: the text of {name} is not here; set ICDBENCH_PAPERS to the folder that has it");
            continue;
        }
        let text: String = texts.into_iter().map(Result::unwrap).collect::<Vec<_>>().join("\n");
        // A number ends where neither a digit nor a decimal point with a digit goes on.
        let is_number = |letter: char| letter.is_ascii_digit() || letter == '.' || letter == ',';
        let printed: BTreeSet<&str> = text
            .split(|letter: char| !is_number(letter))
            .map(|number| number.trim_matches(['.', ',']))
            .collect();
        let source = &sources[name];
        let cells = source
            .tables
            .iter()
            .flat_map(|table| &table.rows)
            .flat_map(|row| row.cells.values());
        let stated = source.statements.iter().flat_map(|statement| &statement.values);
        for value in cells
            .chain(stated)
            .filter(|value| !["?", "-"].contains(&value.as_str()))
        {
            for number in value
                .split(|letter: char| !is_number(letter))
                .map(|number| number.trim_matches(['.', ',']))
            {
                assert!(
                    number.is_empty() || printed.contains(number),
                    "{name}: {value} is not in the paper's text"
                );
            }
        }
    }
}
