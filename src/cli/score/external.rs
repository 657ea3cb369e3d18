//! By the rules of a suite: `icdbench score SUITE --predictions FILE --system NAME`.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use burn::tensor::Device;

use super::super::terminal::say;
use super::super::{Global, Sentences, exit, print_columns, print_json, suite};
use super::arguments::Arguments;
use crate::data;
use crate::engines::cells::record_of;
use crate::machine::Machine;
use crate::plan::{ExternalSystem, Plan};
use crate::record::{MOST_TOKENS, Outcome, Status, short};
use crate::results::runner::Runner;
use crate::stages::{PredictionFiles, Workshop};

pub(super) fn score(global: &Global, of: &Path, arguments: &Arguments) -> Result<ExitCode> {
    let started = SystemTime::now();
    let system = arguments.system.as_deref().unwrap_or_default().trim();
    if system.is_empty() || system.chars().any(char::is_control) {
        bail!("--system: found no name, expected what tables are to call the system");
    }
    let suite = suite(of)?;
    let registry = global.registry()?;
    let plan = Plan::make(suite, &registry, global.data(), global.device.class.name())?;
    let asked = ExternalSystem {
        system: system.to_owned(),
        trained_on: arguments.trained_on.clone(),
        length: arguments.length.unwrap_or(MOST_TOKENS).min(MOST_TOKENS),
        seed: arguments.seed,
        threshold: arguments.threshold,
        predictions: data::file_sha256(&arguments.predictions)?,
        validation: arguments.validation.as_deref().map(data::file_sha256).transpose()?,
    };
    let Some(cell) = plan.external(&asked) else {
        bail!(
            "{}: found no run, expected one: its notes are those of its cells",
            of.display()
        );
    };
    if let Some(reason) = &cell.skipped {
        bail!("{}: there is nothing to score against: {reason}", of.display());
    }
    let device: Device = global.device.open(plan.suite.precision)?;
    let sentences = Sentences::of(global);
    let workshop = Workshop::new(
        &plan,
        (&registry, global.data()),
        Runner::new(global.store())?,
        (&device, Duration::MAX),
        &sentences,
    );
    let files = PredictionFiles {
        evaluation: &arguments.predictions,
        validation: arguments.validation.as_deref(),
        most_left_out: arguments.most_left_out,
    };
    let scored = workshop.external(&cell, &asked, files)?;
    let record = record_of(&cell, (&Machine::look(), started), scored);
    global.store().records().write(&record)?;
    if global.json {
        print_json(&record)?;
    } else if let Some(outcome) = &record.outcome {
        print_columns(&rows(outcome))?;
        say!(
            "record {}: `icdbench report {}` shows it beside the suite's own runs",
            short(&record.key),
            of.display()
        );
    }
    Ok(match (record.status, &record.reason) {
        (Status::Ok, _) => ExitCode::SUCCESS,
        (_, reason) => {
            global.notice(reason.as_deref().unwrap_or("no scores"));
            ExitCode::from(exit::DEGENERATE)
        }
    })
}

/// Every metric with its interval.
fn rows(outcome: &Outcome) -> Vec<Vec<String>> {
    let mut rows = vec![vec![
        "metric".to_owned(),
        "score".to_owned(),
        "95 % interval".to_owned(),
    ]];
    for (name, score) in &outcome.scores {
        let interval = outcome.intervals.get(name);
        rows.push(vec![
            name.clone(),
            format!("{score:.4}"),
            interval.map_or(String::new(), |found| format!("{:.4} to {:.4}", found.low, found.high)),
        ]);
    }
    rows
}
