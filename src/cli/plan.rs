//! `icdbench plan SUITE`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use burn::tensor::Device;
use clap::Args;
use serde_json::json;

use super::{Global, bytes, duration, print_columns, print_json, suite};
use crate::experiment::{Cell, Estimate, Plan, estimate};
use crate::record::{Record, RecordStore, Status};

/// Arguments of `icdbench plan`.
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
    // Only estimates compute: without them, a plan can be made for a device that is elsewhere.
    let device = (!arguments.no_estimate)
        .then(|| global.device.open(suite.precision))
        .transpose()?;
    let cache = global.cache();
    let plan = Plan::make(suite, &global.registry()?, &global.places(&cache), &mut global.notice())?;
    let store = RecordStore::new(&global.results);
    let records = plan
        .cells
        .iter()
        .map(|cell| store.find(&cell.key))
        .collect::<Result<Vec<_>, _>>()?;
    let estimates = device.map_or_else(BTreeMap::new, |device| estimates(&device, &plan, &records));
    let of = |cell: &Cell| estimates.get(&(cell.run, cell.length)).copied();
    if global.json {
        let rows = plan.cells.iter().zip(&records).map(|(cell, record)| {
            json!({
                "key": cell.key,
                "cell": cell.description,
                "state": state(record.as_ref(), &plan),
                "estimate": if record.is_some() { None } else { of(cell) },
            })
        });
        print_json(&rows.collect::<Vec<_>>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = vec![
        ["run", "length", "seed", "key", "state", "time", "memory"]
            .map(String::from)
            .to_vec(),
    ];
    let mut left = 0.0;
    for (cell, record) in plan.cells.iter().zip(&records) {
        let estimate = if record.is_some() { None } else { of(cell) };
        left += estimate.map_or(0.0, |estimate| estimate.seconds);
        table.push(vec![
            cell.description.run.clone(),
            cell.length.to_string(),
            cell.seed.to_string(),
            cell.key[..12].to_owned(),
            state(record.as_ref(), &plan),
            estimate.map_or(String::new(), |estimate| format!("≤ {}", duration(estimate.seconds))),
            estimate
                .and_then(|estimate| estimate.memory_bytes)
                .map_or(String::new(), bytes),
        ]);
    }
    print_columns(&table);
    if let Err(reason) = &plan.prepared {
        println!("\nEvery cell is skipped: {reason}.");
    }
    let done = records.iter().filter(|record| record.is_some()).count();
    println!(
        "\n{done} of {} cells have a record in {}.",
        plan.cells.len(),
        global.results.display()
    );
    if left > 0.0 {
        println!(
            "The rest takes at most about {} (one step of each model and length was timed).",
            duration(left)
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// One estimate for each run and length that has a cell without a record.
fn estimates(device: &Device, plan: &Plan, records: &[Option<Record>]) -> BTreeMap<(usize, u32), Estimate> {
    let Ok(prepared) = &plan.prepared else {
        return BTreeMap::new();
    };
    let mut estimates = BTreeMap::new();
    for (cell, record) in plan.cells.iter().zip(records) {
        if record.is_none() {
            estimates
                .entry((cell.run, cell.length))
                .or_insert_with(|| estimate(plan, prepared, cell, device));
        }
    }
    estimates
}

fn state(record: Option<&Record>, plan: &Plan) -> String {
    match (record.map(|record| record.status), &plan.prepared) {
        (Some(Status::Ok), _) => "done",
        (Some(Status::Failed), _) => "failed",
        (Some(Status::OutOfMemory), _) => "out of memory",
        (Some(Status::Unsupported), _) => "unsupported",
        (Some(Status::Skipped), _) | (None, Err(_)) => "skipped",
        (None, Ok(_)) => "to do",
    }
    .to_owned()
}
