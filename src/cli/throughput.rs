//! `icdbench run` of a suite of timings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};

use super::terminal::{out, say};
use super::{Global, exit, print_json, stop};
use crate::bench::Engines;
use crate::bench::protocol::FailureKind;
use crate::report::throughput::{Timings, write};
use crate::throughput::{self, Group, ThroughputSuite};

/// Times what has no timings yet, then writes the report into the directory, if there is one.
pub(super) fn run(global: &Global, suite: &ThroughputSuite, again: bool, report: Option<&Path>) -> Result<ExitCode> {
    stop::listen("stopping after this model and length")?;
    let program = std::env::current_exe().context("finding the program itself, to start engines")?;
    let threads = global.threads.unwrap_or_else(rayon::current_num_threads);
    let python = std::env::var_os("ICDBENCH_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let engines = Engines::new(program, threads, python).context("writing engines' scripts")?;
    let tell = |sentence: &str| {
        if !global.quiet {
            say!("{sentence}");
        }
    };
    let stopped = || stop::STOP.load(Ordering::SeqCst);
    let folder = global.results.join("throughput");
    let outcome = throughput::run(suite, &folder, &engines, again, &tell, &stopped)?;
    if outcome.stopped {
        say!("stopped; the same command goes on from here");
        return Ok(ExitCode::from(exit::INTERRUPTED));
    }
    if !outcome.left.is_empty() {
        say!(
            "{} minutes were up: {} of models and lengths left; the same command goes on with them",
            suite.throughput.minutes,
            outcome.left.len()
        );
    }
    if !again {
        tell_unavailable(global, &outcome.groups);
    }
    if global.json {
        for group in &outcome.groups {
            print_json(group)?;
        }
    }
    if let Some(directory) = report {
        let timings = Timings {
            suite,
            groups: &outcome.groups,
            peak: outcome.peak.as_ref(),
            left: &outcome.left,
        };
        write(&timings, directory)?;
        if !global.json {
            out!("{}", directory.join("report.md").display());
        }
    }
    let any = outcome
        .groups
        .iter()
        .any(|group| group.timings.iter().any(|timing| !timing.seconds.is_empty()));
    Ok(ExitCode::from(match any {
        true => exit::GOOD,
        false => exit::COULD_NOT_RUN,
    }))
}

/// What an engine was not available for.
#[derive(Default)]
struct Lack<'a> {
    /// Models and lengths.
    of: BTreeSet<(&'a str, usize)>,
    /// Why, in its words.
    words: &'a str,
}

/// Names the engines that were not available: what they lacked may be there by now.
fn tell_unavailable(global: &Global, groups: &[Group]) {
    let mut lacking: BTreeMap<&str, Lack<'_>> = BTreeMap::new();
    for group in groups {
        for timing in &group.timings {
            if let Some(failure) = timing
                .failure
                .as_ref()
                .filter(|failure| failure.kind == FailureKind::Unavailable)
            {
                let lack = lacking.entry(&timing.engine).or_default();
                lack.of.insert((&group.model, group.length));
                lack.words = &failure.words;
            }
        }
    }
    for (engine, Lack { of, words }) in lacking {
        global.notice(&format!(
            "{engine} was not available for {} of {} models and lengths ({words}); --retry times those again, in all engines",
            of.len(),
            groups.len()
        ));
    }
}
