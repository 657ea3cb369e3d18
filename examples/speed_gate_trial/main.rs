//! How often the throughput gate is right and wrong on this machine: a build against itself, and against one that was made
//! slower in one cell; writes the second and third part of `reports/speed-gate.md`, each when it is through.
//!
//! Usage: `cargo run --release --example speed_gate_trial -- reports/speed-gate.md`, with `--comparisons N` (200; the cells that
//! a try leaves as they are count too, and its self-test), `--tries N` (20), `--pairs N` (24), `--counted N` (tries of the
//! counted mode, 3; 0 where neither perf nor valgrind is); a part of which there are 0 stays as it is. What is timed is what the
//! gate times, in processes that it starts anew each time. Ends with an error where 200 comparisons and 20 tries or more do not
//! keep what the gate promises; the numbers are written all the same.

mod counted;
mod slowed;

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use icdbench::bench::protocol::Kind;
use icdbench::machine::{Machine, built};
use icdbench::speed::{Compared, Mode, Verdict, middle, sorted};
use icdbench::throughput::{GateSettings, ThroughputSuite, compared_once, gate};
use slowed::{Added, Slow, served};

/// Where the second part begins; `speed_gate_rates` leaves it and what follows as it is.
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
    let mut suite = ThroughputSuite::parse(SUITE, "the trial's suite")?;
    let file = Path::new(&options.file);
    let mut broken = Vec::new();
    if options.tries + options.comparisons > 0 {
        let mut text = head(&options)?;
        let same = slow_downs(&suite, &options, &mut text, &mut broken)?;
        self_comparisons(&suite, &options, same, (&mut text, &mut broken))?;
        put(file, PART, &text)?;
    }
    if options.counted > 0 {
        suite
            .throughput
            .models
            .retain(|model| counted::MODELS.contains(&model.as_str()));
        let mut text = String::from(counted::PART);
        counted::counted_mode(&suite, options.counted, &mut text, &mut broken)?;
        put(file, counted::PART, &text)?;
    }
    ensure!(broken.is_empty(), "{}", broken.join("; "));
    Ok(())
}

/// Puts a part into the file, in the place of what it was, else at the end.
fn put(file: &Path, part: &str, text: &str) -> anyhow::Result<()> {
    let before = std::fs::read_to_string(file).unwrap_or_default(); // OK because a file that is not there has no other part
    let (first, rest) = before.split_once(part).unwrap_or((&before, ""));
    let after = rest.find("\n# ").map_or("", |at| &rest[at..]);
    let parts = [first, text, after]
        .map(str::trim)
        .into_iter()
        .filter(|part| !part.is_empty());
    let whole = parts.collect::<Vec<_>>().join("\n\n") + "\n";
    std::fs::write(file, whole).with_context(|| file.display().to_string())?;
    println!("{text}");
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

/// Comparisons of cells that are the same in both builds.
#[derive(Default)]
struct Same {
    grids: usize,
    cells: usize,
    alarms: usize,
    after_holm: usize,
    wrong: usize,
    covered: usize,
    spreads: Vec<f64>,
}

impl Same {
    fn add(&mut self, grid: &[&Compared]) {
        let count = |of: &dyn Fn(&Compared) -> bool| grid.iter().filter(|cell| of(cell)).count();
        self.grids += 1;
        self.cells += grid.len();
        self.alarms += count(&|cell| cell.p_slower < 0.05);
        self.after_holm += usize::from(count(&|cell| cell.p_slower_holm < 0.05) > 0);
        self.wrong += count(&|cell| matches!(cell.verdict, Verdict::Slower | Verdict::Faster));
        self.covered += count(&|cell| cell.interval.is_some_and(|(low, high)| low <= 1.0 && high >= 1.0));
        self.spreads.extend(grid.iter().map(|cell| cell.spread));
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            grids: self.grids + other.grids,
            cells: self.cells + other.cells,
            alarms: self.alarms + other.alarms,
            after_holm: self.after_holm + other.after_holm,
            wrong: self.wrong + other.wrong,
            covered: self.covered + other.covered,
            spreads: [self.spreads.as_slice(), &other.spreads].concat(),
        }
    }

    /// Nothing where nothing was compared.
    fn row(&self, name: &str) -> String {
        if self.cells == 0 {
            return String::new();
        }
        let spread = middle(&sorted(&self.spreads)).unwrap_or(f64::NAN);
        format!(
            "| {name} | {} | {} | {} | {} | {} | {:.1} | {:.1} |\n",
            self.cells,
            self.grids,
            self.alarms,
            self.after_holm,
            self.wrong,
            100.0 * self.covered as f64 / self.cells as f64,
            100.0 * spread
        )
    }
}

/// A build against itself, until there are as many comparisons as asked for with those of `tries`.
fn self_comparisons(
    suite: &ThroughputSuite,
    options: &Options,
    [others, tests]: [Same; 2],
    (text, broken): (&mut String, &mut Vec<String>),
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let build = Slow::nowhere().build("build", folder.path(), threads())?;
    let mut itself = Same::default();
    while itself.cells + others.cells + tests.cells < options.comparisons {
        let seed = 1000 + itself.grids as u64;
        let found = compared_once(suite, (&build, &build), (options.pairs, seed), MARGIN)?;
        let found = found.map_err(|(cell, failure)| anyhow::anyhow!("{cell}: {failure}"))?;
        itself.add(&found.iter().collect::<Vec<_>>());
        eprintln!("with itself: {}", itself.row("").trim_end());
    }
    let all = itself.and(&others).and(&tests);
    writeln!(
        text,
        "## Cells that are the same in both builds\n\nAn alarm is a one-sided p-value below 5 % of \"slower by more than half the margin of {:.0} %\".\n\n\
         | builds | comparisons | grids | alarms | grids with an alarm after Holm | called slower or faster | intervals that \
         hold 1 (%) | spread of a pair, median (%) |\n|---|---:|---:|---:|---:|---:|---:|---:|\n{}{}{}{}",
        100.0 * MARGIN,
        others.row("of the tries above, but for the slow cell"),
        tests.row("self-tests of the tries above, half as many pairs"),
        itself.row("one against itself"),
        all.row("all")
    )?;
    if all.cells >= 200 && (all.alarms * 20 > all.cells || all.after_holm > 0 || all.wrong > 0) {
        broken.push(format!(
            "{} comparisons of the same raised {} alarms, {} after Holm's correction, and called {} cells slower or faster; expected \
             at most 5 %, none and none",
            all.cells, all.alarms, all.after_holm, all.wrong
        ));
    }
    Ok(())
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
) -> anyhow::Result<[Same; 2]> {
    let [mut same, mut tests] = [Same::default(), Same::default()];
    let settings = GateSettings {
        pairs: options.pairs,
        margin: MARGIN,
        quiet: 0.05,
        mode: Some(Mode::Fail),
    };
    let places = suite.throughput.models.len() * suite.throughput.kinds.len();
    // Tries, looked slower, found, and what was measured: by cell.
    let mut tried = vec![([0; 3], Vec::new(), Vec::new()); places];
    let mut others = 0;
    for number in 0..options.tries {
        let (model, kind, name) = cell(suite, number);
        let folder = tempfile::tempdir()?;
        let added = Added::Share(SLOWER);
        let head = Slow { model, kind, added }.build("head", folder.path(), threads())?;
        let base = Slow::nowhere().build("base", folder.path(), threads())?;
        let judged = gate(suite, (&base, &head), settings, &|_| ())?;
        ensure!(judged.failures.is_empty(), "{:?}", judged.failures);
        let failing = |name: &str| judged.judgement.failing.iter().any(|[first, _]| first.cell == name);
        let (slow, rest): (Vec<_>, Vec<_>) = judged.compared.iter().partition(|cell| cell.cell == name);
        same.add(&rest);
        tests.add(&judged.itself.iter().collect::<Vec<_>>());
        let slow = slow.first().context("the slow cell")?;
        let (counts, ratios, spreads) = &mut tried[number % places];
        counts[0] += 1;
        counts[1] += usize::from(slow.ratio.is_some_and(|ratio| ratio > 1.0 + MARGIN));
        counts[2] += usize::from(failing(&name));
        ratios.extend(slow.ratio);
        spreads.push(slow.spread);
        others += rest.iter().filter(|cell| failing(&cell.cell)).count();
        eprintln!(
            "try {} of {}, {name}: {slow:?}, again {}; the others {} {}",
            number + 1,
            options.tries,
            failing(&name),
            same.row("").trim_end(),
            tests.row("").trim_end()
        );
    }
    writeln!(
        text,
        "## A build that is slower by {:.0} % in one of {places} cells\n\nThe whole gate: its self-test, the comparison, and new pairs of \
         what looked slower, which decide. In {others} cells that were the same it\nfailed.\n\n| cell | tries | looked slower | found | head over base, median | \
         spread of a pair, median (%) |\n|---|---:|---:|---:|---:|---:|",
        100.0 * SLOWER,
    )?;
    for (number, (counts, ratios, spreads)) in tried.iter().enumerate().take(options.tries) {
        let middle = |values: &[f64]| middle(&sorted(values)).unwrap_or(f64::NAN);
        let [tries, looked, found] = counts;
        let (name, ratio, spread) = (cell(suite, number).2, middle(ratios), 100.0 * middle(spreads));
        writeln!(
            text,
            "| {name} | {tries} | {looked} | {found} | {ratio:.3} | {spread:.1} |"
        )?;
    }
    let total = |which: usize| tried.iter().map(|(counts, ..)| counts[which]).sum::<usize>();
    let found = total(2);
    writeln!(text, "| all | {} | {} | {found} | | |\n", total(0), total(1))?;
    if options.tries >= 20 && found * 20 < options.tries * 19 {
        broken.push(format!(
            "{found} of {} slow-downs were found, expected 19 of 20",
            options.tries
        ));
    }
    Ok([same, tests])
}
