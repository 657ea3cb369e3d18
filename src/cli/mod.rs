//! The command line: arguments, progress, exit codes. No logic of its own.

mod bench;
mod check;
mod claims;
mod clean;
mod compare;
mod counted_gate;
mod data;
mod doctor;
mod engine;
mod estimates;
pub mod exit;
mod export;
mod gate;
mod global;
mod list;
mod merge;
mod pack;
mod plan;
mod predict;
mod progress;
mod report;
mod reported;
mod reproduce;
mod run;
mod score;
mod search;
mod show;
mod sides;
mod speed_gate;
mod status;
mod stop;
mod submit;
mod suites;
mod terminal;
mod throughput;
mod vectors;
mod verify;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::contain::in_full;
use crate::engines::worker;
use global::{Global, Sentences, forget_empty_variables};
use show::{bytes, duration, print_columns, print_json, write_plot};
use suites::{SUITES, suite};
use terminal::say;

/// Benchmark and reproducibility harness for automated ICD coding of clinical notes.
///
/// `icdbench run quick` needs no data of yours: it generates clinical notes, trains every model on
/// them and writes a report. Then look at `reports/quick/index.html`.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 good, 1 a check failed, 2 could not run, 3 not enough data to say, 4 not comparable, 5 degenerate result, 130 stopped"
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Name the models, the metrics and the suites that come with the program.
    List,
    /// Show every cell of a suite, whether it is done, and what the rest would take.
    Plan(plan::Arguments),
    /// Run every cell of a suite that has no record yet, then write the report.
    Run(run::Arguments),
    /// Queue the cells of a suite that have no record yet on a scheduler: SLURM, HyperQueue, GNU parallel, Kubernetes.
    Submit(submit::Arguments),
    /// Say how far a suite is: cells done, running and where, waiting, failed and why.
    Status(status::Arguments),
    /// Take back what `submit` has queued of a suite.
    Cancel(status::Arguments),
    /// Search for the settings of a suite's runs: run its trials, then choose.
    Search(search::Arguments),
    /// Write a suite's report from its records alone.
    Report(report::Arguments),
    /// Show the tables of a paper with ours beside each published number, and a verdict on it; without a paper, list the
    /// papers.
    Reproduce(reproduce::Arguments),
    /// Say whether one side is better than another, by how much and how sure that is, from their records.
    Compare(compare::Arguments),
    /// Say whether a suite's scores are as good as those that were accepted, or this build as fast as another: for a build
    /// server.
    Gate(gate::GateArguments),
    /// Accept a suite's scores: what `gate` compares later ones with.
    Accept(gate::AcceptArguments),
    /// Say which sentences of the papers hold, in the papers' own tables and in the records at hand.
    Claims(claims::Arguments),
    /// Look at data sets and prepare them: what there is, whether the files are right, what is in them.
    Data(data::Arguments),
    /// Time a training step and an inference of models on random notes, as a suite of timings does, and keep nothing; or
    /// check what a device computes.
    Bench(bench::Arguments),
    /// Say whether engines (burn, candle, PyTorch) compute the same logits from the same weights and notes.
    Verify(verify::Arguments),
    /// Score notes with a trained model that a results directory keeps.
    Predict(predict::Arguments),
    /// Write what a run gave the scored notes as a file of a track.
    Export(export::Arguments),
    /// Write a suite's word vectors as a file of word2vec, training them first where they are not yet.
    Vectors(vectors::Arguments),
    /// Score anybody's run file by a track's own rules.
    Score(score::Arguments),
    /// Look whether everything in a results directory is what was written.
    Check(check::Arguments),
    /// Join results directories of machines that share no file system.
    Merge(merge::Arguments),
    /// Put a suite's records, report and registry into one archive for a reviewer: an RO-Crate.
    Pack(pack::Arguments),
    /// Remove what interrupted and outdated work has left in a results directory.
    Clean(clean::Arguments),
    /// Say what this program and this machine can do.
    Doctor,
    /// Run cells for another process of the program.
    #[command(hide = true)]
    Worker,
    /// Answer another process of the program as an engine.
    #[command(hide = true)]
    Engine(engine::Arguments),
}

impl Command {
    /// Whether another process of the program has started this one.
    fn is_worker(&self) -> bool {
        matches!(self, Self::Worker | Self::Engine(_))
    }

    /// Whether models compute in this process.
    fn computes(&self) -> bool {
        self.is_worker() || matches!(self, Self::Plan(_) | Self::Submit(_) | Self::Predict(_))
    }
}

/// What the command line says, read before anything else runs.
pub fn parse() -> Cli {
    forget_empty_variables();
    Cli::parse()
}

/// Does what the command line says, says what kept it from that, once, and chooses the exit code.
pub fn main(cli: Cli) -> ExitCode {
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) if error.is::<terminal::Unread>() => ExitCode::from(exit::GOOD),
        Err(error) => {
            say!("error: {}", in_full(&*error));
            ExitCode::from(exit::COULD_NOT_RUN)
        }
    }
}

fn dispatch(mut cli: Cli) -> Result<ExitCode> {
    if let Command::Submit(arguments) = &cli.command {
        cli.global.threads = cli.global.threads.or(Some(arguments.threads()));
    }
    let command = &cli.command;
    cli.global.start_threads(command.is_worker(), command.computes())?;
    let global = &cli.global;
    match cli.command {
        Command::List => list::list(global),
        Command::Plan(arguments) => plan::plan(global, &arguments),
        Command::Run(arguments) => run::run(global, &arguments),
        Command::Submit(arguments) => submit::submit(global, &arguments),
        Command::Status(arguments) => status::status(global, &arguments),
        Command::Cancel(arguments) => status::cancel(global, &arguments),
        Command::Search(arguments) => search::search(global, &arguments),
        Command::Report(arguments) => report::report(global, &arguments),
        Command::Reproduce(arguments) => reproduce::reproduce(global, &arguments),
        Command::Compare(arguments) => compare::compare(global, &arguments),
        Command::Gate(arguments) => gate::gate(global, &arguments),
        Command::Accept(arguments) => gate::accept(global, &arguments),
        Command::Claims(arguments) => claims::claims(global, &arguments),
        Command::Data(arguments) => data::data(global, &arguments),
        Command::Bench(arguments) => bench::bench(global, &arguments),
        Command::Verify(arguments) => verify::verify(global, &arguments),
        Command::Engine(arguments) => engine::engine(&arguments),
        Command::Predict(arguments) => predict::predict(global, &arguments),
        Command::Export(arguments) => export::export(global, &arguments),
        Command::Vectors(arguments) => vectors::vectors(global, &arguments),
        Command::Score(arguments) => score::score(global, &arguments),
        Command::Check(arguments) => check::check(global, &arguments),
        Command::Merge(arguments) => merge::merge(global, &arguments),
        Command::Pack(arguments) => pack::pack(global, &arguments),
        Command::Clean(arguments) => clean::clean(global, &arguments),
        Command::Doctor => doctor::doctor(global),
        Command::Worker => {
            worker::serve();
            Ok(ExitCode::SUCCESS)
        }
    }
}
