//! Seven of the models a second time, in candle: written from the same papers, with nothing of [`models`](crate::models) in it,
//! so that two frameworks check each other's numbers and can be timed beside each other.
//!
//! [`Candle`] reads weights and inputs from files and runs on the CPU, in f32.

mod bert_hier;
mod bert_trun;
mod bert_xml;
mod bigru_attention;
mod caml;
mod encoder;
mod failure;
mod gru;
mod head;
mod inputs;
mod label_attention;
mod linear;
mod logistic_regression;
mod long_bert;
mod model;
mod pass;
mod rows;
mod sequences;
mod settings;
mod table;
mod train;
mod transformer;
mod weights;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Instant;

use candle_core::Result;

use self::failure::computing;
use self::inputs::Inputs;
use self::model::Model;
use self::pass::Pass;
use self::train::{AdamW, Rates};
use self::weights::Weights;
use crate::bench::engine::Engine;
use crate::bench::memory;
use crate::bench::protocol::{About, Failure, Kind, Load, Loaded, Logits, Memory, Ran};
use crate::machine::{self, Machine};

/// Of the package `candle-core`.
const VERSION: &str = "0.11.1";

/// The optimiser that the protocol asks for.
const RATES: Rates = Rates {
    rate: 1e-4,
    betas: [0.9, 0.999],
    epsilon: 1e-8,
    decay: 0.01,
};

/// The engine.
#[derive(Default)]
pub struct Candle {
    ready: Option<Ready>,
}

/// A model with what it is to read.
struct Ready {
    model: Box<dyn Model>,
    inputs: Inputs,
    optimiser: AdamW,
    steps: u64,
}

impl Engine for Candle {
    fn about(&self) -> About {
        About {
            engine: "candle".into(),
            version: VERSION.into(),
            models: table::NAMES.map(String::from).to_vec(),
            modes: Vec::new(),
        }
    }

    fn load(&mut self, load: &Load) -> std::result::Result<Loaded, Failure> {
        refuse(load)?;
        memory::limit(load.max_bytes);
        let idle_rss_bytes = memory::resident();
        let (ready, parameters) = Ready::new(load)?;
        self.ready = Some(ready);
        Ok(Loaded {
            parameters,
            machine: Machine::look().cpu,
            idle_rss_bytes,
        })
    }

    fn logits(&mut self, set: usize) -> std::result::Result<Logits, Failure> {
        let ready = self.ready()?;
        let notes = &ready.inputs.set(set)?.notes;
        let logits = ready
            .model
            .logits(notes, &Pass::inference())
            .and_then(|logits| logits.to_vec2());
        let logits: Vec<Vec<f32>> = logits.map_err(computing)?;
        finite(logits.iter().flatten(), "the logits")?;
        Ok(Logits { logits })
    }

    fn run(&mut self, kind: Kind, set: usize) -> std::result::Result<Ran, Failure> {
        let ready = self.ready()?;
        match kind {
            Kind::Inference => ready.infer(set),
            Kind::Step => ready.step(set),
        }
    }

    fn memory(&mut self, reset: bool) -> Memory {
        if reset {
            machine::reset_peak_memory();
        }
        Memory {
            rss_bytes: memory::resident(),
            peak_rss_bytes: machine::peak_memory(),
            ..Memory::default()
        }
    }
}

impl Candle {
    fn ready(&mut self) -> std::result::Result<&mut Ready, Failure> {
        self.ready
            .as_mut()
            .ok_or_else(|| Failure::failed("no model is loaded: ask for `load` first"))
    }
}

/// Refuses what this engine does not run on.
fn refuse(load: &Load) -> std::result::Result<(), Failure> {
    settings::only(load.device == "cpu", "device", &load.device, "cpu")?;
    settings::only(load.precision == "f32", "precision", &load.precision, "f32")?;
    match &load.mode {
        Some(mode) => settings::only(false, "mode", mode, "its usual way"),
        None => Ok(()),
    }
}

impl Ready {
    /// With the number of its parameters.
    fn new(load: &Load) -> std::result::Result<(Self, u64), Failure> {
        let inputs = Inputs::read(load)?;
        let mut weights = Weights::open(load.weights.as_deref())?;
        let model = table::take(load, &mut weights)?;
        let (trained, parameters) = weights.finish()?;
        let optimiser = AdamW::new(trained);
        Ok((
            Self {
                model,
                inputs,
                optimiser,
                steps: 0,
            },
            parameters,
        ))
    }

    fn infer(&self, set: usize) -> std::result::Result<Ran, Failure> {
        let notes = &self.inputs.set(set)?.notes;
        let mut clock = Clock::start();
        let probabilities = || -> Result<Vec<f32>> {
            let logits = self.model.logits(notes, &Pass::inference())?;
            (logits.neg()?.exp()? + 1.0)?.recip()?.flatten_all()?.to_vec1()
        };
        let probabilities = probabilities().map_err(computing)?;
        clock.part("forward");
        let ran = clock.stop(None);
        finite(probabilities.iter(), "the probabilities")?;
        Ok(ran)
    }

    fn step(&mut self, set: usize) -> std::result::Result<Ran, Failure> {
        let set = self.inputs.set(set)?;
        let mut clock = Clock::start();
        let targets = set.targets().map_err(computing)?;
        clock.part("data");
        self.steps += 1;
        let loss = self
            .model
            .loss(&set.notes, &targets, &Pass::training(self.steps))
            .map_err(computing)?;
        let value = loss.to_scalar::<f32>().map_err(computing)?;
        clock.part("forward");
        let mut gradients = loss.backward().map_err(computing)?;
        clock.part("backward");
        self.optimiser.step(&mut gradients, RATES).map_err(computing)?;
        clock.part("optimiser");
        finite([value].iter(), "the loss")?;
        Ok(clock.stop(Some(f64::from(value))))
    }
}

/// Seconds of a run and of its parts.
struct Clock {
    start: Instant,
    last: Instant,
    parts: BTreeMap<String, f64>,
}

impl Clock {
    fn start() -> Self {
        let now = Instant::now();
        Self {
            start: now,
            last: now,
            parts: BTreeMap::new(),
        }
    }

    /// Ends a part.
    fn part(&mut self, name: &str) {
        self.parts.insert(name.into(), self.last.elapsed().as_secs_f64());
        self.last = Instant::now();
    }

    fn stop(self, loss: Option<f64>) -> Ran {
        let seconds = self.last.duration_since(self.start).as_secs_f64();
        Ran {
            seconds,
            parts: self.parts,
            loss,
        }
    }
}

fn finite<'a>(mut numbers: impl Iterator<Item = &'a f32>, what: &str) -> std::result::Result<(), Failure> {
    match numbers.all(|number| number.is_finite()) {
        true => Ok(()),
        false => Err(Failure::failed(format!("{what}: not all numbers are finite"))),
    }
}
