//! `icdbench bench`: timings of models on random notes, and whether a device computes what the CPU does.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Deserializer, Map, Value, json};

use super::terminal::out;
use super::{Global, exit, print_columns, print_json};
use crate::bench::{Difference, Job, Workers, compare_with_cpu, serve};
use crate::models::{ModelConfig, Precision};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Models, separated by commas [default: all].
    #[arg(long, value_delimiter = ',', value_name = "MODEL")]
    models: Option<Vec<String>>,
    /// Tokens of each note.
    #[arg(long, value_delimiter = ',', value_name = "N", default_values_t = [512, 2048, 8192])]
    lengths: Vec<usize>,
    /// Codes to predict.
    #[arg(long, value_delimiter = ',', value_name = "N", default_values_t = [50, 8921])]
    codes: Vec<usize>,
    /// Notes [default: 4 up to 4,096 tokens, 2 beyond].
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// What models compute in: f32 or bf16.
    #[arg(long, default_value = "f32", value_parser = precision)]
    precision: Precision,
    /// Timed runs of each kind, at most.
    #[arg(long, value_name = "N", default_value_t = 5)]
    repeats: usize,
    /// Runs of each kind before the timed ones.
    #[arg(long, value_name = "N", default_value_t = 1)]
    warm_up: usize,
    /// No further repeat after so long of one kind.
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    seconds: f64,
    /// Memory at which a job on the CPU fails [default: nine tenths of what is free].
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
    /// Seconds after which a job is ended.
    #[arg(long, value_name = "SECONDS", default_value_t = 600.0)]
    timeout: f64,
    /// Jobs in place of models, lengths and codes: JSON objects or lists of them, one after another, with any of
    /// `model`, `length`, `codes`, `batch`, `settings`, `task`, `device`, `precision`, `threads`, `repeats`,
    /// `warm_up`, `seconds`, `max_bytes`; the options fill in the rest. `-` reads them from standard input as
    /// they come. scripts/speed/pytorch_bench.py reads the same files.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["models", "lengths", "codes"])]
    jobs: Option<PathBuf>,
    /// Time nothing: compare the logits and gradients of each model on the device with those of the CPU in f32, for
    /// the same weights and four short notes. The largest difference may be 0.005 of the largest logit in f32 (GPUs
    /// may multiply in TF32) and 0.05 in bf16, that of a parameter's gradient 0.02 and 0.2 of its length. Exit code 1
    /// when a model is beyond.
    #[arg(long, conflicts_with = "jobs")]
    check: bool,
    /// Run jobs for another process of the program.
    #[arg(long, hide = true)]
    worker: bool,
}

pub(super) fn bench(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    if arguments.worker {
        serve(std::io::stdin().lock(), std::io::stdout())?;
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.check {
        return check(global, arguments);
    }
    let timeout = Duration::try_from_secs_f64(arguments.timeout).context("--timeout")?;
    let program = std::env::current_exe().context("finding the program itself, to run jobs with")?;
    let mut workers = Workers::new(program, vec!["bench".into(), "--worker".into()], timeout);
    let common = arguments.common(global);
    let mut all_good = true;
    let mut run = |job: &Job| -> Result<()> {
        let record = workers.run(job)?;
        all_good &= !record.contains_key("error");
        print_json(&record)?;
        Ok(std::io::stdout().flush()?)
    };
    match &arguments.jobs {
        Some(path) if path.as_os_str() == "-" => {
            for written in written(std::io::stdin().lock()) {
                for job in jobs(&written.context("--jobs -")?, &common)? {
                    run(&job)?;
                }
            }
        }
        _ => {
            // All are read before the first is run: a mistake in the last must not cost the time of the others.
            for job in arguments.listed(&common)? {
                run(&job)?;
            }
        }
    }
    Ok(ExitCode::from(if all_good { exit::GOOD } else { exit::COULD_NOT_RUN }))
}

impl Arguments {
    /// Whether another process of the program has started this one.
    pub(super) fn is_worker(&self) -> bool {
        self.worker
    }

    fn models(&self) -> Vec<String> {
        let all = || ModelConfig::NAMES.iter().map(|&name| name.into()).collect();
        self.models.clone().unwrap_or_else(all)
    }

    /// What every job has unless it says otherwise.
    fn common(&self, global: &Global) -> Map<String, Value> {
        let threads = global.threads.unwrap_or_else(rayon::current_num_threads);
        let common = [
            ("batch", json!(self.batch)),
            ("device", json!(global.device.to_string())),
            ("precision", json!(self.precision)),
            ("threads", json!(threads)),
            ("repeats", json!(self.repeats)),
            ("warm_up", json!(self.warm_up)),
            ("seconds", json!(self.seconds)),
            ("max_bytes", json!(self.max_bytes)),
        ];
        common.into_iter().map(|(key, value)| (key.into(), value)).collect()
    }

    /// The jobs of the file, or every combination of the options.
    fn listed(&self, common: &Map<String, Value>) -> Result<Vec<Job>> {
        if let Some(path) = &self.jobs {
            let place = || path.display().to_string();
            let file = File::open(path).with_context(place)?;
            let mut listed = Vec::new();
            for written in written(BufReader::new(file)) {
                listed.extend(jobs(&written.with_context(place)?, common).with_context(place)?);
            }
            return Ok(listed);
        }
        let mut listed = Vec::new();
        for model in self.models() {
            for length in &self.lengths {
                for codes in &self.codes {
                    let written = json!({"model": model, "length": length, "codes": codes});
                    listed.extend(jobs(&written, common)?);
                }
            }
        }
        Ok(listed)
    }
}

/// JSON values one after another, each as soon as it is there.
fn written(source: impl Read) -> impl Iterator<Item = serde_json::Result<Value>> {
    Deserializer::from_reader(source).into_iter()
}

/// The job, or the list of jobs.
fn jobs(written: &Value, common: &Map<String, Value>) -> Result<Vec<Job>> {
    let listed = match written {
        Value::Array(listed) => listed.as_slice(),
        one => std::slice::from_ref(one),
    };
    let job = |written: &Value| {
        let Value::Object(written) = written else {
            bail!("found {written}; expected a job as a JSON object, or a list of them");
        };
        let job = Job::new(written, common)?;
        job.check_cpu()?;
        Ok(job)
    };
    listed.iter().map(job).collect()
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
