//! Pretraining steps of icdbench, one for each line that it reads: the half of `scripts/peers/pretraining_speed.py` that is
//! not PyTorch's.
//!
//! Usage: `pretraining_speed SETTINGS.json`, with what [`Asked`] has. It answers with one JSON line when it is ready, and then
//! for each line on its input with the seconds of a step (forward, backward, optimiser), its loss, and the most memory that
//! the process has held so far, in bytes.

use std::io::BufRead;
use std::time::Instant;

use anyhow::{Context, bail};
use burn::tensor::Device;
use icdbench::models::{Precision, parameters};
use icdbench::pretraining::{Batches, Pretraining, PretrainingModel, Sequence, gradients};
use icdbench::train::Stepper;
use serde::Deserialize;
use serde_json::json;

/// What to time.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Asked {
    settings: Pretraining,
    vocabulary: usize,
    /// Of one step each, gone through again and again.
    batches: Vec<Vec<Given>>,
}

/// A sequence, as both sides read it.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Given {
    tokens: Vec<i32>,
    types: Vec<i32>,
    masked: Vec<usize>,
    targets: Vec<i32>,
    is_random_next: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path] = arguments.as_slice() else {
        bail!("usage: pretraining_speed SETTINGS.json");
    };
    let text = std::fs::read(path).with_context(|| path.clone())?;
    let asked: Asked = serde_json::from_slice(&text).with_context(|| path.clone())?;
    let settings = &asked.settings;
    settings
        .check()
        .map_err(|(setting, problem)| anyhow::anyhow!("{setting}: {problem}"))?;
    let device = Device::flex();
    let tracked = device.clone().autodiff();
    let mut model = PretrainingModel::init(settings, asked.vocabulary, None, &tracked).map_err(anyhow::Error::msg)?;
    let mut stepper = Stepper::new(&settings.optimiser, settings.clip_norm).context("an optimiser that takes steps")?;
    let sequence = |given: Given| Sequence {
        tokens: given.tokens,
        types: given.types,
        masked: given.masked,
        targets: given.targets,
        is_random_next: Some(given.is_random_next),
    };
    let batches = asked.batches.into_iter();
    let batches: Vec<Vec<Sequence>> = batches.map(|batch| batch.into_iter().map(sequence).collect()).collect();
    println!("{}", json!({ "parameters": parameters::count(&model) }));
    for (step, line) in std::io::stdin().lock().lines().enumerate() {
        line?;
        let started = Instant::now();
        let how = Batches {
            size: settings.batch_size,
            padding: 0,
            precision: Precision::F32,
            device: &device,
            noise: Some((settings.seed, step as u64)),
        };
        let found = gradients(&model, &batches[step % batches.len()], how);
        let loss = found.loss();
        model = stepper.step(settings.learning_rate, model, found.gradients);
        let seconds = started.elapsed().as_secs_f64();
        println!("{}", json!({ "seconds": seconds, "loss": loss, "peak": peak() }));
    }
    Ok(())
}

/// The most memory that the process has held, in bytes, where the system says.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
