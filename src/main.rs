//! The `icdbench` program: parse, dispatch, print the error once, choose the exit code.

use std::process::ExitCode;

use clap::Parser;
use icdbench::cli::{Cli, exit};

fn main() -> ExitCode {
    icdbench::machine::keep_freed_memory();
    match icdbench::cli::dispatch(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(exit::COULD_NOT_RUN)
        }
    }
}
