//! `icdbench data synth`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::super::Global;
use super::super::terminal::say;
use crate::data::synthetic::exports::{ExportSettings, Shape, write_export};
use crate::data::synthetic::{Part, write_files};
use crate::data::{PARTS, SplitList, SyntheticSettings};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder, which must not exist yet.
    #[arg(long, visible_alias = "out", value_name = "DIR")]
    to: PathBuf,
    /// In which form: one text file a note and the codes in codes.tsv, or an export's files with all that makes them
    /// hard to read.
    #[arg(long, default_value = "texts")]
    shape: Form,
    /// Notes (admissions with a document) to generate [default: 100, or as many as --split has].
    #[arg(long)]
    notes: Option<u32>,
    /// Seed of the generator.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Median words of a note.
    #[arg(long, default_value_t = 1600)]
    median_words: u32,
    /// Of an export: how many codes each of the generator's some 500 stands for.
    #[arg(long, default_value_t = 1)]
    variants: u32,
    /// Of mimic3: notes of other categories for each admission.
    #[arg(long, default_value_t = 3)]
    others: u32,
    /// Of an export: the admissions and parts of a published list in the data directory, such as mimic3-full.
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
    /// Of mimic4: the version of the ICD that all admissions have [default: some of each].
    #[arg(long, value_parser = clap::value_parser!(u8).range(9..=10))]
    version: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Form {
    Texts,
    Mimic3,
    Mimic4,
    Visits,
}

pub(super) fn synth(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let shape = match arguments.shape {
        Form::Texts => None,
        Form::Mimic3 => Some(Shape::Mimic3),
        Form::Mimic4 => Some(Shape::Mimic4),
        Form::Visits => Some(Shape::Visits),
    };
    let listed = match &arguments.split {
        None => Vec::new(),
        Some(name) => listed(global, name)?,
    };
    let notes = match (arguments.notes, listed.len() as u32) {
        (None, 0) => 100,
        (None, all) => all,
        (Some(notes), 0) => notes,
        (Some(_), _) => bail!("--notes beside --split: a list has as many admissions as it has; leave one of them out"),
    };
    let settings = SyntheticSettings {
        seed: arguments.seed,
        notes,
        median_words: arguments.median_words,
    };
    let count = match shape {
        None if arguments.split.is_some() => bail!("--split is for --shape mimic3 and mimic4"),
        None => write_files(&arguments.to, &settings)? as u64,
        Some(shape) => {
            let settings = ExportSettings {
                shape,
                notes: settings,
                variants: arguments.variants,
                others: arguments.others,
                listed,
                version: arguments.version,
            };
            write_export(&arguments.to, &settings)?
        }
    };
    if !global.quiet {
        say!("{count} notes in {}", arguments.to.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The admissions of a published list with their parts, in the order of their numbers.
fn listed(global: &Global, name: &str) -> Result<Vec<(u32, Part)>> {
    let registry = global.registry()?;
    let list = SplitList::read(name, registry.split(name)?, global.data())?;
    let mut listed = Vec::new();
    for (id, part) in list.iter() {
        let Ok(number) = id.parse() else {
            bail!("split {name}: an identifier that is not a number");
        };
        listed.push((
            number,
            match PARTS[usize::from(part)] {
                "train" => Part::Train,
                "dev" => Part::Dev,
                _ => Part::Test,
            },
        ));
    }
    listed.sort_by_key(|(number, _)| *number);
    Ok(listed)
}
