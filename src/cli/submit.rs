//! `icdbench submit SUITE --on SCHEDULER`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use super::estimates::{Estimates, estimates, is_there, records};
use super::run::How;
use super::terminal::{out, say};
use super::{Global, exit, print_json, report, suites};
use crate::data;
use crate::plan::{Cell, Plan};
use crate::record::{Record, StageName, Status};
use crate::submit::{Choices, Folder, Kept, Phase, Request, Scheduler, phases, pinned};
use crate::suite::{Resources, Suite};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A suite file, or the name of a built-in suite.
    suite: PathBuf,
    /// Who runs the cells.
    #[arg(long, value_name = "SCHEDULER")]
    on: Scheduler,
    /// Show the commands and the scripts, and queue nothing.
    #[arg(long)]
    dry_run: bool,
    /// Tasks at a time, at most (with GNU parallel: on each host [default: 1]).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    at_once: Option<u32>,
    /// How often a task is tried again that could not run or was killed. One that ran out of its time, or was pre-empted, goes
    /// on from its checkpoint as often as it takes.
    #[arg(long, value_name = "N", default_value_t = 2)]
    retries: u32,
    /// Seconds before its time limit at which a task is told to keep how far it is.
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    notice: u32,
    /// Processors of a task, where the suite's [resources] do not say [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cpus: Option<u32>,
    /// GiB of memory of a task, where the suite's [resources] do not say [default: estimated].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    memory_gib: Option<u32>,
    /// Minutes of a task, where the suite's [resources] do not say [default: estimated].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    minutes: Option<u32>,
    /// Do not time a step of each model and length: what neither the suite nor an option says, the scheduler chooses.
    #[arg(long)]
    no_estimate: bool,
    /// Kubernetes: the container image that has the program.
    #[arg(long, value_name = "NAME")]
    image: Option<String>,
    /// Kubernetes: a persistent volume claim and where pods see it; may be given several times.
    #[arg(long = "claim", value_name = "CLAIM=/PATH")]
    claims: Vec<String>,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    report: report::Output,
    /// The scheduler's own options, behind `--`: `-- --partition=gpu --account=...`.
    #[arg(last = true, value_name = "OPTIONS")]
    options: Vec<String>,
}

pub(super) fn submit(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let suite = suites::suite(&arguments.suite)?;
    let registry = global.registry()?;
    let plan = Plan::make(suite, &registry, global.data(), global.device.class.name())?;
    let found = records(global, &plan)?;
    let to_do: Vec<usize> = (0..plan.cells.len())
        .filter(|&index| is_to_do(&plan.cells[index], found[index].as_ref(), arguments.how.retry))
        .collect();
    if to_do.is_empty() {
        let name = arguments.suite.display();
        say!(
            "Every cell of {} has a record or is skipped: nothing is queued. `icdbench report {name}` writes the report",
            plan.suite.name
        );
        return Ok(ExitCode::from(exit::GOOD));
    }
    // Said now, and not by a job that has waited for a night.
    let first = &plan.cells[to_do[0]];
    if !is_there(&global.store(), first, StageName::Notes) {
        data::load(&plan.suite.data, global.data(), &registry)?;
    }
    let estimates = estimated(global, arguments, &plan, &found)?;
    let phases = phases_of(global, arguments, &plan, &to_do, &estimates)?;
    let results = absolute(&global.results)?;
    if arguments.dry_run {
        let folder = Folder::next(&results, &plan.suite.name);
        let program = std::env::current_exe().context("finding the program itself")?;
        let choices = choices(global, arguments, &plan.suite, folder, program)?;
        return show(global, arguments.on, &phases, &choices);
    }
    let folder = Folder::make(&results, &plan.suite.name)?;
    let queued = queue(global, arguments, &plan, phases, &folder);
    if queued.is_err() {
        folder.remove()?;
    }
    queued
}

/// Writes a submission's files and queues it.
fn queue(global: &Global, arguments: &Arguments, plan: &Plan, phases: Vec<Phase>, folder: &Folder) -> Result<ExitCode> {
    let results = absolute(&global.results)?;
    let program = std::env::current_exe().context("finding the program itself")?;
    let program = pinned(&results, &program)?;
    let choices = choices(global, arguments, &plan.suite, folder.path().to_owned(), program)?;
    let scheduler = arguments.on;
    let mut files = scheduler.files(&phases, &choices)?;
    files.push(crate::submit::File {
        name: "suite.toml".into(),
        text: suites::text(&arguments.suite)?,
    });
    folder.write(&files)?;
    scheduler.test(&phases, &choices)?;
    let queued = scheduler.queue(&phases, &choices)?;
    let kept = Kept {
        suite: plan.suite.name.clone(),
        scheduler,
        phases,
        queued,
        cancelled: false,
    };
    folder.keep(&kept)?;
    let cells: usize = kept
        .phases
        .iter()
        .flat_map(|phase| &phase.tasks)
        .filter(|task| task.cell.is_some())
        .count();
    let ids: Vec<&str> = kept.queued.iter().map(|queued| queued.id.as_str()).collect();
    if global.json {
        print_json(&json!({ "submission": folder.path(), "cells": cells, "queued": kept.queued }))?;
    } else if scheduler == Scheduler::Parallel {
        out!(
            "{cells} cells of {} were gone through; `icdbench status` says how they ended",
            plan.suite.name
        );
    } else {
        out!(
            "{cells} cells of {} are queued on {} ({}). Scripts and logs: {}\n`icdbench status {suite}` says how it goes, \
             `icdbench cancel {suite}` takes it back",
            plan.suite.name,
            scheduler.title(),
            ids.join(", "),
            folder.path().display(),
            suite = arguments.suite.display(),
        );
    }
    Ok(ExitCode::from(exit::GOOD))
}

/// Whether a cell is to be run: it has no record, or one that is to be made again.
fn is_to_do(cell: &Cell, record: Option<&Record>, retry: bool) -> bool {
    match record.map(|record| record.status) {
        None => cell.skipped.is_none(),
        Some(Status::Ok | Status::Skipped) => false,
        Some(_) => retry,
    }
}

/// What cells would take, where that is asked for and can be said here.
fn estimated(global: &Global, arguments: &Arguments, plan: &Plan, found: &[Option<Record>]) -> Result<Estimates> {
    let is_said = |cell: &Cell| {
        let said = said(arguments, &plan.suite, cell);
        said.minutes.is_some() && said.memory_gib.is_some()
    };
    if arguments.no_estimate || plan.cells.iter().all(is_said) {
        return Ok(Estimates::default());
    }
    // Where cells are queued there may be no GPU.
    match global.device.open(plan.suite.precision) {
        Ok(device) => estimates(global, &device, &global.registry()?, plan, found),
        Err(error) => {
            global.notice(&format!(
                "time and memory are not estimated here ({error}): what [resources], --minutes and --memory-gib do not say, \
                 the scheduler chooses"
            ));
            Ok(Estimates::default())
        }
    }
}

/// What a cell is given that need not be estimated.
fn said(arguments: &Arguments, suite: &Suite, cell: &Cell) -> Resources {
    let options = Resources {
        cpus: arguments.cpus,
        memory_gib: arguments.memory_gib,
        minutes: arguments.minutes,
        gpus: None,
    };
    suite.runs[cell.run].resources.over(suite.resources).over(options)
}

fn phases_of(
    global: &Global,
    arguments: &Arguments,
    plan: &Plan,
    to_do: &[usize],
    estimates: &Estimates,
) -> Result<Vec<Phase>> {
    let on_gpu = !global.device.class.runs_on_cpu();
    let request = |cell: &Cell| {
        // An ensemble reads what its members left, which is their inference at most.
        let estimate = estimates.of_cells.get(&(cell.run, cell.length)).copied();
        Request::new(said(arguments, &plan.suite, cell), estimate, on_gpu)
    };
    let of_pretraining = |_: &str, cell: &Cell| {
        let key = cell.key_of(StageName::Pretraining);
        let estimate = estimates.of_pretrainings.get(key).copied();
        Request::new(said(arguments, &plan.suite, cell), estimate, on_gpu)
    };
    let folder = arguments.report.folder(&plan.suite);
    let reports = absolute(folder.parent().unwrap_or(Path::new(".")))?;
    let mut report = vec!["--reports".to_owned(), reports.to_string_lossy().into_owned()];
    if arguments.report.is_without_intervals() {
        report.push("--no-intervals".into());
    }
    Ok(phases(plan, to_do, request, of_pretraining, &report))
}

fn choices(
    global: &Global,
    arguments: &Arguments,
    suite: &Suite,
    folder: PathBuf,
    program: PathBuf,
) -> Result<Choices> {
    let mut of_all = vec!["--results".to_owned(), text(&absolute(&global.results)?)?];
    for (option, path) in [
        ("--data", &global.data),
        ("--datasets", &global.datasets),
        ("--private", &global.private),
    ] {
        if let Some(path) = path {
            of_all.extend([option.to_owned(), text(&absolute(path)?)?]);
        }
    }
    of_all.extend(["--device".to_owned(), global.device.to_string()]);
    let mut how = Vec::new();
    if arguments.how.retry {
        how.push("--retry".to_owned());
    }
    if let Some(every) = arguments.how.checkpoint_every {
        how.extend(["--checkpoint-every".to_owned(), every.to_string()]);
    }
    Ok(Choices {
        suite: suite.name.clone(),
        folder,
        working: std::env::current_dir().context("finding the working directory")?,
        program,
        global: of_all,
        how,
        at_once: arguments.at_once,
        retries: arguments.retries,
        notice_seconds: arguments.notice,
        options: arguments.options.clone(),
        image: arguments.image.clone(),
        claims: arguments.claims.clone(),
    })
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{}: cannot find it", path.display()))
}

/// A script has no words that are not text.
fn text(path: &Path) -> Result<String> {
    match path.to_str() {
        Some(text) if !text.contains('\n') => Ok(text.to_owned()),
        _ => bail!(
            "{}: its name is not one line of text, which a script could hold",
            path.display()
        ),
    }
}

/// Shows what would be queued.
fn show(global: &Global, scheduler: Scheduler, phases: &[Phase], choices: &Choices) -> Result<ExitCode> {
    let files = scheduler.files(phases, choices)?;
    let commands = scheduler.commands(phases, choices);
    if global.json {
        let files: Vec<_> = files
            .iter()
            .map(|file| json!({ "name": file.name, "text": file.text }))
            .collect();
        print_json(&json!({ "commands": commands, "files": files, "phases": phases }))?;
        return Ok(ExitCode::from(exit::GOOD));
    }
    for file in files {
        out!("=== {}\n{}", file.name, file.text);
    }
    out!("=== commands");
    for command in commands {
        out!("{command}");
    }
    Ok(ExitCode::from(exit::GOOD))
}
