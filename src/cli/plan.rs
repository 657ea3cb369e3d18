//! `icdbench plan SUITE`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use burn::tensor::Device;
use clap::Args;
use serde_json::{Value, json};

use super::terminal::out;
use super::{Global, Sentences, bytes, duration, print_columns, print_json, suite};
use crate::data::Registry;
use crate::plan::{Cell, Plan};
use crate::record::{self, Record, StageName, Status};
use crate::results::Store;
use crate::stages::Workshop;
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
    let records = plan
        .cells
        .iter()
        .map(|cell| recorded(&store, cell, global))
        .collect::<Result<Vec<_>>>()?;
    let open = records.iter().any(Option::is_none) && plan.skipped.is_none();
    let estimates = match open && !arguments.no_estimate {
        true => estimates(global, &global.device.open(precision)?, &registry, &plan, &records)?,
        false => BTreeMap::new(),
    };
    let of = |cell: &Cell| estimates.get(&(cell.run, cell.length)).copied();
    if global.json {
        let rows = plan.cells.iter().zip(&records).map(|(cell, record)| {
            json!({
                "key": cell.key,
                "cell": cell.description,
                "state": state(record.as_ref(), &plan),
                "stages": stages(&store, cell, record.as_ref()),
                "estimate": if record.is_some() { None } else { of(cell) },
            })
        });
        print_json(&rows.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let head = ["run", "length", "seed", "key", "state", "time", "memory"];
    let mut table = vec![head.map(String::from).to_vec()];
    let mut left = 0.0;
    for (cell, record) in plan.cells.iter().zip(&records) {
        let estimate = if record.is_some() { None } else { of(cell) };
        left += estimate.map_or(0.0, |estimate| estimate.seconds);
        let memory = estimate.and_then(|estimate| estimate.memory_bytes);
        table.push(vec![
            cell.description.run.clone(),
            cell.length.to_string(),
            cell.seed.to_string(),
            record::short(&cell.key).to_owned(),
            state(record.as_ref(), &plan).to_owned(),
            estimate.map_or(String::new(), |estimate| format!("≤ {}", duration(estimate.seconds))),
            memory.map_or(String::new(), bytes),
        ]);
    }
    print_columns(&table)?;
    if let Some(reason) = &plan.skipped {
        out!("\nEvery cell is skipped: {reason}.");
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
    for (index, run) in plan.suite.runs.iter().enumerate() {
        let mut of_run = plan.cells.iter().zip(&records).filter(|(cell, _)| cell.run == index);
        if let (true, Some(reason)) = (
            of_run.any(|(_, record)| record.is_none()),
            run.training.likely_unfinished(),
        ) {
            out!(
                "{} may not finish learning: {reason}. The report marks cells that had not.",
                run.title()
            );
        }
    }
    if left > 0.0 {
        out!(
            "The rest takes at most about {} (one step of each model and length was timed).",
            duration(left)
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The record of a cell. One that cannot be believed is named, and the cell is to do.
fn recorded(store: &Store, cell: &Cell, global: &Global) -> Result<Option<Record>> {
    match store.records().find(&cell.key) {
        Err(refused) if refused.is_as_if_absent() => {
            global.notice(&refused.to_string());
            Ok(None)
        }
        found => Ok(found?),
    }
}

/// Each stage of a cell: its key, whether it is done, and what it needs.
fn stages(store: &Store, cell: &Cell, record: Option<&Record>) -> Vec<Value> {
    let stages = cell.chain.iter().map(|(&name, stage)| {
        let key = cell.key_of(name);
        let done = match name {
            StageName::Record => record.is_some(),
            // It stays where the suite found it.
            StageName::Encoder => true,
            _ => matches!(store.open(name, key), Ok(Some(_))),
        };
        json!({ "stage": name, "key": key, "done": done, "needs": stage.reads })
    });
    stages.collect()
}

/// One estimate for each run and length that has a cell without a record.
fn estimates(
    global: &Global,
    device: &Device,
    registry: &Registry,
    plan: &Plan,
    records: &[Option<Record>],
) -> Result<BTreeMap<(usize, u32), Estimate>> {
    let sentences = Sentences::of(global);
    let workshop = Workshop::new(
        plan,
        (registry, global.data()),
        global.runner()?,
        (device, Duration::MAX),
        &sentences,
    );
    let mut estimates = BTreeMap::new();
    for (cell, record) in plan.cells.iter().zip(records) {
        let place = (cell.run, cell.length);
        if record.is_none() && !estimates.contains_key(&place) {
            estimates.insert(place, workshop.estimate(cell)?);
        }
    }
    Ok(estimates)
}

fn state(record: Option<&Record>, plan: &Plan) -> &'static str {
    match (record.map(|record| record.status), &plan.skipped) {
        (Some(Status::Ok), _) => "done",
        (Some(status), _) => status.word(),
        (None, Some(_)) => Status::Skipped.word(),
        (None, None) => "to do",
    }
}
