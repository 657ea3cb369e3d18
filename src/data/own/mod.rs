//! Anyone's notes: a table in CSV, JSON lines or Parquet whose columns a suite names, `[data.csv]`, `[data.jsonl]` or
//! `[data.parquet]`; or an entry of `datasets.toml` does, and the suite names that, `[data.own]`.

mod codes;
mod csv;
mod jsonl;
mod look;
mod note;
mod parquet;
mod read;
pub(super) mod settings;

pub(super) use csv::open as open_table;
pub(super) use jsonl::objects as json_objects;
pub use look::{Found, look};
pub(super) use parquet::{damaged as damaged_parquet, open as open_parquet, strings};
pub(super) use read::read;
pub use settings::{OwnName, TableCodes, TableFormat, TableSettings, TableSplit, TitleFile};

use super::error::Error;
use super::registry::{Dataset, Registry};

/// The registry's entry that a suite's own description amounts to.
pub(super) fn entry(settings: &TableSettings) -> Dataset {
    Dataset {
        name: settings.name.clone(),
        title: settings.name.clone(),
        licence: "the owner's".into(),
        credentialed: settings.credentialed,
        source: "a file of the suite's owner".into(),
        citation: "none".into(),
        prepare: None,
        table: None,
        files: Vec::new(),
        folders: Vec::new(),
    }
}

/// The table that an entry of the registry describes.
///
/// # Errors
/// There is no such entry, or it describes no table.
pub(super) fn named<'a>(name: &OwnName, registry: &'a Registry) -> Result<(&'a Dataset, &'a TableSettings), Error> {
    let dataset = registry.find(&name.name)?;
    match &dataset.table {
        Some(table) => Ok((dataset, table)),
        None => Err(Error::Setting {
            key: "data.own.name",
            found: name.name.clone(),
            expected: "an entry of datasets.toml that has a [dataset.table]; `icdbench data init FILE` writes one"
                .into(),
        }),
    }
}
