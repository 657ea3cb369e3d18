//! An engine (`icdbench::bench::protocol`) for what a suite trains before its cells, in the place of models:
//!
//! - `pretraining`: a run is a step of the optimiser on a set of sequences. The settings are those of a suite's
//!   `[pretrain.NAME]`, the vocabulary is the task's. The inputs have `tokens` and `types` (i32, `[set, sequence, position]`),
//!   `targets` (i32, the same shape: what is to be predicted there, -1 where nothing is) and `is-random-next` (i32,
//!   `[set, sequence]`). A step has nothing of the settings that say how texts are read and for how long, nor of `accumulate`,
//!   `schedule` and `start`.
//! - `word2vec`: a run trains all vectors anew, in all epochs. The settings are those of `word-vectors = { train = { word2vec =
//!   ... } }`. The inputs have `words` (i32, `[word]`: the words of all texts by their numbers, which fall with their counts) and
//!   `ends` (i32, `[text]`: where each text ends); they are one set.
//!
//! `scripts/peers/stage_speed.py` asks it. It computes on the CPU in f32 with as many threads as it is told.

use std::io::{stdin, stdout};
use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use icdbench::bench::engine::{Engine, serve};
use icdbench::bench::protocol::{About, Failure, Kind, Load, Loaded, Logits, Memory, Ran};
use icdbench::machine::{self, Machine};
use icdbench::models::{Precision, parameters};
use icdbench::pretraining::{Batches, Pretraining, PretrainingModel, Sequence, gradients};
use icdbench::train::Stepper;
use icdbench::word_vectors::{Corpus, Word2Vec, word2vec};
use safetensors::{Dtype, SafeTensors};
use serde::de::DeserializeOwned;
use serde_json::Value;

const STAGES: [&str; 2] = ["pretraining", "word2vec"];

fn main() -> anyhow::Result<()> {
    serve(&mut Stages::default(), stdin().lock(), stdout())
}

/// The engine before and after a stage is ready.
#[derive(Default)]
struct Stages {
    ready: Option<Ready>,
}

enum Ready {
    Pretraining(Box<Encoder>),
    Word2Vec(Words),
}

/// An encoder that is pretrained.
struct Encoder {
    settings: Pretraining,
    /// Absent only while a step is taken.
    model: Option<PretrainingModel>,
    stepper: Stepper,
    sets: Vec<Vec<Sequence>>,
    steps: u64,
}

/// Texts that vectors are trained on.
struct Words {
    settings: Word2Vec,
    counts: Vec<u64>,
    words: Vec<u32>,
    ends: Vec<usize>,
}

impl Engine for Stages {
    fn about(&self) -> About {
        About {
            engine: "stages".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            models: STAGES.map(Into::into).into(),
            modes: Vec::new(),
        }
    }

    fn load(&mut self, load: &Load) -> Result<Loaded, Failure> {
        self.ready = None;
        let others = load.mode.is_some() || load.weights.is_some() || load.max_bytes.is_some();
        if others || load.device != "cpu" || load.precision != "f32" {
            let words =
                "expected no mode, weights and max_bytes, device cpu and precision f32: this engine has nothing else";
            return Err(Failure::unsupported(words));
        }
        machine::computing_threads(load.threads, true).map_err(|error| Failure::failed(error.to_string()))?;
        let idle_rss_bytes = machine::status_bytes("VmRSS:");
        let inputs = Inputs::read(&load.inputs)?;
        let (ready, parameters) = match load.model.as_str() {
            "pretraining" => {
                let encoder = Encoder::new(settings(load)?, load.task.vocabulary, &inputs)?;
                let count = encoder.model.as_ref().map_or(0, parameters::count);
                (Ready::Pretraining(Box::new(encoder)), count)
            }
            "word2vec" => {
                let words = Words::new(settings(load)?, &inputs)?;
                let count = words.parameters();
                (Ready::Word2Vec(words), count)
            }
            other => {
                return Err(Failure::unsupported(format!(
                    "model {other:?}: expected {}",
                    STAGES.join(" or ")
                )));
            }
        };
        self.ready = Some(ready);
        Ok(Loaded {
            parameters,
            machine: Machine::look().cpu,
            idle_rss_bytes,
        })
    }

    fn logits(&mut self, _set: usize) -> Result<Logits, Failure> {
        Err(Failure::unsupported("a stage has no logits"))
    }

    fn run(&mut self, kind: Kind, set: usize) -> Result<Ran, Failure> {
        if kind != Kind::Step {
            return Err(Failure::unsupported("a stage is trained only: expected kind step"));
        }
        match &mut self.ready {
            Some(Ready::Pretraining(encoder)) => encoder.step(set),
            Some(Ready::Word2Vec(words)) => words.train(set),
            None => Err(Failure::failed("nothing is loaded; ask `load` first")),
        }
    }

    fn memory(&mut self, reset: bool) -> Memory {
        if reset {
            machine::reset_peak_memory();
        }
        Memory {
            rss_bytes: machine::status_bytes("VmRSS:"),
            peak_rss_bytes: machine::peak_memory(),
            ..Memory::default()
        }
    }
}

impl Encoder {
    fn new(settings: Pretraining, vocabulary: usize, inputs: &Inputs) -> Result<Self, Failure> {
        let refused = |(setting, problem)| Failure::unsupported(format!("{setting}: {problem}"));
        settings.check().map_err(refused)?;
        let device = Device::flex().autodiff();
        let model = PretrainingModel::init(&settings, vocabulary, None, &device).map_err(Failure::unsupported)?;
        let stepper = Stepper::new(&settings.optimiser, settings.clip_norm)
            .ok_or_else(|| Failure::unsupported("optimiser: expected one that takes steps"))?;
        Ok(Self {
            sets: sequences(inputs)?,
            model: Some(model),
            settings,
            stepper,
            steps: 0,
        })
    }

    fn step(&mut self, set: usize) -> Result<Ran, Failure> {
        let sequences = self.sets.get(set).ok_or_else(|| no_set(set, self.sets.len()))?;
        let started = Instant::now();
        let model = self.model.take().ok_or_else(|| Failure::failed("a step has failed"))?;
        let how = Batches {
            size: self.settings.batch_size,
            padding: 0,
            precision: Precision::F32,
            device: &Device::flex(),
            noise: Some((self.settings.seed, self.steps)),
        };
        let found = gradients(&model, sequences, how);
        let loss = found.loss();
        self.model = Some(self.stepper.step(self.settings.learning_rate, model, found.gradients));
        self.steps += 1;
        finite(Ran {
            seconds: started.elapsed().as_secs_f64(),
            parts: Default::default(),
            loss: Some(loss),
        })
    }
}

impl Words {
    fn new(settings: Word2Vec, inputs: &Inputs) -> Result<Self, Failure> {
        let refused = |(setting, problem)| Failure::unsupported(format!("{setting}: {problem}"));
        settings.check().map_err(refused)?;
        let (words, ends) = (inputs.get("words")?.0, inputs.get("ends")?.0);
        let words: Vec<u32> = words.into_iter().map(|word| word as u32).collect();
        let mut counts = vec![0; words.iter().max().map_or(0, |&last| last as usize + 1)];
        words.iter().for_each(|&word| counts[word as usize] += 1);
        Ok(Self {
            settings,
            counts,
            words,
            ends: ends.into_iter().map(|end| end as usize).collect(),
        })
    }

    /// Numbers in the vectors of words and in those by which they predict: one more for each word by drawn words, and one for
    /// each inner node of the tree of words.
    fn parameters(&self) -> u64 {
        let kept = self
            .counts
            .iter()
            .filter(|&&count| count >= self.settings.min_count)
            .count();
        let drawn = usize::from(self.settings.negative > 0);
        let by_tree = usize::from(self.settings.hierarchical_softmax);
        ((1 + drawn + by_tree) * kept * self.settings.dimension) as u64
    }

    fn train(&self, set: usize) -> Result<Ran, Failure> {
        if set != 0 {
            return Err(no_set(set, 1));
        }
        let corpus = Corpus {
            counts: &self.counts,
            words: &self.words,
            ends: &self.ends,
        };
        let started = Instant::now();
        word2vec(&self.settings, &corpus, &mut |_| true).map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Ran {
            seconds: started.elapsed().as_secs_f64(),
            parts: Default::default(),
            loss: None,
        })
    }
}

/// The numbers of a file, each tensor with its shape.
struct Inputs(Vec<(String, Tensor)>);

type Tensor = (Vec<i32>, Vec<usize>);

impl Inputs {
    fn read(path: &Path) -> Result<Self, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("inputs: {error}"));
        let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| failed(&error))?;
        let number = |bytes: &[u8]| i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let mut tensors = Vec::new();
        for (name, view) in file.tensors() {
            if view.dtype() != Dtype::I32 {
                return Err(failed(&format!("{name} is {:?}; expected I32", view.dtype())));
            }
            let numbers = view.data().chunks_exact(4).map(number).collect();
            tensors.push((name, (numbers, view.shape().to_vec())));
        }
        Ok(Self(tensors))
    }

    fn get(&self, name: &str) -> Result<Tensor, Failure> {
        let found = self.0.iter().find(|(other, _)| other == name);
        let (_, tensor) = found.ok_or_else(|| Failure::failed(format!("inputs: expected a tensor {name:?}")))?;
        Ok(tensor.clone())
    }
}

/// The sequences of each set.
fn sequences(inputs: &Inputs) -> Result<Vec<Vec<Sequence>>, Failure> {
    let (tokens, shape) = inputs.get("tokens")?;
    let &[sets, batch, length] = shape.as_slice() else {
        return Err(Failure::failed("inputs: tokens: expected [set, sequence, position]"));
    };
    let (types, targets) = (inputs.get("types")?.0, inputs.get("targets")?.0);
    let is_random = inputs.get("is-random-next")?.0;
    if types.len() != tokens.len() || targets.len() != tokens.len() || is_random.len() != sets * batch {
        return Err(Failure::failed(
            "inputs: types, targets and is-random-next do not fit tokens",
        ));
    }
    let rows = |all: &[i32], row: usize| all[row * length..][..length].to_vec();
    let sequence = |row: usize| {
        let of_row = rows(&targets, row);
        let masked: Vec<usize> = (0..length).filter(|&place| of_row[place] >= 0).collect();
        Sequence {
            tokens: rows(&tokens, row),
            types: rows(&types, row),
            targets: masked.iter().map(|&place| of_row[place]).collect(),
            masked,
            is_random_next: Some(is_random[row] != 0),
        }
    };
    let set = |set: usize| (set * batch..(set + 1) * batch).map(sequence).collect();
    Ok((0..sets).map(set).collect())
}

fn settings<T: DeserializeOwned>(load: &Load) -> Result<T, Failure> {
    let settings = Value::Object(load.settings.clone());
    serde_json::from_value(settings).map_err(|error| Failure::unsupported(format!("settings: {error}")))
}

fn no_set(set: usize, sets: usize) -> Failure {
    Failure::failed(format!("set {set}: the inputs have {sets}"))
}

fn finite(ran: Ran) -> Result<Ran, Failure> {
    match ran.loss {
        Some(loss) if !loss.is_finite() => Err(Failure::failed(format!("the loss is {loss}"))),
        _ => Ok(ran),
    }
}
