//! How often the throughput gate is right and wrong on this machine: a build against itself, and against one that was made
//! slower in one cell; writes the second part of `reports/speed-gate.md`.
//!
//! Usage: `cargo run --release --example speed_gate_trial -- reports/speed-gate.md`, with `--comparisons N` (200), `--tries N`
//! (20), `--pairs N` (24), `--counted N` (tries of the counted mode, 3; 0 where neither perf nor valgrind is). What is timed
//! is what the gate times, in processes that it starts anew each time. Ends with an error where 200 comparisons and 20 tries
//! or more do not keep what the gate promises; the numbers are written all the same.

mod counted;
mod slowed;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use icdbench::bench::protocol::Kind;
use icdbench::machine::{Machine, built};
use icdbench::speed::{Compared, Mode, Verdict};
use icdbench::throughput::{GateSettings, ThroughputSuite, compared_once, gate};
use slowed::{Added, Slow, served};

/// Where the second part begins; `speed_gate_rates` leaves it as it is.
const PART: &str = "# On a real machine\n";
const MARGIN: f64 = 0.05;
/// By how much the slow cell is slower.
const SLOWER: f64 = 0.10;

/// Cells of milliseconds, so that many comparisons fit into minutes.
const SUITE: &str = r#"
name = "speed-gate-trial"
description = "Three models on two notes of 128 tokens."
[throughput]
engines = ["burn"]
models = ["logistic_regression", "caml", "bert_trun"]
lengths = [128]
codes = 50
batch-tokens = 256
kinds = ["inference", "step"]
precision = "f32"
half-width = 0.03
seconds = 1.0
least-runs = 3
peer-runs = 3
timeout = 60.0
minutes = 60.0
"#;

struct Options {
    file: String,
    comparisons: usize,
    tries: usize,
    pairs: usize,
    counted: usize,
}

impl Options {
    fn read() -> anyhow::Result<Self> {
        let mut options = Self {
            file: String::new(),
            comparisons: 200,
            tries: 20,
            pairs: 24,
            counted: 3,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let place = match argument.as_str() {
                "--comparisons" => &mut options.comparisons,
                "--tries" => &mut options.tries,
                "--pairs" => &mut options.pairs,
                "--counted" => &mut options.counted,
                file if options.file.is_empty() && !file.starts_with('-') => {
                    options.file = argument;
                    continue;
                }
                other => bail!("{other:?}: expected FILE, --comparisons N, --tries N, --pairs N or --counted N"),
            };
            let number = arguments
                .next()
                .with_context(|| format!("{argument}: expected a number"))?;
            *place = number.parse().with_context(|| format!("{argument} {number}"))?;
        }
        ensure!(!options.file.is_empty(), "usage: speed_gate_trial FILE");
        ensure!(options.pairs >= 6, "--pairs {}: expected 6 or more", options.pairs);
        Ok(options)
    }
}

fn main() -> anyhow::Result<()> {
    if served()? {
        return Ok(());
    }
    let options = Options::read()?;
    let suite = ThroughputSuite::parse(SUITE, "the trial's suite")?;
    let mut text = head(&options)?;
    let mut broken = Vec::new();
    let comparing = self_comparisons(&suite, &options, &mut text, &mut broken)?;
    slow_downs(&suite, &options, &mut text, &mut broken)?;
    if options.counted > 0 {
        counted::counted_mode(&suite, options.counted, &mut text, &mut broken)?;
    }
    eprintln!("{comparing}");
    let file = Path::new(&options.file);
    let before = std::fs::read_to_string(file).unwrap_or_default(); // OK because a file that is not there has no first part
    let first = before.find(PART).map_or(before.as_str(), |at| &before[..at]).trim_end();
    let whole = if first.is_empty() {
        text.clone()
    } else {
        format!("{first}\n\n{text}")
    };
    std::fs::write(file, whole).with_context(|| options.file.clone())?;
    print!("{text}");
    ensure!(broken.is_empty(), "{}", broken.join("; "));
    Ok(())
}

fn head(options: &Options) -> anyhow::Result<String> {
    let machine = Machine::look();
    let mut text = String::from(PART);
    writeln!(
        text,
        "\nBuilds of this program in processes of their own, as the gate starts them. Written by\n\n```sh\ncargo run --release --example \
         speed_gate_trial -- reports/speed-gate.md\n```\n\non {} with {} CPUs, {}, at revision {}; {} pairs a cell. The cells: training \
         steps and inferences of three models on two notes\nof 128 tokens. The slow build works on after each run of one cell, and says \
         that its run took as long as both.\n",
        machine.cpu,
        machine.cpus,
        machine.operating_system,
        built::GIT_REVISION.chars().take(12).collect::<String>(),
        options.pairs
    )?;
    Ok(text)
}

/// As many threads as the gate uses where it is not told.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn self_comparisons(
    suite: &ThroughputSuite,
    options: &Options,
    text: &mut String,
    broken: &mut Vec<String>,
) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let build = Slow::nowhere().build("build", folder.path(), threads())?;
    let begun = Instant::now();
    let [
        mut grids,
        mut cells,
        mut alarms,
        mut beyond,
        mut after_holm,
        mut wrong,
        mut covered,
    ] = [0; 7];
    let mut spreads = Vec::new();
    while cells < options.comparisons {
        let found = compared_once(suite, (&build, &build), (options.pairs, 1000 + grids as u64), MARGIN)?;
        let found = found.map_err(|(cell, failure)| anyhow::anyhow!("{cell}: {failure}"))?;
        let count = |of: &dyn Fn(&Compared) -> bool| found.iter().filter(|cell| of(cell)).count();
        grids += 1;
        cells += found.len();
        alarms += count(&|cell| cell.p_slower < 0.05);
        beyond += count(&|cell| cell.p_slower < 0.05 && cell.ratio > Some(1.0 + MARGIN));
        after_holm += usize::from(count(&|cell| cell.p_slower_holm < 0.05) > 0);
        wrong += count(&|cell| matches!(cell.verdict, Verdict::Slower | Verdict::Faster));
        covered += count(&|cell| cell.interval.is_some_and(|(low, high)| low <= 1.0 && high >= 1.0));
        spreads.extend(found.iter().map(|cell| cell.spread));
        eprintln!(
            "{cells} of {} comparisons with itself, {alarms} at 5 %, {beyond} alarms",
            options.comparisons
        );
    }
    spreads.sort_by(f64::total_cmp);
    writeln!(
        text,
        "## A build against itself\n\nAn alarm is a one-sided p-value below 5 % with a ratio beyond the margin of {:.0} %.\n\n\
         | comparisons | grids | p below 5 % | alarms | grids with p below 5 % after Holm | called slower or faster | intervals that hold 1 (%) | \
         spread of a pair, median (%) |\n|---:|---:|---:|---:|---:|---:|---:|---:|\n| {cells} | {grids} | {alarms} | {beyond} | {after_holm} | \
         {wrong} | {:.1} | {:.1} |\n",
        100.0 * MARGIN,
        100.0 * covered as f64 / cells.max(1) as f64,
        100.0 * spreads.get(spreads.len() / 2).copied().unwrap_or(0.0)
    )?;
    if cells >= 200 && (beyond * 20 > cells || wrong > 0) {
        broken.push(format!(
            "{cells} self-comparisons raised {beyond} alarms and called {wrong} cells slower or faster, expected at most 5 % and none"
        ));
    }
    Ok(format!(
        "{cells} self-comparisons took {:.0} s",
        begun.elapsed().as_secs_f64()
    ))
}

/// The cell that a try is about, in turns, and its name.
fn cell(suite: &ThroughputSuite, number: usize) -> (String, Kind, String) {
    let settings = &suite.throughput;
    let kind = settings.kinds[number % settings.kinds.len()];
    let model = settings.models[number / settings.kinds.len() % settings.models.len()].clone();
    let word = if kind == Kind::Step { "step" } else { "inference" };
    let name = format!("{model} {} {word}", settings.lengths[0]);
    (model, kind, name)
}

fn slow_downs(
    suite: &ThroughputSuite,
    options: &Options,
    text: &mut String,
    broken: &mut Vec<String>,
) -> anyhow::Result<()> {
    let settings = GateSettings {
        pairs: options.pairs,
        margin: MARGIN,
        quiet: 0.05,
        mode: Some(Mode::Fail),
    };
    let [mut found, mut confirmed, mut others] = [0; 3];
    for number in 0..options.tries {
        let (model, kind, name) = cell(suite, number);
        let folder = tempfile::tempdir()?;
        let added = Added::Share(SLOWER);
        let head = Slow { model, kind, added }.build("head", folder.path(), threads())?;
        let base = Slow::nowhere().build("base", folder.path(), threads())?;
        let judged = gate(suite, (&base, &head), settings, &|_| ())?;
        ensure!(judged.failures.is_empty(), "{:?}", judged.failures);
        let is_slower = |cell: &&Compared| cell.verdict == Verdict::Slower;
        let slower: Vec<&str> = judged
            .compared
            .iter()
            .filter(is_slower)
            .map(|cell| cell.cell.as_str())
            .collect();
        let failing: Vec<&str> = judged
            .judgement
            .failing
            .iter()
            .map(|[first, _]| first.cell.as_str())
            .collect();
        found += usize::from(slower.contains(&name.as_str()));
        confirmed += usize::from(failing.contains(&name.as_str()));
        others += failing.iter().filter(|cell| **cell != name).count();
        eprintln!(
            "try {} of {}, {name}: slower {slower:?}, again {failing:?}",
            number + 1,
            options.tries
        );
    }
    writeln!(
        text,
        "## A build that is slower by {:.0} % in one of {} cells\n\nThe whole gate: its self-test, the comparison, and new pairs of what looked \
         slower.\n\n| tries | found | confirmed | other cells that fail |\n|---:|---:|---:|---:|\n| {} | {found} | {confirmed} | {others} |\n",
        100.0 * SLOWER,
        suite.throughput.models.len() * suite.throughput.kinds.len(),
        options.tries
    )?;
    if options.tries >= 20 && found * 20 < options.tries * 19 {
        broken.push(format!(
            "{found} of {} slow-downs were found, expected 19 of 20",
            options.tries
        ));
    }
    Ok(())
}
