//! `icdbench data list|verify|init|prepare|diff|stats|synth|export`.

mod diff;
mod init;
mod prepare;
mod stats;
mod synth;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use burn::tensor::Device;
use clap::{Args, Subcommand};
use serde_json::json;

use super::terminal::{out, say};
use super::{Global, Sentences, exit, print_json, suite};
use crate::data;
use crate::plan::{Cell, Plan};
use crate::stages::Workshop;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Name the data sets and the pretrained encoders, where to get them and under which licence.
    List,
    /// Compare a data set's files with their known hashes and counts.
    Verify {
        /// The data set's name.
        dataset: String,
    },
    /// Look at a file of your own notes (CSV, JSON lines, Parquet) and write how a suite reads it.
    Init(init::Arguments),
    /// Make a data set of an export (MIMIC-III, MIMIC-IV, a hospital's own): a table of notes and a manifest.
    Prepare(prepare::Arguments),
    /// Say what two preparations have otherwise: notes, parts, texts, codes.
    Diff(diff::Arguments),
    /// Count notes, words, tokens and codes of the data set that a suite uses, what a length cuts off, and what was left
    /// out.
    Stats(stats::Arguments),
    /// Write generated notes to a folder: to look at, or in the form of an export to try `data prepare` on.
    Synth(synth::Arguments),
    /// Write a suite's bags of words as svmlight files, to run other tools on the same features and
    /// split. They derive from note text: keep them where the data may be kept.
    Export {
        /// A suite file, or the name of a built-in suite.
        suite: PathBuf,
        /// The folder to write to.
        #[arg(long)]
        out: PathBuf,
        /// Title of the run whose text settings are used [default: the first].
        #[arg(long)]
        run: Option<String>,
        /// Words of each note [default: the suite's greatest length].
        #[arg(long)]
        length: Option<u32>,
    },
}

pub(super) fn data(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.command {
        Command::List => list(global),
        Command::Verify { dataset } => verify(global, dataset),
        Command::Init(arguments) => init::init(global, arguments),
        Command::Prepare(arguments) => prepare::prepare(global, arguments),
        Command::Diff(arguments) => diff::compare(global, arguments),
        Command::Stats(arguments) => stats::stats(global, arguments),
        Command::Synth(arguments) => synth::synth(global, arguments),
        Command::Export {
            suite,
            out,
            run,
            length,
        } => export(global, suite, out, run.as_deref(), *length),
    }
}

fn list(global: &Global) -> Result<ExitCode> {
    let registry = global.registry()?;
    if global.json {
        print_json(&json!({ "datasets": registry.datasets(), "encoders": registry.encoders() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for dataset in registry.datasets() {
        out!("{}: {}", dataset.name, dataset.title);
        let access = if dataset.credentialed {
            ", credentialed access"
        } else {
            ""
        };
        out!("  licence  {}{access}", dataset.licence);
        out!("  source   {}", dataset.source);
        out!(
            "  cite     {}",
            dataset.citation.split_whitespace().collect::<Vec<_>>().join(" ")
        );
    }
    if registry.encoders().is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    out!("\nPretrained encoders, for [encoder.<name>] of a suite (directory, and sha256 of the weights file):\n");
    for (name, encoder) in registry.encoders() {
        out!("{name}: {}", encoder.title);
        let tokens = encoder.vocabulary.map(|tokens| format!(", {tokens} tokens"));
        let case = if encoder.cased { "cased" } else { "uncased" };
        out!("  licence  {}", encoder.licence);
        out!("  source   https://huggingface.co/{}", encoder.hub);
        out!("  text     {case}{}", tokens.unwrap_or_default());
        out!("  fetch    {}", encoder.fetch);
        out!("  convert  {}", encoder.convert);
        out!("  cite     {}", encoder.citation);
        if let Some(remark) = &encoder.remark {
            out!("  remark   {remark}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(global: &Global, name: &str) -> Result<ExitCode> {
    let registry = global.registry()?;
    if registry.find(name)?.is_prepared() {
        return verify_prepared(global, name, &registry);
    }
    let report = data::verify(registry.find(name)?, global.data.as_deref())?;
    if global.json {
        print_json(&report)?;
    } else {
        for entry in &report.entries {
            out!("{:<12} {}{}", state(&entry.status), entry.path, remark(entry));
        }
    }
    let good = report.ok;
    if !good && !global.quiet {
        say!(
            "{name} is not what datasets.toml expects; {}",
            registry.find(name)?.obtain()
        );
    }
    Ok(ExitCode::from(if good { exit::GOOD } else { exit::COULD_NOT_RUN }))
}

/// Reads a prepared data set as a suite would, and compares all of it with its manifest.
fn verify_prepared(global: &Global, name: &str, registry: &data::Registry) -> Result<ExitCode> {
    let directory = registry.find(name)?.directory(global.data())?.join(name);
    let manifest = data::prepared::Manifest::read(&directory)?;
    let settings = data::PreparedSettings {
        name: name.into(),
        rules: manifest.changed_rules.clone(),
        codes: None,
    };
    data::load(&data::DatasetSettings::Prepared(settings), global.data(), registry)?;
    if global.json {
        print_json(
            &json!({ "dataset": name, "ok": true, "notes": manifest.table.rows, "fingerprint": manifest.fingerprint }),
        )?;
    } else {
        let rules = match manifest.changed_rules.is_empty() {
            true => String::new(),
            false => format!(", by {}", manifest.changed_rules.join(" ")),
        };
        let generated = if manifest.generated { ", generated" } else { "" };
        out!("{:<12} {name} ({} notes{rules}{generated})", "ok", manifest.table.rows);
    }
    Ok(ExitCode::from(exit::GOOD))
}

/// One word on a file.
fn state(status: &data::Status) -> &'static str {
    match status {
        data::Status::Ok => "ok",
        data::Status::NotListed { .. } => "not listed",
        data::Status::AbsentAllowed => "absent (may be)",
        data::Status::Missing => "MISSING",
        data::Status::Mismatch { .. } => "DIFFERS",
        data::Status::Unreadable { .. } => "UNREADABLE",
    }
}

/// What was found and what was expected, where the two differ or a count was checked.
fn remark(entry: &data::EntryReport) -> String {
    let mut remark = match &entry.status {
        data::Status::Mismatch { expected, found } => format!(": sha256 {found}, expected {expected}"),
        data::Status::Unreadable { reason } => format!(": {reason}"),
        _ => String::new(),
    };
    match &entry.count {
        Some(count) if count.ok => remark.push_str(&format!(" ({} as expected)", count.found)),
        Some(count) => remark.push_str(&format!(" ({} found, {} EXPECTED)", count.found, count.expected)),
        None => {}
    }
    remark
}

fn export(
    global: &Global,
    path: &std::path::Path,
    out: &std::path::Path,
    title: Option<&str>,
    length: Option<u32>,
) -> Result<ExitCode> {
    let suite = suite(path)?;
    let registry = global.registry()?;
    let plan = Plan::make(suite, &registry, global.data(), global.device.class.name())?;
    let wanted = |cell: &&Cell| title.is_none_or(|title| plan.suite.runs[cell.run].title() == title);
    let Some(cell) = plan.cells.iter().find(wanted) else {
        let titles: Vec<_> = plan.suite.runs.iter().map(crate::suite::Run::title).collect();
        bail!(
            "--run {}: the suite has {}",
            title.unwrap_or_default(),
            titles.join(", ")
        );
    };
    if let Some(reason) = &cell.skipped {
        bail!("{}: {reason}", cell.description.run);
    }
    let longest = plan.suite.lengths.iter().copied().max().unwrap_or(u32::MAX);
    let sentences = Sentences::of(global);
    let data = (&registry, global.data());
    let device = Device::flex();
    let workshop = Workshop::new(&plan, data, global.runner()?, (&device, Duration::MAX), &sentences);
    workshop.export_svmlight(cell, length.unwrap_or(longest), out)?;
    if global.json {
        print_json(&json!({ "folder": out }))?;
    } else if !global.quiet {
        say!("train, validation and evaluation in {}", out.display());
    }
    Ok(ExitCode::SUCCESS)
}
