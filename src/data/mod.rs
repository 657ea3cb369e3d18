//! Data sets: where they are, what they should contain, and how their notes are handed out.
//!
//! [`load`] reads a data set into a [`Corpus`], checked against the [`Registry`];
//! [`Corpus::divide`] gives the notes their roles; [`Division::label`] chooses the codes.
//! This module knows files, codes and splits, and never models or metrics.
//!
//! This file is the table of data sets and moves no notes: what reads them stands in each data set's own file.

mod agreement;
mod checksum;
mod codiesp;
mod corpus;
mod division;
mod error;
mod fit;
mod identity;
mod labels;
mod note;
mod prepared;
mod registry;
mod role;
mod split;
mod stats;
pub mod synthetic;
mod tables;
mod titles;
mod verify;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use agreement::{Agreement, DataLimits, RoleAgreement, check_left_out};
pub use codiesp::{CodeChoice, CodiespSettings, Language};
pub use corpus::{Corpus, Part};
pub use division::{
    Division, DivisionSettings, Dropped, NotesWithoutCodes, TrainingParts, VALIDATION_NOTES, Validation,
};
pub use error::Error;
pub use fit::{FitNotes, FitTexts};
pub use identity::{identity, lacking};
pub use labels::{LabelRule, LabelSet, UnseenCodes};
pub use note::{CodeKind, Evidence, Note};
pub use prepared::PreparedSettings;
pub use registry::{Dataset, EncoderEntry, FileEntry, FolderEntry, Registry, registry};
pub use role::Role;
pub use stats::{CorpusStats, FrequencyBin, PartStats, Percentiles, Unseen, stats};
pub use synthetic::{SyntheticError, SyntheticSettings};
pub use verify::{CountReport, EntryReport, Status, VerifyReport, verify};

/// Which data set a suite uses: `[data.synthetic]`, `[data.codiesp]` or `[data.prepared]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DatasetSettings {
    /// Notes that this program generates.
    Synthetic(SyntheticSettings),
    /// The CodiEsp release, read from the data directory.
    Codiesp(CodiespSettings),
    /// Notes that a user has to prepare.
    Prepared(PreparedSettings),
}

impl DatasetSettings {
    /// The data set's name in the registry.
    pub fn name(&self) -> &str {
        match self {
            Self::Prepared(settings) => &settings.name,
            _ => self.reader(),
        }
    }

    /// What reads it: the name of its file or folder in `src/data/`.
    pub fn reader(&self) -> &'static str {
        match self {
            Self::Synthetic(_) => "synthetic",
            Self::Codiesp(_) => "codiesp",
            Self::Prepared(_) => "prepared",
        }
    }
}

/// Reads a data set and checks it against the registry: every count, and the checksums of its tables and of the
/// folders of texts.
///
/// # Errors
/// The registry does not know the data set, the data directory is missing, or a file is missing,
/// unreadable, inconsistent or not what the registry lists.
pub fn load(settings: &DatasetSettings, data_dir: Option<&Path>, registry: &Registry) -> Result<Corpus, Error> {
    let dataset = registry.find(settings.name())?;
    let (parts, titles) = match settings {
        DatasetSettings::Synthetic(settings) => {
            let parts = synthetic::parts(settings).map_err(|error| Error::Synthetic(error.into()))?;
            (parts, synthetic::titles())
        }
        DatasetSettings::Codiesp(settings) => {
            let data_dir = dataset.directory(data_dir)?;
            let parts = codiesp::read(settings, data_dir, dataset)?;
            (parts, titles::icd10cm_categories(data_dir, dataset)?)
        }
        DatasetSettings::Prepared(_) => return Err(prepared::read(dataset)),
    };
    Corpus::new(&dataset.name, dataset.credentialed, parts, titles)
}
