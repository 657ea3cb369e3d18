//! What is generated.

use super::super::patient::Part;
use super::super::settings::SyntheticSettings;

/// Which export is imitated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// MIMIC-III v1.4.
    Mimic3,
    /// MIMIC-IV v2.2 with MIMIC-IV-Note.
    Mimic4,
    /// A hospital's own, many notes a visit, as BERT-XML's.
    Visits,
}

/// What is generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportSettings {
    /// Which export is imitated.
    pub shape: Shape,
    /// Seed and length of the notes, and the number of admissions with a document.
    pub notes: SyntheticSettings,
    /// How many codes each code of the generator stands for: 1 gives some 500 diagnoses, 16 some 8,000.
    pub variants: u32,
    /// Notes of other categories for each admission (MIMIC-III).
    pub others: u32,
    /// Admissions of a published list with their parts, in the place of numbers of our own; as many as `notes`.
    pub listed: Vec<(u32, Part)>,
    /// Which version of the ICD all admissions have (MIMIC-IV); some of each where it is not said.
    pub version: Option<u8>,
}
