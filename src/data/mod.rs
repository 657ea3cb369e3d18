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
mod csv_file;
mod division;
mod error;
mod fit;
mod identity;
mod labels;
mod note;
mod own;
mod parquet_file;
pub mod predictions;
pub mod prepared;
mod published_split;
mod raw_file;
mod recipe;
mod registry;
mod role;
mod split;
mod stats;
pub mod synthetic;
mod tables;
mod titles;
mod verify;

use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use agreement::{Agreement, DataLimits, RoleAgreement, check_left_out};
pub use checksum::file_sha256;
pub use codiesp::{CodeChoice, CodiespSettings, Language};
pub use corpus::{Corpus, Origin, Part};
pub use csv_file::{CsvFile, Row as CsvRow};
pub use division::{
    Division, DivisionSettings, Dropped, NotesWithoutCodes, TrainingParts, VALIDATION_NOTES, Validation,
};
pub use error::Error;
pub use fit::{FitNotes, FitTexts, UnlabelledNotes};
pub use identity::{identity, is_generated, lacking};
pub use labels::{LabelRule, LabelSet, UnseenCodes};
pub use note::{CodeKind, Evidence, Note};
pub use own::{Found as FoundTable, OwnName, TableCodes, TableFormat, TableSettings, TableSplit, TitleFile, look};
pub use prepared::PreparedSettings;
pub use published_split::{PARTS, SplitCopy, SplitEntry, SplitFile, SplitList};
pub use raw_file::{RawFile, RawFileFacts};
pub use recipe::{
    Addenda, CodeLoading, CodesOf, Dots, IcdVersion, Mimic3Recipe, Mimic4Recipe, Recipe, Shares, SplitRule,
    VisitsRecipe, WithoutCodes,
};
pub use registry::{Dataset, EncoderEntry, FileEntry, FolderEntry, Registry, registry};
pub use role::Role;
pub use split::{draw_parts, shuffle};
pub use stats::{CorpusStats, FrequencyBin, PartStats, Percentiles, Unseen, stats};
pub use synthetic::{SyntheticError, SyntheticSettings};
pub use verify::{CountReport, EntryReport, Status, VerifyReport, verify};

/// Which data set a suite uses: `[data.synthetic]`, `[data.codiesp]`, `[data.prepared]`, or one's own notes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DatasetSettings {
    /// Notes that this program generates.
    Synthetic(SyntheticSettings),
    /// The CodiEsp release, read from the data directory.
    Codiesp(CodiespSettings),
    /// Notes that a user has prepared with `icdbench data prepare`.
    Prepared(PreparedSettings),
    /// Notes in a table that an entry of the registry describes.
    Own(OwnName),
    /// Notes in comma- or tab-separated values.
    Csv(TableSettings),
    /// Notes in JSON lines.
    Jsonl(TableSettings),
    /// Notes in Parquet.
    Parquet(TableSettings),
}

impl DatasetSettings {
    /// The data set's name in the registry.
    pub fn name(&self) -> &str {
        match self {
            Self::Prepared(settings) => &settings.name,
            Self::Own(settings) => &settings.name,
            Self::Csv(settings) | Self::Jsonl(settings) | Self::Parquet(settings) => &settings.name,
            Self::Synthetic(_) | Self::Codiesp(_) => self.reader(),
        }
    }

    /// What reads it: the name of its file or folder in `src/data/`.
    pub fn reader(&self) -> &'static str {
        match self {
            Self::Synthetic(_) => "synthetic",
            Self::Codiesp(_) => "codiesp",
            Self::Prepared(_) => "prepared",
            Self::Own(_) | Self::Csv(_) | Self::Jsonl(_) | Self::Parquet(_) => "own",
        }
    }

    /// What the registry says of it, or of one's own notes the suite.
    ///
    /// # Errors
    /// The registry does not know it.
    pub fn entry<'a>(&self, registry: &'a Registry) -> Result<Cow<'a, Dataset>, Error> {
        match self.table() {
            Some((_, settings)) => Ok(Cow::Owned(own::entry(settings))),
            None => registry.find(self.name()).map(Cow::Borrowed),
        }
    }

    /// The table that the suite itself describes.
    fn table(&self) -> Option<(TableFormat, &TableSettings)> {
        match self {
            Self::Csv(settings) => Some((TableFormat::Csv, settings)),
            Self::Jsonl(settings) => Some((TableFormat::Jsonl, settings)),
            Self::Parquet(settings) => Some((TableFormat::Parquet, settings)),
            _ => None,
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
    let dataset = settings.entry(registry)?;
    let (parts, titles, origin) = match settings {
        DatasetSettings::Synthetic(settings) => {
            let parts = synthetic::parts(settings).map_err(|error| Error::Synthetic(error.into()))?;
            (parts, synthetic::titles(), Origin::default())
        }
        DatasetSettings::Codiesp(settings) => {
            let data_dir = dataset.directory(data_dir)?;
            let parts = codiesp::read(settings, data_dir, &dataset)?;
            (
                parts,
                titles::icd10cm_categories(data_dir, &dataset)?,
                Origin::default(),
            )
        }
        DatasetSettings::Prepared(settings) => prepared::read(settings, &dataset, data_dir)?,
        DatasetSettings::Own(name) => {
            let (_, table) = own::named(name, registry)?;
            own::read(table.format("dataset.table.file")?, table, data_dir)?
        }
        DatasetSettings::Csv(table) => own::read(TableFormat::Csv, table, data_dir)?,
        DatasetSettings::Jsonl(table) => own::read(TableFormat::Jsonl, table, data_dir)?,
        DatasetSettings::Parquet(table) => own::read(TableFormat::Parquet, table, data_dir)?,
    };
    Corpus::new((&dataset.name, dataset.credentialed), parts, titles, origin)
}
