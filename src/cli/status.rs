//! `icdbench status SUITE` and `icdbench cancel SUITE`: what the store and the scheduler know of a suite's cells.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use super::terminal::{line_if_read, out};
use super::{Global, duration, exit, print_columns, print_json, suite};
use crate::plan::{Cell, Plan, Recorded};
use crate::record::{Record, Status};
use crate::submit::{Folder, Kept, Phase};

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
    // Without the data nobody knows the keys: then a record of the same cell is the cell's.
    let knows_keys = planned.is_ok();
    let plan = planned.unwrap_or_else(|_| Plan::without_data(suite, device));
    let store = global.store();
    let mut records = Vec::new();
    store.records().each(|record| records.push(record.without_outcome()))?;
    let found = Recorded::new(&records);
    let records: Vec<Option<&Record>> = plan.cells.iter().map(|cell| found.find(cell)).collect();
    let submissions = Folder::all(&global.results, &plan.suite.name)?;
    let known = Known {
        knows_keys,
        queued: in_queue(global, &submissions),
        held: match store.is_there() {
            true => store.held()?,
            false => BTreeMap::new(),
        },
        tasks: tasks(&submissions),
    };
    let mut standings = Vec::new();
    for (cell, record) in plan.cells.iter().zip(&records) {
        standings.push(known.standing(cell, *record)?);
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
    let mut refused = None;
    for (folder, kept) in open {
        match kept.scheduler.cancel(&kept) {
            Ok(()) => {
                let cancelled = Kept {
                    cancelled: true,
                    ..kept.clone()
                };
                folder.keep(&cancelled)?;
                match global.json {
                    true => line_if_read(format_args!("{}", json!({ "cancelled": folder.path() }))),
                    false => line_if_read(format_args!(
                        "{} is cancelled. Finished cells stay, and the others keep how far they are",
                        folder.path().display()
                    )),
                }
            }
            // The others are cancelled all the same.
            Err(error) => refused = Some(anyhow::Error::new(error).context(folder.path().display().to_string())),
        }
    }
    refused.map_or_else(|| Ok(ExitCode::from(exit::GOOD)), Err)
}

/// State and place of the cells that a scheduler has, by key; what it does not answer is said.
fn in_queue(global: &Global, submissions: &[(Folder, Kept)]) -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    for (folder, kept) in submissions.iter().filter(|(_, kept)| !kept.cancelled) {
        match kept.scheduler.look(kept) {
            Ok(tasks) => {
                for task in tasks {
                    let of_phase = kept.phases.get(task.phase).and_then(|phase| phase.tasks.get(task.task));
                    if let Some(key) = of_phase.and_then(|of_phase| of_phase.cell.clone()) {
                        found.insert(key, (task.state, task.about));
                    }
                }
            }
            Err(error) => global.notice(&format!("{}: {error}", folder.path().display())),
        }
    }
    found
}

/// A cell's task in the last submission that has it.
struct OfCell<'a> {
    folder: &'a Folder,
    kept: &'a Kept,
    phase: &'a Phase,
    task: usize,
}

fn tasks(submissions: &[(Folder, Kept)]) -> BTreeMap<&str, OfCell<'_>> {
    let mut found = BTreeMap::new();
    for (folder, kept) in submissions {
        for phase in &kept.phases {
            for (task, of_phase) in phase.tasks.iter().enumerate() {
                if let Some(key) = &of_phase.cell {
                    let of_cell = OfCell {
                        folder,
                        kept,
                        phase,
                        task,
                    };
                    found.insert(key.as_str(), of_cell);
                }
            }
        }
    }
    found
}

/// All that is known beside the records.
struct Known<'a> {
    knows_keys: bool,
    /// By cell.
    queued: BTreeMap<String, (String, String)>,
    /// By the lock's name.
    held: BTreeMap<String, String>,
    tasks: BTreeMap<&'a str, OfCell<'a>>,
}

impl Known<'_> {
    /// Scores first, then what the scheduler says, then the locks, and last what the logs tell of what has ended without a
    /// record.
    fn standing(&self, cell: &Cell, record: Option<&Record>) -> Result<Standing> {
        let standing = |state: &str, about: String| Standing {
            state: state.into(),
            about,
        };
        let is_of_now = |record: &&Record| !self.knows_keys || cell.skipped.is_some() || record.key == cell.key;
        let ended = record.filter(is_of_now);
        if ended.is_some_and(|record| record.status == Status::Ok) {
            return Ok(standing("done", String::new()));
        }
        if let Some((state, about)) = self.queued.get(&cell.key) {
            return Ok(standing(state, about.clone()));
        }
        let task = self.tasks.get(cell.key.as_str());
        let holder = self.held.get(&format!("cell-{}", cell.key));
        // A machine that died leaves its lock; where the scheduler says of the cell's task that it has none, that is it.
        let is_looked_up = task.is_some_and(|task| task.kept.scheduler.is_looked_up());
        if let Some(holder) = holder.filter(|_| !is_looked_up) {
            return Ok(standing("running", holder.clone()));
        }
        if let Some(record) = ended {
            return Ok(standing(
                record.status.word(),
                record.reason.clone().unwrap_or_default(),
            ));
        }
        if let Some(reason) = &cell.skipped {
            return Ok(standing(Status::Skipped.word(), reason.clone()));
        }
        if let Some(task) = task {
            return match task.kept.cancelled {
                true => Ok(standing("cancelled", String::new())),
                false => Ok(standing("not queued any more", task.last_error()?)),
            };
        }
        match record {
            Some(_) => Ok(standing(
                "to do",
                "scored before, by another program or on other data".into(),
            )),
            None => Ok(standing("to do", String::new())),
        }
    }
}

impl OfCell<'_> {
    /// What its log tells last, or the log of what it waited for.
    fn last_error(&self) -> Result<String> {
        if let Some(error) = self.folder.last_error(self.phase, self.task)? {
            return Ok(error);
        }
        for &before in &self.phase.after {
            let before = &self.kept.phases[before];
            if before.work.must_succeed()
                && let Some(error) = self.folder.last_error(before, 0)?
            {
                return Ok(format!("{}: {error}", before.name));
            }
        }
        Ok(String::new())
    }
}

/// Seconds until what is queued has ended, from what the done cells took and how many run now.
fn left(records: &[Option<&Record>], open: usize, running: usize) -> Option<f64> {
    let time = |text: &str| humantime::parse_rfc3339(text).ok();
    let took = |record: &Record| {
        let (started, ended) = (time(&record.provenance.started)?, time(&record.provenance.ended)?);
        let seconds = ended.duration_since(started).ok()?.as_secs_f64();
        Some(seconds).filter(|_| record.status == Status::Ok)
    };
    let took: Vec<f64> = records.iter().flatten().copied().filter_map(took).collect();
    if took.is_empty() || running == 0 {
        return None;
    }
    let mean = took.iter().sum::<f64>() / took.len() as f64;
    Some(mean * open as f64 / running as f64)
}
