//! `icdbench report SUITE`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use super::terminal::say;
use super::{Global, exit, suite};
use crate::plan::{Plan, descriptions, recorded};
use crate::record::{NoteRow, NoteRows, Record, Reported, Stage, StageName, short};
use crate::report::{self, Ended, SuiteText};
use crate::results::kept::Trouble;
use crate::stages::record::ROWS;
use crate::suite::Suite;

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

impl Output {
    /// The folder of a suite's report.
    pub(super) fn folder(&self, suite: &Suite) -> PathBuf {
        self.reports.join(&suite.name)
    }
}

pub(super) fn report(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let suite = suite(&arguments.suite)?;
    let device = global.device.class.name();
    let listed = global.store().records().all()?;
    for refused in &listed.refused {
        global.notice(&refused.to_string());
    }
    if let Some(sentence) = listed.foreign_sentence() {
        global.notice(&sentence);
    }
    // Records tell the cells of a suite also where its data is not.
    let planned = Plan::make(suite.clone(), &global.registry()?, global.data(), device);
    let plan = planned.unwrap_or_else(|_| Plan::without_data(suite, device));
    let records = recorded(&plan.cells, &listed.records);
    match write(global, &plan.suite, records, &arguments.output)? {
        Ended::Written(_) => return Ok(ExitCode::from(exit::GOOD)),
        Ended::Kept { .. } => {}
        Ended::NoRecord => global.notice(&format!(
            "{} {}; run `icdbench run {}` first. No report was written",
            global.results.display(),
            match global.results.is_dir() {
                true => format!("holds no record of {}", plan.suite.name),
                false => format!("is no directory, so that there is no record of {}", plan.suite.name),
            },
            arguments.suite.display()
        )),
    }
    Ok(ExitCode::from(exit::NOT_ENOUGH_DATA))
}

/// Writes the report and says where it is, or why there is none.
pub(super) fn write(global: &Global, suite: &Suite, records: Vec<Record>, output: &Output) -> Result<Ended> {
    let text = SuiteText {
        name: suite.name.clone(),
        description: suite.description.clone(),
        cells: descriptions(suite, global.device.class.name()),
        chosen: suite
            .runs
            .iter()
            .filter_map(|run| Some((run.title().to_owned(), run.chosen.as_ref()?.sentence())))
            .collect(),
    };
    let directory = output.folder(suite);
    let cells = records.into_iter().map(|record| Reported {
        notes: rows(global, &record),
        made_by: made_by(&record),
        record,
    });
    let cells: Vec<Reported> = cells.collect();
    let ended = report::write_report(&cells, &text, &directory)
        .with_context(|| format!("writing the report of {}", suite.name))?;
    let written = match &ended {
        Ended::Written(written) => written,
        Ended::Kept { scored } => {
            global.notice(&format!(
                "no cell of {} was scored, and the report in {} has the scores of {scored}: it stays. Name another place \
                 with --reports, or remove that report first",
                suite.name,
                directory.display()
            ));
            return Ok(ended);
        }
        Ended::NoRecord => return Ok(ended),
    };
    if let Some(before) = written.before.filter(|&before| before > written.coverage.ok) {
        global.notice(&format!(
            "the report that was in {} had the scores of {before} cells, this one has those of {}",
            directory.display(),
            written.coverage.ok
        ));
    }
    if global.json {
        super::terminal::line_if_read(format_args!("{}", serde_json::json!({ "report": written.files })));
    } else if !global.quiet {
        say!("report: {}", directory.join("index.html").display());
    }
    Ok(ended)
}

/// The rows by note of a record, where they are here and what was written.
fn rows(global: &Global, record: &Record) -> Option<Vec<NoteRow>> {
    let read = || -> Result<Option<NoteRows>, Trouble> {
        let kept = global.store().open(StageName::Record, &record.key)?;
        kept.map(|kept| kept.json(ROWS)).transpose()
    };
    match read() {
        Ok(rows) => rows.filter(|rows| rows.key == record.key).map(|rows| rows.notes),
        Err(trouble) => {
            global.notice(&format!(
                "the rows by note of {} are not used: {trouble}",
                short(&record.key)
            ));
            None
        }
    }
}

/// What cells of one table have in common beside their settings: the program, its notes (data copy, division and label
/// set as they were read) and the code of its metrics.
fn made_by(record: &Record) -> String {
    let notes = record.stages.get(&StageName::Notes).map(Stage::key).unwrap_or_default();
    let scored = record.stages.get(&StageName::Record);
    let told = |what| scored.and_then(|stage| stage.made_by.get(what)).map(String::as_str);
    format!(
        "icdbench {}, notes {}, metrics {} ({})",
        record.provenance.icdbench_version,
        short(&notes),
        told("metrics-version").unwrap_or("unknown"),
        told("code").map_or("code unknown", short),
    )
}
