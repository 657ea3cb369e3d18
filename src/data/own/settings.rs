//! How a table is described.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::checksum::{Fingerprint, file_sha256};
use crate::data::error::Error;
use crate::data::recipe::Shares;

/// `[data.own]`: notes that an entry of `datasets.toml` describes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OwnName {
    /// The entry's name.
    pub name: String,
}

/// A table of notes: `[data.csv]`, `[data.jsonl]`, `[data.parquet]` of a suite, `[dataset.table]` of the registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TableSettings {
    /// What reports call the data set. In the registry its entry says it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether its texts may not be shown to others: then notes are named by salted hashes, and small counts withheld.
    pub credentialed: bool,
    /// The file, relative to the data directory, or to the working directory where none is named. Plain or gzip; `.tsv` has
    /// tabs between its columns.
    pub file: PathBuf,
    /// The column of identifiers, each once.
    pub id: String,
    /// The column of texts.
    pub text: String,
    /// The column of patients. Left out: every note is of another patient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    /// Which note is in which part.
    pub split: TableSplit,
    /// Where a note's codes are.
    pub codes: TableCodes,
    /// Titles of codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub titles: Option<TitleFile>,
}

/// Which note is in which part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TableSplit {
    /// A column says it.
    Column(String),
    /// Patients are drawn into train, dev and test.
    ByPatient(Shares),
}

/// Where a note's codes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TableCodes {
    /// In a column that holds a list (JSON lines, Parquet).
    List(String),
    /// In a column that holds one string, with something between the codes.
    Separated {
        /// The column.
        column: String,
        /// What stands between two codes, such as `;`.
        separator: String,
    },
    /// In another file, a row a code.
    Table {
        /// In CSV, where the notes are looked for.
        file: PathBuf,
        /// Its column of the notes' identifiers.
        id: String,
        /// Its column of codes.
        code: String,
    },
}

/// A table of titles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TitleFile {
    /// In CSV, where the notes are looked for. A name that ends in `order.txt` is the official order file of ICD-10-CM.
    pub file: PathBuf,
    /// Its column of codes; not of an order file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Its column of titles; not of an order file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// In which form a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TableFormat {
    /// Comma-separated values, or tab-separated.
    Csv,
    /// An object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

impl TableFormat {
    /// By the name of the file, whether or not it is gzip.
    pub fn of(file: &Path) -> Option<Self> {
        let name = file.file_name()?.to_string_lossy().to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "csv" | "tsv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// As a suite calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

impl TableSettings {
    /// In which form it is, by the name of its file.
    ///
    /// # Errors
    /// The name tells none.
    pub(in crate::data) fn format(&self, key: &'static str) -> Result<TableFormat, Error> {
        TableFormat::of(&self.file).ok_or_else(|| Error::Setting {
            key,
            found: "a name without a known ending".into(),
            expected: "a file that ends in .csv, .tsv, .jsonl, .ndjson or .parquet (or these and .gz)".into(),
        })
    }

    /// The files that it is made of.
    fn files(&self, data_dir: Option<&Path>) -> Vec<PathBuf> {
        let codes = match &self.codes {
            TableCodes::Table { file, .. } => Some(file),
            _ => None,
        };
        let files = [Some(&self.file), codes, self.titles.as_ref().map(|titles| &titles.file)];
        files.into_iter().flatten().map(|file| placed(file, data_dir)).collect()
    }

    /// SHA-256 over its files and how they are read.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(in crate::data) fn identity(&self, data_dir: Option<&Path>) -> Result<String, Error> {
        let mut fingerprint = Fingerprint::new("icdbench own notes 1");
        for file in self.files(data_dir) {
            fingerprint.text(&file_sha256(&file)?);
        }
        let columns = [
            Some(self.id.clone()),
            Some(self.text.clone()),
            self.patient.clone(),
            Some(format!("{:?} {:?}", self.split, self.codes_without_place())),
        ];
        for column in columns {
            fingerprint.text(&column.unwrap_or_default());
        }
        Ok(fingerprint.finish())
    }

    /// Where a file lies moves no result.
    fn codes_without_place(&self) -> Cow<'_, TableCodes> {
        match &self.codes {
            TableCodes::Table { id, code, .. } => Cow::Owned(TableCodes::Table {
                file: PathBuf::new(),
                id: id.clone(),
                code: code.clone(),
            }),
            _ => Cow::Borrowed(&self.codes),
        }
    }
}

/// Where a file lies.
pub(super) fn placed(file: &Path, data_dir: Option<&Path>) -> PathBuf {
    match data_dir {
        Some(data) if file.is_relative() => data.join(file),
        _ => file.to_owned(),
    }
}
