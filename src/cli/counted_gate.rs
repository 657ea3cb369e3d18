//! `icdbench gate --counted`: whether this build executes more instructions than another.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use clap::Args;

use super::terminal::out;
use super::{Global, exit, print_columns, print_json};
use crate::bench::{Counter, Engines};
use crate::results::files;
use crate::speed::{Answer, Mode, Verdict};
use crate::throughput::{CountedCell, CountedJudged, CountedSettings, ThroughputSuite, gate_counted};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Of a suite of timings: compare instructions instead of seconds, with one thread, where what else runs on the machine makes
    /// seconds say nothing. By perf, or by valgrind where perf has nothing to read.
    #[arg(long)]
    counted: bool,
    /// With --counted: by which share this build may execute more instructions [default: 0.01].
    #[arg(long, value_name = "SHARE")]
    tolerance: Option<f64>,
    /// With --counted: how often each build is counted [default: 3].
    #[arg(long, value_name = "N")]
    counts: Option<usize>,
    /// With --counted: runs whose instructions one count is of, at least; more of what takes few [default: 2].
    #[arg(long, value_name = "N")]
    runs: Option<usize>,
}

impl Options {
    pub(super) fn is_asked_for(&self) -> bool {
        self.counted
    }

    /// Its options, and whether each is given.
    pub(super) fn given(&self) -> [(&'static str, bool); 4] {
        [
            ("--counted", self.counted),
            ("--tolerance", self.tolerance.is_some()),
            ("--counts", self.counts.is_some()),
            ("--runs", self.runs.is_some()),
        ]
    }

    fn settings(&self, mode: Option<Mode>) -> Result<CountedSettings> {
        let tolerance = self.tolerance.unwrap_or(0.01);
        if !(tolerance > 0.0 && tolerance < 1.0) {
            bail!("--tolerance {tolerance}: expected a share above 0 and below 1, such as 0.01");
        }
        let counts = self.counts.unwrap_or(3);
        if counts < 3 {
            bail!("--counts {counts}: expected 3 or more; of fewer nobody knows whether they jitter");
        }
        let runs = self.runs.unwrap_or(2);
        if runs == 0 {
            bail!("--runs 0: expected 1 or more");
        }
        let counter = Counter::find().map_err(|lack| anyhow!("--counted: {lack}"))?;
        Ok(CountedSettings {
            counter,
            counts,
            runs,
            tolerance,
            mode,
        })
    }
}

pub(super) fn run(
    global: &Global,
    suite: &ThroughputSuite,
    sides: (&Engines, &Engines),
    (options, mode): (&Options, Option<Mode>),
    markdown_file: Option<&Path>,
    tell: &dyn Fn(&str),
) -> Result<ExitCode> {
    let settings = options.settings(mode)?;
    let judged = gate_counted(suite, sides, settings, tell)?;
    match global.json {
        true => print_json(&judged)?,
        false => {
            let mut rows = vec![HEADS.map(String::from).to_vec()];
            rows.extend(judged.compared.iter().map(|cell| row(&judged, cell).to_vec()));
            print_columns(&rows)?;
            out!("\n{}", sentence(&judged));
        }
    }
    if let Some(file) = markdown_file {
        files::write_atomically(file, markdown(&suite.name, &judged).as_bytes(), false)?;
    }
    Ok(ExitCode::from(code(&judged)))
}

fn code(judged: &CountedJudged) -> u8 {
    let tells = |cell: &CountedCell| cell.counted.verdict != Verdict::NotEnoughData;
    match judged.answer {
        Answer::Fails => exit::WORSE,
        _ if !judged.failures.is_empty() => exit::COULD_NOT_RUN,
        _ if !judged.compared.iter().any(tells) => exit::NOT_ENOUGH_DATA,
        Answer::Passes | Answer::Informs => exit::GOOD,
    }
}

const HEADS: [&str; 6] = [
    "cell",
    "million instructions a run",
    "this over base",
    "over itself",
    "jitter",
    "",
];

fn row(judged: &CountedJudged, cell: &CountedCell) -> [String; 6] {
    let itself = judged.self_test.iter().find(|itself| itself.cell == cell.cell);
    [
        cell.cell.clone(),
        format!("{:.1}", cell.counted.head / 1e6),
        format!("{:.4}", cell.counted.ratio),
        itself.map_or(String::new(), |itself| format!("{:.4}", itself.counted.ratio)),
        format!("{:.2} %", 100.0 * cell.counted.jitter),
        cell.counted.verdict.word().into(),
    ]
}

fn sentence(judged: &CountedJudged) -> String {
    let names = |cells: &[CountedCell], verdict: Verdict| {
        let cells = cells.iter().filter(|cell| cell.counted.verdict == verdict);
        cells.map(|cell| cell.cell.as_str()).collect::<Vec<_>>().join(", ")
    };
    let same = |cell: &&CountedCell| cell.counted.verdict == Verdict::Same;
    let mut text = format!(
        "Counted by {}, one thread. This build against itself: {} of {} cells are the same to {} %. ",
        judged.counter.name(),
        judged.self_test.iter().filter(same).count(),
        judged.self_test.len(),
        100.0 * judged.tolerance
    );
    let slower = names(&judged.compared, Verdict::Slower);
    text += &match judged.answer {
        Answer::Passes => {
            "No cell was shown to execute more instructions than the base's beyond the tolerance.".to_owned()
        }
        Answer::Informs => {
            format!("More instructions: {slower}. That is told and fails nothing here (--on-slower fail).")
        }
        Answer::Fails => format!("More instructions: {slower}."),
    };
    let unclear = names(&judged.compared, Verdict::NotEnoughData);
    if !unclear.is_empty() {
        text += &format!(" Counts that jitter by more than the tolerance: {unclear}; more --runs tell more.");
    }
    for (cell, failure) in &judged.failures {
        text += &format!(" Could not be run: {cell}: {failure}.");
    }
    text
}

/// For a comment under a pull request.
fn markdown(suite: &str, judged: &CountedJudged) -> String {
    let mut text = format!(
        "### Instructions: {suite}\n\n{}\n\n| {} |\n",
        sentence(judged),
        HEADS.join(" | ")
    );
    text += "|---|---:|---:|---:|---:|---|\n";
    for cell in &judged.compared {
        text += &format!("| {} |\n", row(judged, cell).join(" | "));
    }
    text
}
