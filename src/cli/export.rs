//! `icdbench export SUITE --codiesp D` and `icdbench export SUITE --predictions`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use clap::Args;

use super::score::Subtrack;
use super::{Global, Sentences, suite};
use crate::data::{CodeChoice, DatasetSettings};
use crate::plan::{Cell, Plan};
use crate::results::files;
use crate::stages::Workshop;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A suite file, or the name of a built-in suite.
    suite: PathBuf,
    /// As a run file of this sub-track of CodiEsp: D and P, the codes of each case by rank; X, those that are given with
    /// their evidence.
    #[arg(
        long,
        value_name = "SUBTRACK",
        ignore_case = true,
        required_unless_present = "predictions"
    )]
    codiesp: Option<Subtrack>,
    /// As the score of every scored note and code, columns note, code and score: what `icdbench score SUITE` reads.
    #[arg(long, conflicts_with = "codiesp")]
    predictions: bool,
    /// Title of the run or the ensemble [default: the first].
    #[arg(long)]
    run: Option<String>,
    /// Where the file goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn export(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let suite = suite(&arguments.suite)?;
    let registry = global.registry()?;
    let plan = Plan::make(suite, &registry, global.data(), global.device.class.name())?;
    if plan.credentialed {
        bail!(
            "{}: such a file names the notes, and those of {} may not be named outside of the data directory",
            plan.suite.name,
            plan.suite.data.name()
        );
    }
    if let DatasetSettings::Codiesp(settings) = &plan.suite.data {
        let wrong = match (arguments.codiesp, settings.codes) {
            (Some(Subtrack::D), CodeChoice::Procedures) => "procedures",
            (Some(Subtrack::P), CodeChoice::Diagnoses) => "diagnoses",
            _ => "",
        };
        if !wrong.is_empty() {
            bail!(
                "{} has {wrong} only, which are another sub-track's codes",
                plan.suite.name
            );
        }
    }
    let cell = cell(&plan, arguments.run.as_deref())?;
    let record = global.store().records().find(&cell.key)?;
    if record.is_none_or(|record| record.outcome.is_none()) {
        bail!(
            "{} has no scores in {}; run `icdbench run {}` first",
            cell.description.title(),
            global.results.display(),
            arguments.suite.display()
        );
    }
    let device: Device = global.device.open(plan.suite.precision)?;
    let sentences = Sentences::of(global);
    let workshop = Workshop::new(
        &plan,
        (&registry, global.data()),
        global.runner()?,
        (&device, Duration::MAX),
        &sentences,
    );
    let text = match arguments.codiesp {
        None => workshop.predictions(cell)?,
        Some(Subtrack::D | Subtrack::P) => workshop.codiesp_ranking(cell)?,
        Some(Subtrack::X) => match workshop.codiesp_spans(cell)? {
            Some(text) => text,
            None => bail!(
                "{} gives no evidence: its suite has no [evidence], or its model does not explain itself",
                cell.description.title()
            ),
        },
    };
    files::write_atomically(&arguments.out, text.as_bytes(), false)
        .with_context(|| format!("writing {}", arguments.out.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// The first cell of a run, of its greatest length.
fn cell<'p>(plan: &'p Plan, title: Option<&str>) -> Result<&'p Cell> {
    let of_run = |cell: &&Cell| title.is_none_or(|title| cell.description.run == title);
    let first = plan
        .cells
        .iter()
        .find(of_run)
        .map(|cell| (&cell.description.run, cell.seed));
    let Some((run, seed)) = first else {
        let known: Vec<&str> = plan.cells.iter().map(|cell| cell.description.run.as_str()).collect();
        bail!(
            "--run {:?}: {} has no such run; expected one of {}",
            title.unwrap_or_default(),
            plan.suite.name,
            known.join(", ")
        );
    };
    let same = plan
        .cells
        .iter()
        .filter(|cell| cell.description.run == *run && cell.seed == seed);
    same.max_by_key(|cell| cell.length).context("a cell of the run")
}
