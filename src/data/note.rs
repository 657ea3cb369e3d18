//! A clinical note with its codes: the one type every data set is read into.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What a code describes. ICD-9 and ICD-10 keep the two in separate tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeKind {
    /// ICD-10-CM or ICD-9-CM volumes 1 and 2.
    Diagnosis,
    /// ICD-10-PCS or ICD-9-CM volume 3.
    Procedure,
}

/// Where in the note's text a code is supported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The code, as it stands in [`Note::codes`].
    pub code: String,
    /// Which table the code belongs to.
    pub kind: CodeKind,
    /// Character (not byte) offsets into the text; several when the evidence is discontinuous.
    pub spans: Vec<Range<usize>>,
}

/// One clinical note (an admission's discharge summary, a clinical case).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The data set's own identifier. Never leaves the process: records name notes by a salted hash.
    pub id: String,
    /// Notes of one patient never straddle two splits. Data sets without patients repeat `id`.
    pub patient: String,
    /// As the data set has it, before any normalising; UTF-8.
    pub text: String,
    /// Gold codes, sorted and without repeats.
    pub codes: Vec<String>,
    /// Evidence spans, where the data set has them.
    pub evidence: Vec<Evidence>,
}
