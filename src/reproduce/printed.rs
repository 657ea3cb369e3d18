//! What papers print of the very task that records are of: same data, division and label set.

use std::collections::BTreeMap;

use serde_json::Value;

use super::evidence::Planned;
use crate::published::{Printed, Published, Row, Source, Table};
use crate::record::{Chain, Record, Reported, StageName};
use crate::report::PrintedScore;

/// The scores that papers print of the tasks of the scored records, row by row of the registry. `suites` are the cells of the
/// papers' suites by the suite's name. Generated notes are no paper's data.
pub fn printed_points(
    published: &Published,
    suites: &BTreeMap<String, Vec<Planned>>,
    records: &[Reported],
) -> Vec<PrintedScore> {
    let scored = records
        .iter()
        .map(|reported| &reported.record)
        .filter(|record| record.outcome.is_some());
    let mut tasks: BTreeMap<[String; 3], &Record> = BTreeMap::new();
    for record in scored.filter(|record| setting(&record.stages, "generated").is_none()) {
        let cell = &record.cell;
        let task = [&cell.dataset, &cell.labels, &cell.evaluation_part].map(String::clone);
        tasks.entry(task).or_insert(record);
    }
    let mut points = Vec::new();
    for source in &published.sources {
        for table in &source.tables {
            let cells = table.suite.as_ref().and_then(|suite| suites.get(suite));
            for row in &table.rows {
                let is_row = |cell: &&Planned| Some(&cell.run) == row.run.as_ref() && Some(cell.length) == row.length;
                let Some(planned) = cells.into_iter().flatten().find(is_row) else {
                    continue;
                };
                let of_row = tasks
                    .iter()
                    .filter(|(_, record)| same_task(&record.stages, &planned.chain));
                points.extend(of_row.flat_map(|(task, _)| of_task(task, (source, table, row), planned)));
            }
        }
    }
    points
}

/// The scores of a row.
fn of_task<'r>(
    task: &'r [String; 3],
    (source, table, row): (&'r Source, &'r Table, &'r Row),
    planned: &'r Planned,
) -> impl Iterator<Item = PrintedScore> + 'r {
    row.cells.iter().filter_map(move |(metric, printed)| {
        let unit = table.unit_of(table.column(metric)?);
        let value = Printed::parse(printed)?.value;
        Some(PrintedScore {
            task: task.clone(),
            paper: source.paper.name.clone(),
            label: row.label.clone(),
            run: planned.run.clone(),
            model: planned.model.clone(),
            length: planned.length,
            metric: metric.clone(),
            value: if unit == "percent" { value / 100.0 } else { value },
        })
    })
}

/// Whether two cells are scored on the same notes, division and labels.
fn same_task(one: &Chain, other: &Chain) -> bool {
    let same = |name: &str| setting(one, name).is_some() && setting(one, name) == setting(other, name);
    ["data", "labels", "division"].iter().all(|name| same(name))
}

/// A setting of the stage of the notes.
fn setting<'c>(chain: &'c Chain, name: &str) -> Option<&'c Value> {
    chain.get(&StageName::Notes)?.settings.get(name)
}
