//! `icdbench data init FILE`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

use super::super::terminal::{out, say};
use super::super::{Global, print_json};
use crate::data::{FoundTable, look};
use crate::results::files;

/// Ways of turning text into tokens and two models, for a first look at any notes.
const RUNS: &str = include_str!("first_look.toml");

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file: .csv, .tsv, .jsonl, .ndjson or .parquet.
    file: PathBuf,
    /// Write a whole suite to this file, to be run as it is; which must not exist yet.
    #[arg(long, value_name = "FILE")]
    suite: Option<PathBuf>,
}

pub(super) fn init(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let found = look(&arguments.file)?;
    let section = section(&found)?;
    if let Some(path) = &arguments.suite {
        if path.exists() {
            bail!(
                "{}: exists already; name a file that does not, so that nothing is overwritten",
                path.display()
            );
        }
        let name = &found.settings.name;
        let suite = format!(
            "# A first look at {name}: two models, a minute or so. Written by `icdbench data init`; every line may be changed.\n\n\
             name = \"{name}\"\ndescription = \"A first look at {name}.\"\n{RUNS}"
        );
        let suite = suite.replace("# [data]\n", &section);
        files::write_atomically(path, suite.as_bytes(), false)?;
    }
    if global.json {
        let (format, settings) = (found.format.word(), &found.settings);
        print_json(&json!({ "format": format, "settings": settings, "because": found.because }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if !global.quiet {
        for sentence in &found.because {
            say!("{sentence}");
        }
    }
    match &arguments.suite {
        None => out!("{}", section.trim_end()),
        Some(path) if !global.quiet => say!("icdbench run {}", path.display()),
        Some(_) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// `[data.<format>]` of a suite.
fn section(found: &FoundTable) -> Result<String> {
    let mut settings = found.settings.clone();
    // From any directory.
    settings.file = std::path::absolute(&settings.file).context("finding where the file lies")?;
    let whole = toml::to_string(&settings)?;
    let word = found.format.word();
    // Tables in it are of the section.
    let lines = whole.lines().map(|line| match line.strip_prefix('[') {
        Some(table) => format!("[data.{word}.{table}"),
        None => line.to_owned(),
    });
    Ok(format!("[data.{word}]\n{}\n", lines.collect::<Vec<_>>().join("\n")))
}
