//! `icdbench merge A B --into C`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::terminal::out;
use super::{Global, exit, print_json};
use crate::results::Store;
use crate::results::merge::merge as join;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Results directories. One whose private part lies elsewhere is DIR:PRIVATE.
    #[arg(required = true, value_name = "DIR")]
    sources: Vec<PathBuf>,
    /// The results directory that they are joined into; it may be there already.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Records alone: nothing that derives from note text or is about single notes.
    #[arg(long)]
    records_only: bool,
}

pub(super) fn merge(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let real = |path: &PathBuf| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    let mut seen = vec![real(&arguments.into)];
    for source in &arguments.sources {
        if seen.contains(&real(source)) {
            bail!(
                "{}: named twice; expected results directories that differ",
                source.display()
            );
        }
        seen.push(real(source));
    }
    let sources: Vec<Store> = arguments.sources.iter().map(|source| store(source)).collect();
    if !arguments.records_only
        && let Some(source) = sources
            .iter()
            .find(|source| source.is_there() && !source.private().is_dir())
    {
        bail!(
            "{results}: there is no private part in it, which holds weights and rows by note; name it as {results}:PRIVATE, or \
             take --records-only",
            results = source.results().display()
        );
    }
    // The private part that the options name is that of what comes out.
    let into = Store::new(&arguments.into, global.private.as_deref());
    let merged = join(&sources, &into, arguments.records_only)
        .with_context(|| format!("joining into {}", arguments.into.display()))?;
    match global.json {
        true => print_json(&merged)?,
        false => out!("{}: {}", arguments.into.display(), merged.sentence()),
    }
    Ok(ExitCode::from(exit::GOOD))
}

/// A directory, or `DIR:PRIVATE` where there is no directory of that name.
fn store(source: &Path) -> Store {
    let text = source.to_string_lossy();
    match text.split_once(':').filter(|_| !source.exists()) {
        Some((results, private)) => Store::new(Path::new(results), Some(Path::new(private))),
        None => Store::new(source, None),
    }
}
