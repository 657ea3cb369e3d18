//! F1 of each code, run by run.

use std::collections::{BTreeMap, BTreeSet};

use super::spread::{Spread, UNFINISHED};
use super::summary::{LengthSummary, TaskSummary};
use super::table::grouped;

/// The codes of a task with their F1 by run, each run at its longest scored length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CodeTable {
    /// Labels and lengths of the runs.
    pub runs: Vec<(String, u32)>,
    /// Descending by training frequency, then by code.
    pub rows: Vec<CodeScores>,
}

/// One code's F1 in every run.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeScores {
    pub code: String,
    /// Training notes with the code.
    pub training: u32,
    /// Scored notes with the code.
    pub gold: u32,
    /// F1 by run, mean over the seeds; absent where the run does not know the code, or where
    /// there is neither a gold nor a predicted positive.
    pub f1: Vec<Option<Spread>>,
    /// Area under the ROC curve by run, mean over the seeds; absent where it is not defined.
    pub roc_auc: Vec<Option<Spread>>,
}

impl CodeTable {
    /// Gathers the codes of all runs.
    pub fn of(task: &TaskSummary<'_>) -> Self {
        let scored: Vec<_> = task
            .runs
            .iter()
            .filter_map(|run| Some((run.label.clone(), run.longest()?)))
            .collect();
        type Values = Vec<Vec<f64>>;
        let mut codes: BTreeMap<&str, (u32, u32, Values, Values)> = BTreeMap::new();
        for (index, (_, (_, cell))) in scored.iter().enumerate() {
            for row in cell.outcomes().flat_map(|outcome| &outcome.codes) {
                let none = || vec![Vec::new(); scored.len()];
                let empty = || (row.training, row.tp + row.fn_, none(), none());
                let (_, _, f1, roc_auc) = codes.entry(&row.code).or_insert_with(empty);
                let decisions = 2 * row.tp + row.fp + row.fn_;
                if decisions > 0 {
                    f1[index].push(f64::from(2 * row.tp) / f64::from(decisions));
                }
                roc_auc[index].extend(row.roc_auc);
            }
        }
        let mut rows: Vec<CodeScores> = codes
            .into_iter()
            .map(|(code, (training, gold, f1, roc_auc))| CodeScores {
                code: code.to_owned(),
                training,
                gold,
                f1: f1.into_iter().map(Spread::of).collect(),
                roc_auc: roc_auc.into_iter().map(Spread::of).collect(),
            })
            .collect();
        rows.sort_by(|a, b| b.training.cmp(&a.training).then_with(|| a.code.cmp(&b.code)));
        let runs = scored.into_iter().map(|(label, (length, _))| (label, length)).collect();
        Self { runs, rows }
    }
}

/// The codes of a task that its page shows: those of the most and of the least training notes that the scored notes have.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeExcerpt {
    /// Identifier, unique in a report.
    pub id: String,
    /// Which codes these are, and of how many.
    pub which: String,
    /// Labels of the runs, and their lengths where these differ.
    pub runs: Vec<(String, Option<u32>)>,
    /// In the table's order.
    pub rows: Vec<CodeScores>,
    /// Keys of the records of each run there.
    pub records: Vec<Vec<String>>,
    /// All codes, which a page with a script shows in their place.
    pub all: CodeTable,
}

/// At most so many codes stand on the page; the CSV has all.
const SHOWN: usize = 100;

impl CodeExcerpt {
    /// The most frequent half and the rarest half of [`SHOWN`] codes with a gold positive.
    pub fn of(task: &TaskSummary<'_>, id: String) -> Self {
        let table = CodeTable::of(task);
        let lengths: BTreeSet<u32> = table.runs.iter().map(|(_, length)| *length).collect();
        let length = |length: u32| (lengths.len() > 1).then_some(length);
        let unfinished = |run: &str, length: u32| {
            let cells = task.runs.iter().filter(|of| of.label == run);
            cells
                .filter_map(|of| of.cells.get(&length))
                .any(LengthSummary::unfinished)
        };
        let marked = |(run, of): (String, u32)| match unfinished(&run, of) {
            true => (format!("{run} {UNFINISHED}"), length(of)),
            false => (run, length(of)),
        };
        let runs = table.runs.iter().cloned().map(marked).collect();
        let present = table.rows.iter().filter(|row| row.gold > 0);
        let mut rows: Vec<CodeScores> = present.cloned().collect();
        let present = grouped(rows.len() as u64);
        let which = if rows.len() > SHOWN {
            let rare = SHOWN / 2;
            rows.drain(SHOWN - rare..rows.len() - rare);
            format!(
                "the {} most frequent and the {rare} rarest of {present} codes",
                SHOWN - rare
            )
        } else {
            format!("all {present} codes")
        };
        Self {
            id,
            which,
            runs,
            rows,
            records: task
                .runs
                .iter()
                .filter_map(|run| Some(run.longest()?.1.keys()))
                .collect(),
            all: table,
        }
    }
}
