//! `icdbench submit SUITE --on SCHEDULER`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use super::estimates::{Estimates, estimates, is_there, records};
use super::run::How;
use super::terminal::{line_if_read, out, say};
use super::{Global, exit, print_json, report, suites};
use crate::data;
use crate::device::Lack;
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
    /// Tasks of an array at a time, at most (with GNU parallel: on each host [default: 1]). Cells that ask for the same are an
    /// array.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    at_once: Option<u32>,
    /// How often a task is tried again that could not run or was killed. One that ran out of its time, or was pre-empted, goes
    /// on from its checkpoint as often as it takes.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(..=100))]
    retries: u32,
    /// Seconds before its time limit at which a task is told to keep how far it is.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=86_400))]
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

impl Arguments {
    /// Threads that estimates are made with: a task has no more.
    pub(super) fn threads(&self) -> usize {
        self.cpus.unwrap_or(1) as usize
    }
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
        if global.json {
            let told = match arguments.dry_run {
                true => json!({ "commands": [], "files": [], "phases": [] }),
                false => json!({ "submission": null, "cells": 0, "queued": [] }),
            };
            print_json(&told)?;
            return Ok(ExitCode::from(exit::GOOD));
        }
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
    let on_gpu = !global.device.class.runs_on_cpu();
    refuse_device(global, &plan, &to_do)?;
    let estimates = estimated(global, arguments, &plan, &to_do)?;
    let phases = phases_of(arguments, &plan, &to_do, (&estimates, on_gpu))?;
    let results = absolute(&global.results)?;
    if arguments.dry_run {
        let folder = Folder::next(&results, &plan.suite.name);
        let program = std::env::current_exe().context("finding the program itself")?;
        let choices = choices(global, arguments, &plan.suite, folder, program)?;
        return show(global, arguments.on, &phases, &choices);
    }
    let folder = Folder::make(&results, &plan.suite.name)?;
    let prepared = prepared(global, arguments, &plan, &phases, &folder);
    let choices = match prepared {
        Ok(choices) => choices,
        Err(error) => {
            // Nothing is queued yet.
            folder.remove()?;
            return Err(error);
        }
    };
    queue(global, arguments, &plan, (phases, &choices), folder)
}

/// Refuses a device that tasks would not find.
fn refuse_device(global: &Global, plan: &Plan, to_do: &[usize]) -> Result<()> {
    let device = global.device;
    for &index in to_do {
        let run = &plan.suite.runs[plan.cells[index].run];
        if run.training.replicas > 1 && !device.class.trains_replicas() {
            let Lack { found, expected, next } = device.class.lacks_replicas();
            bail!(
                "[training] of {:?}: replicas = {} with --device {device}: {found}; expected {expected}. {next}",
                run.title(),
                run.training.replicas
            );
        }
    }
    if device.class.runs_on_cpu() {
        return Ok(());
    }
    if device.index > 0 {
        bail!(
            "--device {device}: a task sees the GPU that the scheduler gave it, as the first; expected --device {}",
            device.class.name()
        );
    }
    for &index in to_do {
        let cell = &plan.cells[index];
        let run = &plan.suite.runs[cell.run];
        if run.resources.over(plan.suite.resources).gpus == Some(0) {
            bail!(
                "[resources] of {:?}: gpus = 0 with --device {device}; leave gpus out, or the device",
                run.title()
            );
        }
    }
    Ok(())
}

/// Writes a submission's files, and has the scheduler look at them.
fn prepared(global: &Global, arguments: &Arguments, plan: &Plan, phases: &[Phase], folder: &Folder) -> Result<Choices> {
    let results = absolute(&global.results)?;
    let program = match arguments.on {
        // The image's own: what this machine's program is linked with may not be in it.
        Scheduler::Kubernetes => PathBuf::from("icdbench"),
        _ => pinned(
            &results,
            &std::env::current_exe().context("finding the program itself")?,
        )?,
    };
    let choices = choices(global, arguments, &plan.suite, folder.path().to_owned(), program)?;
    let mut files = arguments.on.files(phases, &choices)?;
    files.push(crate::submit::File {
        name: "suite.toml".into(),
        text: suites::text(&arguments.suite)?,
    });
    folder.write(&files)?;
    arguments.on.test(phases, &choices)?;
    Ok(choices)
}

/// Queues a submission. From the first part that is accepted on its folder stays, which the tasks need.
fn queue(
    global: &Global,
    arguments: &Arguments,
    plan: &Plan,
    (phases, choices): (Vec<Phase>, &Choices),
    folder: Folder,
) -> Result<ExitCode> {
    let scheduler = arguments.on;
    let mut kept = Kept {
        suite: plan.suite.name.clone(),
        scheduler,
        phases,
        queued: Vec::new(),
        cancelled: false,
    };
    let phases = kept.phases.clone();
    // GNU parallel's script can be called again; what the others refuse is taken back by them.
    let stays = scheduler == Scheduler::Parallel;
    if stays {
        folder.keep(&kept)?;
    }
    let queued = scheduler.queue(&phases, choices, &mut |queued| {
        kept.queued = queued.to_vec();
        Ok(folder.keep(&kept)?)
    });
    if let Err(error) = queued {
        if error.left_nothing() && !stays {
            folder.remove()?;
        }
        return Err(error.into());
    }
    let cells = phases.iter().flat_map(|phase| &phase.tasks);
    let cells = cells.filter(|task| task.cell.is_some()).count();
    let ids: Vec<&str> = kept.queued.iter().map(|queued| queued.id.as_str()).collect();
    // It is queued, whether anybody reads this or not.
    if global.json {
        let told = json!({ "submission": folder.path(), "cells": cells, "queued": kept.queued });
        line_if_read(format_args!("{told}"));
    } else if scheduler == Scheduler::Parallel {
        line_if_read(format_args!(
            "{cells} cells of {} were gone through; `icdbench status` says how they ended",
            plan.suite.name
        ));
    } else {
        line_if_read(format_args!(
            "{cells} cells of {} are queued on {} ({}). Scripts and logs: {}\n`icdbench status {suite}` says how it goes, \
             `icdbench cancel {suite}` takes it back",
            plan.suite.name,
            scheduler.title(),
            ids.join(", "),
            folder.path().display(),
            suite = arguments.suite.display(),
        ));
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
fn estimated(global: &Global, arguments: &Arguments, plan: &Plan, to_do: &[usize]) -> Result<Estimates> {
    let is_said = |cell: &Cell| {
        let said = said(arguments, &plan.suite, cell);
        said.minutes.is_some() && said.memory_gib.is_some()
    };
    if arguments.no_estimate || to_do.iter().all(|&index| is_said(&plan.cells[index])) {
        return Ok(Estimates::default());
    }
    // Where cells are queued there may be no GPU.
    match global.device.open(plan.suite.precision) {
        Ok(device) => estimates(global, &device, &global.registry()?, plan, to_do),
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
    let of_run = suite.runs[cell.run].resources;
    of_run.over(suite.resources).over(options(arguments))
}

fn options(arguments: &Arguments) -> Resources {
    Resources {
        cpus: arguments.cpus,
        memory_gib: arguments.memory_gib,
        minutes: arguments.minutes,
        gpus: None,
    }
}

fn phases_of(
    arguments: &Arguments,
    plan: &Plan,
    to_do: &[usize],
    (estimates, on_gpu): (&Estimates, bool),
) -> Result<Vec<Phase>> {
    // An ensemble's members and a pretraining are computed on one device, however many the run trains on.
    let on_one = |cell: &Cell, estimate| {
        let mut said = said(arguments, &plan.suite, cell);
        said.gpus = said.gpus.map(|gpus| gpus.min(1));
        Request::new(said, estimate, u32::from(on_gpu))
    };
    let request = |cell: &Cell| {
        // An ensemble reads what its members left, which is their inference at most.
        let estimate = estimates.of_cells.get(&(cell.run, cell.length)).copied();
        if cell.ensemble.is_some() {
            return on_one(cell, estimate);
        }
        let replicas = plan.suite.runs[cell.run].training.replicas as u32;
        let gpus = if on_gpu { replicas } else { 0 };
        Request::new(said(arguments, &plan.suite, cell), estimate, gpus)
    };
    let of_pretraining = |cell: &Cell| {
        let key = cell.key_of(StageName::Pretraining);
        on_one(cell, estimates.of_pretrainings.get(key).copied())
    };
    let folder = arguments.report.folder(&plan.suite);
    let reports = text(&absolute(folder.parent().unwrap_or(Path::new(".")))?)?;
    let mut report = vec!["--reports".to_owned(), reports];
    if arguments.report.is_without_intervals() {
        report.push("--no-intervals".into());
    }
    // Nobody estimates what the shared stages and the report take: what is not said, the scheduler chooses.
    let said = plan.suite.resources.over(options(arguments));
    let shared = Request::new(Resources { gpus: Some(0), ..said }, None, 0);
    Ok(phases(plan, to_do, request, of_pretraining, (shared, &report)))
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
        working: {
            let working = std::env::current_dir().context("finding the working directory")?;
            text(&working)?;
            working
        },
        submission: folder_name(&folder),
        program,
        global: of_all,
        how,
        at_once: arguments.at_once,
        retries: arguments.retries,
        notice_seconds: arguments.notice,
        options: arguments.options.clone(),
        folder,
        image: arguments.image.clone(),
        claims: arguments.claims.clone(),
    })
}

fn folder_name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
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
