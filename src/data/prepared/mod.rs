//! Data sets that a user prepares from a source under a data use agreement (MIMIC, a hospital's own): `[data.prepared]`.
//!
//! `icdbench data prepare` writes them (see [`prepare`](crate::prepare)); here they are read, after a look at whether
//! they are what the suite means: the same data set, by the same rules, and unharmed.

mod manifest;
mod read;
mod table;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::checksum::file_sha256;
pub use manifest::{FORMAT, Input, MANIFEST, MadeBy, Manifest, Output, PartCount, Step};
pub(super) use read::{identity, lacks, read};
pub use table::{PreparedCode, PreparedNote, TABLE, TableWriter, kind_name, read_rows};

use super::recipe::CodesOf;

/// The table of codes in a prepared directory.
pub const TITLES: &str = "codes.csv";

/// `[data.prepared]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PreparedSettings {
    /// The preparation, as `datasets.toml` names it, such as `mimic3-full`; it lies in a directory of this name in the
    /// data directory.
    pub name: String,
    /// Rules by which it was made in the place of the registry's, each as `rule=value`, as `data prepare --rule` takes
    /// them. What was made by others is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Which of its codes count; all, where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes: Option<CodesOf>,
}

impl PreparedSettings {
    /// Where it lies.
    pub fn directory(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(&self.name)
    }
}
