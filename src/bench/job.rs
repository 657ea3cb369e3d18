//! What is timed: a model and its sizes, a task and its sizes, a device, and how often.

use std::num::NonZero;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::protocol::Load;
use super::task_sizes::TaskSizes;
use crate::device::{DeviceChoice, DeviceClass, Unavailable};
use crate::models::evidence::{Evidence, EvidenceNote, EvidenceSpan};
use crate::models::{ModelConfig, Precision, Task, Tokens};

/// Keys of a job that concern PyTorch only.
const OF_PYTORCH: [&str; 2] = ["attention", "fused"];

/// Labels at a time on devices other than the CPU: large blocks fill a GPU.
const LARGE_BLOCK: usize = 2048;

/// One job. As JSON it has the keys of the jobs of `scripts/speed/pytorch_bench.py`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// As the table of models names it.
    pub model: String,
    /// Tokens of each note.
    pub length: usize,
    /// Codes to predict.
    pub codes: usize,
    /// Notes of a batch.
    pub batch: usize,
    /// The model's settings, as a suite writes them.
    pub settings: Map<String, Value>,
    /// Sizes of what the model would be built for.
    pub task: TaskSizes,
    /// Where it runs; `cpu` in a file is flex.
    #[serde(deserialize_with = "read_device", serialize_with = "write_device")]
    pub device: DeviceChoice,
    /// What the model computes in.
    pub precision: Precision,
    /// Computing threads, at most one a CPU.
    pub threads: usize,
    /// Timed runs of each kind, at most.
    pub repeats: usize,
    /// Runs of each kind before the timed ones.
    pub warm_up: usize,
    /// No further repeat after so long of one kind.
    pub seconds: f64,
    /// The process fails beyond so much memory; nine tenths of what is free where absent. CPU only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

/// A job that cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("job {job}: {problem}")]
pub struct Refused {
    /// As it was written.
    pub job: Value,
    /// What was found and what was expected.
    pub problem: String,
}

impl Job {
    /// The job that `written` asks for, with what it leaves out from `common`: its batch is 4 notes up to 4,096
    /// tokens and 2 beyond unless given, its settings are merged into those of the model here. More threads than there
    /// are CPUs are not used.
    ///
    /// # Errors
    /// An unknown key or model, a size of 0, settings that the model refuses.
    pub fn new(written: &Map<String, Value>, common: &Map<String, Value>) -> Result<Self, Refused> {
        let refused = |problem: String| Refused {
            job: Value::Object(written.clone()),
            problem,
        };
        let mut all = common.clone();
        all.extend(written.clone());
        all.retain(|key, value| !OF_PYTORCH.contains(&key.as_str()) && !value.is_null());
        let name = all.get("model").and_then(Value::as_str).unwrap_or_default().to_owned();
        let length = all.get("length").and_then(Value::as_u64).unwrap_or_default();
        let device: DeviceChoice = match all.get("device").and_then(Value::as_str) {
            Some(device) => named(device).map_err(refused)?,
            None => DeviceClass::Flex.into(),
        };
        all.entry("batch").or_insert(json!(if length <= 4096 { 4 } else { 2 }));
        let config = published(&name, length as usize, device.class).map_err(refused)?;
        merge(&mut all, "settings", settings(&config));
        merge(&mut all, "task", task(config.tokens()));
        let job: Self = serde_json::from_value(Value::Object(all)).map_err(|error| refused(error.to_string()))?;
        let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
        let job = Self {
            threads: job.threads.min(cpus),
            ..job
        };
        job.check().map_err(refused)?;
        Ok(job)
    }

    /// A model in its published settings, but for those that are given, with a batch of so many notes of a length, for who
    /// needs the sizes and runs nothing itself.
    ///
    /// # Errors
    /// An unknown model or setting, a size of 0.
    pub fn sized(
        model: &str,
        (length, notes): (usize, usize),
        codes: usize,
        settings: Option<&Map<String, Value>>,
    ) -> Result<Self, Refused> {
        let written = json!({
            "model": model, "length": length, "codes": codes, "batch": notes, "device": "cpu", "precision": "f32",
            "threads": 1, "repeats": 1, "warm_up": 0, "seconds": 0.0, "settings": settings,
        });
        Self::new(&object(written), &Map::new())
    }

    /// The job that an engine was told to make ready.
    ///
    /// # Errors
    /// An unknown model or device, a size of 0, settings that the model refuses.
    pub fn of(load: &Load) -> Result<Self, String> {
        let precision = serde_json::from_value(json!(load.precision))
            .map_err(|_| format!("precision {:?}: expected f32 or bf16", load.precision))?;
        let job = Self {
            model: load.model.clone(),
            length: load.length,
            codes: load.codes,
            batch: 1,
            settings: load.settings.clone(),
            task: load.task,
            device: named(&load.device)?,
            precision,
            threads: load.threads,
            repeats: 1,
            warm_up: 0,
            seconds: 0.0,
            max_bytes: load.max_bytes,
        };
        job.check()?;
        Ok(job)
    }

    /// The model's settings in full.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn config(&self) -> Result<ModelConfig, String> {
        let written = json!({&self.model: self.settings});
        serde_json::from_value(written).map_err(|error| format!("settings: {error}"))
    }

    /// What the model is built for. Codes have no descriptions and words no counts of their own: weights are plain.
    pub fn task(&self) -> Task {
        Task {
            codes: self.codes,
            vocabulary: self.task.vocabulary,
            padding: 0,
            cls: self.task.cls,
            separator: self.task.separator,
            training_notes: 1,
            code_frequency: vec![1; self.codes],
            document_frequency: Some(vec![1; self.task.vocabulary]),
            count_scale: Vec::new(),
            descriptions: vec![Vec::new(); self.codes],
            word_vectors: None,
            encoder: None,
            evidence: Some(Arc::new(self.evidence())),
        }
    }

    /// Evidence for a dictionary: two tokens side by side for every code, in a note of its own.
    fn evidence(&self) -> Evidence {
        let vocabulary = self.task.vocabulary as i32;
        let first = (vocabulary / 2).min(1000);
        let note = |code: u32| {
            let token = |place: i32| first + (7 * code as i32 + place).rem_euclid(vocabulary - first);
            EvidenceNote {
                tokens: vec![token(0), token(1)],
                codes: vec![code],
                spans: vec![EvidenceSpan {
                    code,
                    places: vec![0, 1],
                }],
            }
        };
        Evidence {
            notes: (0..self.codes as u32).map(note).collect(),
        }
    }

    /// Tokens that the model reads of all notes together.
    pub fn tokens(&self) -> usize {
        let read = self.config().map(|config| config.reads(self.length));
        self.batch * read.unwrap_or(self.length)
    }

    /// Whether the CPU can run it. Whether another device can is seen when it starts.
    ///
    /// # Errors
    /// What the CPU lacks.
    pub fn check_cpu(&self) -> Result<(), Unavailable> {
        match self.device.class.runs_on_cpu() {
            true => self.device.open(self.precision).map(|_| ()),
            false => Ok(()),
        }
    }

    fn check(&self) -> Result<(), String> {
        // Greatest sizes that anything has: before a task of such a size is made.
        for (name, value, least, most) in [
            ("length", self.length, 1, 100_000_000),
            ("codes", self.codes, 1, 10_000_000),
            ("batch", self.batch, 1, 1 << 20),
            ("threads", self.threads, 1, usize::MAX),
            ("repeats", self.repeats, 1, usize::MAX),
            // Padding, and an id for tokens.
            ("task.vocabulary", self.task.vocabulary, 2, 10_000_000),
        ] {
            if value < least {
                return Err(format!("{name} = {value}: expected at least {least}"));
            }
            if value > most {
                return Err(format!("{name} = {value}: expected at most {most}"));
            }
        }
        if self.seconds.is_nan() || self.seconds < 0.0 {
            return Err(format!("seconds = {}: expected 0 or more", self.seconds));
        }
        self.config()?.check(&self.task(), self.length)
    }
}

/// Puts what is written under `key` into the defaults.
fn merge(job: &mut Map<String, Value>, key: &str, defaults: Value) {
    let mut merged = object(defaults);
    match job.remove(key) {
        Some(Value::Object(written)) => merged.extend(written),
        Some(other) => {
            job.insert(key.into(), other); // refused when the whole is read
            return;
        }
        None => {}
    }
    job.insert(key.into(), Value::Object(merged));
}

/// The published settings of the model of that name, with label blocks for the device.
pub(super) fn published(model: &str, length: usize, device: DeviceClass) -> Result<ModelConfig, String> {
    let mut config = ModelConfig::published(model, length).ok_or_else(|| {
        let known = ModelConfig::NAMES.join(", ");
        format!("model {model:?} is not known: expected one of {known}")
    })?;
    if let (Some(block), false) = (config.label_block(), device.runs_on_cpu()) {
        *block = LARGE_BLOCK;
    }
    Ok(config)
}

/// A model's settings as a suite writes them, without its name.
pub(super) fn settings(config: &ModelConfig) -> Value {
    let mut all = json!(config);
    all[config.name()].take()
}

/// BERT's own vocabulary for models that read pieces of words, 50,000 words for the others.
fn task(tokens: Tokens) -> Value {
    match tokens {
        Tokens::WordPieces => json!({"vocabulary": 30_522, "cls": 101, "separator": 102}),
        Tokens::Words => json!({"vocabulary": 50_000}),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A device by name; `cpu` is what PyTorch calls it.
fn named(name: &str) -> Result<DeviceChoice, String> {
    match name {
        "cpu" => Ok(DeviceClass::Flex.into()),
        _ => name.parse().map_err(|problem| format!("device {name:?}: {problem}")),
    }
}

fn read_device<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DeviceChoice, D::Error> {
    named(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn write_device<S: Serializer>(device: &DeviceChoice, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(device)
}
