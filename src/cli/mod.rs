//! The command line: arguments, progress, exit codes. No logic of its own.

mod bench;
mod check;
mod clean;
mod data;
mod doctor;
mod list;
mod plan;
mod predict;
mod progress;
mod report;
mod run;
mod terminal;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use crate::data::Registry;
use crate::device::{DeviceChoice, DeviceClass};
use crate::engines::{protocol::Places, worker};
use crate::results::Store;
use crate::suite::Suite;
use crate::train::Observer;
use terminal::{out, say};

/// Exit codes.
pub mod exit {
    /// Good.
    pub const GOOD: u8 = 0;
    /// A gate or a check says worse.
    pub const WORSE: u8 = 1;
    /// Something could not run.
    pub const COULD_NOT_RUN: u8 = 2;
    /// Not enough data to say.
    pub const NOT_ENOUGH_DATA: u8 = 3;
    /// Results that cannot be compared: other hardware, other data, another version.
    pub const NOT_COMPARABLE: u8 = 4;
    /// A degenerate result.
    pub const DEGENERATE: u8 = 5;
    /// Stopped with Ctrl-C (128 + SIGINT).
    pub const INTERRUPTED: u8 = 130;
}

/// Benchmark and reproducibility harness for automated ICD coding of clinical notes.
///
/// `icdbench run quick` needs no data of yours: it generates clinical notes, trains every model on
/// them and writes a report. Then look at `reports/quick/index.html`.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 good, 1 a check failed, 2 could not run, 3 not enough data to say, 5 degenerate result, 130 stopped"
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// Directory that holds the data sets (see `icdbench data list`).
    #[arg(long, env = "ICDBENCH_DATA", global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Directory for records, weights and checkpoints.
    #[arg(
        long,
        env = "ICDBENCH_RESULTS",
        default_value = "results",
        global = true,
        value_name = "DIR"
    )]
    results: PathBuf,
    /// Directory for what is about single notes or derives from their text: tokens, vocabularies, weights, scores, rows
    /// by note. Keep it where the data may be kept [default: `private` in the results directory].
    #[arg(long, env = "ICDBENCH_PRIVATE", global = true, value_name = "DIR")]
    private: Option<PathBuf>,
    /// A file of data set entries to use in place of the built-in datasets.toml.
    #[arg(long, global = true, value_name = "FILE")]
    datasets: Option<PathBuf>,
    /// Where models run: flex, cuda, libtorch, libtorch-cuda or webgpu, with an index where a machine has
    /// several GPUs (cuda:1). `icdbench doctor` says which run here, and why not the others.
    #[arg(long, default_value_t = DeviceClass::Flex.into(), global = true)]
    device: DeviceChoice,
    /// Computing threads [default: one a CPU].
    #[arg(long, global = true, value_name = "N")]
    threads: Option<usize>,
    /// No progress, errors only.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// JSON on standard output, for programs.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Name the models, the metrics and the suites that come with the program.
    List,
    /// Show every cell of a suite, whether it is done, and what the rest would take.
    Plan(plan::Arguments),
    /// Run every cell of a suite that has no record yet, then write the report.
    Run(run::Arguments),
    /// Write a suite's report from its records alone.
    Report(report::Arguments),
    /// Look at data sets: what there is, whether the files are right, what is in them.
    Data(data::Arguments),
    /// Time one training step and one inference of each model on random notes, as JSON lines; or check what a
    /// device computes.
    Bench(bench::Arguments),
    /// Score notes with a trained model that a results directory keeps.
    Predict(predict::Arguments),
    /// Look whether everything in a results directory is what was written.
    Check(check::Arguments),
    /// Remove what interrupted and outdated work has left in a results directory.
    Clean(clean::Arguments),
    /// Say what this program and this machine can do.
    Doctor,
    /// Run cells for another process of the program.
    #[command(hide = true)]
    Worker,
}

/// Does what the command line says, says what kept it from that, once, and chooses the exit code.
pub fn main(cli: Cli) -> ExitCode {
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) if error.is::<terminal::Unread>() => ExitCode::from(exit::GOOD),
        Err(error) => {
            say!("error: {}", in_full(&error));
            ExitCode::from(exit::COULD_NOT_RUN)
        }
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode> {
    let global = &cli.global;
    if let Some(threads) = global.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .context("--threads")?;
    }
    match cli.command {
        Command::List => list::list(global),
        Command::Plan(arguments) => plan::plan(global, &arguments),
        Command::Run(arguments) => run::run(global, &arguments),
        Command::Report(arguments) => report::report(global, &arguments),
        Command::Data(arguments) => data::data(global, &arguments),
        Command::Bench(arguments) => bench::bench(global, &arguments),
        Command::Predict(arguments) => predict::predict(global, &arguments),
        Command::Check(arguments) => check::check(global, &arguments),
        Command::Clean(arguments) => clean::clean(global, &arguments),
        Command::Doctor => doctor::doctor(global),
        Command::Worker => {
            worker::serve();
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Suites that come with the program, by name: `icdbench run quick` works wherever it is called.
const SUITES: &[(&str, &str)] = &[
    ("smoke", include_str!("../../suites/smoke.toml")),
    ("quick", include_str!("../../suites/quick.toml")),
    ("lengths", include_str!("../../suites/lengths.toml")),
    ("codiesp", include_str!("../../suites/codiesp.toml")),
    ("codiesp-dev", include_str!("../../suites/codiesp-dev.toml")),
];

/// A suite by path, or by the name of one that comes with the program.
fn suite(argument: &Path) -> Result<Suite> {
    let built_in = SUITES.iter().find(|(name, _)| argument.as_os_str() == *name);
    let suite = match built_in {
        Some((name, text)) if !argument.is_file() => Suite::parse(text, &format!("suites/{name}.toml"))?,
        _ => Suite::read(argument)?,
    };
    Ok(suite)
}

impl Global {
    fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    fn registry(&self) -> Result<Registry> {
        Ok(Registry::open(self.datasets.as_deref())?)
    }

    fn store(&self) -> Store {
        Store::new(&self.results, self.private.as_deref())
    }

    fn places(&self) -> Places {
        Places {
            data: self.data.clone(),
            datasets: self.datasets.clone(),
            results: self.results.clone(),
            private: self.private.clone(),
        }
    }

    /// What workers are started with: this program with as many threads.
    fn worker(&self) -> Result<(PathBuf, Vec<String>)> {
        let program = std::env::current_exe().context("finding the program itself, to start workers")?;
        let threads = self
            .threads
            .map(|threads| ["--threads".to_owned(), threads.to_string()]);
        let arguments = threads.into_iter().flatten().chain(["worker".to_owned()]);
        Ok((program, arguments.collect()))
    }

    fn notice(&self, sentence: &str) {
        if !self.quiet {
            say!("note: {sentence}");
        }
    }
}

/// Tells the user sentences and nothing else.
struct Sentences<'a>(&'a Global);

impl<'a> Sentences<'a> {
    fn of(global: &'a Global) -> Self {
        Self(global)
    }
}

impl Observer for Sentences<'_> {
    fn notice(&self, sentence: &str) {
        self.0.notice(sentence);
    }
}

/// An error and its causes, each once: a cause that the words before name already is left out.
pub fn in_full(error: &anyhow::Error) -> String {
    let mut words = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !words.contains(&cause) {
            words.push_str(": ");
            words.push_str(&cause);
        }
    }
    words
}

/// `value` as a line of JSON on standard output.
fn print_json<T: serde::Serialize>(value: &T) -> Result<()> {
    out!("{}", serde_json::to_string(value)?);
    Ok(())
}

/// Rows as aligned columns, the first row a heading.
fn print_columns(rows: &[Vec<String>]) -> Result<()> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        out!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    Ok(())
}

/// Bytes for people.
fn bytes(count: u64) -> String {
    match count {
        0..1_000_000 => format!("{:.0} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// Seconds for people.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
