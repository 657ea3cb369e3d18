//! `icdbench check`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use super::reported::reported_in;
use super::terminal::out;
use super::{Global, exit, print_json, suite};
use crate::audit::{Audit, Copies, audit};
use crate::plan::{Plan, Recorded};
use crate::record::{Record, StageName};
use crate::results::Store;
use crate::results::check::{Findings, check as check_store};
use crate::stages::scores::{EVALUATION, numbers};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The results directory [default: that of --results].
    results: Option<PathBuf>,
    /// A suite file, or the name of a built-in suite, of which every cell must have a record here.
    #[arg(long, value_name = "SUITE")]
    suite: Option<PathBuf>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    #[serde(flatten)]
    findings: Findings,
    /// What was found of each cell that has a record.
    cells: Vec<Audit>,
    /// Records that cannot both have been run.
    copies: Vec<[String; 2]>,
    /// Cells of the suite without a record.
    missing: Vec<String>,
}

pub(super) fn check(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let results = arguments.results.as_deref().unwrap_or(&global.results);
    let store = Store::new(results, global.private.as_deref());
    require_results(&store)?;
    let findings = check_store(&store)?;
    if let Some(sentence) = &findings.foreign {
        global.notice(sentence);
    }
    let (mut cells, mut found, mut records) = (Vec::new(), Copies::default(), Vec::new());
    let mut copies = Vec::new();
    store.records().each(|record| {
        let scores = scores(&store, &record);
        let reported = reported_in(&store, global, record);
        cells.push(audit(&reported, scores.as_deref()));
        copies.extend(found.find(&reported.record));
        records.extend(arguments.suite.is_some().then(|| reported.record.without_outcome()));
    })?;
    let shown = Shown {
        cells,
        copies,
        missing: arguments
            .suite
            .as_deref()
            .map_or(Ok(Vec::new()), |suite| missing(global, suite, &records))?,
        findings,
    };
    match global.json {
        true => print_json(&shown)?,
        false => print(results, &shown)?,
    }
    let good = shown.findings.problems.is_empty()
        && shown.cells.iter().all(|cell| cell.problems.is_empty())
        && shown.copies.is_empty()
        && shown.missing.is_empty();
    Ok(ExitCode::from(if good { exit::GOOD } else { exit::WORSE }))
}

/// The kept probabilities of the evaluation notes.
pub(super) fn scores(store: &Store, record: &Record) -> Option<Vec<f32>> {
    let key = record.stages.get(&StageName::Scores)?.key();
    let kept = store.open(StageName::Scores, &key).ok()??;
    Some(numbers(&kept.read(EVALUATION).ok()?))
}

/// Cells of a suite that no record is of.
fn missing(global: &Global, argument: &Path, records: &[Record]) -> Result<Vec<String>> {
    let suite = suite(argument)?;
    let device = global.device.class.name();
    let planned = Plan::make(suite.clone(), &global.registry()?, global.data(), device);
    let plan = planned.unwrap_or_else(|_| Plan::without_data(suite, device));
    let found = Recorded::new(records);
    let without = plan.cells.iter().filter(|cell| found.of(cell).is_none());
    Ok(without.map(|cell| cell.description.title()).collect())
}

fn print(results: &Path, shown: &Shown) -> Result<()> {
    let findings = &shown.findings;
    for found in &findings.problems {
        out!("{}: {}", found.path.display(), found.problem);
    }
    for cell in &shown.cells {
        out!("{}: {}", cell.cell, cell.verdict.word());
        for problem in &cell.problems {
            out!("  {problem}");
        }
    }
    for [first, second] in &shown.copies {
        out!("{second} is a copy of {first}: both took the same time to the last digit, and have the same scores");
    }
    for cell in &shown.missing {
        out!("{cell}: missing");
    }
    let stages = findings.stages.iter().map(|(stage, count)| match stage {
        StageName::Record => format!("{count} rows by note"),
        stage => format!("{count} {stage}"),
    });
    let stages: Vec<String> = stages.collect();
    let wrong = shown.cells.iter().filter(|cell| !cell.problems.is_empty()).count();
    out!(
        "{}: {} records and {} are what was written; {} problems",
        results.display(),
        findings.records,
        if stages.is_empty() {
            "no stage".into()
        } else {
            stages.join(", ")
        },
        findings.problems.len() + wrong + shown.copies.len() + shown.missing.len()
    );
    Ok(())
}

/// Refuses a directory in which no run has left anything: its name is mistyped, or nothing was run yet.
pub(super) fn require_results(store: &Store) -> Result<()> {
    if store.is_there() {
        return Ok(());
    }
    bail!(
        "{}: expected a results directory, with the folder `records` or its private part; name one, or run a suite first",
        store.results().display()
    )
}
