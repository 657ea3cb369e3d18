//! `icdbench clean`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::check::require_results;
use super::terminal::out;
use super::{Global, bytes, print_json};
use crate::results::Store;
use crate::results::clean::{Choices, Cleaned, clean as clean_store};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The results directory [default: that of --results].
    results: Option<PathBuf>,
    /// Also remove the checkpoints of trainings that have not ended, which start over, and pretrained encoders that no record
    /// was made from yet.
    #[arg(long)]
    unfinished: bool,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Directory of the reports: what is left of some that were being written goes too.
    #[arg(long, default_value = "reports", value_name = "DIR")]
    reports: PathBuf,
}

pub(super) fn clean(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let results = arguments.results.as_deref().unwrap_or(&global.results);
    let store = Store::new(results, global.private.as_deref());
    require_results(&store)?;
    let choices = Choices {
        reports: Some(arguments.reports.clone()),
        unfinished: arguments.unfinished,
        dry_run: arguments.dry_run,
    };
    let Cleaned { removed, stays } = clean_store(&store, &choices)?;
    for sentence in &stays {
        global.notice(sentence);
    }
    if global.json {
        print_json(&removed)?;
        return Ok(ExitCode::SUCCESS);
    }
    for found in &removed {
        out!("{}: {} ({})", found.path.display(), found.why, bytes(found.bytes));
    }
    let all = removed.iter().map(|found| found.bytes).sum();
    let verb = if arguments.dry_run {
        "would be removed"
    } else {
        "removed"
    };
    out!("{} files and folders {verb}, {}", removed.len(), bytes(all));
    Ok(ExitCode::SUCCESS)
}
