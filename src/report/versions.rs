//! One version a table: numbers that different programs made, or from different data or label sets, do not compare.

use std::collections::BTreeMap;

use super::names::{TaskKey, task_key};
use crate::record::{CellDescription, Reported, Status};

/// A scored cell that is left out of the tables, as most cells of its task were made by another version.
#[derive(Debug)]
pub struct OtherVersion<'a> {
    /// The cell, as its record describes it.
    pub cell: &'a CellDescription,
    /// What made it, in the words of the caller.
    pub made_by: &'a str,
    /// What the cells in the tables of its task were made by.
    pub shown: &'a str,
}

/// What the scored cells of each task's tables were made by: what most of its scored cells were, the one with the
/// latest record where two are as many.
pub fn versions<'a>(cells: impl Iterator<Item = &'a Reported>) -> BTreeMap<TaskKey<'a>, &'a str> {
    let mut found: BTreeMap<TaskKey<'a>, BTreeMap<&str, (usize, &str)>> = BTreeMap::new();
    for cell in cells.filter(|cell| cell.record.status == Status::Ok) {
        let of_task = found.entry(task_key(&cell.record.cell)).or_default();
        let (count, latest) = of_task.entry(&cell.made_by).or_default();
        *count += 1;
        *latest = (*latest).max(&cell.record.provenance.ended);
    }
    let most = |versions: BTreeMap<&'a str, (usize, &str)>| {
        let most = versions.into_iter().max_by_key(|(_, weight)| *weight);
        most.map_or("", |(made_by, _)| made_by)
    };
    found
        .into_iter()
        .map(|(task, versions)| (task, most(versions)))
        .collect()
}

/// The cells that are left out, a sentence a version.
pub fn sentences(left_out: &[OtherVersion<'_>]) -> Vec<String> {
    let mut cells: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for one in left_out {
        cells
            .entry((one.made_by, one.shown))
            .or_default()
            .push(one.cell.title());
    }
    let sentence = |((made_by, shown), cells): ((&str, &str), Vec<String>)| {
        format!(
            "Made by {}, where the tables hold what was made by {}: {}. Numbers of different programs, data or label sets do not compare; run these cells again to have them shown.",
            named(made_by),
            named(shown),
            cells.join("; ")
        )
    };
    cells.into_iter().map(sentence).collect()
}

fn named(made_by: &str) -> &str {
    if made_by.is_empty() {
        "an unnamed version"
    } else {
        made_by
    }
}
