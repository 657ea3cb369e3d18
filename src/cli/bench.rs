//! `icdbench bench`: timings of models on random notes, and whether a device computes what the CPU does.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use super::terminal::{out, say};
use super::{Global, bytes, exit, print_columns, print_json, stop};
use crate::bench::protocol::Kind;
use crate::bench::{Difference, Engines, Side, compare_with_cpu};
use crate::device::DeviceClass;
use crate::models::{ModelConfig, Precision};
use crate::report::table::three_digits;
use crate::speed::summary;
use crate::throughput::suite::{Settings, ThroughputSuite};
use crate::throughput::{self, Group, Timing};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Models, separated by commas [default: all].
    #[arg(long, value_delimiter = ',', value_name = "MODEL")]
    models: Option<Vec<String>>,
    /// Engines that take turns, ENGINE[:MODE][@DEVICE] each: burn, candle, pytorch, or the path of a program that speaks
    /// the protocol [default: burn on --device].
    #[arg(long, value_delimiter = ',', value_name = "ENGINE")]
    engines: Option<Vec<Side>>,
    /// Tokens of each note.
    #[arg(long, value_delimiter = ',', value_name = "N", default_values_t = [512, 2048, 8192])]
    lengths: Vec<usize>,
    /// Codes to predict.
    #[arg(long, value_name = "N", default_value_t = 50)]
    codes: usize,
    /// Tokens of a batch: as many notes as fit, at least one.
    #[arg(long, value_name = "N", default_value_t = 2048)]
    batch_tokens: usize,
    /// What models compute in: f32 or bf16.
    #[arg(long, default_value = "f32", value_parser = precision)]
    precision: Precision,
    /// Seconds of timed runs of each kind in one engine; a run that has begun is finished.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    seconds: f64,
    /// Memory that an engine may hold [default: nine tenths of what is free].
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
    /// Seconds after which an engine that has not answered is ended.
    #[arg(long, value_name = "SECONDS", default_value_t = 600.0)]
    timeout: f64,
    /// The Python that runs engines written in it.
    #[arg(long, env = "ICDBENCH_PYTHON", value_name = "PROGRAM", default_value = "python3")]
    python: PathBuf,
    /// Time nothing: compare the logits and gradients of each model on the device with those of the CPU in f32, for
    /// the same weights and four short notes. The largest difference may be 0.005 of the largest logit in f32 (GPUs
    /// may multiply in TF32) and 0.05 in bf16, that of a parameter's gradient 0.02 and 0.2 of its length. Exit code 1
    /// when a model is beyond.
    #[arg(long, conflicts_with_all = ["engines", "lengths", "codes", "batch_tokens", "seconds", "max_bytes", "timeout"])]
    check: bool,
}

pub(super) fn bench(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    match arguments.check {
        true => check(global, arguments),
        false => time(global, arguments),
    }
}

impl Arguments {
    fn models(&self) -> Vec<String> {
        let all = || ModelConfig::NAMES.iter().map(|&name| name.into()).collect();
        self.models.clone().unwrap_or_else(all)
    }

    /// What is asked for, as a suite of timings.
    fn suite(&self, global: &Global) -> Result<ThroughputSuite> {
        let ours = Side {
            device: match global.device.class {
                DeviceClass::Flex => "cpu".into(),
                _ => global.device.to_string(),
            },
            ..Side::burn()
        };
        let suite = ThroughputSuite {
            name: "bench".into(),
            description: "As the options say.".into(),
            throughput: Settings {
                engines: self.engines.clone().unwrap_or_else(|| vec![ours]),
                models: self.models(),
                settings: BTreeMap::new(),
                lengths: self.lengths.clone(),
                codes: self.codes,
                batch_tokens: self.batch_tokens,
                one_note: false,
                shortest: 1.0,
                largest_batch: None,
                kinds: vec![Kind::Inference, Kind::Step],
                precision: self.precision.name().into(),
                half_width: 0.05,
                seconds: self.seconds,
                least_runs: 6,
                peer_runs: 6,
                timeout: self.timeout,
                // Nobody waits for the next call to go on.
                minutes: 1e6,
                max_bytes: self.max_bytes,
            },
        };
        // Read back, since what a suite's file may say is checked there.
        Ok(ThroughputSuite::parse(&toml::to_string(&suite)?, "icdbench bench")?)
    }
}

/// Times all that is asked for in a folder that goes again.
fn time(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let suite = arguments.suite(global)?;
    stop::listen("stopping after this model and length")?;
    let program = std::env::current_exe().context("finding the program itself, to start engines")?;
    let threads = global.threads.unwrap_or_else(rayon::current_num_threads);
    let engines = Engines::new(program, threads, arguments.python.clone()).context("writing engines' scripts")?;
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    let tell = |sentence: &str| {
        if !global.quiet {
            say!("{sentence}");
        }
    };
    let stopped = || stop::STOP.load(Ordering::SeqCst);
    let outcome = throughput::run(&suite, folder.path(), &engines, false, &tell, &stopped)?;
    match global.json {
        true => outcome.groups.iter().try_for_each(print_json)?,
        false => {
            let settings = &suite.throughput;
            out!(
                "Medians in milliseconds with their 95 % intervals; {} codes, {}, {threads} threads; memory at its peak of a step",
                settings.codes,
                settings.precision
            );
            let heads = [
                "model",
                "tokens",
                "notes",
                "engine",
                "inference",
                "training step",
                "memory",
                "",
            ];
            let mut rows = vec![heads.map(String::from).into()];
            for group in &outcome.groups {
                rows.extend(
                    settings
                        .engines
                        .iter()
                        .map(|engine| timed_row(group, &engine.to_string())),
                );
            }
            print_columns(&rows)?;
        }
    }
    let timings = || outcome.groups.iter().flat_map(|group| &group.timings);
    Ok(ExitCode::from(match () {
        () if outcome.stopped => exit::INTERRUPTED,
        () if timings().all(|timing| timing.failure.is_none()) => exit::GOOD,
        () => exit::COULD_NOT_RUN,
    }))
}

fn timed_row(group: &Group, engine: &str) -> Vec<String> {
    let [inference, step] = [Kind::Inference, Kind::Step].map(|kind| group.timing(engine, kind));
    let memory = step.and_then(|step| step.memory.peak_device_bytes.or(step.memory.peak_rss_bytes));
    let failure = [inference, step]
        .into_iter()
        .flatten()
        .find_map(|timing| timing.failure.as_ref());
    vec![
        group.model.clone(),
        group.length.to_string(),
        group.batch.to_string(),
        engine.into(),
        milliseconds(inference),
        milliseconds(step),
        memory.map_or("-".into(), bytes),
        failure.map_or(String::new(), |failure| format!("fails: {failure}")),
    ]
}

fn milliseconds(timing: Option<&Timing>) -> String {
    let shown = |seconds: f64| three_digits(1e3 * seconds);
    match timing.and_then(|timing| summary(&timing.seconds).ok().flatten()) {
        None => "-".into(),
        Some(found) => match found.interval {
            None => shown(found.median),
            Some((low, high)) => format!("{} [{}-{}]", shown(found.median), shown(low), shown(high)),
        },
    }
}

fn check(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let models = arguments.models();
    let device = global.device.open(arguments.precision)?;
    let mut rows = vec![
        ["model", "logits", "at most", "gradients", "at most", "farthest", ""]
            .map(String::from)
            .into(),
    ];
    let mut all_pass = true;
    for model in &models {
        let found = compare_with_cpu(model, (global.device, &device), arguments.precision)?;
        all_pass &= found.passes;
        match global.json {
            true => print_json(&found)?,
            false => rows.push(row(&found)),
        }
        std::io::stdout().flush()?;
    }
    if !global.json {
        let precision = arguments.precision.name();
        let what = "Logits, relative to the largest, and gradients, relative to their lengths,";
        out!("{what} on {} in {precision} against the CPU in f32", global.device);
        print_columns(&rows)?;
    }
    Ok(ExitCode::from(if all_pass { exit::GOOD } else { exit::WORSE }))
}

fn row(found: &Difference) -> Vec<String> {
    let verdict = match (&found.error, found.passes) {
        (Some(error), _) => format!("fails: {error}"),
        (None, true) => "passes".into(),
        (None, false) => "fails".into(),
    };
    vec![
        found.model.clone(),
        format!("{:.1e}", found.relative),
        format!("{:.1e}", found.tolerance),
        format!("{:.1e}", found.gradient_relative),
        format!("{:.1e}", found.gradient_tolerance),
        found.gradient_of.clone(),
        verdict,
    ]
}

fn precision(text: &str) -> Result<Precision, String> {
    match serde_json::from_value(json!(text)) {
        Ok(precision) => Ok(precision),
        Err(_) => Err("expected f32 or bf16".into()),
    }
}
