//! `icdbench run SUITE`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::progress::Progress;
use super::terminal::say;
use super::{Global, exit, report, stop, suite, suites, throughput};
use crate::engines::cells::{RunOptions, RunSummary, run as run_plan, run_pretraining, run_stages};
use crate::plan::Plan;
use crate::record::{Record, Status};
use crate::stages::Ended;
use crate::suite::Suite;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A suite file, or the name of a built-in suite.
    suite: PathBuf,
    #[command(flatten)]
    how: How,
    /// Run the one cell whose key starts with this (see `icdbench plan --json`), and write no report.
    #[arg(long, value_name = "KEY")]
    cell: Option<String>,
    /// Run the one cell that has this place in the suite, counted from 1 as `icdbench plan` lists cells, and write no report.
    #[arg(long, value_name = "N", conflicts_with = "cell")]
    cell_number: Option<usize>,
    /// End well where the cell has its record then, whatever it says: for schedulers, which try again what did not.
    #[arg(long, requires = "cell_number", hide = true)]
    task: bool,
    /// Run the stages before training that cells share (notes, vocabularies, tokens, word vectors), and no cell.
    #[arg(long, conflicts_with_all = ["cell", "cell_number"])]
    stages: bool,
    /// Pretrain the encoder of this `[pretrain.<name>]`, and run no cell.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["cell", "cell_number", "stages"])]
    pretrain: Option<String>,
    #[command(flatten)]
    report: report::Output,
    /// Write no report at the end.
    #[arg(long)]
    no_report: bool,
}

/// How cells are run.
#[derive(Debug, Args)]
pub(super) struct How {
    /// Run cells again that ended in `failed`, `out-of-memory` or `unsupported`; of a suite of timings, models at lengths at
    /// which one of the engines did, or was not available, in all engines.
    #[arg(long)]
    pub(super) retry: bool,
    /// Seconds between two checkpoints: what a killed run loses at most (with lbfgs, an epoch) [default: 60].
    #[arg(long, value_name = "SECONDS")]
    pub(super) checkpoint_every: Option<f64>,
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    if let Some(suite) = suites::throughput(&arguments.suite)? {
        let given = [
            ("--cell", arguments.cell.is_some()),
            ("--cell-number", arguments.cell_number.is_some()),
            ("--stages", arguments.stages),
            ("--pretrain", arguments.pretrain.is_some()),
            ("--checkpoint-every", arguments.how.checkpoint_every.is_some()),
            ("--no-intervals", arguments.report.is_without_intervals()),
        ];
        suites::refuse(&given, "it means nothing of a suite of timings")?;
        suites::refuse_device(global)?;
        let report = (!arguments.no_report).then(|| arguments.report.directory(&suite.name));
        return throughput::run(global, &suite, arguments.how.retry, report.as_deref());
    }
    if arguments.stages {
        // Nothing is computed on the device, and the machine that runs this may have none.
        let device = global.device.class.name();
        let plan = Plan::make(suite(&arguments.suite)?, &global.registry()?, global.data(), device)?;
        return stages(global, &plan, &arguments.how);
    }
    let plan = planned(global, suite(&arguments.suite)?)?;
    if let Some(name) = &arguments.pretrain {
        return pretraining(global, &plan, &arguments.how, name);
    }
    let only = match (&arguments.cell, arguments.cell_number) {
        (Some(key), _) => Some(plan.cell(key)?),
        (None, Some(number)) => Some(numbered(&plan, number)?),
        (None, None) => None,
    };
    let summary = cells(global, &plan, &arguments.how, only)?;
    if summary.interrupted {
        return Ok(ExitCode::from(exit::INTERRUPTED));
    }
    // Of a task, the record tells how its cell ended: only a task without one is to be tried again.
    if arguments.task {
        return Ok(ExitCode::from(exit::GOOD));
    }
    if !arguments.no_report && only.is_none() {
        let records: Vec<Record> = summary.records.iter().flatten().cloned().collect();
        report::write(global, &plan.suite, records, &arguments.report)?;
    }
    Ok(ExitCode::from(verdict(&summary)))
}

/// The plan of a suite whose device is there.
pub(super) fn planned(global: &Global, suite: Suite) -> Result<Plan> {
    // Before anything is read; the workers open it for themselves.
    global.device.open(suite.precision)?;
    let device = global.device.class.name();
    Ok(Plan::make(suite, &global.registry()?, global.data(), device)?)
}

/// The cell that has a place in the plan, from 1.
fn numbered(plan: &Plan, number: usize) -> Result<usize> {
    let all = plan.cells.len();
    match (1..=all).contains(&number) {
        true => Ok(number - 1),
        false => bail!("--cell-number {number}: {} has cells 1 to {all}", plan.suite.name),
    }
}

/// Runs the stages before training.
fn stages(global: &Global, plan: &Plan, how: &How) -> Result<ExitCode> {
    let options = options(global, how, None)?;
    let progress = Progress::new(global, plan.cells.len(), &stop::STOP);
    let done = run_stages(plan, &options, &progress);
    progress.finish();
    Ok(ExitCode::from(match done? {
        true => exit::GOOD,
        false => stopped(),
    }))
}

/// Pretrains one encoder.
fn pretraining(global: &Global, plan: &Plan, how: &How, name: &str) -> Result<ExitCode> {
    if !plan.suite.pretrainings.contains_key(name) {
        let known: Vec<&str> = plan.suite.pretrainings.keys().map(String::as_str).collect();
        bail!(
            "--pretrain {name}: {} has no [pretrain.{name}]; {}",
            plan.suite.name,
            match known[..] {
                [] => "it pretrains nothing".to_owned(),
                _ => format!("it has {}", known.join(", ")),
            }
        );
    }
    let options = options(global, how, None)?;
    let progress = Progress::new(global, plan.cells.len(), &stop::STOP);
    let ended = run_pretraining(plan, &options, &progress, name);
    progress.finish();
    match ended? {
        Some(Ended::Done(_)) => Ok(ExitCode::from(exit::GOOD)),
        Some(Ended::Interrupted) => Ok(ExitCode::from(stopped())),
        Some(Ended::Failed { reason, .. }) => bail!("{reason}"),
        Some(Ended::World(words)) => bail!("{words}"),
        None => bail!(
            "--pretrain {name}: no cell that can be run here needs it; `icdbench plan` says why cells are skipped"
        ),
    }
}

/// Says that it was stopped; the exit code.
fn stopped() -> u8 {
    say!("stopped; the same command goes on from here");
    exit::INTERRUPTED
}

/// What a run goes by, once somebody listens to who stops it.
fn options(global: &Global, how: &How, only: Option<usize>) -> Result<RunOptions> {
    stop::listen("stopping after this step")?;
    let every = Duration::try_from_secs_f64(how.checkpoint_every.unwrap_or(60.0)).context("--checkpoint-every")?;
    Ok(RunOptions {
        worker: global.worker()?,
        places: global.places(),
        device: global.device,
        retry: how.retry,
        checkpoint_every: every,
        only,
    })
}

/// Runs the cells of a plan, or the one that is asked for, and says so where it was stopped.
pub(super) fn cells(global: &Global, plan: &Plan, how: &How, only: Option<usize>) -> Result<RunSummary> {
    let options = options(global, how, only)?;
    let progress = Progress::new(global, plan.cells.len(), &stop::STOP);
    let summary = run_plan(plan, &options, &progress);
    progress.finish();
    let summary = summary?;
    if summary.interrupted {
        stopped();
    }
    Ok(summary)
}

/// The exit code of a finished run.
pub(super) fn verdict(summary: &RunSummary) -> u8 {
    let records: Vec<&Record> = summary.records.iter().flatten().collect();
    let any = |status: Status| records.iter().any(|record| record.status == status);
    if records.iter().any(|record| record.is_degenerate()) {
        exit::DEGENERATE
    } else if any(Status::Failed) || any(Status::OutOfMemory) || any(Status::Unsupported) {
        exit::COULD_NOT_RUN
    } else if any(Status::Skipped) && !any(Status::Ok) {
        exit::NOT_ENOUGH_DATA
    } else {
        exit::GOOD
    }
}
