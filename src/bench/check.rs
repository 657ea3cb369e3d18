//! Whether a device computes what the CPU computes: the logits of a model, from the same weights and notes.

use burn::tensor::Device;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::inputs::{Inputs, SEED};
use super::{Job, Refused};
use crate::contain::{panic_message, quietly};
use crate::device::DeviceChoice;
use crate::models::{Initialiser, Model, Precision, parameters};

/// One token, one segment to the last place, some, and more than two segments.
const LENGTHS: [usize; 4] = [1, 128, 211, 300];

/// How far the logits of a device are from the CPU's.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The model.
    pub model: String,
    /// The device.
    #[serde(serialize_with = "shown")]
    pub device: DeviceChoice,
    /// What the model computed in there; the CPU's are f32.
    pub precision: Precision,
    /// The largest logit of the CPU, without its sign.
    pub largest_logit: f64,
    /// The largest difference of two logits.
    pub absolute: f64,
    /// That over the largest logit.
    pub relative: f64,
    /// What it may be.
    pub tolerance: f64,
    /// Whether it is below.
    pub passes: bool,
    /// What went wrong, if anything did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What the largest difference may be, relative to the largest logit. GPUs may multiply f32 matrices in
/// TF32, which has 10 bits of precision; bf16 has 7.
fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 5e-3,
        Precision::Bf16 => 5e-2,
    }
}

/// Compares the logits of `model` on `device` with those of the CPU (flex, f32), for notes of 1 to 300 tokens
/// that segmented models cut in segments of 128. A panic of the device ends up in the answer.
///
/// # Errors
/// An unknown model.
pub fn compare_with_cpu(
    model: &str,
    (choice, device): (DeviceChoice, &Device),
    precision: Precision,
) -> Result<Difference, Refused> {
    let job = job(model, choice, precision)?;
    let (compared, place) = quietly(|| compare(&job, device));
    let outcome = match compared {
        Ok(outcome) => outcome,
        Err(panic) => Err(format!("{}{place}", panic_message(panic.as_ref()))),
    };
    let (largest_logit, absolute) = *outcome.as_ref().unwrap_or(&(f64::NAN, f64::NAN));
    let relative = absolute / largest_logit;
    let tolerance = tolerance(precision);
    Ok(Difference {
        model: model.into(),
        device: choice,
        precision,
        largest_logit,
        absolute,
        relative,
        tolerance,
        passes: relative <= tolerance, // not so where there is none
        error: outcome.err(),
    })
}

/// The sizes that are timed, but short notes, segments and a small vocabulary.
fn job(model: &str, device: DeviceChoice, precision: Precision) -> Result<Job, Refused> {
    let segment = json!(LENGTHS[1]);
    let settings = match model {
        "bert_hier" => json!({"segment": segment}),
        "long_bert" => json!({"segment": segment, "overlap": 33}),
        _ => json!({}),
    };
    let written = json!({
        "model": model, "length": LENGTHS[3], "codes": 50, "batch": LENGTHS.len(), "settings": settings,
        "task": {"vocabulary": 3000}, "device": device.to_string(), "precision": precision, "threads": 1,
        "repeats": 1, "warm_up": 0, "seconds": 0.0,
    });
    let written = match written {
        Value::Object(written) => written,
        _ => Map::new(),
    };
    Job::new(&written, &Map::new())
}

/// The largest logit of the CPU and the largest difference.
fn compare(job: &Job, device: &Device) -> Result<(f64, f64), String> {
    let cpu = Device::flex();
    let expected = logits(job, &cpu, Precision::F32)?;
    let found = logits(job, device, job.precision)?;
    if let Some(logit) = expected.iter().chain(&found).find(|logit| !logit.is_finite()) {
        return Err(format!("a logit is {logit}"));
    }
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, |a: f64, b| a.max(f64::from(b.abs())));
    let difference = largest(&mut expected.iter().zip(&found).map(|(a, b)| a - b));
    match largest(&mut expected.iter().copied()) {
        0.0 => Err("all logits of the CPU are 0".into()),
        size => Ok((size, difference)),
    }
}

fn logits(job: &Job, device: &Device, precision: Precision) -> Result<Vec<f32>, String> {
    let inputs = Inputs::random(job.task.vocabulary, LENGTHS.into(), job.codes, precision);
    Ok(parameters::host(model(job, device)?.logits(&inputs.batch(device))))
}

/// A model all of whose parameters are away from where they start, so that none that starts at 0 or 1 goes unseen.
fn model(job: &Job, device: &Device) -> Result<Model, String> {
    let mut initialiser = Initialiser::new(SEED, device);
    let model = job.config()?.init(&job.task(), &mut initialiser);
    let mut values = parameters::read(&model);
    for (number, parameter) in values.values_mut().enumerate() {
        let mut initialiser = Initialiser::new(SEED + 1 + number as u64, device);
        let moves = initialiser.normal_values(parameter.values.len(), 0.02);
        for (value, by) in parameter.values.iter_mut().zip(moves) {
            *value += by;
        }
    }
    parameters::write(model, values)
}

fn shown<S: serde::Serializer>(device: &DeviceChoice, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(device)
}
