//! `icdbench report SUITE`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;

use super::reported::reported;
use super::terminal::say;
use super::{Global, exit, suite};
use crate::plan::{Plan, descriptions, recorded};
use crate::published::Published;
use crate::record::{Record, Reported};
use crate::report::table::Table;
use crate::report::{self, Ended, SuiteText};
use crate::reproduce::{Evidence, claims_table, field_table, judged};
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
    let cells: Vec<Reported> = records.into_iter().map(|record| reported(global, record)).collect();
    let text = SuiteText {
        beside: beside(global, suite, &cells)?,
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

/// Published scores beside the suite's own, and the papers' claims that its records decide.
fn beside(global: &Global, suite: &Suite, cells: &[Reported]) -> Result<Vec<(String, Table)>> {
    let published = Published::built_in()?;
    let mut tables = Vec::new();
    if let Some(beside) = &suite.beside {
        let table = field_table(&published, &beside.tables, &beside.metric, cells);
        let table = table.map_err(|problem| anyhow::anyhow!("{}: [beside]: {problem}", suite.name))?;
        tables.push(("Beside published systems".to_owned(), table));
    }
    let evidence = Evidence::new(super::reproduce::planned(global, &published)?, cells, 0.0);
    for source in &published.sources {
        let mut claims = judged(source, &evidence);
        claims.retain(|claim| claim.ours.decided().0 > 0);
        if !claims.is_empty() {
            let title = format!("What {} claims, by these records", source.paper.name);
            tables.push((title, claims_table(source, &claims)));
        }
    }
    Ok(tables)
}
