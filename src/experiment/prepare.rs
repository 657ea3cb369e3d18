//! What a suite needs before any compute: notes in their roles, labels, tokens, tasks, and the cells
//! with their keys. Everything that can be wrong with a suite's settings is found here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cell::{Cell, all_inputs, cell_inputs, describe, grid, key_of};
use super::initial_weights::Checkpoints;
use super::salt::Salt;
use super::text_data::TextData;
use crate::data::{self, Corpus, Division, LabelSet, Note, Registry};
use crate::models::Task;
use crate::suite::{Run, Suite};
use crate::train::Examples;
use crate::{checkpoint, text};

/// Fingerprints of what the data and the tokenizer turned out to be.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    pub(super) data: String,
    pub(super) titles: String,
    pub(super) labels: String,
    pub(super) tokenizer: String,
    pub(super) word_vectors: String,
    pub(super) initial_weights: String,
    pub(super) salt: String,
}

/// Why a suite cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data set.
    #[error(transparent)]
    Data(#[from] data::Error),
    /// Tokenizer, vocabulary or word vectors.
    #[error("[text.{name}]: {source}")]
    Text {
        /// The suite's name of it.
        name: String,
        /// What is wrong.
        source: text::Error,
    },
    /// A pretrained encoder.
    #[error("[checkpoint.{name}]: {source}")]
    Checkpoint {
        /// The suite's name of it.
        name: String,
        /// What is wrong.
        source: Box<checkpoint::Error>,
    },
    /// Parts of a run that do not go together.
    #[error("run {run:?}: {problem}")]
    Run {
        /// The run's title.
        run: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A model's settings.
    #[error("run {run:?}, length {length}: {problem}")]
    Model {
        /// The run's title.
        run: String,
        /// The sequence length.
        length: u32,
        /// What was found and what was expected.
        problem: String,
    },
    /// A note without tokens.
    #[error(
        "[text.{text}]: {role} note {position} of {all} has no token left after normalising: such a note cannot be \
         scored. Use another `normalise` recipe, or take the note out of the data set"
    )]
    EmptyNote {
        /// The suite's name of the tokenizer.
        text: String,
        /// `training`, `validation` or `evaluation`.
        role: &'static str,
        /// From 1, in the data set's order.
        position: usize,
        /// Notes in that role.
        all: usize,
    },
    /// The file system.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
}

/// Places and choices that do not belong to the suite.
#[derive(Clone, Debug)]
pub struct Places<'a> {
    /// Where data sets lie.
    pub data: Option<&'a Path>,
    /// Records, weights, checkpoints.
    pub results: &'a Path,
    /// Token caches.
    pub cache: &'a Path,
    /// The device class.
    pub device: &'a str,
}

/// A suite's cells and, where its data can be had, all they need.
pub struct Plan {
    /// The suite.
    pub suite: Suite,
    /// In the order of the suite: runs, then lengths, then seeds.
    pub cells: Vec<Cell>,
    /// The data; or why every cell is skipped.
    pub prepared: Result<Prepared, String>,
}

/// Everything that the cells of a suite share.
pub struct Prepared {
    /// The codes, by column.
    pub labels: LabelSet,
    /// The notes in their roles.
    pub division: Division,
    /// Tokens and task, by the suite's name of the text choice.
    pub text: BTreeMap<String, TextData>,
    /// What each run's model is built for, in the order of the suite's runs.
    pub tasks: Vec<Arc<Task>>,
    /// Columns of each training note's gold codes.
    pub training_gold: Vec<Vec<u32>>,
    /// Of each validation note's.
    pub validation_gold: Vec<Vec<u32>>,
    /// Of each evaluation note's.
    pub evaluation_gold: Vec<Vec<u32>>,
    /// What notes are named by.
    pub salt: Salt,
}

impl Plan {
    /// Reads the data, fits labels and tokenizers on the training notes and lays out the cells.
    /// `notice` gets sentences for the user, such as that a cache file was rebuilt.
    ///
    /// # Errors
    /// Anything that would keep a cell from running, but for an evaluation part without codes: then
    /// every cell is skipped, with the reason.
    pub fn make(
        suite: Suite,
        registry: &Registry,
        places: &Places,
        notice: &mut dyn FnMut(String),
    ) -> Result<Self, Error> {
        let corpus = data::load(&suite.data, places.data, registry)?;
        let division = match corpus.divide(&suite.division) {
            Err(data::Error::Uncoded { part, reason }) if part == suite.division.evaluation => {
                let reason = format!("the part {part:?} has no codes to score against: {reason}");
                return Ok(Self::skipped(suite, places.device, reason));
            }
            division => division?,
        };
        let (labels, division) = division.label(&suite.labels.rule, suite.labels.unseen_codes)?;
        let salt = if corpus.credentialed {
            Salt::of_directory(places.results).map_err(|source| Error::Io {
                path: places.results.join("salt"),
                source,
            })?
        } else {
            Salt::public()
        };
        let checkpoints = Checkpoints::read(&suite, notice)?;
        let mut text = BTreeMap::new();
        for (name, choice) in &suite.text {
            if suite.runs.iter().any(|run| run.text == *name) {
                let data = TextData::make(name, choice, &corpus, &division, &labels, places.cache, notice)?;
                text.insert(name.clone(), data);
            }
        }
        let task = |run: &Run| checkpoints.task(run, &text[&run.text]);
        let tasks = suite.runs.iter().map(task).collect::<Result<_, _>>()?;
        let gold = |notes: &[Arc<Note>]| notes.iter().map(|note| labels.columns(&note.codes)).collect();
        let prepared = Prepared {
            training_gold: gold(division.fit.notes()),
            validation_gold: gold(&division.validation),
            evaluation_gold: gold(&division.evaluation),
            labels,
            division,
            text,
            tasks,
            salt,
        };
        let cells = prepared.cells(&suite, &corpus, &checkpoints, places.device)?;
        Ok(Self {
            suite,
            cells,
            prepared: Ok(prepared),
        })
    }

    fn skipped(suite: Suite, device: &str, reason: String) -> Self {
        let cells = grid(&suite)
            .map(|(index, run, length, seed)| {
                let mut inputs = cell_inputs(&suite, run, length, seed, device);
                inputs.insert("skipped".into(), serde_json::json!(reason));
                Cell {
                    run: index,
                    length,
                    seed,
                    description: describe(&suite, run, length, seed, device),
                    key: key_of(&inputs),
                    inputs,
                }
            })
            .collect();
        Self {
            suite,
            cells,
            prepared: Err(reason),
        }
    }
}

impl Prepared {
    fn cells(
        &self,
        suite: &Suite,
        corpus: &Corpus,
        checkpoints: &Checkpoints,
        device: &str,
    ) -> Result<Vec<Cell>, Error> {
        grid(suite)
            .map(|(index, run, length, seed)| {
                let text = &self.text[&run.text];
                run.model
                    .check(&self.tasks[index], length as usize)
                    .map_err(|problem| Error::Model {
                        run: run.title().into(),
                        length,
                        problem,
                    })?;
                let found = Inputs {
                    data: corpus.fingerprint.clone(),
                    titles: corpus.titles_fingerprint(),
                    labels: self.labels.fingerprint(),
                    tokenizer: text.tokenizer.fingerprint().into(),
                    word_vectors: text.word_vectors.clone(),
                    initial_weights: checkpoints.fingerprint(run),
                    salt: self.salt.fingerprint(),
                };
                let inputs = all_inputs(cell_inputs(suite, run, length, seed, device), run, &found);
                Ok(Cell {
                    run: index,
                    length,
                    seed,
                    description: describe(suite, run, length, seed, device),
                    key: key_of(&inputs),
                    inputs,
                })
            })
            .collect()
    }

    /// The training notes as a run's tokenizer sees them.
    pub fn training(&self, run: &Run) -> Examples<'_> {
        Examples {
            tokens: &self.text[&run.text].training,
            gold: &self.training_gold,
        }
    }

    /// The validation notes.
    pub fn validation(&self, run: &Run) -> Examples<'_> {
        Examples {
            tokens: &self.text[&run.text].validation,
            gold: &self.validation_gold,
        }
    }

    /// The evaluation notes.
    pub fn evaluation(&self, run: &Run) -> Examples<'_> {
        Examples {
            tokens: &self.text[&run.text].evaluation,
            gold: &self.evaluation_gold,
        }
    }
}
