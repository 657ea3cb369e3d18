//! What became of the cells of a table.

use std::collections::BTreeMap;

use serde::Serialize;

/// What became of a cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict", content = "why")]
pub enum Verdict {
    /// The published value is inside our interval, or within its rounding and the tolerance of ours.
    Reproduced,
    /// It is not.
    Differs,
    /// There is a number, of something else.
    NotComparable(Vec<String>),
    /// The print does not show it.
    Unreadable,
    /// There is none, and what it needs.
    NotAttempted(String),
}

impl Verdict {
    /// In a table.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Reproduced => "reproduced",
            Self::Differs => "differs",
            Self::NotComparable(_) => "not comparable",
            Self::Unreadable => "unreadable",
            Self::NotAttempted(_) => "not attempted",
        }
    }
}

/// A cell of a printed table with ours beside it. Numbers are in the unit of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CellResult {
    /// As printed.
    pub published: String,
    /// The mean of ours over the seeds.
    pub ours: Option<f64>,
    /// Ours as it would be printed.
    pub ours_printed: Option<String>,
    /// Ours minus the published.
    pub difference: Option<f64>,
    /// 95 % of what ours would be on other notes: from the least to the greatest bound over the seeds.
    pub interval: Option<(f64, f64)>,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What the registry remarks on it.
    pub remarks: Vec<String>,
}

/// A row with its cells by column.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RowResult {
    /// What tells it from the others.
    pub row: String,
    /// Where ours come from: suite, run, length and number of seeds.
    pub from: Option<String>,
    /// By the column's name.
    pub cells: BTreeMap<String, CellResult>,
}

/// A printed table with ours beside it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TableResult {
    /// As printed.
    pub table: String,
    /// Its caption.
    pub title: String,
    /// In the order of the page.
    pub rows: Vec<RowResult>,
    /// What the registry remarks on no cell in particular.
    pub remarks: Vec<String>,
}

/// How many cells there are of each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Coverage {
    /// All cells.
    pub cells: usize,
    /// See [`Verdict`], as the others.
    pub reproduced: usize,
    /// See [`Verdict`].
    pub differs: usize,
    /// See [`Verdict`].
    pub not_comparable: usize,
    /// See [`Verdict`].
    pub unreadable: usize,
    /// See [`Verdict`].
    pub not_attempted: usize,
}

impl Coverage {
    /// Over the cells of some tables.
    pub fn of<'t>(tables: impl IntoIterator<Item = &'t TableResult>) -> Self {
        let mut coverage = Self::default();
        let rows = tables.into_iter().flat_map(|table| &table.rows);
        for cell in rows.flat_map(|row| row.cells.values()) {
            coverage.cells += 1;
            *match cell.verdict {
                Verdict::Reproduced => &mut coverage.reproduced,
                Verdict::Differs => &mut coverage.differs,
                Verdict::NotComparable(_) => &mut coverage.not_comparable,
                Verdict::Unreadable => &mut coverage.unreadable,
                Verdict::NotAttempted(_) => &mut coverage.not_attempted,
            } += 1;
        }
        coverage
    }

    /// For people.
    pub fn sentence(&self) -> String {
        let attempted = self.reproduced + self.differs;
        let mut sentence = format!(
            "{attempted} of {} cells attempted: {} reproduced, {} differ",
            self.cells, self.reproduced, self.differs
        );
        for (count, word) in [
            (self.not_comparable, "filled and not comparable"),
            (self.unreadable, "unreadable in print"),
            (self.not_attempted, "not attempted"),
        ] {
            if count > 0 {
                sentence += &format!("; {count} {word}");
            }
        }
        sentence
    }
}
