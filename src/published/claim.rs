//! The papers' sentences as inequalities over their tables: `baselines/claims/<paper>.toml`.

use serde::Deserialize;

/// A file of claims.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ClaimsFile {
    /// The work that they are of.
    pub paper: String,
    #[serde(rename = "claim")]
    pub claims: Vec<Claim>,
}

/// `[[claim]]`: a sentence, and what must hold for it to be true.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Claim {
    /// Unique in the file.
    pub name: String,
    /// Where the sentence stands; `tables` for what any reader expects of tables.
    pub section: String,
    /// The sentence as printed, or the expectation in words.
    pub text: String,
    /// How it is read where the sentence leaves it open.
    pub reading: Option<String>,
    /// It holds when all of these do.
    pub(super) checks: Vec<Check>,
}

/// One inequality or equation, over each of the tables and columns that it names.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Check {
    /// Each row is above the one before it.
    Rising {
        tables: Vec<String>,
        columns: Vec<String>,
        rows: Vec<RowReference>,
    },
    /// The row is above all others of its table.
    Best {
        tables: Vec<String>,
        columns: Vec<String>,
        row: RowReference,
    },
    /// The first row, in the first table, and the second, in the second, are printed alike.
    Equal {
        tables: [String; 2],
        columns: Vec<String>,
        rows: Box<[RowReference; 2]>,
    },
    /// Rows that stand in both tables are printed alike.
    Repeats { tables: [String; 2] },
    /// The second row is further above the first in the first table than in the second.
    Wider {
        tables: [String; 2],
        columns: Vec<String>,
        rows: Box<[[RowReference; 2]; 2]>,
    },
    /// The second row is above the first by so much, in the table's unit.
    Gains {
        tables: Vec<String>,
        columns: Vec<String>,
        rows: Box<[RowReference; 2]>,
        by: f64,
        within: f64,
    },
    /// The first row is so many times the second.
    Ratio {
        tables: Vec<String>,
        columns: Vec<String>,
        rows: Box<[RowReference; 2]>,
        factor: f64,
        within: f64,
    },
    /// The last row is the sum of the others.
    Sum {
        tables: Vec<String>,
        columns: Vec<String>,
        rows: Vec<RowReference>,
    },
    /// In every row the third column is the harmonic mean of the first two.
    Harmonic { tables: Vec<String>, columns: [String; 3] },
    /// Numbers of the text, by section and value, are equal.
    Figures { values: Vec<[String; 2]> },
    /// A number of the text is that of the cells.
    Counts {
        figure: [String; 2],
        tables: Vec<String>,
        columns: Vec<String>,
        rows: Vec<RowReference>,
    },
    /// Numbers of the text add up.
    AddsUp {
        parts: Vec<[String; 2]>,
        total: [String; 2],
    },
    /// Training takes so many times as long a note at the second length.
    Time {
        model: String,
        lengths: [u32; 2],
        factor: f64,
        within: f64,
    },
}

impl Claim {
    /// Whether it is of how long something takes.
    pub fn is_of_time(&self) -> bool {
        self.checks.iter().any(|check| matches!(check, Check::Time { .. }))
    }
}

impl Check {
    /// The tables that it names.
    pub(super) fn tables(&self) -> &[String] {
        match self {
            Self::Rising { tables, .. }
            | Self::Best { tables, .. }
            | Self::Gains { tables, .. }
            | Self::Ratio { tables, .. }
            | Self::Sum { tables, .. }
            | Self::Counts { tables, .. }
            | Self::Harmonic { tables, .. } => tables,
            Self::Equal { tables, .. } | Self::Repeats { tables } | Self::Wider { tables, .. } => tables,
            Self::Figures { .. } | Self::AddsUp { .. } | Self::Time { .. } => &[],
        }
    }
}

/// A row of a table, by what tells it from the others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RowReference {
    /// Another table than the check's.
    pub table: Option<String>,
    /// See [`super::Row`], as the others.
    pub label: Option<String>,
    pub length: Option<u32>,
    pub encoder: Option<String>,
    pub settings: Option<String>,
    pub reported_from: Option<String>,
}
