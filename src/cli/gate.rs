//! `icdbench gate SUITE` and `icdbench accept SUITE`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use super::terminal::out;
use super::{Global, exit, print_json, speed_gate, suite, suites};
use crate::gate::{
    Accepted, AcceptedCell, Answer, FORMAT, MARGINS, judge, judge_by_reference, junit, markdown, sentence, worst,
};
use crate::plan::{Plan, recorded};
use crate::record::{Record, Reported, Status};
use crate::results::files;

#[derive(Debug, Args)]
pub(super) struct GateArguments {
    /// A suite file, or the name of a built-in suite, that was run; of a suite of timings, this build is compared with another.
    suite: PathBuf,
    /// The accepted scores [default: baselines/accepted/SUITE.json].
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The accepted seeds are a reference, the new ones other seeds, at most half as many: do these lie within what seeds alone
    /// do to those?
    #[arg(long)]
    reference: bool,
    /// Write the verdicts as JUnit XML, which build servers show.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the verdicts as Markdown, for a comment under a pull request.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    #[command(flatten)]
    speed: speed_gate::Speed,
}

#[derive(Debug, Args)]
pub(super) struct AcceptArguments {
    /// A suite file, or the name of a built-in suite, that was run.
    suite: PathBuf,
    /// Why these scores are accepted: it stands in the file.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Where to write [default: baselines/accepted/SUITE.json].
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// A metric that is compared, and the fall that still counts as the same, 0 to 1; may be repeated
    /// [default: micro-f1=0.01, macro-f1-all=0.01 and map=0.01].
    #[arg(long = "margin", value_name = "METRIC=FALL", value_parser = margin)]
    margins: Vec<(String, f64)>,
}

fn margin(text: &str) -> Result<(String, f64), String> {
    let wrong = || "expected a metric and a fall above 0 and below 1, such as micro-f1=0.01".to_owned();
    let (metric, fall) = text.split_once('=').ok_or_else(wrong)?;
    let fall: f64 = fall.parse().map_err(|_| wrong())?;
    let known = crate::metrics::metric_title(metric).is_some();
    match known && fall > 0.0 && fall < 1.0 {
        true => Ok((metric.to_owned(), fall)),
        false => Err(wrong()),
    }
}

/// Where the accepted scores of a suite lie.
fn place(name: &str) -> PathBuf {
    Path::new("baselines/accepted").join(format!("{name}.json"))
}

/// A suite's name, and its records that are here.
fn cells(global: &Global, argument: &Path) -> Result<(String, usize, Vec<Reported>)> {
    let suite = suite(argument)?;
    let device = global.device.class.name();
    let planned = Plan::make(suite.clone(), &global.registry()?, global.data(), device);
    let with_data = planned.is_ok();
    let plan = planned.unwrap_or_else(|_| Plan::without_data(suite, device));
    let listed = global.store().records().all()?;
    listed
        .refused
        .iter()
        .for_each(|refused| global.notice(&refused.to_string()));
    let records = recorded(&plan.cells, listed.records);
    // A record of another program or copy of the data says nothing of this one. Without the data nobody knows.
    let keys: BTreeSet<&str> = plan.cells.iter().map(|cell| cell.key.as_str()).collect();
    let all = records.len();
    let records: Vec<Record> = match with_data {
        true => records
            .into_iter()
            .filter(|record| keys.contains(record.key.as_str()))
            .collect(),
        false => records,
    };
    if records.len() < all {
        global.notice(&format!(
            "{} records were made by another program or from another copy of the data, and do not count: run the suite again",
            all - records.len()
        ));
    }
    let reported = records
        .into_iter()
        .map(|record| super::reported::reported(global, record));
    Ok((plan.suite.name.clone(), plan.cells.len(), reported.collect()))
}

pub(super) fn accept(global: &Global, arguments: &AcceptArguments) -> Result<ExitCode> {
    let (name, planned, reported) = cells(global, &arguments.suite)?;
    if arguments.reason.trim().is_empty() {
        bail!("--reason: found nothing, expected why these scores are accepted");
    }
    let margins: BTreeMap<String, f64> = match arguments.margins.is_empty() {
        true => MARGINS.map(|(metric, fall)| (metric.to_owned(), fall)).into(),
        false => arguments.margins.iter().cloned().collect(),
    };
    let scored: Vec<&Reported> = reported
        .iter()
        .filter(|cell| cell.record.status == Status::Ok)
        .collect();
    if scored.is_empty() {
        bail!(
            "{name}: found no scored cell in {}, expected some; run the suite first",
            global.results.display()
        );
    }
    let cells: Result<Vec<AcceptedCell>, _> = scored
        .iter()
        .map(|cell| AcceptedCell::of(cell, margins.keys()))
        .collect();
    let accepted = Accepted {
        format: FORMAT,
        suite: name.clone(),
        reason: arguments.reason.trim().to_owned(),
        accepted: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        margins,
        cells: cells?,
    };
    let path = arguments.to.clone().unwrap_or_else(|| place(&name));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    let mut text = serde_json::to_string_pretty(&accepted)?;
    text.push('\n');
    files::write_atomically(&path, text.as_bytes(), false)?;
    let count = accepted.cells.len();
    if count < planned {
        global.notice(&format!(
            "{} of {planned} cells have no score, and none is accepted for them",
            planned - count
        ));
    }
    match global.json {
        true => print_json(&json!({ "accepted": path, "cells": count }))?,
        false => out!("{}: the scores of {count} cells", path.display()),
    }
    Ok(ExitCode::from(exit::GOOD))
}

pub(super) fn gate(global: &Global, arguments: &GateArguments) -> Result<ExitCode> {
    if let Some(suite) = suites::throughput(&arguments.suite)? {
        let given = [
            ("--baseline", arguments.baseline.is_some()),
            ("--reference", arguments.reference),
            ("--junit", arguments.junit.is_some()),
        ];
        suites::refuse(&given, "a suite of timings has no accepted scores")?;
        suites::refuse_device(global)?;
        return speed_gate::run(global, &suite, &arguments.speed, arguments.markdown.as_deref());
    }
    suites::refuse(
        &arguments.speed.given(),
        "it is of suites of timings, and this one has scores",
    )?;
    let (name, _, reported) = cells(global, &arguments.suite)?;
    let path = arguments.baseline.clone().unwrap_or_else(|| place(&name));
    let accepted = Accepted::read(&path)?;
    if accepted.suite != name {
        bail!(
            "{}: found the scores of the suite {:?}, expected those of {name:?}",
            path.display(),
            accepted.suite
        );
    }
    let verdicts = match arguments.reference {
        true => judge_by_reference(&accepted, &reported),
        false => judge(&accepted, &reported),
    };
    let worst = worst(&verdicts);
    let is_new = |found: &&Reported| {
        let scored = found.record.status == Status::Ok;
        let same = |known: &AcceptedCell| {
            let (a, b) = (&known.cell, &found.record.cell);
            (&a.run, a.length, a.seed) == (&b.run, b.length, b.seed)
        };
        scored && !arguments.reference && !accepted.cells.iter().any(same)
    };
    let new: Vec<String> = reported
        .iter()
        .filter(is_new)
        .map(|found| found.record.cell.title())
        .collect();
    if !new.is_empty() {
        global.notice(&format!(
            "{} scored cells are not among what was accepted, and nothing is said of them: {}",
            new.len(),
            new.join("; ")
        ));
    }
    if let Some(path) = &arguments.junit {
        files::write_atomically(path, junit(&name, &verdicts).as_bytes(), false)?;
    }
    if let Some(path) = &arguments.markdown {
        files::write_atomically(path, markdown(&name, &accepted.reason, &verdicts).as_bytes(), false)?;
    }
    match global.json {
        true => print_json(&json!({ "suite": name, "answer": worst, "verdicts": verdicts, "not-accepted": new }))?,
        false => {
            for verdict in &verdicts {
                out!("{}", sentence(verdict));
            }
            let good = |answer: Answer| matches!(answer, Answer::Same | Answer::Better);
            let count = verdicts.iter().filter(|verdict| good(verdict.answer)).count();
            out!(
                "\n{name}: {count} of {} comparisons are as good as what was accepted ({})",
                verdicts.len(),
                path.display()
            );
        }
    }
    Ok(ExitCode::from(match worst {
        None => exit::NOT_ENOUGH_DATA,
        Some(Answer::Same | Answer::Better) => exit::GOOD,
        Some(Answer::Worse) => exit::WORSE,
        Some(Answer::Missing) => exit::COULD_NOT_RUN,
        Some(Answer::NotEnoughData) => exit::NOT_ENOUGH_DATA,
        Some(Answer::NotComparable) => exit::NOT_COMPARABLE,
        Some(Answer::Degenerate) => exit::DEGENERATE,
    }))
}
