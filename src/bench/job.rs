//! What an engine makes ready: a model and its sizes, a task and its sizes, a device.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::protocol::Load;
use super::task_sizes::TaskSizes;
use crate::device::{DeviceChoice, DeviceClass};
use crate::models::evidence::{Evidence, EvidenceNote, EvidenceSpan};
use crate::models::{ModelConfig, Precision, Task, Tokens};

/// Labels at a time on devices other than the CPU: large blocks fill a GPU.
const LARGE_BLOCK: usize = 2048;

/// One model, what it reads and where.
#[derive(Clone, Debug)]
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
    /// Where it runs.
    pub device: DeviceChoice,
    /// What the model computes in.
    pub precision: Precision,
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
    /// A model in its published settings, but for those that are given, with a batch of so many notes of a length, on the
    /// CPU.
    ///
    /// # Errors
    /// An unknown model or setting, a size of 0.
    pub fn sized(
        model: &str,
        (length, notes): (usize, usize),
        codes: usize,
        settings: Option<&Map<String, Value>>,
    ) -> Result<Self, Refused> {
        let refused = |problem: String| Refused {
            job: json!({"model": model, "length": length, "codes": codes, "batch": notes, "settings": settings}),
            problem,
        };
        let config = published(model, length).map_err(refused)?;
        let mut job = Self::built(&config, length, codes, notes);
        job.settings.extend(settings.cloned().unwrap_or_default());
        job.check().map_err(refused)?;
        Ok(job)
    }

    /// A model in these settings, on the CPU in f32, with BERT's own vocabulary where it reads pieces of words and
    /// 50,000 words otherwise. Nothing is checked.
    pub(super) fn built(config: &ModelConfig, length: usize, codes: usize, notes: usize) -> Self {
        Self {
            model: config.name().into(),
            length,
            codes,
            batch: notes,
            settings: settings(config),
            task: match config.tokens() {
                Tokens::WordPieces => TaskSizes {
                    vocabulary: 30_522,
                    cls: Some(101),
                    separator: Some(102),
                },
                Tokens::Words => TaskSizes {
                    vocabulary: 50_000,
                    cls: None,
                    separator: None,
                },
            },
            device: DeviceClass::Flex.into(),
            precision: Precision::F32,
        }
    }

    /// What an engine is told of the job, to compute on the CPU with one thread; its notes are in the file `inputs`.
    pub fn load(&self, inputs: PathBuf) -> Load {
        Load {
            model: self.model.clone(),
            settings: self.settings.clone(),
            task: self.task,
            codes: self.codes,
            length: self.length,
            device: "cpu".into(),
            precision: self.precision.name().into(),
            mode: None,
            threads: 1,
            weights: None,
            inputs,
            max_bytes: None,
        }
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

    /// Whether a task of these sizes can be made and the model takes its settings.
    pub(super) fn check(&self) -> Result<(), String> {
        // Greatest sizes that anything has: before a task of such a size is made.
        for (name, value, least, most) in [
            ("length", self.length, 1, 100_000_000),
            ("codes", self.codes, 1, 10_000_000),
            ("batch", self.batch, 1, 1 << 20),
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
        self.config()?.check(&self.task(), self.length)
    }
}

/// The published settings of the model of that name.
pub(super) fn published(model: &str, length: usize) -> Result<ModelConfig, String> {
    ModelConfig::published(model, length).ok_or_else(|| {
        let known = ModelConfig::NAMES.join(", ");
        format!("model {model:?} is not known: expected one of {known}")
    })
}

/// Label blocks of a size for the device. Scores do not depend on it, and published settings have one for a CPU's caches.
pub(super) fn fit_to(config: &mut ModelConfig, device: DeviceClass) {
    if let (Some(block), false) = (config.label_block(), device.runs_on_cpu()) {
        *block = LARGE_BLOCK;
    }
}

/// A model's settings as a suite writes them, without its name.
fn settings(config: &ModelConfig) -> Map<String, Value> {
    match json!(config)[config.name()].take() {
        Value::Object(settings) => settings,
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
