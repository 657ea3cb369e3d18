//! `icdbench clean`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use super::terminal::out;
use super::{Global, bytes, print_json};
use crate::results::Store;
use crate::results::clean::{Choices, clean as clean_store};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The results directory [default: that of --results].
    results: Option<PathBuf>,
    /// Also remove the checkpoints of trainings that have not ended: they start over.
    #[arg(long)]
    unfinished: bool,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn clean(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let results = arguments.results.as_deref().unwrap_or(&global.results);
    if !results.is_dir() {
        bail!(
            "{}: expected a results directory; name one, or run a suite first",
            results.display()
        );
    }
    let choices = Choices {
        unfinished: arguments.unfinished,
        dry_run: arguments.dry_run,
    };
    let removed = clean_store(&Store::new(results, global.private.as_deref()), choices)?;
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
