//! Whether a device computes what the CPU computes: the logits and the gradients of a model, from the same weights
//! and notes.

use burn::tensor::{Device, Tensor};
use serde::Serialize;
use serde_json::json;

use super::inputs::{Inputs, SEED};
use super::job::{fit_to, published};
use super::task_sizes::TaskSizes;
use super::{Job, Refused};
use crate::contain::{panic_message, quietly};
use crate::device::DeviceChoice;
use crate::models::dropout::Noise;
use crate::models::parameters::{self, Parameters};
use crate::models::{Initialiser, Model, Precision};

/// One token, one segment to the last place, some, and more than two segments.
const LENGTHS: [usize; 4] = [1, 128, 211, 300];

/// Tokens that neighbouring segments share, for models that cut notes so.
const OVERLAP: usize = 33;

/// How far the logits and gradients of a device are from the CPU's.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The model's name in the table of models.
    pub model: String,
    /// What is compared with the CPU.
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
    /// The greatest `relative` that passes.
    pub tolerance: f64,
    /// The parameter whose gradient is farthest from the CPU's.
    pub gradient_of: String,
    /// The Euclidean length of that difference over the length of the gradient.
    pub gradient_relative: f64,
    /// The greatest `gradient_relative` that passes.
    pub gradient_tolerance: f64,
    /// Whether neither is above what it may be; `false` where nothing was compared.
    pub passes: bool,
    /// What went wrong, if anything did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What the largest difference of logits may be, relative to the largest logit, and that of gradients. GPUs may
/// multiply f32 matrices in TF32, which has 10 bits of precision; bf16 has 7. A gradient has gone through twice as many
/// products.
fn tolerances(precision: Precision) -> [f64; 2] {
    match precision {
        Precision::F32 => [5e-3, 2e-2],
        Precision::Bf16 => [5e-2, 2e-1],
    }
}

/// A gradient whose length is below this share of the longest one's counts as that long: it is mostly rounding.
const SHORT: f64 = 1e-3;

/// Compares the logits and gradients of `model` on `device` with those of the CPU (flex, f32), for notes of 1 to 300 tokens
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
    let (found, error) = match outcome {
        Ok(found) => (found, None),
        Err(error) => (Compared::default(), Some(error)),
    };
    let relative = found.absolute / found.largest_logit;
    let [tolerance, gradient_tolerance] = tolerances(precision);
    Ok(Difference {
        model: model.into(),
        device: choice,
        precision,
        largest_logit: found.largest_logit,
        absolute: found.absolute,
        relative,
        tolerance,
        gradient_of: found.gradient_of,
        gradient_relative: found.gradient_relative,
        gradient_tolerance,
        // Not so where there is none.
        passes: relative <= tolerance && found.gradient_relative <= gradient_tolerance,
        error,
    })
}

/// The sizes that are timed, but short notes, short segments that overlap, and a small vocabulary.
fn job(model: &str, device: DeviceChoice, precision: Precision) -> Result<Job, Refused> {
    let refused = |problem: String| Refused {
        job: json!({"model": model}),
        problem,
    };
    let config = published(model, LENGTHS[3]).map_err(refused)?;
    let mut config = config.segmented(LENGTHS[1], OVERLAP);
    fit_to(&mut config, device.class);
    let job = Job::built(&config, LENGTHS[3], 50, LENGTHS.len());
    let job = Job {
        task: TaskSizes {
            vocabulary: 3000,
            ..job.task
        },
        device,
        precision,
        ..job
    };
    job.check().map_err(refused)?;
    Ok(job)
}

/// What was found; not a number where nothing was.
struct Compared {
    largest_logit: f64,
    absolute: f64,
    gradient_of: String,
    gradient_relative: f64,
}

impl Default for Compared {
    fn default() -> Self {
        Self {
            largest_logit: f64::NAN,
            absolute: f64::NAN,
            gradient_of: String::new(),
            gradient_relative: f64::NAN,
        }
    }
}

fn compare(job: &Job, device: &Device) -> Result<Compared, String> {
    let cpu = Device::flex();
    let mask =
        |device: &Device| parameters::host(Noise::new(SEED, 1).dropout(Tensor::<2>::ones([37, 301], device), 0.1));
    if mask(device) != mask(&cpu) {
        return Err("a dropout mask is not the CPU's".into());
    }
    let (expected, expected_gradients) = computed(job, &cpu, Precision::F32)?;
    let (found, found_gradients) = computed(job, device, job.precision)?;
    if let Some(logit) = expected.iter().chain(&found).find(|logit| !logit.is_finite()) {
        return Err(format!("a logit is {logit}"));
    }
    let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, |a: f64, b| a.max(f64::from(b.abs())));
    let largest_logit = largest(&mut expected.iter().copied());
    if largest_logit == 0.0 {
        return Err("all logits of the CPU are 0".into());
    }
    let (gradient_relative, gradient_of) = farthest(&expected_gradients, &found_gradients)?;
    Ok(Compared {
        largest_logit,
        absolute: largest(&mut expected.iter().zip(&found).map(|(a, b)| a - b)),
        gradient_of,
        gradient_relative,
    })
}

/// The greatest relative difference of two gradients of a parameter, and that parameter.
fn farthest(expected: &Parameters, found: &Parameters) -> Result<(f64, String), String> {
    let length = |values: &mut dyn Iterator<Item = f32>| values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let lengths = expected
        .values()
        .map(|gradient| length(&mut gradient.values.iter().copied()));
    let lengths: Vec<f64> = lengths.collect();
    let longest = lengths.iter().copied().fold(0.0, f64::max);
    let mut most = (0.0, String::new());
    for ((name, expected), size) in expected.iter().zip(lengths) {
        let found = found.get(name).ok_or_else(|| format!("{name} has no gradient"))?;
        let difference = length(&mut expected.values.iter().zip(&found.values).map(|(a, b)| a - b));
        let relative = difference / size.max(SHORT * longest);
        if most.1.is_empty() || relative.is_nan() || relative > most.0 {
            most = (relative, name.clone());
        }
        if relative.is_nan() {
            break;
        }
    }
    Ok(most)
}

/// Logits and gradients, without dropout.
fn computed(job: &Job, device: &Device, precision: Precision) -> Result<(Vec<f32>, Parameters), String> {
    let inputs = Inputs::random(job.task.vocabulary, LENGTHS.into(), job.codes, precision);
    let logits = parameters::host(model(job, device)?.logits(&inputs.batch(device)));
    let device = device.clone().autodiff();
    let model = model(job, &device)?;
    let (_, gradients) = model.gradients(&inputs.batch(&device), inputs.targets(&device));
    Ok((logits, parameters::gradients(&model, gradients)))
}

/// A model all of whose parameters are away from where they start, so that none that starts at 0 or 1 goes unseen.
pub(super) fn model(job: &Job, device: &Device) -> Result<Model, String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::parameters::Values;

    fn gradients(parts: &[(&str, [f32; 2])]) -> Parameters {
        let values = |values: [f32; 2]| Values {
            shape: vec![2],
            values: values.to_vec(),
        };
        parts
            .iter()
            .map(|(name, part)| (name.to_string(), values(*part)))
            .collect()
    }

    #[test]
    fn the_farthest_gradient_is_found_and_named() {
        let expected = gradients(&[("a", [3.0, 4.0]), ("b", [0.0, 1e-9])]);
        let far = |b: [f32; 2]| farthest(&expected, &gradients(&[("a", [3.0, 4.5]), ("b", b)])).unwrap();
        // A half of five, a tenth; what is far from a gradient of next to nothing is set against the longest.
        assert_eq!(far([0.0, 2e-9]), (0.1, "a".into()));
        assert_eq!(far([0.5, 1e-9]).1, "b");
        let (relative, name) = far([f32::NAN, 0.0]);
        assert!(relative.is_nan() && name == "b");
        assert!(farthest(&expected, &gradients(&[("a", [3.0, 4.0])])).is_err());
    }
}
