//! Notes that a user prepares from a source under a data use agreement (MIMIC, a hospital's own), by the name of the
//! preparation in the registry.
//!
//! Suites name them so that a paper's settings stand in full and every cell says what it needs. This program has no
//! reader for them yet: their cells are skipped.

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::registry::{Dataset, Registry};

/// `[data.prepared]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PreparedSettings {
    /// The preparation, as `datasets.toml` names it, such as `mimic3-full`.
    pub name: String,
}

/// What a cell of the data set lacks, for its record.
///
/// # Errors
/// The data set of that name is not one that users prepare.
pub(super) fn lacks(dataset: &Dataset, registry: &Registry) -> Result<String, Error> {
    if !dataset.prepared {
        let prepared = registry.datasets().iter().filter(|dataset| dataset.prepared);
        let known: Vec<&str> = prepared.map(|dataset| dataset.name.as_str()).collect();
        return Err(Error::Setting {
            key: "data.prepared.name",
            found: dataset.name.clone(),
            expected: format!("one of {}", known.join(", ")),
        });
    }
    Ok(format!(
        "it needs {} ({}), and this version of icdbench has no reader for it",
        dataset.title,
        dataset.obtain()
    ))
}

/// Why there are no notes.
pub(super) fn read(dataset: &Dataset) -> Error {
    Error::NoReader {
        dataset: dataset.name.clone(),
        obtain: dataset.obtain(),
    }
}
