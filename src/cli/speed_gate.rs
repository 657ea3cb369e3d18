//! `icdbench gate` of a suite of timings: whether this build is slower than another.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use super::terminal::{out, say};
use super::{Global, counted_gate, exit, print_columns, print_json, suites};
use crate::bench::Engines;
use crate::machine::{Machine, built};
use crate::report::throughput::history;
use crate::results::files;
use crate::speed::{
    Answer, Compared, Entry, Hardware, Mode, Verdict, by_cell, change_points, line, median_interval, parse, summary,
};
use crate::throughput::{GateSettings, Judged, ThroughputSuite, gate};

/// Spread of a pair up to which a machine counts as quiet (`reports/speed-gate.md`).
const QUIET: f64 = 0.05;

#[derive(Debug, Args)]
pub(super) struct Speed {
    /// Of a suite of timings: the build that this one is compared with, another `icdbench`.
    #[arg(long, value_name = "PROGRAM")]
    base: Option<PathBuf>,
    /// Of a suite of timings: pairs of runs of each model, length and kind. 24 find a slow-down of a tenth on a quiet machine, 72
    /// on a shared one [default: 24].
    #[arg(long, value_name = "N")]
    pairs: Option<usize>,
    /// Of a suite of timings: by which share this build may be slower [default: 0.05].
    #[arg(long, value_name = "SHARE")]
    margin: Option<f64>,
    /// Of a suite of timings: whether a slower cell is an exit code of 1 [default: where this machine turns out to be quiet].
    #[arg(long, value_name = "WHAT")]
    on_slower: Option<OnSlower>,
    /// Of a suite of timings: a folder with a file for each kind of hardware, to which this build's timings are added; what changed
    /// since the first is told, and plotted beside. A cell there is a model, a length, a kind, notes, codes and a precision.
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    #[command(flatten)]
    counted: counted_gate::Options,
}

impl Speed {
    /// Its options, and whether each is given.
    pub(super) fn given(&self) -> Vec<(&'static str, bool)> {
        let mut given = vec![
            ("--base", self.base.is_some()),
            ("--on-slower", self.on_slower.is_some()),
        ];
        given.extend(self.of_seconds());
        given.extend(self.counted.given());
        given
    }

    /// Those that only seconds have.
    fn of_seconds(&self) -> [(&'static str, bool); 3] {
        [
            ("--pairs", self.pairs.is_some()),
            ("--margin", self.margin.is_some()),
            ("--history", self.history.is_some()),
        ]
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnSlower {
    /// It is told.
    Inform,
    /// It fails.
    Fail,
}

pub(super) fn run(
    global: &Global,
    suite: &ThroughputSuite,
    speed: &Speed,
    markdown_file: Option<&Path>,
) -> Result<ExitCode> {
    let Some(base) = &speed.base else {
        bail!(
            "{}: a suite of timings is compared with another build of icdbench: name it with --base PROGRAM",
            suite.name
        );
    };
    if !base.is_file() {
        bail!(
            "--base {}: no such file; expected another build of icdbench",
            base.display()
        );
    }
    let (pairs, margin) = (speed.pairs.unwrap_or(24), speed.margin.unwrap_or(0.05));
    if pairs < 6 {
        bail!("--pairs {pairs}: expected 6 or more; fewer have no interval");
    }
    if !(margin > 0.0 && margin < 1.0) {
        bail!("--margin {margin}: expected a share above 0 and below 1, such as 0.05");
    }
    match speed.counted.is_asked_for() {
        true => suites::refuse(
            &speed.of_seconds(),
            "it is of seconds, and --counted counts instructions",
        )?,
        false => suites::refuse(&speed.counted.given(), "it goes with --counted")?,
    }
    let program = std::env::current_exe().context("finding the program itself, to start engines")?;
    let threads = match (speed.counted.is_asked_for(), global.threads) {
        (true, Some(threads)) if threads > 1 => {
            bail!("--threads {threads}: with --counted expected 1, since how threads share their work changes counts")
        }
        (true, _) => 1,
        (false, threads) => threads.unwrap_or_else(rayon::current_num_threads),
    };
    let engines =
        |program: PathBuf| Engines::new(program, threads, "python3".into()).context("writing engines' scripts");
    // As the system finds a program by its path alone.
    let base = base
        .canonicalize()
        .with_context(|| format!("--base {}", base.display()))?;
    let (base, head) = (engines(base)?, engines(program)?);
    let mode = speed.on_slower.map(|what| match what {
        OnSlower::Inform => Mode::Inform,
        OnSlower::Fail => Mode::Fail,
    });
    let tell = |sentence: &str| {
        if !global.quiet {
            say!("{sentence}");
        }
    };
    if speed.counted.is_asked_for() {
        return counted_gate::run(
            global,
            suite,
            (&base, &head),
            (&speed.counted, mode),
            markdown_file,
            &tell,
        );
    }
    let settings = GateSettings {
        pairs,
        margin,
        quiet: QUIET,
        mode,
    };
    let judged = gate(suite, (&base, &head), settings, &tell)?;
    match global.json {
        true => print_json(&judged)?,
        false => print(&judged)?,
    }
    if let Some(file) = markdown_file {
        files::write_atomically(file, markdown(&suite.name, &judged).as_bytes(), false)?;
    }
    if let Some(folder) = &speed.history {
        remember(global, folder, &judged, threads)?;
    }
    Ok(ExitCode::from(code(&judged)))
}

fn code(judged: &Judged) -> u8 {
    let tells = |cell: &Compared| cell.verdict != Verdict::NotEnoughData;
    match judged.answer {
        Answer::Fails => exit::WORSE,
        _ if !judged.failures.is_empty() => exit::COULD_NOT_RUN,
        _ if !judged.compared.iter().any(tells) => exit::NOT_ENOUGH_DATA,
        Answer::Passes | Answer::Informs => exit::GOOD,
    }
}

fn print(judged: &Judged) -> Result<()> {
    let mut rows = vec![
        ["cell", "pairs", "this over base", "95 % interval", "p, Holm", ""]
            .map(String::from)
            .to_vec(),
    ];
    rows.extend(judged.compared.iter().map(|cell| row(cell).to_vec()));
    print_columns(&rows)?;
    out!("\n{}", sentence(judged));
    Ok(())
}

fn row(cell: &Compared) -> [String; 6] {
    [
        cell.cell.clone(),
        cell.pairs.to_string(),
        cell.ratio.map_or(String::new(), |ratio| format!("{ratio:.3}")),
        cell.interval
            .map_or(String::new(), |(low, high)| format!("{low:.3} to {high:.3}")),
        format!("{:.3}", cell.p_slower_holm.min(cell.p_faster_holm)),
        cell.verdict.word().into(),
    ]
}

fn sentence(judged: &Judged) -> String {
    let test = &judged.self_test;
    let mut text = format!(
        "This build against itself: {} of {} cells looked slower at 5 %, {} after Holm's correction; a pair's ratio spreads by \
         {:.1} %. ",
        test.alarms,
        test.cells,
        test.wrong.len(),
        100.0 * test.spread
    );
    let names = |cells: &[[Compared; 2]]| {
        let names: Vec<&str> = cells.iter().map(|[first, _]| first.cell.as_str()).collect();
        names.join(", ")
    };
    let judgement = &judged.judgement;
    text += &match judged.answer {
        Answer::Passes => {
            let unclear = |cell: &&Compared| cell.verdict == Verdict::NotEnoughData;
            let unclear = judged.compared.iter().filter(unclear).count();
            match unclear {
                0 => "No cell is slower than the base beyond the margin.".to_owned(),
                _ => format!(
                    "No cell was shown to be slower than the base beyond the margin; of {unclear} of {} it could not be ruled \
                     out: more --pairs tell more.",
                    judged.compared.len()
                ),
            }
        }
        Answer::Informs => format!(
            "Slower in two measurements: {}. That is told and fails nothing here (--on-slower fail).",
            names(&judgement.failing)
        ),
        Answer::Fails => format!("Slower in two measurements: {}.", names(&judgement.failing)),
    };
    for (what, cells) in [
        ("Neither shown nor ruled out", &judgement.unsettled),
        ("Not slower when measured again", &judgement.cleared),
    ] {
        if !cells.is_empty() {
            text += &format!(" {what}: {}.", names(cells));
        }
    }
    for (cell, failure) in &judged.failures {
        text += &format!(" Could not be run: {cell}: {failure}.");
    }
    text
}

/// For a comment under a pull request.
fn markdown(suite: &str, judged: &Judged) -> String {
    let mut text = format!("### Speed: {suite}\n\n{}\n\n", sentence(judged));
    text += "| cell | pairs | this over base | 95 % interval | p, Holm | |\n|---|---:|---:|---:|---:|---|\n";
    for cell in &judged.compared {
        text += &format!("| {} |\n", row(cell).join(" | "));
    }
    text
}

/// Adds this build's timings to the history of this hardware, and tells what changed since it began.
fn remember(global: &Global, folder: &Path, judged: &Judged, threads: usize) -> Result<()> {
    let machine = Machine::look();
    let hardware = Hardware {
        cpu: machine.cpu.clone(),
        cpus: machine.cpus.to_string(),
        threads: threads.to_string(),
        memory: machine
            .memory_bytes
            .map_or("unknown".into(), |bytes| format!("{} GiB", bytes >> 30)),
        gpu: machine.gpu.clone(),
        driver: "none".into(),
        system: machine.operating_system.clone(),
    };
    let key = hardware.key();
    let path = folder.join(format!("{key}.jsonl"));
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other.with_context(|| path.display().to_string())?,
    };
    parse(&text, &key).with_context(|| path.display().to_string())?;
    let date = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let mut all = text;
    for (cell, seconds) in &judged.of_head {
        if let Some(found) = summary(seconds)? {
            all += &line(&Entry {
                hardware: key.clone(),
                revision: built::GIT_REVISION.into(),
                date: date.clone(),
                cell: cell.clone(),
                runs: found.runs,
                median_seconds: found.median,
                interval_seconds: median_interval(seconds),
                instructions: None,
            });
        }
    }
    files::make_directory(folder, false)?;
    files::write_atomically(&path, all.as_bytes(), false)?;
    let entries = parse(&all, &key)?;
    if let Some(plot) = history(&entries)? {
        files::write_atomically(&folder.join(format!("{key}.svg")), plot.as_bytes(), false)?;
    }
    for (cell, entries) in by_cell(&entries) {
        let medians: Vec<f64> = entries.iter().map(|entry| entry.median_seconds).collect();
        for change in change_points(&medians, 1) {
            let at = entries[change.at];
            global.notice(&format!(
                "{cell}: {:.1} ms before revision {} ({}), {:.1} ms since",
                1e3 * change.before,
                at.revision.chars().take(12).collect::<String>(),
                at.date,
                1e3 * change.after
            ));
        }
    }
    Ok(())
}
