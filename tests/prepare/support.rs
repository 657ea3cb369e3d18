//! Exports on disk, and what comes of them.

use std::path::Path;

use icdbench::data::prepared::{MadeBy, Manifest, PreparedNote, TABLE, read_rows};
use icdbench::data::synthetic::exports::{ExportSettings, Shape, write_export};
use icdbench::data::{Registry, SyntheticSettings, registry};
use icdbench::prepare::{self, Error, Prepared, Request, Watcher};

pub struct Silent;
impl Watcher for Silent {}

pub fn settings(shape: Shape, notes: u32) -> ExportSettings {
    ExportSettings {
        shape,
        notes: SyntheticSettings {
            seed: 7,
            notes,
            median_words: 60,
        },
        variants: 2,
        others: 1,
        listed: Vec::new(),
        version: None,
    }
}

pub fn export(to: &Path, settings: &ExportSettings) {
    write_export(to, settings).unwrap();
}

pub fn made_by() -> MadeBy {
    MadeBy {
        program: "a test".into(),
        revision: "none".into(),
        code: "0".into(),
    }
}

pub fn try_prepare_with(
    registry: &Registry,
    name: &str,
    rules: &[&str],
    (from, to): (&Path, &Path),
    data: Option<&Path>,
) -> Result<Prepared, Error> {
    let changes: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
    let request = Request {
        dataset: registry.find(name).unwrap(),
        registry,
        changes: &changes,
        from,
        to,
        data,
        made_by: made_by(),
    };
    prepare::prepare(&request, &Silent)
}

pub fn try_prepare(name: &str, rules: &[&str], from: &Path, to: &Path) -> Result<Manifest, Error> {
    let registry = registry().unwrap();
    match try_prepare_with(&registry, name, rules, (from, to), None)? {
        Prepared::Made(manifest) => Ok(manifest),
        Prepared::Unchanged(_) => panic!("it was there already"),
    }
}

pub fn prepare(name: &str, rules: &[&str], from: &Path, to: &Path) -> (Manifest, Vec<PreparedNote>) {
    let manifest = try_prepare(name, rules, from, to).unwrap();
    let rows = rows(to);
    assert_eq!(rows.len() as u64, manifest.table.rows);
    (manifest, rows)
}

pub fn rows(directory: &Path) -> Vec<PreparedNote> {
    let mut rows = Vec::new();
    let (count, _) = read_rows(&directory.join(TABLE), |row| {
        rows.push(row);
        Ok(())
    })
    .unwrap();
    assert_eq!(count as usize, rows.len());
    rows
}

/// What a step of the manifest counted.
pub fn step(manifest: &Manifest, what: &str) -> u64 {
    let found: Vec<_> = manifest.steps.iter().filter(|step| step.what.contains(what)).collect();
    assert_eq!(found.len(), 1, "{what:?} in {:#?}", manifest.steps);
    found[0].count
}
