//! `icdbench run SUITE`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

use super::progress::Progress;
use super::{Global, exit, report, suite};
use crate::experiment::{Plan, RunOptions, RunSummary, run as run_plan};
use crate::record::{Record, Status};

/// Set by Ctrl-C: the step in hand is finished, a checkpoint written, and the program ends.
static STOP: AtomicBool = AtomicBool::new(false);

/// Arguments of `icdbench run`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A suite file, or the name of a built-in suite.
    suite: PathBuf,
    /// Run cells again that ended in `failed`, `out-of-memory` or `unsupported`.
    #[arg(long)]
    retry: bool,
    /// Seconds between two checkpoints: what a killed run loses at most (with lbfgs, an epoch).
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS")]
    checkpoint_every: f64,
    #[command(flatten)]
    report: report::Output,
    /// Write no report at the end.
    #[arg(long)]
    no_report: bool,
}

pub(super) fn run(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let suite = suite(&arguments.suite)?;
    let device = global.device.open(suite.precision)?;
    let cache = global.cache();
    let mut notice = global.notice();
    if !global.quiet {
        eprintln!("{}: reading notes, fitting labels and vocabularies ...", suite.name);
    }
    let plan = Plan::make(suite, &global.registry()?, &global.places(&cache), &mut notice)?;
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(exit::INTERRUPTED)); // asked twice: now
        }
        eprintln!("\nstopping after this step (press Ctrl-C again to stop at once) ...");
    })
    .context("installing the Ctrl-C handler")?;
    let every = Duration::try_from_secs_f64(arguments.checkpoint_every).context("--checkpoint-every")?;
    let options = RunOptions {
        results: &global.results,
        device: &device,
        retry: arguments.retry,
        checkpoint_every: every,
    };
    let progress = Progress::new(global, plan.cells.len(), &STOP);
    let summary = run_plan(&plan, &options, &progress);
    progress.finish();
    let summary = summary?;
    if summary.interrupted {
        eprintln!("stopped; the same command goes on from here");
        return Ok(ExitCode::from(exit::INTERRUPTED));
    }
    if !arguments.no_report {
        let records: Vec<Record> = summary.records.iter().flatten().cloned().collect();
        report::write(global, &plan.suite, &records, &arguments.report)?;
    }
    Ok(ExitCode::from(verdict(&summary)))
}

/// The exit code of a finished run.
fn verdict(summary: &RunSummary) -> u8 {
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
