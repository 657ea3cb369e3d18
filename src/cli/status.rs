//! `icdbench status SUITE` and `icdbench cancel SUITE`: what the store and the scheduler know of a suite's cells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use super::terminal::out;
use super::{Global, duration, exit, print_columns, print_json, suite};
use crate::plan::{Cell, Plan, Recorded};
use crate::record::{Record, Status};
use crate::submit::{Folder, Kept};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A suite file, or the name of a built-in suite.
    suite: PathBuf,
}

/// A cell as it stands.
struct Standing {
    state: String,
    about: String,
}

pub(super) fn status(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let suite = suite(&arguments.suite)?;
    let device = global.device.class.name();
    let planned = Plan::make(suite.clone(), &global.registry()?, global.data(), device);
    let plan = planned.unwrap_or_else(|_| Plan::without_data(suite, device));
    let store = global.store();
    let listed = store.records().all()?;
    let found = Recorded::new(&listed.records);
    let records: Vec<Option<Record>> = plan.cells.iter().map(|cell| found.of(cell)).collect();
    let submissions = Folder::all(&global.results, &plan.suite.name)?;
    let queued = in_queue(global, &submissions);
    let held: BTreeMap<String, String> = match store.is_there() {
        true => store.held()?,
        false => BTreeMap::new(),
    };
    let mut standings = Vec::new();
    for (index, (cell, record)) in plan.cells.iter().zip(&records).enumerate() {
        standings.push(standing(
            cell,
            record.as_ref(),
            queued.get(&index),
            &held,
            (index, &submissions),
        )?);
    }
    let running = standings.iter().filter(|standing| standing.state == "running").count();
    let open = standings
        .iter()
        .filter(|standing| matches!(standing.state.as_str(), "running" | "pending"))
        .count();
    let left = left(&records, open, running);
    if global.json {
        let rows = plan.cells.iter().zip(&standings).map(
            |(cell, standing)| json!({ "cell": cell.description, "state": standing.state, "about": standing.about }),
        );
        print_json(&json!({ "cells": rows.collect::<Vec<_>>(), "seconds-left": left }))?;
        return Ok(ExitCode::from(exit::GOOD));
    }
    let head = ["run", "length", "seed", "state", "where or why"];
    let mut table = vec![head.map(String::from).to_vec()];
    for (cell, standing) in plan.cells.iter().zip(&standings) {
        let (length, seed) = (cell.length.to_string(), cell.seed.to_string());
        table.push(vec![
            cell.description.run.clone(),
            length,
            seed,
            standing.state.clone(),
            standing.about.clone(),
        ]);
    }
    print_columns(&table)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for standing in &standings {
        *counts.entry(&standing.state).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    out!("\n{} cells: {}.", standings.len(), counts.join(", "));
    if let Some(seconds) = left {
        out!(
            "The rest takes about {} more, at the pace of the cells that are done.",
            duration(seconds)
        );
    }
    Ok(ExitCode::from(exit::GOOD))
}

pub(super) fn cancel(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let suite = suite(&arguments.suite)?;
    let submissions = Folder::all(&global.results, &suite.name)?;
    let open: Vec<_> = submissions.into_iter().filter(|(_, kept)| !kept.cancelled).collect();
    if open.is_empty() {
        bail!(
            "{}: no submission of {} is queued there; `icdbench submit` queues one",
            global.results.display(),
            suite.name
        );
    }
    for (folder, kept) in open {
        kept.scheduler.cancel(&kept)?;
        folder.keep(&Kept {
            cancelled: true,
            ..kept.clone()
        })?;
        out!(
            "{} is cancelled. Finished cells stay, and the others keep how far they are",
            folder.path().display()
        );
    }
    Ok(ExitCode::from(exit::GOOD))
}

/// State and place of the cells that a scheduler has; what it does not answer is said once.
fn in_queue(global: &Global, submissions: &[(Folder, Kept)]) -> BTreeMap<usize, (String, String)> {
    let mut found = BTreeMap::new();
    for (folder, kept) in submissions.iter().filter(|(_, kept)| !kept.cancelled) {
        match kept.scheduler.look(kept) {
            Ok(tasks) => {
                for task in tasks {
                    let of_phase = kept.phases.get(task.phase).and_then(|phase| phase.tasks.get(task.task));
                    if let Some(cell) = of_phase.and_then(|of_phase| of_phase.cell) {
                        found.insert(cell, (task.state, task.about));
                    }
                }
            }
            Err(error) => global.notice(&format!("{}: {error}", folder.path().display())),
        }
    }
    found
}

/// The store's word first, then the locks', then the scheduler's.
fn standing(
    cell: &Cell,
    record: Option<&Record>,
    queued: Option<&(String, String)>,
    held: &BTreeMap<String, String>,
    (index, submissions): (usize, &[(Folder, Kept)]),
) -> Result<Standing> {
    let standing = |state: &str, about: String| Standing {
        state: state.into(),
        about,
    };
    if let Some(record) = record {
        let word = if record.status == Status::Ok {
            "done"
        } else {
            record.status.word()
        };
        return Ok(standing(word, record.reason.clone().unwrap_or_default()));
    }
    if let Some(reason) = &cell.skipped {
        return Ok(standing(Status::Skipped.word(), reason.clone()));
    }
    if let Some(holder) = held.get(&format!("cell-{}", cell.key)) {
        return Ok(standing("running", holder.clone()));
    }
    if let Some((state, about)) = queued {
        return Ok(standing(state, about.clone()));
    }
    for (folder, kept) in submissions.iter().rev() {
        for phase in &kept.phases {
            let task = phase.tasks.iter().position(|task| task.cell == Some(index));
            let Some(task) = task else { continue };
            if kept.cancelled {
                return Ok(standing("cancelled", String::new()));
            }
            // What it waited for may be what failed.
            let before = phase
                .after
                .iter()
                .filter(|&&before| kept.phases[before].work.must_succeed());
            let said = folder.last_error(phase, task)?.map(Ok);
            let said = said.or_else(|| {
                before
                    .filter_map(|&before| folder.last_error(&kept.phases[before], 0).transpose())
                    .next()
            });
            return Ok(standing("not queued any more", said.transpose()?.unwrap_or_default()));
        }
    }
    Ok(standing("to do", String::new()))
}

/// Seconds until what is queued has ended, from what the done cells took and how many run now.
fn left(records: &[Option<Record>], open: usize, running: usize) -> Option<f64> {
    let time = |text: &str| humantime::parse_rfc3339(text).ok();
    let took = |record: &Record| {
        let (started, ended) = (time(&record.provenance.started)?, time(&record.provenance.ended)?);
        let seconds = ended.duration_since(started).ok()?.as_secs_f64();
        Some(seconds).filter(|_| record.status == Status::Ok)
    };
    let took: Vec<f64> = records.iter().flatten().filter_map(took).collect();
    if took.is_empty() || running == 0 {
        return None;
    }
    let mean = took.iter().sum::<f64>() / took.len() as f64;
    Some(mean * open as f64 / running as f64)
}
