//! `icdbench vectors SUITE --out FILE --format text`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use burn::tensor::Device;
use clap::{Args, ValueEnum};

use super::{Global, Sentences, suite};
use crate::plan::Plan;
use crate::record::StageName;
use crate::stages::Workshop;
use crate::text::VectorFormat;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A suite file, or the name of a built-in suite.
    suite: PathBuf,
    /// Which of its [text.NAME] [default: the first with word vectors that a run reads].
    #[arg(long, value_name = "NAME")]
    text: Option<String>,
    /// As word2vec's text or its binary format.
    #[arg(long, value_name = "FORMAT")]
    format: Format,
    /// Where the file goes. It derives from note text: keep it where the data may be kept.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Binary,
}

pub(super) fn vectors(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    crate::machine::no_core_dumps();
    let suite = suite(&arguments.suite)?;
    let registry = global.registry()?;
    let plan = Plan::make(suite, &registry, global.data(), global.device.class.name())?;
    let text = |run: usize| &plan.suite.runs[run].text;
    let asked = |run: usize| arguments.text.as_ref().is_none_or(|asked| asked == text(run));
    let mut cells = plan.cells.iter().filter(|cell| cell.ensemble.is_none());
    let Some(cell) = cells.find(|cell| cell.chain.contains_key(&StageName::Vectors) && asked(cell.run)) else {
        let with_vectors = plan
            .suite
            .text
            .iter()
            .filter(|(_, choice)| choice.word_vectors.is_some());
        let known: Vec<&str> = with_vectors.map(|(name, _)| name.as_str()).collect();
        bail!(
            "{}: no run reads a [text.{}] with word-vectors; those that have some: {}",
            plan.suite.name,
            arguments.text.as_deref().unwrap_or("NAME"),
            if known.is_empty() {
                "none".into()
            } else {
                known.join(", ")
            }
        );
    };
    if let Some(reason) = &cell.skipped {
        bail!("{} is skipped: {reason}", cell.description.title());
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
    let format = match arguments.format {
        Format::Text => VectorFormat::Text,
        Format::Binary => VectorFormat::Binary,
    };
    workshop.export_vectors(cell, format, &arguments.out)?;
    Ok(ExitCode::SUCCESS)
}
