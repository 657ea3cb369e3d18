//! `icdbench engine`: an engine that is part of the program, for the process that asks it.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use crate::bench::Burn;
use crate::bench::engine::{Engine, serve};
use crate::candle::Candle;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// burn or candle.
    name: String,
}

pub(super) fn engine(arguments: &Arguments) -> Result<ExitCode> {
    let mut engine: Box<dyn Engine> = match arguments.name.as_str() {
        "burn" => Box::new(Burn::default()),
        "candle" => Box::new(Candle::default()),
        other => bail!("engine {other:?}: expected burn or candle"),
    };
    serve(engine.as_mut(), std::io::stdin().lock(), std::io::stdout())?;
    Ok(ExitCode::SUCCESS)
}
