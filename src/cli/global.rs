//! What every command is told: where data and results lie, what computes, and how much is said.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use super::terminal::say;
use crate::data::Registry;
use crate::device::{DeviceChoice, DeviceClass};
use crate::engines::protocol::Places;
use crate::machine;
use crate::results::Store;
use crate::results::runner::Runner;
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
    /// Computing threads [default: one a CPU; more than that are not used].
    #[arg(long, global = true, value_name = "N", value_parser = threads)]
    pub(super) threads: Option<usize>,
    /// No progress, errors only.
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// JSON on standard output, for programs.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Global {
    /// Has as many threads compute as were asked for, and no more than there are CPUs: more only get in each other's
    /// way, and a machine has not room for any number. `quietly` where another process of the program has said so;
    /// `on_this_thread` where it alone asks for what models compute.
    pub(super) fn start_threads(&mut self, quietly: bool, on_this_thread: bool) -> Result<()> {
        let from = |name: &'static str| {
            let value = std::env::var(name).ok()?.parse::<usize>().ok()?;
            Some((name, value)).filter(|(_, value)| *value > 0)
        };
        let option = self.threads.map(|threads| ("--threads", threads));
        // The variables that the thread pool would look at itself.
        let asked = option
            .or_else(|| from("RAYON_NUM_THREADS"))
            .or_else(|| from("RAYON_RS_NUM_CPUS"));
        let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = match asked {
            Some((name, asked)) if asked > cpus && !quietly => {
                let noun = if cpus == 1 { "CPU" } else { "CPUs" };
                self.notice(&format!(
                    "{name} {asked}: {cpus} threads compute, as there are {cpus} {noun}"
                ));
                cpus
            }
            Some((_, asked)) => asked.min(cpus),
            None if on_this_thread => cpus,
            None => return Ok(()), // It is made when something computes.
        };
        let pool = machine::computing_threads(threads, on_this_thread);
        pool.with_context(|| format!("starting {threads} computing threads"))?;
        // What a variable says, workers are told by the same variable.
        self.threads = self.threads.map(|_| threads);
        Ok(())
    }

    pub(super) fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    pub(super) fn registry(&self) -> Result<Registry> {
        Ok(Registry::open(self.datasets.as_deref())?)
    }

    pub(super) fn store(&self) -> Store {
        Store::new(&self.results, self.private.as_deref())
    }

    /// Who finds and keeps what stages make, for a command that runs no cell: where there is no results directory (not
    /// yet, or its name is mistyped) it makes none.
    pub(super) fn runner(&self) -> Result<Runner> {
        let store = self.store();
        Ok(match self.results.is_dir() {
            true => Runner::new(store)?,
            false => Runner::keeping_nothing(store),
        })
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

/// Forgets the program's variables that are set to nothing: `ICDBENCH_DATA= icdbench list` means what it means without.
pub fn forget_empty_variables() {
    for (name, value) in std::env::vars_os() {
        if value.is_empty() && name.to_string_lossy().starts_with("ICDBENCH_") {
            // SAFETY: no other thread runs yet.
            unsafe { std::env::remove_var(name) };
        }
    }
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected a number of threads, 1 or more".into()),
        Ok(threads) => Ok(threads),
    }
}
