//! `icdbench export SUITE --codiesp D`, `icdbench export SUITE --predictions` and `icdbench export SUITE --pretrained NAME`.

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
use crate::record::StageName;
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
        required_unless_present_any = ["predictions", "pretrained"]
    )]
    codiesp: Option<Subtrack>,
    /// As the score of every scored note and code, columns note, code and score: what `icdbench score SUITE` reads.
    #[arg(long, conflicts_with = "codiesp")]
    predictions: bool,
    /// In the place of scores, the encoder of this `[pretrain.<name>]` as a Hugging Face directory. Its weights and its
    /// vocabulary derive from note text: they are under the same terms as the notes.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["codiesp", "predictions", "run"])]
    pretrained: Option<String>,
    /// Title of the run or the ensemble [default: the first].
    #[arg(long)]
    run: Option<String>,
    /// Where the file goes; of an encoder, its directory.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn export(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let suite = suite(&arguments.suite)?;
    let registry = global.registry()?;
    let plan = Plan::make(suite, &registry, global.data(), global.device.class.name())?;
    if let Some(name) = &arguments.pretrained {
        return pretrained(global, &plan, (name, arguments));
    }
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

/// Writes a pretrained encoder as a directory.
fn pretrained(global: &Global, plan: &Plan, (name, arguments): (&str, &Arguments)) -> Result<ExitCode> {
    let of_name = |cell: &&Cell| {
        let pretraining = plan.suite.pretraining(&plan.suite.runs[cell.run]);
        cell.ensemble.is_none() && pretraining.is_some_and(|(known, _)| known == name)
    };
    let Some(cell) = plan.cells.iter().find(of_name) else {
        let known: Vec<&str> = plan.suite.pretrainings.keys().map(String::as_str).collect();
        bail!(
            "--pretrained {name:?}: no run of {} starts from such a [pretrain.<name>]; expected one of {}",
            plan.suite.name,
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        );
    };
    let store = global.store();
    let kept = store.open(StageName::Pretraining, cell.key_of(StageName::Pretraining))?;
    let Some(kept) = kept else {
        bail!(
            "[pretrain.{name}] is not in {}; run `icdbench run {}` first",
            global.results.display(),
            arguments.suite.display()
        );
    };
    // All of it is compared with what was written before a file of it is there.
    let files = kept.files().map(|file| Ok((file, kept.read(file)?)));
    let files = files.collect::<Result<Vec<_>>>()?;
    files::make_directory(&arguments.out, plan.credentialed)?;
    for (file, bytes) in files {
        let path = arguments.out.join(file);
        files::write_atomically(&path, &bytes, plan.credentialed)
            .with_context(|| format!("writing {}", path.display()))?;
    }
    if plan.credentialed {
        global.notice(&format!(
            "{}: the weights and the vocabulary derive from notes of {}: keep them where the notes may be kept",
            arguments.out.display(),
            plan.suite.data.name()
        ));
    }
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
