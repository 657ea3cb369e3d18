//! What a longer input gives: the change of micro-F1 from each run's shortest length, with its interval, and the
//! margin over the frequency prior.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::{change_cells, change_columns, column, foot_of_changes, number, percent, points, unfinished};
use super::scores::{PRIOR, with_slug};
use super::summary::{RunSummary, TaskSummary};
use super::table::{Cell, Number, Row, Table, length_word};
use crate::compare::{self, Change, MICRO_F1};
use crate::record::{Record, Reported};

/// One scored cell beside the cell of the same run and seed at the shortest length.
#[derive(Debug)]
pub struct Gain<'a> {
    /// Index of the run in its task.
    pub run: usize,
    /// The cell at this length.
    pub record: &'a Record,
    /// The same run and seed at its shortest scored length; absent where this is the shortest.
    pub shortest: Option<&'a Record>,
    /// The change of micro-F1 from there with its interval, or why there is none; absent where this is the shortest.
    pub change: Option<Result<Change, compare::Error>>,
}

impl Gain<'_> {
    /// The change of micro-F1 from the shortest length, -1 to 1: also without an interval where only the rows by
    /// note are missing, and `None` where the two do not compare.
    pub fn difference(&self) -> Option<f64> {
        match self.change.as_ref()? {
            Ok(change) => Some(change.change),
            Err(compare::Error::NoRows { .. }) => Some(micro_f1(self.record)? - micro_f1(self.shortest?)?),
            Err(_) => None,
        }
    }
}

/// A record's micro-F1, 0 to 1.
pub fn micro_f1(record: &Record) -> Option<f64> {
    record.outcome.as_ref()?.scores.get(MICRO_F1).copied()
}

/// The scored cells of the runs that have several lengths for a seed, by run, seed and length. Empty where no run has.
pub fn gains<'a>(task: &TaskSummary<'a>) -> Vec<Gain<'a>> {
    let mut gains = Vec::new();
    let mut several = false;
    for (run, summary) in task.runs.iter().enumerate() {
        for cells in by_seed(summary).into_values() {
            several |= cells.len() > 1;
            for (place, cell) in cells.iter().enumerate() {
                let shortest = (place > 0).then(|| cells[0]);
                gains.push(Gain {
                    run,
                    record: &cell.record,
                    shortest: shortest.map(|shortest| &shortest.record),
                    change: shortest.map(|shortest| compare::change(MICRO_F1, shortest, cell)),
                });
            }
        }
    }
    if several { gains } else { Vec::new() }
}

/// Scored cells of each seed, by length.
fn by_seed<'a>(run: &RunSummary<'a>) -> BTreeMap<u64, Vec<&'a Reported>> {
    let mut seeds: BTreeMap<u64, Vec<&Reported>> = BTreeMap::new();
    let with_score = |cell: &&&Reported| micro_f1(&cell.record).is_some();
    for cell in run.cells.values().flat_map(|cell| cell.ok.iter().filter(with_score)) {
        seeds.entry(cell.record.cell.seed).or_default().push(cell);
    }
    seeds
}

/// The table, or `None` where no run was scored at two lengths with one seed.
pub fn gains_table(task: &TaskSummary<'_>) -> Option<Table> {
    let gains = gains(task);
    if gains.is_empty() {
        return None;
    }
    let seeds: BTreeSet<u64> = gains.iter().map(|gain| gain.record.cell.seed).collect();
    let mut refusals = Vec::new();
    let rows = gains.iter().map(|gain| row(task, gain, seeds.len() > 1, &mut refusals));
    let rows = rows.collect();
    let changes = gains.iter().filter_map(|gain| gain.change.as_ref());
    let mut foot = foot_of_changes(changes, "both lengths", refusals);
    foot.push(format!(
        "Over the {PRIOR}: the plain difference between the two micro-F1, without an interval, as the records hold no counts of the prior by note."
    ));
    let mut columns = vec![column("", "Micro-F1 (%)")];
    columns.extend(change_columns("from the shortest length (points)"));
    columns.push(column("", &format!("over the {PRIOR} (points)")));
    Some(Table {
        id: with_slug("gains", &task.slug),
        caption: format!("What length gives on {}", task.title),
        stub: vec!["run".to_owned(), "length".to_owned()],
        columns,
        rows,
        foot,
    })
}

fn row(task: &TaskSummary<'_>, gain: &Gain<'_>, with_seed: bool, refusals: &mut Vec<String>) -> Row {
    let cell = &gain.record.cell;
    let mut length = length_word(cell.length);
    if with_seed {
        length += &format!(", seed {}", cell.seed);
    }
    let [change, interval, excludes] = match &gain.change {
        None => [Cell::Empty, Cell::Empty, Cell::Empty],
        Some(change) => change_cells(change, gain.difference(), refusals),
    };
    // Where only the shorter one had not finished learning, the change has the mark and not the row.
    let change = match change {
        Cell::Number(number) => Cell::Number(Number {
            unfinished: gain.shortest.is_some_and(unfinished) && !unfinished(gain.record),
            ..number
        }),
        other => other,
    };
    let cells = vec![
        number(micro_f1(gain.record), percent),
        change,
        interval,
        excludes,
        number(compare::margin_over_prior(gain.record), points),
    ];
    let row = Row::new(vec![task.runs[gain.run].label.clone(), length], cells);
    row.of_unfinished(unfinished(gain.record))
        .of_records(vec![gain.record.key.clone()])
}
