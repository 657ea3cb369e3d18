//! `icdbench compare A B`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;

use super::sides::side;
use super::terminal::out;
use super::{Global, exit, print_columns, print_json, write_plot};
use crate::compare::{Comparison, Test, comparisons, conclusions, holm, matched};
use crate::metrics::{is_by_rank, metric_title};
use crate::report::plots::forest::{self, Line};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The first side: a suite (file or built-in name), a results directory, or a record's file; with :RUN, one run of it.
    #[arg(value_name = "A")]
    first: String,
    /// The second side, which is said to be better or worse than the first.
    #[arg(value_name = "B")]
    second: String,
    /// A metric, by its name in `icdbench list` (precision-at-8); may be repeated. They are one family of tests: the more
    /// there are, the more each must show.
    #[arg(long = "metric", value_name = "NAME")]
    metrics: Vec<String>,
    /// Draw a forest plot (.svg or .png).
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
}

/// What is compared where nobody says it: decisions over all pairs, by code, and the order of the codes.
const METRICS: [&str; 3] = ["micro-f1", "macro-f1-all", "map"];

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Shown<'a> {
    first: &'a str,
    second: &'a str,
    comparisons: &'a [Comparison],
    /// Cells of either side that the other has not.
    alone: [Vec<String>; 2],
    /// Cells that could not be compared, and why.
    refused: Vec<String>,
    conclusions: Vec<String>,
}

pub(super) fn compare(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let sides = [side(global, &arguments.first)?, side(global, &arguments.second)?];
    let metrics: Vec<String> = match arguments.metrics.is_empty() {
        true => METRICS.map(str::to_owned).into(),
        false => {
            let mut known = std::collections::BTreeSet::new();
            let metrics = arguments.metrics.iter().filter(|metric| known.insert(*metric));
            metrics.cloned().collect()
        }
    };
    if let Some(unknown) = metrics.iter().find(|name| metric_title(name).is_none()) {
        bail!("--metric {unknown}: expected one that `icdbench list` has (with a number for k: precision-at-8)");
    }
    let matching = matched([&sides[0], &sides[1]]);
    if matching.pairs.is_empty() {
        bail!(
            "{} and {} have no cell in common: found {} and {} scored cells, expected some of the same data set, labels, length \
             and seed, and of the same run; where two runs are meant, name them (PLACE:RUN)",
            arguments.first,
            arguments.second,
            matching.alone[0].len(),
            matching.alone[1].len()
        );
    }
    let mut family = Vec::new();
    let mut refused = Vec::new();
    for pair in &matching.pairs {
        let without_ranks = pair.decides() && arguments.metrics.is_empty();
        let metrics: Vec<String> = match without_ranks {
            true => metrics.iter().filter(|name| !is_by_rank(name)).cloned().collect(),
            false => metrics.clone(),
        };
        if without_ranks {
            global.notice(&format!(
                "{}: one side decides and gives no scores, so that metrics by rank and areas are not compared",
                pair.run
            ));
        }
        match comparisons(pair, &metrics) {
            Ok(found) => family.extend(found),
            Err(error) => refused.push(error.to_string()),
        }
    }
    holm(&mut family);
    let shown = Shown {
        first: &arguments.first,
        second: &arguments.second,
        conclusions: conclusions(&family, [&arguments.first, &arguments.second]),
        comparisons: &family,
        alone: matching.alone,
        refused,
    };
    if let Some(path) = &arguments.plot {
        plot(path, &shown)?;
    }
    match global.json {
        true => print_json(&shown)?,
        false => print(global, &shown)?,
    }
    Ok(ExitCode::from(match (family.is_empty(), shown.refused.is_empty()) {
        (false, _) => exit::GOOD,
        (true, false) => exit::NOT_COMPARABLE,
        (true, true) => exit::NOT_ENOUGH_DATA,
    }))
}

/// What a comparison is called beside its numbers.
fn title(comparison: &Comparison) -> String {
    let metric = metric_title(&comparison.metric).unwrap_or_else(|| comparison.metric.clone());
    match comparison.bin {
        None => metric,
        Some((lower, upper)) => format!("{metric}, codes in {} training notes", range(lower, upper)),
    }
}

/// So many training notes.
fn range(lower: u32, upper: Option<u32>) -> String {
    match upper {
        Some(upper) if upper == lower => lower.to_string(),
        Some(upper) => format!("{lower}-{upper}"),
        None => format!("{lower} and more"),
    }
}

fn print(global: &Global, shown: &Shown<'_>) -> Result<()> {
    out!("A: {}\nB: {}\n", shown.first, shown.second);
    let head = [
        "run",
        "length",
        "metric (%)",
        "A",
        "B",
        "B - A",
        "95 % interval",
        "p",
        "p (Holm)",
        "could have seen",
    ];
    let mut table = vec![head.map(String::from).to_vec()];
    let percent = |value: f64| format!("{:.1}", 100.0 * value);
    for found in shown.comparisons {
        let p = |p: f64| match p < 0.001 {
            true => "< 0.001".to_owned(),
            false => format!("{p:.3}"),
        };
        let seeds = found
            .sd_over_seeds
            .map_or(String::new(), |sd| format!(" ± {:.1} over seeds", 100.0 * sd));
        table.push(vec![
            found.run.clone(),
            found.length.to_string(),
            title(found),
            percent(found.values[0]),
            percent(found.values[1]),
            format!("{:+.1}{seeds}", 100.0 * found.change),
            format!("{:+.1} to {:+.1}", 100.0 * found.low, 100.0 * found.high),
            format!(
                "{}{}",
                p(found.p),
                if found.test == Test::Bootstrap { " (b)" } else { "" }
            ),
            p(found.p_holm),
            percent(found.detectable),
        ]);
    }
    print_columns(&table)?;
    let of = |what: &dyn Fn(&Comparison) -> String| -> String {
        let all: std::collections::BTreeSet<String> = shown.comparisons.iter().map(what).collect();
        all.into_iter().collect::<Vec<_>>().join(" or ")
    };
    if !shown.comparisons.is_empty() {
        let seeds = |found: &Comparison| found.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        out!(
            "\n{} notes, redrawn by patient; seed {}. p: paired randomisation over patients, (b) normal, with the standard error of \
             the redraws; Holm over the {} tests. Could have seen: the difference that a test at 5 % finds in 8 of 10 samples of \
             as many notes.\n",
            of(&|found| found.notes.to_string()),
            of(&seeds),
            shown.comparisons.len()
        );
    }
    for line in &shown.conclusions {
        out!("{line}");
    }
    for problem in &shown.refused {
        global.notice(problem);
    }
    for (side, cells) in [shown.first, shown.second].iter().zip(&shown.alone) {
        if !cells.is_empty() {
            global.notice(&format!(
                "{} scored cells of {side} have none to be compared with",
                cells.len()
            ));
        }
    }
    Ok(())
}

fn plot(path: &Path, shown: &Shown<'_>) -> Result<()> {
    let lines = shown.comparisons.iter().map(|found| Line {
        group: format!("{}, {}", found.run, found.length),
        label: title(found),
        change: 100.0 * found.change,
        ends: (100.0 * found.low, 100.0 * found.high),
        found: found.finding(),
    });
    let title = format!("{} minus {}, in points, with 95 % intervals", shown.second, shown.first);
    let scene = forest::draw("forest".into(), title, &lines.collect::<Vec<_>>()).context("nothing to plot")?;
    write_plot(&scene, path)
}
