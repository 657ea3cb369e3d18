//! `icdbench search SUITE`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use super::run::{How, cells, planned, verdict};
use super::suites::as_written;
use super::terminal::say;
use super::{Global, exit, print_columns, print_json, report};
use crate::record::Record;
use crate::report::Ended;
use crate::results::files;
use crate::search::{Choice, Trials, choose};
use crate::suite::{Run, Suite};

/// What the file of the chosen settings is called, in the report's folder.
const CHOSEN: &str = "chosen.toml";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A suite file with a table `[search]`, or the name of a built-in one.
    suite: PathBuf,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    report: report::Output,
    /// Compare the runs of this suite with the chosen ones, by name: exit code 1 where a setting of theirs is another.
    #[arg(long, value_name = "SUITE")]
    against: Option<PathBuf>,
}

pub(super) fn search(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let searched = as_written(&arguments.suite)?;
    let trials = Trials::of(&searched)?;
    let against = arguments.against.as_deref().map(as_written).transpose()?;
    let plan = planned(global, trials.suite.clone())?;
    let summary = cells(global, &plan, &arguments.how, None)?;
    if summary.interrupted {
        return Ok(ExitCode::from(exit::INTERRUPTED));
    }
    let records: Vec<Record> = summary.records.iter().flatten().cloned().collect();
    let choices = choose(&trials, &records);
    let chosen = trials.chosen(&searched, &choices);
    let written = report::write(global, &plan.suite, records, &arguments.report)?;
    if matches!(written, Ended::Written(_)) && !chosen.runs.is_empty() {
        let path = arguments.report.folder(&plan.suite).join(CHOSEN);
        let text = toml::to_string(&chosen).context("writing the chosen settings as TOML")?;
        files::write_atomically(&path, text.as_bytes(), false)?;
        if !global.quiet {
            say!("chosen settings, a suite to be run: {}", path.display());
        }
    }
    tell(global, &searched, &trials, &choices)?;
    let differences = against.map(|suite| differences(&suite, &chosen)).unwrap_or_default();
    for line in &differences {
        say!("{line}");
    }
    // A trial that diverged or did not fit is an answer, unless a run has no other.
    let all_chosen = choices.iter().all(|choice| choice.best.is_some());
    Ok(ExitCode::from(match (all_chosen, differences.is_empty()) {
        (false, _) => match verdict(&summary) {
            // A run with a skipped trial, beside others that ran.
            exit::GOOD => exit::NOT_ENOUGH_DATA,
            other => other,
        },
        (true, true) => exit::GOOD,
        (true, false) => exit::WORSE,
    }))
}

fn tell(global: &Global, searched: &Suite, trials: &Trials, choices: &[Choice]) -> Result<()> {
    let metric = &trials.search.metric;
    if global.json {
        let lines = choices.iter().map(|choice| {
            let best = choice.best.map(|(trial, _)| trial);
            let each = choice.values.iter().map(|&(trial, value)| {
                json!({ "settings": trials.trials[trial].settings, "value": value, "chosen": best == Some(trial) })
            });
            json!({
                "run": searched.runs[choice.run].title(),
                "metric": metric,
                "trials": each.collect::<Vec<_>>(),
            })
        });
        return print_json(&lines.collect::<Vec<_>>());
    }
    let heading = format!("validation {metric}");
    let mut table = vec![["trial", &heading, ""].map(str::to_owned).to_vec()];
    for choice in choices {
        for &(trial, value) in &choice.values {
            let is_best = choice.best.is_some_and(|(best, _)| best == trial);
            let mark = match is_best {
                true => format!("chosen among {}", choice.values.len()),
                false => String::new(),
            };
            table.push(vec![
                trials.suite.runs[trial].title().to_owned(),
                value.map_or("no score".into(), |value| format!("{:.2}", 100.0 * value)),
                mark,
            ]);
        }
    }
    print_columns(&table)
}

/// What is another in the runs of `suite` than in the chosen ones of their names.
fn differences(suite: &Suite, chosen: &Suite) -> Vec<String> {
    let mut found = Vec::new();
    for run in &chosen.runs {
        let title = run.title();
        match suite.runs.iter().find(|other| other.title() == title) {
            None => found.push(format!("{title} was searched for and is not in {}", suite.name)),
            Some(other) => {
                let settings = |run: &Run| json!({ "text": run.text, "encoder": run.encoder, "model": run.model, "training": run.training });
                let (there, here) = (settings(other), settings(run));
                if there != here {
                    let than = format!("other settings in {} than the chosen ones", suite.name);
                    found.push(format!("{title}: {than}\n  there  {there}\n  chosen {here}"));
                }
            }
        }
    }
    found
}
