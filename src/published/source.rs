//! One work's file: its tables, and the numbers of its text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::claim::Claim;

/// A work with everything that the registry has of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Source {
    /// What it is and where the digits come from.
    pub paper: Paper,
    /// In the order of the work.
    #[serde(default, rename = "table")]
    pub tables: Vec<Table>,
    /// Sentences with numbers.
    #[serde(default, rename = "statement")]
    pub statements: Vec<Statement>,
    /// Its sentences as inequalities; of a file of their own.
    #[serde(skip)]
    pub claims: Vec<Claim>,
}

/// `[paper]`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Paper {
    /// The file's name, and what the command line calls it.
    pub name: String,
    /// As printed.
    pub title: String,
    /// Family names.
    pub authors: String,
    /// Of publication.
    pub year: u16,
    /// Where it appeared.
    pub venue: String,
    /// Its address.
    pub source: Option<String>,
    /// Where the digits were taken from, when not from the paper's own text.
    pub via: Option<String>,
}

/// `[[table]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Table {
    /// As printed, with a word where one printed table has several tasks: `2 (top-50)`.
    pub number: String,
    /// Its caption, or what it shows.
    pub title: String,
    /// What its numbers are.
    pub kind: Kind,
    /// Of all columns without a unit of their own: `fraction`, `percent`, `count`.
    pub unit: Option<String>,
    /// The data set, in words.
    pub dataset: Option<String>,
    /// The label set, in words.
    pub labels: Option<String>,
    /// What else the paper says of all its cells.
    pub notes: Option<String>,
    /// The part that was scored.
    pub scored_on: Option<String>,
    /// How scores become decisions.
    pub threshold: Option<String>,
    /// The suite whose cells stand beside it.
    pub suite: Option<String>,
    /// What none of its cells can be had without, where no suite has them.
    pub needs: Option<String>,
    /// Where its scores are means over the codes with fewer training notes than this alone.
    pub fewer_than: Option<u32>,
    /// What of it needs no training.
    pub computed: Option<Computed>,
    /// In the order of the page.
    #[serde(rename = "column")]
    pub columns: Vec<Column>,
    /// In the order of the page.
    #[serde(rename = "row")]
    pub rows: Vec<Row>,
    /// Contradictions, what the print leaves open.
    #[serde(default, rename = "remark")]
    pub remarks: Vec<Remark>,
}

/// What a table's numbers are.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Of models, by metric.
    Scores,
    /// Of models: parameters, layers.
    Sizes,
    /// Of data sets.
    Data,
    /// Scores by code.
    PerCode,
    /// Scores of one model with parts of it left out.
    Ablation,
}

/// Numbers that are computed on the spot, `computed` of a table.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Computed {
    /// Parameters of LongBERT's parts: each row says which `part`, each column for how many `codes`.
    LongBertParameters {
        /// The encoder's preset.
        preset: String,
        /// Tokens of its vocabulary.
        vocabulary: usize,
    },
    /// Sizes of an encoder: each row says which `preset`, each column is called as the size.
    EncoderSizes,
}

/// `[[table.column]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Column {
    /// A metric's name in the records where it is one by its definition.
    pub name: String,
    /// Its heading.
    pub printed: String,
    /// What it is, or that it is not said.
    pub definition: String,
    /// Its own unit.
    pub unit: Option<String>,
    /// See [`Computed::LongBertParameters`].
    pub codes: Option<usize>,
}

/// `[[table.row]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Row {
    /// As printed.
    pub label: String,
    /// Ours, where it is one of these.
    pub model: Option<String>,
    /// Tokens that it reads, where the paper prints them.
    pub length: Option<u32>,
    /// What it was pretrained on.
    pub encoder: Option<String>,
    /// What else tells it from the others.
    pub settings: Option<String>,
    /// The work that the row was taken from.
    pub reported_from: Option<String>,
    /// The run of the table's suite that it is.
    pub run: Option<String>,
    /// What it cannot be had without, where the suite has no run of it.
    pub needs: Option<String>,
    /// See [`Computed::LongBertParameters`].
    pub part: Option<String>,
    /// See [`Computed::EncoderSizes`].
    pub preset: Option<String>,
    /// By column. `?` is what the print does not show with certainty.
    pub cells: BTreeMap<String, String>,
}

/// `[[table.remark]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Remark {
    /// The row's label, with its length where several have it.
    pub row: Option<String>,
    /// The column's name.
    pub column: Option<String>,
    /// What is to be said.
    pub text: String,
}

/// `[[statement]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Statement {
    /// Where it stands.
    pub section: String,
    /// The sentence, or what it says.
    pub text: String,
    /// Its numbers as printed.
    pub values: Vec<String>,
}

impl Source {
    /// The table of that number.
    pub fn table(&self, number: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.number == number)
    }

    /// The tables that a number asks for: `2` is all of `2 (top-50)` and `2 (full)`.
    pub fn tables_called(&self, number: &str) -> Vec<&Table> {
        let called = |table: &&Table| {
            let whole = table.number == number;
            let rest = table.number.strip_prefix(number);
            whole || rest.is_some_and(|rest| rest.starts_with(" ("))
        };
        self.tables.iter().filter(called).collect()
    }

    /// Cells of all tables.
    pub fn cells(&self) -> usize {
        self.tables.iter().map(Table::cells).sum()
    }
}

impl Table {
    /// How many cells it has.
    pub fn cells(&self) -> usize {
        self.rows.iter().map(|row| row.cells.len()).sum()
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A column's unit.
    pub fn unit_of<'a>(&'a self, column: &'a Column) -> &'a str {
        column.unit.as_deref().or(self.unit.as_deref()).unwrap_or_default()
    }

    /// What is to be said of one cell.
    pub fn remarks_at<'a>(&'a self, row: &'a Row, column: &'a str) -> impl Iterator<Item = &'a Remark> {
        self.remarks.iter().filter(move |remark| {
            let of_row = remark.row.as_ref().is_some_and(|of| row.is_called(of));
            let of_column = remark.column.as_deref() == Some(column);
            match (&remark.row, &remark.column) {
                (Some(_), Some(_)) => of_row && of_column,
                (Some(_), None) => of_row,
                (None, Some(_)) => of_column,
                (None, None) => false,
            }
        })
    }
}

impl Row {
    /// Whether a remark's name for a row is this one: its label, or its label and length.
    fn is_called(&self, name: &str) -> bool {
        let with_length = self.length.map(|length| format!("{} {length}", self.label));
        name == self.label || with_length.as_deref() == Some(name)
    }

    /// Label, length, encoder and settings, as far as they tell it from rows of the same label.
    pub fn title(&self, table: &Table) -> String {
        let mut title = self.label.clone();
        let alike: Vec<&Row> = table.rows.iter().filter(|row| row.label == self.label).collect();
        let differ = |of: fn(&Row) -> String| alike.iter().any(|row| of(row) != of(self));
        let parts: [fn(&Row) -> String; 4] = [
            |row| row.length.map_or(String::new(), |length| length.to_string()),
            |row| row.encoder.clone().unwrap_or_default(),
            |row| row.settings.clone().unwrap_or_default(),
            |row| row.reported_from.clone().unwrap_or_default(),
        ];
        for part in parts {
            if alike.len() > 1 && differ(part) && !part(self).is_empty() {
                title = format!("{title}, {}", part(self));
            }
        }
        title
    }
}
