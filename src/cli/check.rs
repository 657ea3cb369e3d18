//! `icdbench check`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use super::terminal::out;
use super::{Global, exit, print_json};
use crate::results::Store;
use crate::results::check::check as check_store;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The results directory [default: that of --results].
    results: Option<std::path::PathBuf>,
}

pub(super) fn check(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let results = arguments.results.as_deref().unwrap_or(&global.results);
    let store = Store::new(results, global.private.as_deref());
    require_results(&store)?;
    let findings = check_store(&store)?;
    if let Some(sentence) = &findings.foreign {
        global.notice(sentence);
    }
    if global.json {
        print_json(&findings)?;
    } else {
        for found in &findings.problems {
            out!("{}: {}", found.path.display(), found.problem);
        }
        let stages = findings.stages.iter().map(|(stage, count)| match stage {
            crate::record::StageName::Record => format!("{count} rows by note"),
            stage => format!("{count} {stage}"),
        });
        let stages: Vec<String> = stages.collect();
        out!(
            "{}: {} records and {} are what was written; {} problems",
            results.display(),
            findings.records,
            if stages.is_empty() {
                "no stage".into()
            } else {
                stages.join(", ")
            },
            findings.problems.len()
        );
    }
    let good = findings.problems.is_empty();
    Ok(ExitCode::from(if good { exit::GOOD } else { exit::WORSE }))
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
