//! The `icdbench` program.

use std::process::ExitCode;

use clap::Parser;
use icdbench::cli::Cli;

fn main() -> ExitCode {
    icdbench::machine::keep_freed_memory();
    icdbench::cli::main(Cli::parse())
}
