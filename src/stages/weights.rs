//! Stage `weights`: a trained model. Beside its weights lies all that it takes to use them without the training notes:
//! the tokenizer, the model's settings and its codes.

use std::sync::Arc;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::made::{Seen, Tokens};
use super::tokens::task_of;
use super::{Error, Stop, Workshop, tokenizer};
use crate::device::{DeviceClass, Unavailable};
use crate::machine;
use crate::models::coding_model::WordVectors;
use crate::models::evidence::Evidence;
use crate::models::{Initialiser, Model, ModelConfig, Precision, Task, parameters};
use crate::plan::Cell;
use crate::record::{StageName, Status};
use crate::results::files;
use crate::results::kept::{Draft, Kept, Trouble};
use crate::results::runner::Wanted;
use crate::suite::Run;
use crate::text::Tokenizer;
use crate::train::{Collective, End, Examples, Fit, Others, Reading, Selection, TrainedFacts, checkpoint, train};

/// The file of the weights in the stage's folder, laid out as a checkpoint.
pub const WEIGHTS: &str = "weights.safetensors";
const MODEL: &str = "model.json";
/// The notes that it was trained and tuned on, by hashes.
const SEEN: &str = "seen.json";
/// The folder of a training's work that becomes the stage's output.
const KEPT: &str = "kept";

/// What the list of the stage says beside its files.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Facts {
    /// How the model came about.
    pub(super) trained: TrainedFacts,
    /// Most memory that the process held while training, in bytes.
    pub(super) peak_memory_bytes: Option<u64>,
}

/// A trained model, ready to score.
pub struct Weights {
    /// On the workshop's device, with the weights of the selected epoch.
    pub model: Model,
    /// SHA-256 of the weights' file.
    pub sha256: String,
    pub(super) facts: Facts,
}

/// How to build a model and how it reads, without the data it was trained on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Built {
    model: ModelConfig,
    /// By column of the logits.
    codes: Vec<String>,
    code_frequency: Vec<u32>,
    training_notes: usize,
    count_scale: Vec<f32>,
    titles: Vec<Vec<u32>>,
    /// Length of a pretrained word vector, where the model was built with some.
    word_vectors: Option<usize>,
    /// What annotators marked in the training notes, where the model is made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence>,
    reads: usize,
    batch_size: usize,
    precision: Precision,
}

impl Workshop<'_> {
    /// How notes reach a cell's model.
    pub(super) fn reading(&self, cell: &Cell, task: &Task) -> Reading {
        let run = &self.plan.suite.runs[cell.run];
        Reading {
            length: run.model.reads(cell.length as usize),
            batch_size: run.training.batch_size,
            padding: task.padding,
            precision: self.plan.suite.precision,
        }
    }

    /// The trained model of a cell.
    pub(super) fn weights(&self, cell: &Cell, tokens: &Tokens, task: &Task) -> Result<Weights, Stop> {
        let wanted = self.wanted(cell, StageName::Weights);
        let run = &self.plan.suite.runs[cell.run];
        let read = |kept: &Kept| {
            let model = run.model.init(task, &mut Initialiser::new(cell.seed, self.device));
            filled(model, kept)
        };
        let found = self
            .runner
            .obtain(wanted, &self.patience(), read, || self.train(cell, tokens, task))?;
        // A run that was killed between its last two steps has left its checkpoints.
        self.forget_work(wanted)?;
        Ok(found)
    }

    /// Removes the checkpoints of a training that has ended.
    pub(super) fn forget_work(&self, wanted: Wanted) -> Result<(), files::Error> {
        let work = self.runner.store().work(wanted.key);
        match work.exists() {
            true => match self.runner.try_lock(wanted.name.word(), wanted.key)? {
                Some(_lock) => files::remove_directory(&work),
                None => Ok(()),
            },
            false => Ok(()),
        }
    }

    /// The devices of a run's training beside the workshop's.
    fn others(&self, run: &Run) -> Result<Others, Stop> {
        let replicas = run.training.replicas;
        let problem = |lack: String| format!("replicas = {replicas}: {lack}");
        if replicas > 1 && !self.choice.class.trains_replicas() {
            let lack = Unavailable {
                device: self.choice,
                lack: self.choice.class.lacks_replicas(),
            };
            return Err(Stop::Cell(Status::Unsupported, problem(lack.to_string())));
        }
        // As where the first cannot be had: another machine may have them.
        let lacking = |lack: Unavailable| Error::Run {
            run: run.title().into(),
            problem: problem(lack.to_string()),
        };
        Ok(Others {
            devices: self
                .choice
                .others(replicas - 1, self.plan.suite.precision)
                .map_err(lacking)?,
            collective: match self.choice.class {
                DeviceClass::Flex => Collective::InProcess,
                _ => Collective::AllReduce,
            },
        })
    }

    fn train(&self, cell: &Cell, tokens: &Tokens, task: &Task) -> Result<Weights, Stop> {
        let suite = &self.plan.suite;
        let run = &suite.runs[cell.run];
        let store = self.runner.store();
        let notes = self.notes(cell)?;
        let wanted = self.wanted(cell, StageName::Weights);
        let others = self.others(run)?;
        let directory = store.work(wanted.key);
        let draft = directory.join(KEPT);
        files::make_directory(&store.private().join("work"), true)?;
        files::make_directory(&store.stage(StageName::Weights), true)?;
        files::make_directory(&draft, true)?;
        let fit = Fit {
            model: &run.model,
            task,
            recipe: &run.training,
            selection: &Selection::of(&suite.evaluation, &run.training.select),
            training: Examples {
                tokens: &tokens.training,
                gold: &notes.training_gold,
            },
            validation: Examples {
                tokens: &tokens.validation,
                gold: &notes.validation_gold,
            },
            reading: self.reading(cell, task),
            seed: cell.seed,
            device: self.device,
            others: &others,
            directory: &directory,
            best: &draft.join(WEIGHTS),
            checkpoint_every: self.checkpoint_every,
        };
        let trained = match train(&fit, self.observer).map_err(Stop::of_training)? {
            End::Finished(trained) => trained,
            End::Interrupted => return Err(Stop::Interrupted),
        };
        let facts = Facts {
            trained: trained.facts,
            peak_memory_bytes: machine::peak_memory(),
        };
        let built = Built {
            model: run.model.clone(),
            codes: notes.codes[..task.codes].to_vec(),
            code_frequency: task.code_frequency.clone(),
            training_notes: task.training_notes,
            count_scale: task.count_scale.clone(),
            titles: task.descriptions.clone(),
            word_vectors: task.word_vectors.as_ref().map(|vectors| vectors.dimension),
            evidence: task
                .evidence
                .as_deref()
                .filter(|_| run.model.is_made_of_evidence())
                .cloned(),
            reads: fit.reading.length,
            batch_size: fit.reading.batch_size,
            precision: fit.reading.precision,
        };
        let mut kept = Draft::at(&draft);
        let sha256 = kept.adopt(WEIGHTS)?;
        kept.write(tokenizer::FILE, &self.tokenizer(cell)?.to_json())?;
        kept.json(MODEL, &built)?;
        kept.json(SEEN, &notes.seen)?;
        kept.publish(
            &store.place(wanted.name, wanted.key),
            (wanted.name, wanted.stage),
            &facts,
        )?;
        files::remove_directory(&directory)?;
        Ok(Weights {
            model: trained.model,
            sha256,
            facts,
        })
    }
}

/// A model with the weights that were kept.
fn filled(model: Model, kept: &Kept) -> Result<Weights, Trouble> {
    let damaged = |problem: String| Trouble::Damaged {
        path: kept.path(WEIGHTS),
        problem,
    };
    // Nobody reads these here, but predicting with the weights needs them whole.
    kept.read(MODEL)?;
    kept.read(SEEN)?;
    kept.read(tokenizer::FILE)?;
    // Compared with the list, and with its own checksum.
    let bytes = kept.read(WEIGHTS)?;
    let found = checkpoint::parse::<()>(&bytes).map_err(damaged)?;
    Ok(Weights {
        model: parameters::write(model, found.parameters).map_err(damaged)?,
        sha256: kept.sha256(WEIGHTS).unwrap_or_default().to_owned(),
        facts: kept.facts()?,
    })
}

/// A trained model as it was kept, to be used on new notes.
pub struct Predictor {
    /// With the kept weights, on the device that it was opened for.
    pub model: Model,
    /// How text becomes its tokens.
    pub tokenizer: Tokenizer,
    /// Codes by column of the logits.
    pub codes: Vec<String>,
    /// How notes reach it.
    pub reading: Reading,
    /// A code is predicted when its probability is above it.
    pub threshold: f32,
    /// The class of the device that it was trained on, as the stage's settings name it.
    pub device: String,
    /// The notes that it was trained and tuned on, by hashes.
    pub seen: Seen,
}

impl Predictor {
    /// Opens the weights of a stage on a device.
    ///
    /// # Errors
    /// A file is missing or was changed.
    pub fn open(kept: &Kept, device: &Device) -> Result<Self, Trouble> {
        let tokenizer = tokenizer::read(kept)?;
        let built: Built = kept.json(MODEL)?;
        let vectors = built.word_vectors.map(|dimension| WordVectors {
            dimension,
            values: vec![0.0; tokenizer.size() * dimension],
        });
        let task = Task {
            codes: built.codes.len(),
            training_notes: built.training_notes,
            code_frequency: built.code_frequency,
            count_scale: built.count_scale,
            descriptions: built.titles,
            word_vectors: vectors,
            evidence: built.evidence.map(Arc::new),
            ..task_of(&tokenizer)
        };
        let model = built.model.init(&task, &mut Initialiser::new(0, device));
        let weights = filled(model, kept)?;
        let seen = kept.json(SEEN)?;
        let settings = &kept.made_from().settings;
        Ok(Self {
            model: weights.model,
            reading: Reading {
                length: built.reads,
                batch_size: built.batch_size,
                padding: tokenizer.padding(),
                precision: built.precision,
            },
            tokenizer,
            codes: built.codes,
            seen,
            threshold: weights.facts.trained.threshold,
            device: settings
                .get("device")
                .and_then(|name| name.as_str())
                .unwrap_or_default()
                .to_owned(),
        })
    }
}
