//! The counted mode on this machine.

use std::fmt::Write as _;

use anyhow::{Context, ensure};
use icdbench::bench::{Counter, Engines};
use icdbench::speed::{Mode, Verdict};
use icdbench::throughput::{CountedCell, CountedSettings, ThroughputSuite, gate_counted};

use crate::cell;
use crate::slowed::{Added, Slow};

/// Where the third part begins.
pub const PART: &str = "# The counted mode on a real machine\n";
/// Those of the trial that valgrind gets through in minutes.
pub const MODELS: [&str; 2] = ["logistic_regression", "caml"];
const TOLERANCE: f64 = 0.01;
/// By which share the slow cell executes more instructions.
const MORE: f64 = 0.03;
/// Turns of the loop with which it is measured what one takes, which depends on the compiler.
const TRIED: u64 = 10_000_000;

/// The counted mode: every cell against itself, and tries in which one executes more.
pub fn counted_mode(
    suite: &ThroughputSuite,
    tries: usize,
    text: &mut String,
    broken: &mut Vec<String>,
) -> anyhow::Result<()> {
    let counter = Counter::find().map_err(anyhow::Error::msg)?;
    let settings = CountedSettings {
        counter,
        counts: 3,
        runs: 2,
        tolerance: TOLERANCE,
        mode: Some(Mode::Fail),
    };
    let folder = tempfile::tempdir()?;
    let base = Slow::nowhere().build("base", folder.path(), 1)?;
    let counted = |suite: &ThroughputSuite, head: &Engines| -> anyhow::Result<Vec<CountedCell>> {
        let judged = gate_counted(suite, (&base, head), settings, &|sentence| {
            eprintln!("counting {sentence}")
        })?;
        ensure!(judged.failures.is_empty(), "{:?}", judged.failures);
        Ok(judged.compared)
    };
    let itself = counted(suite, &base)?;
    writeln!(
        text,
        "\nBy {}, 3 counts a side of 2 runs each, a tolerance of {:.0} %.\n\n| cell | million instructions a run | a build over \
         itself | jitter (%) | |\n|---|---:|---:|---:|---|",
        counter.name(),
        100.0 * TOLERANCE
    )?;
    for cell in &itself {
        let counted = &cell.counted;
        let (head, ratio, jitter) = (counted.head / 1e6, counted.ratio, 100.0 * counted.jitter);
        writeln!(
            text,
            "| {} | {head:.2} | {ratio:.5} | {jitter:.3} | {} |",
            cell.cell,
            counted.verdict.word()
        )?;
    }
    let mut found = 0;
    for number in 0..tries {
        let (model, kind, name) = cell(suite, number * 2 + 1);
        let mut one = suite.clone();
        one.throughput.models = vec![model.clone()];
        one.throughput.kinds = vec![kind];
        let with = |added: Added| {
            Slow {
                model: model.clone(),
                kind,
                added,
            }
            .build("head", folder.path(), 1)
        };
        let alone = itself
            .iter()
            .find(|cell| cell.cell == name)
            .context("a cell that was counted")?
            .counted
            .head;
        let tried = counted(&one, &with(Added::Turns(TRIED))?)?[0].counted.head;
        let turns = (MORE * alone / ((tried - alone) / TRIED as f64)) as u64;
        let more = &counted(&one, &with(Added::Turns(turns))?)?[0].counted;
        found += usize::from(more.verdict == Verdict::Slower);
        eprintln!("try {}, {name}: {turns} turns, {more:?}", number + 1);
    }
    writeln!(
        text,
        "\n{:.0} % more instructions in one cell: called slower in {found} of {} tries.",
        100.0 * MORE,
        tries
    )?;
    if found < tries || itself.iter().any(|cell| cell.counted.verdict != Verdict::Same) {
        broken.push(format!("counted mode: {found} of {tries} found, itself {itself:?}"));
    }
    Ok(())
}
