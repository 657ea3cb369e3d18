//! One job on one device: inference, then training steps, after a warm-up of each.

use std::cell::Cell;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, activation};
use serde::Serialize;

use super::inputs::{Inputs, SEED};
use super::{Job, memory};
use crate::contain::{panic_message, quietly};
use crate::machine;
use crate::models::dropout::Noise;
use crate::models::{Initialiser, Model, parameters};
use crate::train::{Decay, Learner, Moments, Part, Stepper};

/// What a job gave. The keys are those of `scripts/speed/pytorch_bench.py`, and some more.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Always `icdbench`: the script's records say `pytorch` here.
    framework: &'static str,
    #[serde(flatten)]
    job: Job,
    /// The CPU or the device, in words.
    machine: String,
    /// Memory held before the model was made (CPU).
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_rss_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<u64>,
    /// Seconds of each timed inference: logits and sigmoid, without gradients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inference_seconds: Vec<f64>,
    /// Most memory held while inferring (CPU).
    #[serde(skip_serializing_if = "Option::is_none")]
    inference_peak_rss_bytes: Option<u64>,
    /// Memory that the device's allocator held after inferring, with what it kept for reuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    inference_peak_device_bytes: Option<u64>,
    /// The notes' tokens over the median of the seconds of inference.
    #[serde(skip_serializing_if = "Option::is_none")]
    inference_tokens_per_second: Option<f64>,
    /// Seconds of each timed training step: loss, gradients, AdamW.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    step_seconds: Vec<f64>,
    /// Most memory held while training (CPU).
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_rss_bytes: Option<u64>,
    /// Memory that the device's allocator held after training, with what it kept for reuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_device_bytes: Option<u64>,
    /// The notes' tokens over the median of the seconds of a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_per_second: Option<f64>,
    /// The loss of the last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<f64>,
    /// What went wrong, if anything did; what was timed before stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Measured {
    /// Nothing timed yet. `device` is the device's description.
    fn new(job: &Job, device: &str) -> Self {
        Self {
            framework: "icdbench",
            job: job.clone(),
            machine: device.into(),
            idle_rss_bytes: None,
            parameters: None,
            inference_seconds: Vec::new(),
            inference_peak_rss_bytes: None,
            inference_peak_device_bytes: None,
            inference_tokens_per_second: None,
            step_seconds: Vec::new(),
            peak_rss_bytes: None,
            peak_device_bytes: None,
            tokens_per_second: None,
            loss: None,
            error: None,
        }
    }

    /// What is known of a job that gave nothing.
    pub(super) fn failed(job: &Job, device: &str, error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::new(job, device)
        }
    }
}

/// Times a job and reports its record after each part (the model made, inference, training), so that a
/// death of the process loses one part only. A panic ends up in the record.
pub(super) fn time(job: &Job, device: &Device, description: &str, mut report: impl FnMut(&Measured)) {
    let mut record = Measured::new(job, description);
    let part = Cell::new("making the model");
    let (result, place) = quietly(|| run(job, device, &mut record, &part, &mut report));
    record.error = match result {
        Ok(Ok(())) => return,
        Ok(Err(problem)) => Some(format!("{}: {problem}", part.get())),
        Err(panic) => Some(format!("{}: {}{place}", part.get(), panic_message(panic.as_ref()))),
    };
    report(&record);
}

fn run(
    job: &Job,
    device: &Device,
    record: &mut Measured,
    part: &Cell<&'static str>,
    report: &mut impl FnMut(&Measured),
) -> Result<(), String> {
    let on_cpu = job.device.class.runs_on_cpu();
    if on_cpu {
        memory::limit(job.max_bytes);
        record.idle_rss_bytes = memory::resident();
    }
    let trained = device.clone().autodiff();
    let model = job.config()?.init(&job.task(), &mut Initialiser::new(SEED, &trained));
    record.parameters = Some(parameters::count(&model));
    let inputs = Inputs::of(job);
    report(record);

    part.set("inference");
    start_over(on_cpu, device);
    record.inference_seconds = infer(job, &model, &inputs, device)?;
    (record.inference_peak_rss_bytes, record.inference_peak_device_bytes) = peak(on_cpu, device);
    record.inference_tokens_per_second = rate(job, &record.inference_seconds);
    report(record);

    part.set("training");
    start_over(on_cpu, device);
    (record.step_seconds, record.loss) = train(job, model, &inputs, &trained)?;
    (record.peak_rss_bytes, record.peak_device_bytes) = peak(on_cpu, device);
    record.tokens_per_second = rate(job, &record.step_seconds);
    report(record);
    Ok(())
}

fn infer(job: &Job, model: &Model, inputs: &Inputs, device: &Device) -> Result<Vec<f64>, String> {
    let model = model.valid();
    repeated(job, || {
        // Read to the host: the device has finished then.
        let probabilities = parameters::host(activation::sigmoid(model.logits(&inputs.batch(device))));
        match probabilities.iter().all(|probability| probability.is_finite()) {
            true => Ok(()),
            false => Err("the logits are not finite".into()),
        }
    })
}

/// Seconds of each step, and the last one's loss.
fn train(job: &Job, model: Model, inputs: &Inputs, device: &Device) -> Result<(Vec<f64>, Option<f64>), String> {
    // PyTorch's defaults of AdamW, as its script has them.
    let moments = Moments {
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        weight_decay: 0.01,
        decay: Decay::All,
    };
    let mut learner = Learner::new(model, Stepper::adamw(moments, 0.0));
    let mut loss = None;
    let mut step = 0;
    let seconds = repeated(job, || {
        let part = Part {
            batch: inputs.batch(device).with_noise(Noise::new(SEED, step)),
            targets: inputs.targets(device),
        };
        step += 1;
        // The step that trains, with its look at the loss.
        loss = Some(learner.step(1e-4, job.batch, [part].into_iter()));
        device.sync().map_err(|error| format!("{error:?}"))
    })?;
    match loss {
        Some(loss) if !loss.is_finite() => Err(format!("the loss is {loss}")),
        _ => Ok((seconds, loss)),
    }
}

/// Seconds of each run after the warm-up, until there are enough or they took long enough.
fn repeated(job: &Job, mut run: impl FnMut() -> Result<(), String>) -> Result<Vec<f64>, String> {
    for _ in 0..job.warm_up {
        run()?;
    }
    let begin = Instant::now();
    let mut seconds = Vec::with_capacity(job.repeats);
    while seconds.len() < job.repeats {
        let start = Instant::now();
        run()?;
        seconds.push(start.elapsed().as_secs_f64());
        if begin.elapsed().as_secs_f64() > job.seconds {
            break;
        }
    }
    Ok(seconds)
}

/// Lets go of what the part before left, and starts counting memory anew.
fn start_over(on_cpu: bool, device: &Device) {
    match on_cpu {
        true => machine::reset_peak_memory(),
        false => device.memory_cleanup(),
    }
}

/// Memory of the process, memory of the device: the one that the models are in.
fn peak(on_cpu: bool, device: &Device) -> (Option<u64>, Option<u64>) {
    match on_cpu {
        true => (machine::peak_memory(), None),
        false => (None, memory::reserved(device)),
    }
}

fn rate(job: &Job, seconds: &[f64]) -> Option<f64> {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let median = match sorted.len() {
        0 => return None,
        count if count % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    };
    Some(job.tokens() as f64 / median)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(written: serde_json::Value) -> Job {
        let common = json!({"codes": 3, "device": "flex", "precision": "f32", "threads": 1, "repeats": 4,
            "warm_up": 1, "seconds": 60.0});
        Job::new(written.as_object().unwrap(), common.as_object().unwrap()).unwrap()
    }

    #[test]
    fn runs_after_the_warm_up_are_timed_until_there_are_enough_or_time_is_up() {
        let caml = job(json!({"model": "caml", "length": 5}));
        let mut runs = 0;
        let mut counted = |job: &Job| {
            runs = 0;
            let seconds = repeated(job, || {
                runs += 1;
                Ok(())
            });
            (seconds.unwrap().len(), runs)
        };
        assert_eq!(counted(&caml), (4, 5));
        assert_eq!(
            counted(&Job {
                seconds: 0.0,
                ..caml.clone()
            }),
            (1, 2)
        );
        let problem = repeated(&caml, || Err("no".into()));
        assert_eq!(problem, Err("no".into()));
    }

    #[test]
    fn the_rate_is_all_tokens_over_the_median_second() {
        let caml = job(json!({"model": "caml", "length": 5}));
        assert_eq!(rate(&caml, &[4.0, 1.0, 100.0]), Some(5.0));
        assert_eq!(rate(&caml, &[4.0, 1.0]), Some(8.0));
        assert_eq!(rate(&caml, &[]), None);
    }

    #[test]
    fn what_goes_wrong_ends_up_in_the_record_with_its_place() {
        let last = |job: &Job| {
            let mut last = None;
            time(job, &Device::flex(), "a CPU", |record| last = Some(record.clone()));
            last.and_then(|record| record.error).unwrap()
        };
        let mut broken = job(json!({"model": "caml", "length": 5}));
        // A vocabulary that does not hold the padding: `Job::new` refuses it, the model panics.
        broken.task.vocabulary = 0;
        let error = last(&broken);
        assert!(
            error.starts_with("making the model: ") && error.contains(".rs:"),
            "{error}"
        );
        broken.settings.insert("width".into(), json!("wide"));
        let error = last(&broken);
        assert!(error.starts_with("making the model: settings: "), "{error}");
    }
}
