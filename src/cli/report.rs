//! `icdbench report SUITE`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use super::{Global, exit, print_json, suite};
use crate::experiment::recorded;
use crate::record::{Record, RecordStore, Reported};
use crate::report::{self, Options, SuiteText};
use crate::suite::Suite;

/// Arguments of `icdbench report`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A suite file, or the name of a built-in suite.
    suite: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Where reports go.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Directory for reports; each suite has a folder in it.
    #[arg(long, default_value = "reports", value_name = "DIR")]
    reports: PathBuf,
}

pub(super) fn report(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let suite = suite(&arguments.suite)?;
    let all = RecordStore::new(&global.results).all()?;
    let records = recorded(&suite, global.device.class.name(), all);
    write(global, &suite, &records, &arguments.output)?;
    let empty = records.is_empty();
    if empty && !global.quiet {
        eprintln!(
            "note: {} holds no record of {}; run `icdbench run {}` first",
            global.results.display(),
            suite.name,
            arguments.suite.display()
        );
    }
    Ok(ExitCode::from(if empty { exit::NOT_ENOUGH_DATA } else { exit::GOOD }))
}

/// Writes the report and says where it is.
pub(super) fn write(global: &Global, suite: &Suite, records: &[Record], output: &Output) -> Result<()> {
    let text = SuiteText {
        name: suite.name.clone(),
        description: suite.description.clone(),
        cells: crate::experiment::descriptions(suite, global.device.class.name()),
    };
    let directory = output.reports.join(&suite.name);
    let cells = records.iter().cloned().map(|record| Reported { record, notes: None });
    let cells: Vec<Reported> = cells.collect();
    let written = report::write_report(&cells, &text, &Options::default(), &directory)
        .with_context(|| format!("writing the report of {}", suite.name))?;
    if global.json {
        print_json(&serde_json::json!({ "report": written.files }))?;
    } else if !global.quiet {
        eprintln!("report: {}", directory.join("index.html").display());
    }
    Ok(())
}
