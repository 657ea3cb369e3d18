//! The runs as plots and tables show them that have room for one length: each at its longest scored one.

use super::spread::Spread;
use super::summary::{LengthSummary, TaskSummary};
use super::table::length_word;
use crate::record::{Curves, Outcome, SmallCounts};

/// One run at its longest scored length.
#[derive(Clone, Copy, Debug)]
pub struct Longest<'t, 'a> {
    /// The run's place in the task, which is its style in plots.
    pub run: usize,
    /// The length.
    pub length: u32,
    /// Its seeds.
    pub cell: &'t LengthSummary<'a>,
}

impl<'a> Longest<'_, 'a> {
    /// The curves of its seeds, with what they are a part of; nothing of records before curves.
    pub fn curves(&self) -> impl Iterator<Item = (&'a Outcome, &'a Curves)> + '_ {
        self.cell
            .outcomes()
            .filter_map(|outcome| Some((outcome, outcome.curves.as_ref()?)))
    }

    /// Spread over the seeds of a quantity of the curves.
    pub fn of_curves(&self, quantity: impl Fn(&Outcome, &Curves) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.curves().filter_map(|(outcome, curves)| quantity(outcome, curves)))
    }
}

/// The scored runs of a task, each at its longest length, in the task's order.
pub fn longest<'t, 'a>(task: &'t TaskSummary<'a>) -> Vec<Longest<'t, 'a>> {
    let runs = task.runs.iter().enumerate();
    runs.filter_map(|(run, summary)| {
        let (length, cell) = summary.longest()?;
        Some(Longest { run, length, cell })
    })
    .collect()
}

/// Those of them that have curves.
pub fn with_curves<'t, 'a>(task: &'t TaskSummary<'a>) -> Vec<Longest<'t, 'a>> {
    let mut runs = longest(task);
    runs.retain(|run| run.curves().next().is_some());
    runs
}

/// What each of some runs is called, in their order: with its length where they differ in it, and the mark of a model that had
/// not finished learning.
pub fn labels(task: &TaskSummary<'_>, runs: &[(usize, u32)]) -> Vec<String> {
    let one_length = runs.windows(2).all(|pair| pair[0].1 == pair[1].1);
    let label = |(run, length): &(usize, u32)| {
        let label = task.runs[*run].legend(Some(*length));
        match one_length {
            true => label,
            false => format!("{label}, {}", length_word(*length)),
        }
    };
    runs.iter().map(label).collect()
}

/// The same for runs at their longest length.
pub fn labels_of(task: &TaskSummary<'_>, runs: &[Longest<'_, '_>]) -> Vec<String> {
    let places: Vec<(usize, u32)> = runs.iter().map(|run| (run.run, run.length)).collect();
    labels(task, &places)
}

/// Whether small counts are withheld of any of a task's records.
pub fn withholds(task: &TaskSummary<'_>) -> bool {
    task.outcomes()
        .any(|outcome| outcome.small_counts != SmallCounts::Shown)
}
