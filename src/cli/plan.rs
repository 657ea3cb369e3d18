//! `icdbench plan SUITE`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::estimates::{Estimates, estimates, is_there, records};
use super::terminal::out;
use super::{Global, bytes, duration, print_columns, print_json, suite};
use crate::plan::{Cell, Plan};
use crate::record::{self, Record, StageName, Status};
use crate::results::Store;
use crate::stages::estimate::Estimate;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A suite file, or the name of a built-in suite.
    suite: PathBuf,
    /// Do not time a step of each model and length: no estimates, but at once.
    #[arg(long)]
    no_estimate: bool,
}

pub(super) fn plan(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let suite = suite(&arguments.suite)?;
    let precision = suite.precision;
    if !arguments.no_estimate {
        global.device.open(precision)?;
    }
    let registry = global.registry()?;
    let plan = Plan::make(suite, &registry, global.data(), global.device.class.name())?;
    let store = global.store();
    let records = records(global, &plan)?;
    let is_open = |&index: &usize| records[index].is_none() && plan.cells[index].skipped.is_none();
    let to_do: Vec<usize> = (0..plan.cells.len()).filter(is_open).collect();
    let estimates = match !to_do.is_empty() && !arguments.no_estimate {
        true => estimates(global, &global.device.open(precision)?, &registry, &plan, &to_do)?,
        false => Estimates::default(),
    };
    let of = |cell: &Cell| match cell.ensemble {
        // The time is its members'.
        Some(_) => None,
        None => estimates.of_cells.get(&(cell.run, cell.length)).copied(),
    };
    if global.json {
        let rows = plan.cells.iter().zip(&records).map(|(cell, record)| {
            json!({
                "key": cell.key,
                "cell": cell.description,
                "state": state(record.as_ref(), cell),
                "skipped": cell.skipped.as_ref().filter(|_| !is_scored(record.as_ref())),
                "stages": stages(&store, cell, record.as_ref(), &estimates),
                "estimate": if record.is_some() { None } else { of(cell) },
            })
        });
        print_json(&rows.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["run", "length", "seed", "key", "state", "time", "memory"];
    let mut table = vec![head.map(String::from).to_vec()];
    let mut left = 0.0;
    for (name, cell) in pretrainings(&plan) {
        let key = cell.key_of(StageName::Pretraining);
        let estimate = estimates.of_pretrainings.get(key).copied();
        left += estimate.map_or(0.0, |estimate| estimate.seconds);
        let settings = &plan.suite.pretrainings[name];
        table.push(row(
            [
                format!("[pretrain.{name}]"),
                settings.length.to_string(),
                settings.seed.to_string(),
                record::short(key).to_owned(),
                if is_there(&store, cell, StageName::Pretraining) {
                    "done"
                } else {
                    "to do"
                }
                .to_owned(),
            ],
            estimate,
        ));
    }
    for (cell, record) in plan.cells.iter().zip(&records) {
        let estimate = if record.is_some() { None } else { of(cell) };
        left += estimate.map_or(0.0, |estimate| estimate.seconds);
        table.push(row(
            [
                cell.description.run.clone(),
                cell.length.to_string(),
                cell.seed.to_string(),
                record::short(&cell.key).to_owned(),
                state(record.as_ref(), cell).to_owned(),
            ],
            estimate,
        ));
    }
    print_columns(&table)?;
    // Without a full stop: a reason may end with a command that is copied.
    for (reason, runs) in skipped(&plan, &records) {
        let every = runs.len() == plan.suite.runs.len() && !records.iter().any(|record| is_scored(record.as_ref()));
        match every {
            true => out!("\nEvery cell is skipped: {reason}"),
            false => out!("\nskipped: {}: {reason}", runs.join(", ")),
        }
    }
    let done = records.iter().filter(|record| record.is_some()).count();
    out!(
        "\n{done} of {} cells have a record in {}{}.",
        plan.cells.len(),
        global.results.display(),
        match global.results.is_dir() {
            true => "",
            false => ", which is not there yet",
        }
    );
    for (reason, runs) in unfinished(&plan, &records) {
        out!(
            "May not finish learning: {}: {reason}. The report marks cells that had not.",
            runs.join(", ")
        );
    }
    if left > 0.0 {
        out!(
            "The rest takes at most about {} (one step of each model and length was timed).",
            duration(left)
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// A line of the table: what it is about, then its time and memory.
fn row(about: [String; 5], estimate: Option<Estimate>) -> Vec<String> {
    let memory = estimate.and_then(|estimate| estimate.memory_bytes);
    let mut row = about.to_vec();
    row.push(estimate.map_or(String::new(), |estimate| format!("≤ {}", duration(estimate.seconds))));
    row.push(memory.map_or(String::new(), bytes));
    row
}

/// The pretrainings that cells need which are not skipped, each once with the first such cell.
fn pretrainings(plan: &Plan) -> Vec<(&str, &Cell)> {
    let mut found: Vec<(&str, &Cell)> = Vec::new();
    for cell in plan.cells.iter().filter(|cell| cell.skipped.is_none()) {
        let pretraining = plan.suite.pretraining(&plan.suite.runs[cell.run]);
        if let Some((name, _)) = pretraining.filter(|_| cell.ensemble.is_none())
            && !found.iter().any(|(known, _)| *known == name)
        {
            found.push((name, cell));
        }
    }
    found
}

/// Each stage of a cell: its key, whether it is done, and what it needs.
fn stages(store: &Store, cell: &Cell, record: Option<&Record>, estimates: &Estimates) -> Vec<Value> {
    let stages = cell.chain.iter().map(|(&name, stage)| {
        let key = cell.key_of(name);
        let done = match name {
            StageName::Record => record.is_some(),
            // It stays where the suite found it.
            StageName::Encoder => cell.skipped.is_none(),
            _ => is_there(store, cell, name),
        };
        let mut told = json!({ "stage": name, "key": key, "done": done, "needs": stage.reads });
        if name == StageName::Pretraining {
            told["estimate"] = json!(estimates.of_pretrainings.get(key));
        }
        told
    });
    stages.collect()
}

/// Why cells are skipped, each reason with the runs that it is of.
fn skipped<'a>(plan: &'a Plan, records: &[Option<Record>]) -> Vec<(String, Vec<&'a str>)> {
    let reason = |cell: &Cell| cell.skipped.clone();
    let cells = plan.cells.iter().zip(records);
    let cells = cells.filter(|(_, record)| !is_scored(record.as_ref()));
    by_reason(cells.filter_map(|(cell, _)| Some((reason(cell)?, cell.description.run.as_str()))))
}

/// Why runs may end before they have learnt what they can, each reason with the runs that are still to do.
fn unfinished<'a>(plan: &'a Plan, records: &[Option<Record>]) -> Vec<(String, Vec<&'a str>)> {
    let to_do = plan.cells.iter().zip(records);
    let to_do = to_do.filter(|(cell, record)| record.is_none() && cell.skipped.is_none());
    by_reason(to_do.filter_map(|(cell, _)| {
        let run = &plan.suite.runs[cell.run];
        Some((run.training.likely_unfinished()?, run.title()))
    }))
}

/// The runs of each reason, each once.
fn by_reason<'a>(found: impl Iterator<Item = (String, &'a str)>) -> Vec<(String, Vec<&'a str>)> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for (reason, run) in found {
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, runs)) if runs.contains(&run) => {}
            Some((_, runs)) => runs.push(run),
            None => reasons.push((reason, vec![run])),
        }
    }
    reasons
}

fn is_scored(record: Option<&Record>) -> bool {
    record.is_some_and(|record| record.status == Status::Ok)
}

fn state(record: Option<&Record>, cell: &Cell) -> &'static str {
    match (record.map(|record| record.status), &cell.skipped) {
        (Some(Status::Ok), _) => "done",
        (Some(status), _) => status.word(),
        (None, Some(_)) => Status::Skipped.word(),
        (None, None) => "to do",
    }
}
