//! What is packed, and what is said of it as a whole.

use super::access::Access;
use super::cell::PackedCell;
use crate::data::Dataset;
use crate::record::Record;

/// What describes the archive.
pub(super) const METADATA: &str = "ro-crate-metadata.json";
/// The list of all files with their hashes, but for itself.
pub(super) const SUMS: &str = "SHA256SUMS";
/// The suite.
pub(super) const SUITE: &str = "suite.toml";
pub(super) const README: &str = "README.md";
pub(super) const ENVIRONMENT: &str = "environment.json";
pub(super) const LOCK: &str = "Cargo.lock";
/// What the program was built with.
pub(super) const CARGO_LOCK: &str = include_str!("../../Cargo.lock");
pub(super) const REPRODUCE: &str = include_str!("../../REPRODUCE.md");

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

impl Pack<'_> {
    /// Those of its cells.
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.cells.iter().map(|cell| &cell.record)
    }

    /// As lists and reports call the data set.
    pub(super) fn dataset_title(&self) -> String {
        match self.generated {
            true => format!("Generated notes in the form of: {}", self.dataset.title),
            false => self.dataset.title.clone(),
        }
    }

    /// Its licence; of what this program generates, the program's.
    pub(super) fn dataset_licence(&self) -> &str {
        match self.dataset.licence.as_str() {
            "as this program" => env!("CARGO_PKG_LICENSE"),
            stated => stated,
        }
    }

    /// Sentences on what is not in the archive and why.
    pub(super) fn left_out(&self) -> Vec<String> {
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
