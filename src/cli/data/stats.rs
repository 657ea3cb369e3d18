//! `icdbench data stats SUITE`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use burn::tensor::Device;
use clap::Args;
use serde::Serialize;

use super::super::terminal::{out, say};
use super::super::{Global, Sentences, print_columns, print_json, suite, write_plot};
use crate::data::prepared::{Manifest, Step};
use crate::data::{self, CorpusStats, DatasetSettings, PartStats};
use crate::machine;
use crate::plan::Plan;
use crate::report::plots::tokens::{Curve, of_curves};
use crate::stages::Workshop;
use crate::stages::statistics::Outside;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A suite file, or the name of a built-in suite.
    suite: PathBuf,
    /// Also cut the notes into the tokens of each way that the suite has.
    #[arg(long)]
    tokens: bool,
    /// Write the cumulative distribution of tokens a note as a picture (.svg or .png); with it --tokens.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// A vocabulary, a token a line: how many words a note it lacks.
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
    /// The vocabulary tells case.
    #[arg(long, requires = "vocabulary")]
    cased: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown {
    #[serde(flatten)]
    stats: CorpusStats,
    /// What preparing left out, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    preparation: Vec<Step>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<Tokens>,
    #[serde(skip_serializing_if = "Option::is_none")]
    words_outside_vocabulary: Option<Outside>,
}

/// How long the notes of all roles are, in one way of cutting them.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Tokens {
    text: String,
    notes: usize,
    /// Percentiles 0 to 100 of the tokens of a note.
    quantiles: Vec<u32>,
    cut: Vec<Cut>,
}

/// What a sequence length leaves out.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Cut {
    length: u32,
    /// Share of the notes that are longer, 0 to 1.
    notes: f64,
    /// Share of the tokens behind it, 0 to 1.
    tokens: f64,
}

const LENGTHS: [u32; 5] = [512, 1024, 2048, 4096, 8192];

pub(super) fn stats(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    machine::no_core_dumps();
    let suite = suite(&arguments.suite)?;
    let registry = global.registry()?;
    let corpus = data::load(&suite.data, global.data.as_deref(), &registry)?;
    let mut shown = Shown {
        stats: data::stats(&corpus),
        preparation: preparation(global, &suite.data)?,
        tokens: Vec::new(),
        words_outside_vocabulary: None,
    };
    drop(corpus);
    if arguments.tokens || arguments.plot.is_some() || arguments.vocabulary.is_some() {
        let plan = Plan::make(suite, &registry, global.data(), global.device.class.name())?;
        let (sentences, device) = (Sentences::of(global), Device::flex());
        let data = (&registry, global.data());
        let workshop = Workshop::new(&plan, data, global.runner()?, (&device, Duration::MAX), &sentences);
        if arguments.tokens || arguments.plot.is_some() {
            shown.tokens = tokens(&plan, &workshop)?;
        }
        if let Some(path) = &arguments.vocabulary {
            let vocabulary = vocabulary(path)?;
            shown.words_outside_vocabulary = Some(workshop.words_outside(&vocabulary, !arguments.cased)?);
        }
    }
    if let Some(path) = &arguments.plot {
        plot(path, &shown)?;
    }
    match global.json {
        true => print_json(&shown)?,
        false => print(&shown)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What the manifest of a prepared data set counted.
fn preparation(global: &Global, settings: &DatasetSettings) -> Result<Vec<Step>> {
    Ok(match (settings, global.data()) {
        (DatasetSettings::Prepared(settings), Some(data)) => Manifest::read(&settings.directory(data))?.steps,
        _ => Vec::new(),
    })
}

/// Of each way of cutting text that a run of the suite names.
fn tokens(plan: &Plan, workshop: &Workshop<'_>) -> Result<Vec<Tokens>> {
    let mut found: Vec<Tokens> = Vec::new();
    for cell in plan
        .cells
        .iter()
        .filter(|cell| cell.ensemble.is_none() && cell.skipped.is_none())
    {
        let text = &plan.suite.runs[cell.run].text;
        if found.iter().any(|tokens| tokens.text == *text) {
            continue;
        }
        let mut lengths = workshop.token_lengths(cell)?.concat();
        lengths.sort_unstable();
        let all: usize = lengths.iter().sum();
        let quantile = |percent: usize| {
            lengths
                .get((lengths.len().max(1) - 1) * percent / 100)
                .map_or(0, |&at| at as u32)
        };
        let cut = LENGTHS.map(|length| {
            let longer = lengths.iter().filter(|&&tokens| tokens > length as usize);
            let behind: usize = longer.clone().map(|tokens| tokens - length as usize).sum();
            Cut {
                length,
                notes: longer.count() as f64 / lengths.len().max(1) as f64,
                tokens: behind as f64 / all.max(1) as f64,
            }
        });
        found.push(Tokens {
            text: text.clone(),
            notes: lengths.len(),
            quantiles: (0..=100).map(quantile).collect(),
            cut: cut.into(),
        });
    }
    if found.is_empty() {
        bail!("no run of the suite can be tokenized here: `icdbench plan` says what each lacks");
    }
    Ok(found)
}

fn vocabulary(path: &PathBuf) -> Result<HashSet<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}: reading the vocabulary", path.display()))?;
    let words: HashSet<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    match words.len() < 2 {
        true => bail!(
            "{}: found no tokens, expected a vocabulary with a token on each line",
            path.display()
        ),
        false => Ok(words),
    }
}

fn plot(path: &Path, shown: &Shown) -> Result<()> {
    let curves = shown.tokens.iter().map(|tokens| Curve {
        label: format!("[text.{}]", tokens.text),
        quantiles: tokens.quantiles.clone(),
    });
    let title = format!("Tokens a note, {}", shown.stats.dataset);
    let heading = "Share of notes with at most so many tokens (%)";
    let scene = of_curves("tokens".into(), (&title, heading), &LENGTHS, curves.collect());
    let scene = scene.context("no note to plot")?;
    write_plot(&scene, path)
}

fn print(shown: &Shown) -> Result<()> {
    print_columns(&parts(&shown.stats.parts))?;
    let bins: Vec<String> = shown
        .stats
        .parts
        .iter()
        .filter(|part| part.coded)
        .map(|part| {
            let bin = |bin: &data::FrequencyBin| match bin.to {
                Some(to) if to == bin.from => format!("{to}: {}", bin.codes),
                Some(to) => format!("{}-{to}: {}", bin.from, bin.codes),
                None => format!("{} and more: {}", bin.from, bin.codes),
            };
            let bins: Vec<String> = part.code_frequency.iter().map(bin).collect();
            format!("{}: {}", part.name, bins.join(", "))
        })
        .collect();
    out!("\ncodes by the notes that have them:\n{}", bins.join("\n"));
    for tokens in &shown.tokens {
        let quantiles = [10, 50, 90, 99, 100].map(|percent| format!("p{percent} {}", tokens.quantiles[percent]));
        out!("\n[text.{}]: tokens a note: {}", tokens.text, quantiles.join(", "));
        for cut in &tokens.cut {
            let (notes, behind) = (100.0 * cut.notes, 100.0 * cut.tokens);
            out!(
                "{:>10}  cuts {notes:.1} % of the notes, {behind:.1} % of the tokens",
                cut.length
            );
        }
    }
    if let Some(outside) = &shown.words_outside_vocabulary {
        out!(
            "\nwords outside the vocabulary: {:.2} a note, in {:.1} % of {} notes",
            outside.words_per_note,
            100.0 * outside.notes_with_some,
            outside.notes
        );
    }
    if !shown.preparation.is_empty() {
        out!("\nprepared:");
        for step in &shown.preparation {
            out!("{:>12}  {}", step.count, step.what);
        }
    }
    let without: Vec<String> = shown
        .stats
        .parts
        .iter()
        .filter(|part| part.notes_without_codes > 0)
        .map(|part| format!("{} of {}", part.notes_without_codes, part.name))
        .collect();
    if !without.is_empty() {
        say!("notes without any code: {}", without.join(", "));
    }
    Ok(())
}

fn parts(parts: &[PartStats]) -> Vec<Vec<String>> {
    let head = [
        "part",
        "notes",
        "patients",
        "words: p10",
        "p50",
        "p90",
        "p99",
        "max",
        "codes/note: p50",
        "max",
        "codes",
        "of them not in train",
    ];
    let mut table = vec![head.map(String::from).to_vec()];
    for part in parts {
        let words = &part.words;
        let mut row = vec![part.name.clone(), part.notes.to_string(), part.patients.to_string()];
        row.extend([words.p10, words.p50, words.p90, words.p99, words.max].map(|count| count.to_string()));
        let codes = part.codes_per_note.unwrap_or_default();
        row.extend([codes.p50, codes.max, part.distinct_codes].map(|count| count.to_string()));
        row.push(part.unseen_in_train.as_ref().map_or(String::new(), |unseen| {
            format!(
                "{} ({:.0} % of assignments)",
                unseen.codes,
                unseen.assignment_share * 100.0
            )
        }));
        table.push(row);
    }
    table
}
