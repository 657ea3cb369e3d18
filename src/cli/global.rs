//! What every command is told: where data and results lie, what computes, and how much is said.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use super::terminal::say;
use crate::data::Registry;
use crate::device::{DeviceChoice, DeviceClass};
use crate::engines::protocol::Places;
use crate::results::Store;
use crate::train::Observer;

#[derive(Debug, Args)]
pub(super) struct Global {
    /// Directory that holds the data sets (see `icdbench data list`).
    #[arg(long, env = "ICDBENCH_DATA", global = true, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Directory for records, weights and checkpoints.
    #[arg(
        long,
        env = "ICDBENCH_RESULTS",
        default_value = "results",
        global = true,
        value_name = "DIR"
    )]
    pub(super) results: PathBuf,
    /// Directory for what is about single notes or derives from their text: tokens, vocabularies, weights, scores, rows
    /// by note. Keep it where the data may be kept [default: `private` in the results directory].
    #[arg(long, env = "ICDBENCH_PRIVATE", global = true, value_name = "DIR")]
    pub(super) private: Option<PathBuf>,
    /// A file of data set entries to use in place of the built-in datasets.toml.
    #[arg(long, env = "ICDBENCH_DATASETS", global = true, value_name = "FILE")]
    pub(super) datasets: Option<PathBuf>,
    /// Where models run: flex, cuda, libtorch, libtorch-cuda or webgpu, with an index where a machine has
    /// several GPUs (cuda:1). `icdbench doctor` says which run here, and why not the others.
    #[arg(long, default_value_t = DeviceClass::Flex.into(), global = true)]
    pub(super) device: DeviceChoice,
    /// Computing threads [default: one a CPU].
    #[arg(long, global = true, value_name = "N")]
    pub(super) threads: Option<usize>,
    /// No progress, errors only.
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// JSON on standard output, for programs.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Global {
    pub(super) fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    pub(super) fn registry(&self) -> Result<Registry> {
        Ok(Registry::open(self.datasets.as_deref())?)
    }

    pub(super) fn store(&self) -> Store {
        Store::new(&self.results, self.private.as_deref())
    }

    pub(super) fn places(&self) -> Places {
        Places {
            data: self.data.clone(),
            datasets: self.datasets.clone(),
            results: self.results.clone(),
            private: self.private.clone(),
        }
    }

    /// What workers are started with: this program with as many threads.
    pub(super) fn worker(&self) -> Result<(PathBuf, Vec<String>)> {
        let program = std::env::current_exe().context("finding the program itself, to start workers")?;
        let threads = self
            .threads
            .map(|threads| ["--threads".to_owned(), threads.to_string()]);
        let arguments = threads.into_iter().flatten().chain(["worker".to_owned()]);
        Ok((program, arguments.collect()))
    }

    pub(super) fn notice(&self, sentence: &str) {
        if !self.quiet {
            say!("note: {sentence}");
        }
    }
}

/// Tells the user sentences and nothing else.
pub(super) struct Sentences<'a>(&'a Global);

impl<'a> Sentences<'a> {
    pub(super) fn of(global: &'a Global) -> Self {
        Self(global)
    }
}

impl Observer for Sentences<'_> {
    fn notice(&self, sentence: &str) {
        self.0.notice(sentence);
    }
}
