//! Where the numbers of a report come from, put together from its records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::summary::Summary;
use super::table::grouped;
use crate::record::Record;

/// Name and value of one part of the provenance.
type Part = (&'static str, fn(&Record) -> String);

const PARTS: [Part; 12] = [
    ("icdbench", |record| record.provenance.icdbench_version.clone()),
    ("git revision", |record| {
        let revision = &record.provenance.git_revision;
        let dirty = match record.provenance.git_dirty {
            Some(true) => ", with changes",
            Some(false) => ", clean",
            None => "",
        };
        format!("{revision}{dirty}")
    }),
    ("code hash", |record| record.provenance.code_sha256.clone()),
    ("Cargo.lock hash", |record| record.provenance.cargo_lock_sha256.clone()),
    ("compiler", |record| record.provenance.rustc.clone()),
    ("build", |record| record.provenance.build.clone()),
    ("features", |record| record.provenance.features.join(", ")),
    ("operating system", |record| record.provenance.operating_system.clone()),
    ("CPU", |record| {
        format!("{}, {} logical", record.provenance.cpu, record.provenance.cpus)
    }),
    ("memory", |record| match record.provenance.memory_bytes {
        Some(bytes) => format!("{:.0} GiB", bytes as f64 / (1u64 << 30) as f64),
        None => "not available".to_owned(),
    }),
    ("GPU", |record| record.provenance.gpu.clone()),
    ("threads", |record| record.provenance.threads.to_string()),
];

/// Name and value of each part of one record.
pub fn parts(record: &Record) -> Vec<(String, String)> {
    let parts = PARTS.iter().map(|(name, part)| ((*name).to_owned(), part(record)));
    parts.collect()
}

/// Name and value of each part, over the records that are shown; nothing where there is none.
pub fn provenance(summary: &Summary<'_>) -> Vec<(String, String)> {
    if summary.records.is_empty() {
        return Vec::new();
    }
    let mut rows: Vec<(String, String)> = PARTS
        .iter()
        .map(|(name, part)| ((*name).to_owned(), counted(summary, part)))
        .collect();
    let started = summary.records.iter().map(|record| &record.provenance.started).min();
    let ended = summary.records.iter().map(|record| &record.provenance.ended).max();
    if let (Some(started), Some(ended)) = (started, ended) {
        rows.push(("made".to_owned(), format!("{started} to {ended} (UTC)")));
    }
    rows.extend(inputs(summary));
    rows
}

/// The value, or each distinct value with its number of cells.
fn counted(summary: &Summary<'_>, part: &fn(&Record) -> String) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for record in &summary.records {
        *counts.entry(part(record)).or_default() += 1;
    }
    if counts.len() == 1 {
        return counts.into_keys().next().unwrap_or_default();
    }
    let counted = counts.into_iter().map(|(value, count)| {
        let noun = if count == 1 { "cell" } else { "cells" };
        format!("{value} ({} {noun})", grouped(count as u64))
    });
    counted.collect::<Vec<_>>().join("; ")
}

/// The inputs that all cells share, such as the data's fingerprint; of the others, how many values they have.
fn inputs(summary: &Summary<'_>) -> Vec<(String, String)> {
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // Thousands of records share a few stages.
    let mut seen = BTreeSet::new();
    for (name, stage) in summary.records.iter().flat_map(|record| &record.stages) {
        if !seen.insert(Arc::as_ptr(stage)) {
            continue;
        }
        for (setting, value) in &stage.settings {
            values.entry(setting.clone()).or_default().insert(spelled(value));
        }
        for (what, value) in &stage.made_by {
            let of_name = values.entry(format!("{name} {what}")).or_default();
            of_name.insert(spelled(&value.clone().into()));
        }
    }
    let row = |(name, values): (String, BTreeSet<String>)| {
        let value = match values.len() {
            1 => values.into_iter().next().unwrap_or_default(),
            several => format!("{several} different values, named in the records"),
        };
        (format!("input: {name}"), value)
    };
    values.into_iter().map(row).collect()
}

/// A JSON value on one line; a string without its quotes, a long one cut.
fn spelled(value: &serde_json::Value) -> String {
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() <= 160 {
        return text;
    }
    text.chars().take(159).chain(['…']).collect()
}
