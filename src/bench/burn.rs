//! The engine `burn`: the program's own models, on any of its devices.

use std::collections::BTreeMap;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData, activation};

use super::engine::Engine;
use super::inputs::SEED;
use super::job::fit_to;
use super::protocol::{About, Failure, FailureKind, Kind, Load, Loaded, Logits, Memory, Ran};
use super::sets::Sets;
use super::{Job, memory, weights};
use crate::device::{Unavailable, lacks_precision};
use crate::machine::{self, Machine, built};
use crate::models::dropout::Noise;
use crate::models::{Batch, Initialiser, Model, ModelConfig, parameters};
use crate::train::{Decay, Learner, Moments, Part, Stepper};

/// The engine before and after a model is ready.
#[derive(Default)]
pub struct Burn {
    ready: Option<Ready>,
}

struct Ready {
    job: Job,
    device: Device,
    learner: Learner,
    sets: Sets,
    /// Training steps so far: each has noise of its own.
    steps: u64,
}

impl Engine for Burn {
    fn about(&self) -> About {
        About {
            engine: "burn".into(),
            version: version().into(),
            models: ModelConfig::NAMES.iter().map(|&name| name.into()).collect(),
            modes: Vec::new(),
        }
    }

    fn load(&mut self, load: &Load) -> Result<Loaded, Failure> {
        self.ready = None;
        if let Some(mode) = &load.mode {
            return Err(Failure::unsupported(format!(
                "mode {mode:?}: burn has its usual way only"
            )));
        }
        let job = Job::of(load).map_err(Failure::unsupported)?;
        let words = |lack| {
            let device = job.device;
            Unavailable { device, lack }.to_string()
        };
        let started = job.device.start().map_err(|lack| Failure {
            kind: FailureKind::Unavailable,
            words: words(lack),
        })?;
        if let Some(lack) = lacks_precision(job.device.class, &started.device, job.precision) {
            return Err(Failure::unsupported(words(lack)));
        }
        let on_cpu = job.device.class.runs_on_cpu();
        if on_cpu {
            memory::limit(load.max_bytes);
        }
        let idle_rss_bytes = memory::resident();
        let trained = started.device.clone().autodiff();
        let mut config = job.config().map_err(Failure::unsupported)?;
        fit_to(&mut config, job.device.class);
        let model = config.init(&job.task(), &mut Initialiser::new(SEED, &trained));
        let model = match &load.weights {
            Some(path) => {
                let found = weights::read(path).map_err(Failure::failed)?;
                parameters::write(model, found).map_err(|problem| Failure::failed(format!("weights: {problem}")))?
            }
            None => model,
        };
        let sets = Sets::read(&load.inputs).map_err(|error| Failure::failed(error.to_string()))?;
        let loaded = Loaded {
            parameters: parameters::count(&model),
            machine: match on_cpu {
                true => Machine::look().cpu,
                false => started.description,
            },
            idle_rss_bytes,
        };
        self.ready = Some(Ready {
            job,
            device: started.device,
            learner: Learner::new(model, Stepper::adamw(moments(), 0.0)),
            sets,
            steps: 0,
        });
        Ok(loaded)
    }

    fn logits(&mut self, set: usize) -> Result<Logits, Failure> {
        let ready = self.ready()?;
        let model = ready.learner.model().valid();
        let logits = parameters::host(model.logits(&ready.batch(set, &ready.device)?));
        finite(&logits)?;
        Ok(Logits {
            logits: logits.chunks(ready.job.codes).map(<[f32]>::to_vec).collect(),
        })
    }

    fn run(&mut self, kind: Kind, set: usize) -> Result<Ran, Failure> {
        let ready = self.ready()?;
        match kind {
            Kind::Inference => ready.infer(set),
            Kind::Step => ready.step(set),
        }
    }

    fn memory(&mut self, reset: bool) -> Memory {
        let on_cpu = self
            .ready
            .as_ref()
            .is_none_or(|ready| ready.job.device.class.runs_on_cpu());
        let device = self.ready.as_ref().filter(|_| !on_cpu).map(|ready| &ready.device);
        if reset {
            machine::reset_peak_memory();
            if let Some(device) = device {
                device.memory_cleanup();
            }
        }
        let reserved = device.and_then(memory::reserved);
        Memory {
            rss_bytes: memory::resident(),
            peak_rss_bytes: machine::peak_memory(),
            device_bytes: reserved,
            // The allocator gives nothing back unless it is told to: what it holds is the most that it held.
            peak_device_bytes: reserved,
        }
    }
}

impl Burn {
    fn ready(&mut self) -> Result<&mut Ready, Failure> {
        self.ready
            .as_mut()
            .ok_or_else(|| Failure::failed("no model is ready: expected `load` first"))
    }
}

impl Ready {
    fn batch(&self, set: usize, device: &Device) -> Result<Batch, Failure> {
        let notes = self.sets.notes(set).ok_or_else(|| no_set(set, &self.sets))?;
        Ok(Batch::new(notes, 0, device).with_precision(self.job.precision))
    }

    fn infer(&self, set: usize) -> Result<Ran, Failure> {
        let model: Model = self.learner.model().valid();
        let start = Instant::now();
        let batch = self.batch(set, &self.device)?;
        let data = start.elapsed().as_secs_f64();
        // Read to the host: the device has finished then.
        let probabilities = parameters::host(activation::sigmoid(model.logits(&batch)));
        let seconds = start.elapsed().as_secs_f64();
        finite(&probabilities)?;
        Ok(Ran {
            seconds,
            parts: BTreeMap::from([("data".into(), data), ("forward".into(), seconds - data)]),
            loss: None,
        })
    }

    fn step(&mut self, set: usize) -> Result<Ran, Failure> {
        let device = self.device.clone().autodiff();
        let start = Instant::now();
        let batch = self.batch(set, &device)?.with_noise(Noise::new(SEED, self.steps));
        let part = Part {
            targets: self.targets(set, &device)?,
            batch,
        };
        let data = start.elapsed().as_secs_f64();
        self.steps += 1;
        let notes = part.batch.notes();
        let found = self.learner.gradients(notes, [part].into_iter());
        let loss = found.loss;
        let computed = start.elapsed().as_secs_f64();
        self.learner.apply(1e-4, found);
        device.sync().map_err(|error| Failure::failed(format!("{error:?}")))?;
        let seconds = start.elapsed().as_secs_f64();
        if !loss.is_finite() {
            return Err(Failure::failed(format!("the loss is {loss}")));
        }
        let parts = [
            ("data", data),
            ("gradients", computed - data),
            ("optimiser", seconds - computed),
        ];
        Ok(Ran {
            seconds,
            parts: parts.map(|(name, seconds)| (name.into(), seconds)).into(),
            loss: Some(loss),
        })
    }

    /// `[note, code]`.
    fn targets(&self, set: usize, device: &Device) -> Result<Tensor<2>, Failure> {
        let targets = self.sets.targets(set).ok_or_else(|| no_set(set, &self.sets))?;
        let values: Vec<f32> = targets.iter().map(|&target| f32::from(target)).collect();
        let shape = [values.len() / self.job.codes, self.job.codes];
        Ok(Tensor::from_data(TensorData::new(values, shape), device))
    }
}

/// Burn's name and version, as it was built in.
fn version() -> &'static str {
    let mut packages = built::NUMERIC_PACKAGES.split(", ");
    packages.find(|package| package.starts_with("burn ")).unwrap_or("burn")
}

/// PyTorch's defaults of AdamW, which the protocol asks for.
fn moments() -> Moments {
    Moments {
        betas: [0.9, 0.999],
        epsilon: 1e-8,
        weight_decay: 0.01,
        decay: Decay::All,
    }
}

fn no_set(set: usize, sets: &Sets) -> Failure {
    Failure::failed(format!("set {set}: the inputs have {}, counted from 0", sets.len()))
}

fn finite(values: &[f32]) -> Result<(), Failure> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(Failure::failed(format!("a logit is {value}"))),
        None => Ok(()),
    }
}
