//! The `icdbench` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    icdbench::machine::keep_freed_memory();
    icdbench::cli::main(icdbench::cli::parse())
}
