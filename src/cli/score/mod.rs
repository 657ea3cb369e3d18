//! `icdbench score`: predictions of anybody's system, by the rules of a suite or of a track.

mod arguments;
mod external;
mod track;

use std::process::ExitCode;

use anyhow::Result;

use super::Global;
pub(super) use arguments::Arguments;
use track::RunFile;
pub(super) use track::Subtrack;

pub(super) fn score(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    match (arguments.codiesp, &arguments.gold, &arguments.suite) {
        (Some(subtrack), Some(gold), _) => {
            let run = RunFile {
                subtrack,
                gold,
                run: &arguments.predictions,
                valid_codes: &arguments.valid_codes,
            };
            track::score(global, &run)
        }
        (_, _, Some(suite)) => external::score(global, suite, arguments),
        // The parser has asked for one of the two.
        _ => anyhow::bail!("expected a suite, or --codiesp with --gold"),
    }
}
