//! `manifest.json` of a prepared data set: what it was made from, by which rules, what every step left, and the checksum
//! of what came out. A directory without one is not prepared.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::data::checksum;
use crate::data::recipe::Recipe;

/// Rises when files of older programs cannot be read any more.
pub const FORMAT: u32 = 1;

/// The file's name in a prepared directory.
pub const MANIFEST: &str = "manifest.json";

/// All there is to say of a prepared data set without saying anything of one patient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// As the registry names the data set.
    pub dataset: String,
    /// Whether the notes are generated ones, which say nothing of a paper.
    pub generated: bool,
    /// All rules that it was made by.
    pub recipe: Recipe,
    /// Which of them are not the registry's, as `rule=value`.
    pub changed_rules: Vec<String>,
    /// Who made it.
    pub made_by: MadeBy,
    /// The files that were read, in the order of reading.
    pub inputs: Vec<Input>,
    /// What every step left, in their order.
    pub steps: Vec<Step>,
    /// What is in each part.
    pub parts: Vec<PartCount>,
    /// Different codes, by kind: `diagnosis`, `procedure`.
    pub codes: BTreeMap<String, u64>,
    /// Patients who have notes in several parts; a published list may have such.
    pub patients_in_several_parts: u64,
    /// The table of notes.
    pub table: Output,
    /// The table of codes with their titles.
    pub titles: Output,
    /// SHA-256 over the rows of the table, whatever file they are in.
    pub fingerprint: String,
    /// SHA-256 over all of this but itself: what is changed by hand is found.
    pub checksum: String,
}

impl Manifest {
    /// With its checksum.
    pub fn sealed(mut self) -> Self {
        self.checksum = self.seal();
        self
    }

    /// Whether it is as it was written.
    pub(super) fn is_sealed(&self) -> bool {
        self.checksum == self.seal()
    }

    fn seal(&self) -> String {
        let bare = Self {
            checksum: String::new(),
            ..self.clone()
        };
        // OK because a manifest has no map whose keys are no strings.
        checksum::sha256(&serde_json::to_vec(&bare).unwrap_or_default())
    }
}

/// Who made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MadeBy {
    /// The program and its version.
    pub program: String,
    /// The revision of its source.
    pub revision: String,
    /// SHA-256 of the code that prepares: where it is the same, so is what it makes.
    pub code: String,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Input {
    /// Where it lies in the directory of the export, or among the data.
    pub path: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// SHA-256 of these.
    pub sha256: String,
    /// Rows without the header.
    pub rows: u64,
    /// When it was last changed, nanoseconds since 1970: with the same size and time it is not read again.
    pub changed: u64,
}

/// What a step left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Step {
    /// What was counted.
    pub what: String,
    /// How many.
    pub count: u64,
}

/// A part in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PartCount {
    /// `train`, `dev` or `test`.
    pub name: String,
    /// Notes.
    pub notes: u64,
    /// Patients.
    pub patients: u64,
    /// (Note, code) pairs.
    pub assignments: u64,
    /// Notes that have no code.
    pub without_codes: u64,
    /// Different codes.
    pub codes: u64,
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Output {
    /// Its name in the directory.
    pub file: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// SHA-256 of these.
    pub sha256: String,
    /// Rows.
    pub rows: u64,
}
