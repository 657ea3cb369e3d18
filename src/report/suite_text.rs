//! What a report takes from the suite.

use super::plots::attention::Reading;
use super::printed::PrintedScore;
use super::table::Table;
use crate::record::CellDescription;

/// What a report says about the suite beside its records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SuiteText {
    /// The suite's name, which heads the page.
    pub name: String,
    /// What the suite is for; paragraphs are separated by an empty line.
    pub description: String,
    /// Every cell the suite asks for, in its order: cells without a record are shown as `missing`, records of other
    /// cells are left out. Where it is empty, the records' cells are taken.
    pub cells: Vec<CellDescription>,
    /// Scores that papers print of these tasks: same data, division and label set.
    pub printed: Vec<PrintedScore>,
    /// Tables about more than these records, each under its heading: published scores beside ours, claims of papers.
    pub beside: Vec<(String, Table)>,
    /// What models read in a generated note.
    pub readings: Vec<Reading>,
    /// What encoders that were pretrained on generated notes put in the place of masked tokens of one.
    pub masked: Vec<Reading>,
    /// Runs whose settings a search chose, and among how many trials.
    pub chosen: Vec<(String, String)>,
}

impl SuiteText {
    /// The paragraphs of the description.
    pub fn paragraphs(&self) -> impl Iterator<Item = &str> {
        let paragraphs = self.description.split("\n\n").map(str::trim);
        paragraphs.filter(|paragraph| !paragraph.is_empty())
    }
}
