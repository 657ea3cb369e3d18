//! One archive for whoever reviews an artifact: a suite's records with its report, the registry, the lock file and the
//! environments, described as a Workflow Run RO-Crate (one action a cell) with Croissant for the data set.
//!
//! Rows by note of credentialed data are left out unless the user asserts that they may be shared ([`Access`]); weights,
//! texts, tokens, probabilities, evidence and salts never go in, as nothing here reads them. The same records give the same
//! bytes: no clock, no path and no order of a hash map enters an archive.

mod access;
mod archive;
mod cell;
mod croissant;
mod environment;
mod metadata;
mod paths;
mod readme;

use sha2::{Digest, Sha256};

pub use access::Access;
pub use cell::PackedCell;
pub use paths::absolute_paths;

use crate::data::Dataset;
use crate::published;
use crate::record::hex;

/// Where the record of a cell, or with `private/rows/<key>` its rows, lie in the archive.
pub const RESULTS: &str = "results";
/// What describes the archive.
pub const METADATA: &str = "ro-crate-metadata.json";
/// The list of all files with their hashes, but for itself.
pub const SUMS: &str = "SHA256SUMS";
/// The suite.
pub const SUITE: &str = "suite.toml";
const README: &str = "README.md";
const ENVIRONMENT: &str = "environment.json";
const LOCK: &str = "Cargo.lock";
const CARGO_LOCK: &str = include_str!("../../Cargo.lock");
const REPRODUCE: &str = include_str!("../../REPRODUCE.md");

/// What is packed.
#[derive(Clone, Debug)]
pub struct Pack<'a> {
    /// The suite's name.
    pub name: &'a str,
    /// What the suite is for.
    pub description: &'a str,
    /// The suite's file as it was written.
    pub suite: &'a str,
    /// What the registry says of its data set.
    pub dataset: &'a Dataset,
    /// Whether its notes are generated ones in the form of that data set.
    pub generated: bool,
    /// The registry's file.
    pub registry: &'a str,
    /// Cells that have a record, in the order of the suite.
    pub cells: Vec<PackedCell>,
    /// Cells that have none, in words.
    pub missing: Vec<String>,
    /// The report's files, by their path in it.
    pub report: Vec<(String, Vec<u8>)>,
    /// What may go in.
    pub access: Access,
    /// Who ran the cells, where that is said.
    pub agent: Option<Agent>,
    /// The licence of the archive as a whole, where that is said: an address or a name.
    pub licence: Option<&'a str>,
    /// The program that packs, such as `icdbench 0.1.0`.
    pub packed_by: &'a str,
}

/// A person who ran the cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// As they write it.
    pub name: String,
    /// `https://orcid.org/` and four times four digits.
    pub orcid: Option<String>,
}

/// A file of the archive.
#[derive(Clone, Debug)]
struct PackedFile {
    /// With `/`.
    path: String,
    bytes: Vec<u8>,
    /// What it is, in a few words.
    title: String,
}

impl PackedFile {
    fn new(path: impl Into<String>, bytes: impl Into<Vec<u8>>, title: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            bytes: bytes.into(),
            title: title.into(),
        }
    }

    fn sha256(&self) -> String {
        hex(&Sha256::digest(&self.bytes))
    }
}

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of it cannot be spelled as JSON.
    #[error("{file}: {source}. Nothing was written")]
    Json {
        /// Its place in the archive.
        file: &'static str,
        /// The writer's own words.
        source: serde_json::Error,
    },
    /// More than such an archive holds.
    #[error("the archive: {0}. Nothing was written; pack fewer cells")]
    Zip(#[from] zip::result::ZipError),
}

impl Pack<'_> {
    /// The archive's bytes.
    ///
    /// # Errors
    /// It would be larger than a zip archive can be.
    pub fn archive(&self) -> Result<Vec<u8>, Error> {
        let mut files = self.files()?;
        let described = json(METADATA, &metadata::metadata(self, &files))?;
        files.push(described);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let sums: String = files
            .iter()
            .map(|file| format!("{}  {}\n", file.sha256(), file.path))
            .collect();
        files.push(PackedFile::new(SUMS, sums, ""));
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(archive::zip(&files)?)
    }

    /// Every file but the two that describe the others, in the order of their paths.
    fn files(&self) -> Result<Vec<PackedFile>, Error> {
        let mut files = vec![
            PackedFile::new(
                README,
                readme::readme(self),
                "What this archive holds, and how to check it",
            ),
            PackedFile::new(SUITE, self.suite, format!("The suite {}", self.name)),
            PackedFile::new("datasets.toml", self.registry, "The registry of data sets"),
            PackedFile::new("REPRODUCE.md", REPRODUCE, "Which number, which command, what it needs"),
            PackedFile::new(LOCK, CARGO_LOCK, "Versions of all packages of the program"),
            json(ENVIRONMENT, &environment::environments(self.records()))?,
            croissant::file(self)?,
        ];
        let published = published::built_in_files();
        files.extend(published.map(|(name, text)| {
            PackedFile::new(
                format!("baselines/{name}"),
                text,
                "Of the registry of published numbers",
            )
        }));
        let report = self.report.iter();
        files.extend(
            report.map(|(name, bytes)| PackedFile::new(format!("report/{name}"), bytes.clone(), "Of the report")),
        );
        files.extend(self.cells.iter().flat_map(PackedCell::files));
        files.sort_by(|a, b| a.path.cmp(&b.path));
        // Runs of equal settings have one record.
        files.dedup_by(|a, b| a.path == b.path);
        Ok(files)
    }

    fn records(&self) -> impl Iterator<Item = &crate::record::Record> {
        self.cells.iter().map(|cell| &cell.record)
    }

    /// As lists and reports call the data set.
    fn dataset_title(&self) -> String {
        match self.generated {
            true => format!("Generated notes in the form of: {}", self.dataset.title),
            false => self.dataset.title.clone(),
        }
    }

    /// Its licence; of what this program generates, the program's.
    fn dataset_licence(&self) -> &str {
        match self.dataset.licence.as_str() {
            "as this program" => env!("CARGO_PKG_LICENSE"),
            stated => stated,
        }
    }

    /// Sentences on what is not in the archive and why.
    fn left_out(&self) -> Vec<String> {
        let mut sentences = vec![self.access.sentence(self.dataset)];
        let without = |cell: &&PackedCell| cell.record.outcome.is_some() && cell.rows.is_empty();
        let without = self.cells.iter().filter(without).count();
        if self.access.shows_rows() && without > 0 {
            sentences.push(format!("The rows by note of {without} scored cells were not at hand."));
        }
        sentences.push(
            "Note texts, tokens, vocabularies, weights, probabilities, evidence by note and the salt that names notes are \
             never packed."
                .into(),
        );
        if !self.missing.is_empty() {
            sentences.push(format!(
                "{} of {} cells of the suite have no record: {}.",
                self.missing.len(),
                self.missing.len() + self.cells.len(),
                self.missing.join("; ")
            ));
        }
        sentences
    }
}

/// A file of JSON.
fn json(path: &'static str, value: &serde_json::Value) -> Result<PackedFile, Error> {
    let mut text = serde_json::to_string_pretty(value).map_err(|source| Error::Json { file: path, source })?;
    text.push('\n');
    let title = match path {
        ENVIRONMENT => "The programs and machines that made the records",
        _ => "",
    };
    Ok(PackedFile::new(path, text, title))
}
